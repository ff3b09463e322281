"""Say what is wrong with a record, and what to write instead."""

from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel

from reportlib.params.places import Path_


def explain(kind: type[BaseModel], problem: Any) -> tuple[Path_, str]:
    """Turn Pydantic's account of a problem into a place and advice."""
    # Pydantic puts its own words (the tag of a union, "[key]") among the keys of the file.
    path = tuple(p for p in problem["loc"] if p not in {"[key]", "gqa", "mla"})
    found = problem["input"]
    match problem["type"]:
        case "missing":
            message = "missing; every such record needs it"
        case "extra_forbidden":
            message = f"unknown key, {near(str(path[-1]), _keys(kind, path[:-1]))}"
        case "value_error":
            message = str(problem["ctx"]["error"])
        case _ if found is None:
            message = "empty; write a value, or leave the field out"
        case "model_type" | "dict_type" | "model_attributes_type":
            message = f"{found!r} is not a mapping; write its fields below it"
        case "literal_error" | "union_tag_invalid":
            expected = problem["ctx"].get("expected") or problem["ctx"].get("expected_tags")
            message = f"{problem['ctx'].get('tag', found)!r} is not one of {expected}"
        case _:
            message = f"{found!r} does not do: {problem['msg'].lower()}"
    return path, message


def _keys(kind: type[BaseModel], path: Path_) -> list[str]:
    """Return the keys that the record at *path* below *kind* knows."""
    schema = kind.model_json_schema()
    node: Any = schema
    for step in path:
        node = _follow(schema, node)
        inner = node.get("properties", {}).get(step) or node.get("additionalProperties") or {}
        node = inner if isinstance(step, str) else node.get("items", {})
    return sorted(set(_follow(schema, node).get("properties", {})) - {"text"})


def _follow(schema: Any, node: Any) -> Any:
    """Return *node* of a JSON Schema with references followed and alternatives merged."""
    options = node.get("anyOf") or node.get("oneOf") or node.get("allOf") or [node]
    merged: dict[str, Any] = {}
    for option in options:
        target = option
        if "$ref" in option:
            target = schema["$defs"][option["$ref"].rsplit("/", 1)[1]]
        merged["properties"] = merged.get("properties", {}) | target.get("properties", {})
        for inner in target.get("patternProperties", {}).values():  # of keys that have a form
            merged["additionalProperties"] = inner
        for key in ("additionalProperties", "items"):
            if isinstance(target.get(key), dict):
                merged[key] = target[key]
    return merged


def near(word: str, known: list[str]) -> str:
    """Say which of *known* is meant by *word*, or what there is."""
    found = get_close_matches(word, known, n=1)
    return f"did you mean {found[0]}?" if found else f"known here: {', '.join(known) or 'none'}"


def unknown_source(key: str, known: list[str]) -> str:
    """Say that the bibliography has no *key*, and what to do."""
    hint = near(key, known) if known else "sources.yaml is empty"
    hint = hint if hint.startswith("did") else "describe it there"
    return f"{key!r} is not in params/sources.yaml; {hint}"
