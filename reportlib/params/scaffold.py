"""A new file for ``params/`` with every field that its record knows, written from its schema.

What is required is left empty, and so refused by name until it is filled; the rest is commented
out. A field explains itself on its line.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from reportlib.params.readings import Name
from reportlib.params.schema import FOLDERS, first_line, schema

Node = Mapping[str, Any]


def identifier(name: str) -> str:
    """Return the id, and so the name of the file, that *name* becomes.

    >>> identifier("RTX PRO 6000 (96 GB)")
    'rtx-pro-6000-96-gb'
    """
    latin = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    found = re.sub("[^a-z0-9.]+", "-", latin).strip("-.")
    if not found:
        msg = f"{name!r} has no letter or digit for a file name; write it in Latin letters"
        raise ValueError(msg)
    return found


def check_name(name: str) -> None:
    """Raise ValueError, saying why, for a name that the records would refuse."""
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError as error:
        raise ValueError(str(error.errors()[0]["ctx"]["error"])) from None


def path(kind: str, name: str, params: Path) -> Path:
    """Return where the file of the new *name* goes; it must not be there yet."""
    check_name(name)
    where = params / FOLDERS[kind] / f"{identifier(name)}.yaml"
    if where.exists():
        msg = f"{where} exists; edit it, or choose another name"
        raise FileExistsError(msg)
    return where


def text(kind: str, given: Mapping[str, str]) -> str:
    """Return a file of *kind* in which the fields *given* are filled."""
    whole = schema(kind)
    lines = [
        first_line(kind),
        "# Fill what is empty; uncomment what is known; delete the rest, and these comments.",
        "# A number is {value: as its source prints it, source: a key of params/sources.yaml}.",
        f"# It may have {_further(whole)} too.",
        *_fields(whole, whole["definitions"], given),
    ]
    return "\n".join(lines) + "\n"


def _further(whole: Node) -> str:
    """Return the optional keys of every number, as words."""
    number = next(d for name, d in whole["definitions"].items() if name.startswith("Cited"))
    *most, last = [key for key in number["properties"] if key not in number["required"]]
    return f"{', '.join(most)} and {last}"


def _fields(record: Node, definitions: Node, given: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of the fields of *record*, not indented."""
    required = record.get("required", ())
    for name, field in sorted(record["properties"].items(), key=lambda f: f[0] not in required):
        lines = list(_field(name, field, definitions, given.get(name, "")))
        yield from lines if name in required else _commented(lines)


def _field(name: str, field: Node, definitions: Node, given: str = "") -> Iterator[str]:
    """Yield the lines of one field: a line, or its name and the lines of what is below it."""
    about = field.get("description", "")
    first, *others = _alternatives(field, definitions)
    if _is_number(first):
        blanks = ", ".join(f"{key}: " for key in first["required"])
        for key in first["required"]:
            words = first["properties"][key].get("enum", ()) if key != "value" else ()
            about += f"; {key}: {', '.join(words)}" if words else ""
        yield _line(name, f"{{{blanks}}}", about)
    elif first.get("type") == "object":
        yield _line(name, "", about)
        yield from _indented(_below(first, definitions))
        for other in others:
            if other.get("type") == "object":
                yield "  # or, instead:"
                yield from _indented(_commented(_below(other, definitions)))
    else:
        choice = first.get("enum") or []
        about += f"; one of {', '.join(choice)}" if choice else ""
        default = first.get("default", field.get("default", first.get("const", "")))
        value = (
            yaml.safe_dump(given or default).removesuffix("...\n").strip()
            if (given or default != "")
            else ""
        )
        yield _line(name, value, about)


def _below(record: Node, definitions: Node) -> Iterator[str]:
    """Yield the lines below a field that is a mapping: its fields, or its keys."""
    if "properties" in record:
        yield from _fields(record, definitions, {})
        return
    patterns = [*record.get("patternProperties", {}).values(), record.get("additionalProperties")]
    first, *others = record.get("propertyNames", {}).get("enum", ["NAME"])
    yield from _field(first, patterns[0], definitions)
    for other in others:
        yield from _commented(_field(other, patterns[0], definitions))


def _alternatives(node: Node, definitions: Node) -> list[Node]:
    """Return what a field may be, its references followed, most usual first."""
    options = node.get("oneOf") or node.get("anyOf")
    if options:
        return [inner for option in options for inner in _alternatives(option, definitions)]
    reference = node.get("$ref", "")
    return [definitions[reference.rpartition("/")[2]] if reference.startswith("#") else node]


def _is_number(node: Node) -> bool:
    return {"value", "source"} <= set(node.get("required", ()))


def _line(name: str, value: str, about: str) -> str:
    written = f"{name}: {value}".rstrip()
    about = re.sub("; [A-Za-z ]+, as ", "; as ", about)  # an example says the unit
    return f"{written}  # {about}" if about else written


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _commented(lines: Any) -> Iterator[str]:
    return (f"# {line}" for line in lines)
