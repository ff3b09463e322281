"""JSON Schema of the files in ``params/``, from the records: editors complete and underline.

A schema says less than loading does (it knows nothing of other files), and never more: what loads
is not underlined, but for empty fields, which are slips. So keys of sources and ids of chips are
offered for completion and not required: a key that was added a minute ago must not be underlined.
"""

import inspect
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from reportlib.params.engines import Engines
from reportlib.params.evidence import MemoryTechnology
from reportlib.params.meanings import MEANINGS
from reportlib.params.places import Document
from reportlib.params.readings import Confidence, Day, Name, Reading, Source
from reportlib.params.records import Chip, Claims, Model, Report
from reportlib.params.scenarios import Scenarios
from reportlib.params.supply import Supply
from reportlib.units import BINARY_PREFIXES, PREFIXES, SMALL_PREFIXES, WORDS, Unit

RECORDS: dict[str, Any] = {
    "chip": Chip,
    "model": Model,
    "memory": MemoryTechnology,
    "report": Report,
    "sources": dict[str, Source],
    "claims": Claims,
    "supply": Supply,
    "scenarios": Scenarios,
    "engines": Engines,
}
# Folders of the kinds that have a file for each record.
FOLDERS = {"chip": "chips", "model": "models", "memory": "memory"}
KEYS = "keys.schema.json"  # what params hold at this time, to be completed
OFFERED = "x-offered"  # ours, until Pydantic has followed all references
NAMED = "# yaml-language-server: $schema="
DIALECT = "http://json-schema.org/draft-07/schema#"  # the newest that all editors know whole
NUMBER = r"([0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?"
NAMES = (  # units that take a prefix, or are never meant with one
    "B", "bit", "s", "W", "J", "V", "USD", "FLOP", "OP", "token",
    "h", "day", "month", "year", "Wh", "m", "m2",
)  # fmt: skip
UNITS = {
    "": "a number, as 80 or 117 billion",
    "B": "bytes, as 80 GB or 95 GiB",
    "B/s": "bytes per second, as 3.35 TB/s",
    "FLOP/s": "operations per second, as 989.5 TFLOP/s or 250 TOP/s",
    "W": "watts, as 700 W",
    "USD": "US dollars, as 1,599 USD",
    "USD/B": "US dollars per byte, as 10 USD/GB",
    "J/B": "joules per byte, as 3.9 pJ/bit",
    "V": "volts, as 1.1 V",
    "s": "seconds, as 120 ns",
    "J": "joules, as 0.5 pJ",
    "m": "metres, as 300 mm",
    "B/m2": "bytes per square metre, as 0.2 Gbit/mm2",
    "1/s": "a rate, as 50 token/s or 10 thousand/month",
    "USD/s": "US dollars per second, as 3 USD/h",
    "USD/J": "US dollars per joule, as 0.09 USD/kWh",
}
WORD = "text"
DATE = "as 2026-07-23 or 2026-07"
NAME = (
    r"^[^<>\[\]{}|*$`\\_#\"!?;:@%^~=]{1,40}$"  # without the marks that stand most often elsewhere
)
DAY_FUNCTION, NAME_FUNCTION = get_args(Day)[1].func, get_args(Name)[1].func


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, with units, dates, meanings, and without what files never hold."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - Pydantic's name
        """Return False: a title would repeat the key."""
        return False

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        """Return the schema of text, which is a number to an editor where it looks like one."""
        return super().str_schema(schema) | {"type": ["string", "number"]}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Return the schema without null: a field is written or left out."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Return the schema with its default, if that says anything."""
        made = super().default_schema(schema)
        if made.get("default") in (None, "") or isinstance(made["default"], (list, dict)):
            made.pop("default", None)
        return made

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Return the schema of a mapping whose keys are all of one kind."""
        made = super().dict_schema(schema)
        return made | ({"additionalProperties": False} if "patternProperties" in made else {})

    def function_after_schema(
        self, schema: core_schema.AfterValidatorFunctionSchema
    ) -> JsonSchemaValue:
        """Return the schema of a quantity or a name for what is read as one."""
        function = schema["function"]["function"]
        unit = getattr(function, "__self__", None)
        if isinstance(unit, Unit):
            return quantity(unit)
        made = super().function_after_schema(schema)
        if function is NAME_FUNCTION:
            made |= _written(NAME, "1 to 40 letters, digits, spaces and .+-/()&,'")
        return made

    def function_plain_schema(
        self, schema: core_schema.PlainValidatorFunctionSchema
    ) -> JsonSchemaValue:
        """Return the schema of a date."""
        if schema["function"]["function"] is not DAY_FUNCTION:
            return super().function_plain_schema(schema)
        pattern = "[0-9]{4}-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?"
        return {"type": "string", "description": DATE, **_written(pattern, f"a date, {DATE}")}

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Return the alternatives, without OpenAPI's word for the tag."""
        made = super().tagged_union_schema(schema)
        made.pop("discriminator", None)
        return made

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Return the schema of a record, its fields explained."""
        made, record = super().model_schema(schema), schema["cls"]
        made.pop("title", None)
        fields = made["properties"]
        meanings = explained(record)
        if issubclass(record, Reading):
            del fields["text"]  # internal
            others = {"enum": [c for c in get_args(Confidence) if c != "stated"]}
            made["if"] = {"properties": {"confidence": others}, "required": ["confidence"]}
            made["then"] = {"required": ["note"]}
            value = fields["value"]
            made["description"] = value.pop("description", WORD)
            if "enum" in value:
                made["description"] = f"one of {', '.join(value['enum'])}"
            for end in ("low", "high"):
                fields[end].pop("description", None)
        for name, field in fields.items():
            parts = (meanings.get(name), field.get("description"))
            field["description"] = "; ".join(part for part in parts if part)
        _offer_keys(fields)
        return made


def quantity(unit: Unit) -> JsonSchemaValue:
    """Return the schema of a number of *unit*; only without a unit may it be a YAML number."""
    about = UNITS.get(unit.symbol, f"a quantity in {unit.symbol}")
    names = _spellings(unit)
    if unit.symbol:
        return {"type": "string", "description": about, **_written(rf"{NUMBER}\s*({names})", about)}
    pattern = _written(rf"{NUMBER}\s*({names})?", about)
    kinds = ["string", "number"]
    return {"type": kinds, "exclusiveMinimum": 0, "description": about, **pattern}


def _written(pattern: str, about: str) -> JsonSchemaValue:
    """Return a pattern, and what editors say of text that does not match it."""
    return {"pattern": rf"^\s*{pattern}\s*$", "patternErrorMessage": f"Write {about}."}


@cache
def _spellings(unit: Unit) -> str:
    """Return the pattern of all spellings that the registry reads as *unit*."""
    any_prefix = [p for p in (*PREFIXES, *SMALL_PREFIXES, *BINARY_PREFIXES) if p]
    prefix = f"({'|'.join(any_prefix)})?"
    if not unit.symbol:
        return "|".join((f"{prefix}(FLOP|OP|token)s?", *(f"{word}s?" for word in WORDS), "%"))
    over = ("", *(f"/{name}" for name in NAMES)) if "/" in unit.symbol else ("",)
    found = []
    for name, below in product((*NAMES, *WORDS), over):
        with suppress(ValueError):
            unit.parse(f"1 {name}{below}")
            many = "" if name == "m" else "s?"  # ms are milliseconds
            found.append(f"{prefix}{name}{many}{below.replace('/', f'/{prefix}')}")
    # Neither a FLOP nor a token has a dimension, but nobody means one by the other.
    return "|".join(s for s in found if "token" not in s or "FLOP" not in unit.symbol)


def explained(record: type[BaseModel]) -> dict[str, str]:
    """Return what each field of *record* is: its comment in the code, else its meaning here.

    >>> explained(Model)["native_precision"]
    'of the published weights'
    """
    meanings: dict[str, str] = {}
    for base in reversed(record.__mro__):
        if not issubclass(base, BaseModel) or base is BaseModel or "[" in base.__name__:
            continue
        own = inspect.get_annotations(base)
        here = {name: MEANINGS.get(f"{base.__name__}.{name}", "") for name in own}
        meanings |= {name: said for name, said in here.items() if said} | comments(base)
    return meanings


@cache
def comments(record: type[BaseModel]) -> dict[str, str]:
    """Return the comment after each field of *record* itself in its code."""
    found = re.findall(r"^    (\w+): [^#\n]*  # (.+)$", inspect.getsource(record), re.MULTILINE)
    return {name: said for name, said in found if not said.startswith(("fmt:", "type:", "noqa"))}


def _offer_keys(fields: dict[str, Any]) -> None:
    """Let editors complete what other files of params hold."""
    if "source" in fields:
        fields["source"] = _key("source") | {"description": fields["source"]["description"]}
    for name in ("chips", "models"):
        if fields.get(name, {}).get("type") == "array":
            fields[name]["items"] = _key(name.removesuffix("s"))
    if "sections" in fields:
        pair = {"type": "array", "items": _key("chip")}
        values = {"chip_id": _key("chip"), "model_id": _key("model"), "pair": pair}
        kinds = ["object", "null"]
        fields["sections"]["additionalProperties"] = {"type": kinds, "properties": values}
    if "arguments" in fields:
        values = {"chip": _key("chip"), "than": _key("chip"), "model": _key("model")}
        fields["arguments"]["properties"] = values


def _key(kind: str) -> dict[str, Any]:
    return {OFFERED: kind}


def _finished(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return *node* with keys offered in words of JSON Schema, and with the unit of a number."""
    if OFFERED in node:
        kind = node.pop(OFFERED)
        node["anyOf"] = [{"$ref": f"{KEYS}#/definitions/{kind}"}, {"type": "string"}]
    target = definitions.get(node.get("$ref", "").rpartition("/")[2], {})
    if node.get("description") and "value" in target.get("properties", {}):
        parts = dict.fromkeys((node["description"], target["description"]))
        node["description"] = "; ".join(part for part in parts if part != WORD)
    return node


def schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema of files of *kind*: "chip", "model", "report" and so on."""
    template = "#/definitions/{model}"
    made = TypeAdapter(RECORDS[kind]).json_schema(
        schema_generator=_Generator, ref_template=template
    )
    definitions = made.pop("$defs", {})
    names = _readable(definitions)
    definitions = {names[name]: inner for name, inner in definitions.items()}
    whole = {"$schema": DIALECT, **made, "definitions": dict(sorted(definitions.items()))}
    text = re.sub(
        r"#/definitions/(\w+)", lambda m: f"#/definitions/{names[m[1]]}", json.dumps(whole)
    )
    return json.loads(text, object_hook=lambda node: _finished(node, definitions))


def _readable(definitions: dict[str, Any]) -> dict[str, str]:
    """Return better names for the definitions of generic records: their unit instead of a type."""
    units = {about: symbol or "number" for symbol, about in UNITS.items()} | {DATE: "date"}
    names: dict[str, str] = {}
    for name, inner in definitions.items():
        generic = re.search(r"(Cited|Superseded)_", name)
        better = name
        if generic:
            about = inner["description"]
            value = inner["properties"]["value"]
            what = units.get(about, about)
            what = "-".join(value["enum"]) if "enum" in value else what
            better = f"{generic[1]}-{re.sub('[^A-Za-z-]+', '-per-', what)}"
        names[name] = name if better in names.values() else better
    return names


def keys(params: Path) -> dict[str, Any]:
    """Return the schema of keys and ids that *params* has: for completion, not for checking."""
    sources = Document(params / "sources.yaml", "params/sources.yaml").data
    found = {"source": sorted(sources) if isinstance(sources, dict) else []}
    for kind, folder in FOLDERS.items():
        found[kind] = sorted(path.stem for path in (params / folder).glob("*.yaml"))
    definitions = {
        kind: {"type": "string"} | ({"enum": names} if names else {})
        for kind, names in found.items()
    }
    return {"$schema": DIALECT, "definitions": definitions}


def texts(params: Path) -> dict[Path, str]:
    """Return the content of each file of ``params/schema``, by its path."""
    made = {f"{kind}.schema.json": schema(kind) for kind in RECORDS} | {KEYS: keys(params)}
    return {
        params / "schema" / name: json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        for name, content in made.items()
    }


def first_line(kind: str) -> str:
    """Return the comment by which editors find the schema of a file of *kind*.

    >>> first_line("chip")
    '# yaml-language-server: $schema=../schema/chip.schema.json'
    """
    above = "../" if kind in FOLDERS else ""
    return f"{NAMED}{above}schema/{kind}.schema.json"


def files(params: Path) -> Iterator[tuple[str, Path]]:
    """Yield each YAML file of *params* that has a schema, after its kind."""
    for kind in RECORDS:
        paths = (
            (params / FOLDERS[kind]).glob("*.yaml")
            if kind in FOLDERS
            else [params / f"{kind}.yaml"]
        )
        yield from ((kind, path) for path in sorted(paths) if path.is_file())


def write(params: Path) -> list[Path]:
    """Write ``params/schema``, name it in files that name none, and return what changed."""
    wanted = texts(params)
    for kind, path in files(params):
        text = path.read_text(encoding="utf-8")
        if not text.startswith(NAMED):
            wanted[path] = f"{first_line(kind)}\n{text}"
    (params / "schema").mkdir(exist_ok=True)
    changed = [path for path, text in wanted.items() if _differs(path, text)]
    for path in changed:
        path.write_text(wanted[path], encoding="utf-8")
    return changed


def _differs(path: Path, text: str) -> bool:
    return not path.exists() or path.read_text(encoding="utf-8") != text
