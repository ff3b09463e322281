"""Editors know what params may hold: what loads is not underlined, and slips are."""

import json
import re
from pathlib import Path

import pytest
import small_params
import yaml
from click.testing import CliRunner
from jsonschema import Draft7Validator
from jsonschema.exceptions import best_match
from pydantic import TypeAdapter, ValidationError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from reportlib.__main__ import main
from reportlib.params import DEFAULT_ROOT, schema
from reportlib.params.load import load
from reportlib.params.meanings import MEANINGS
from reportlib.params.readings import Day, Record
from reportlib.units import Unit

KINDS = {folder: kind for kind, folder in schema.FOLDERS.items()}
FILES = [path for _, path in schema.files(DEFAULT_ROOT)]
KEYS = schema.keys(DEFAULT_ROOT)
REGISTRY = Registry().with_resource(schema.KEYS, Resource(KEYS, DRAFT7))
SCHEMAS = {kind: schema.schema(kind) for kind in schema.RECORDS}


class Editor(yaml.SafeLoader):
    """Reads YAML 1.2, as editors do: dates are text, and so are yes and no."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own
        first: [pair for pair in pairs if not pair[0].endswith((":timestamp", ":bool"))]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


Editor.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))


def kind_of(path):
    return KINDS.get(path.parent.name, path.stem)


def underlined(kind, text):
    """Return where an editor with the schema of *kind* underlines *text*."""
    data = yaml.load(text, Loader=Editor)  # noqa: S506 - a SafeLoader
    validator = Draft7Validator(SCHEMAS[kind], registry=REGISTRY)
    errors = (best_match([error]) for error in validator.iter_errors(data))
    return sorted({".".join(map(str, error.absolute_path)) for error in errors})


def name_of(path):
    return path.relative_to(DEFAULT_ROOT).as_posix()


def test_every_file_has_a_schema():
    assert sorted(FILES) == sorted(DEFAULT_ROOT.rglob("*.yaml"))
    assert {kind_of(path) for path in FILES} == set(schema.RECORDS)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_in_params_is_underlined(path):
    assert underlined(kind_of(path), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_the_first_line_of_a_file_names_its_schema(path):
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    named = first.partition("$schema=")[2]

    assert first == schema.first_line(kind_of(path))
    assert (path.parent / named).is_file()


@pytest.mark.parametrize("name", [*(f"{kind}.schema.json" for kind in schema.RECORDS), schema.KEYS])
def test_schemas_are_those_of_the_records(name):
    path = DEFAULT_ROOT / "schema" / name
    written = json.loads(path.read_text(encoding="utf-8"))

    Draft7Validator.check_schema(written)
    if name == schema.KEYS:  # offered, not required: it may be older than the newest source
        assert {"source", "chip", "model"} <= set(written["definitions"])
    else:
        kind = name.partition(".")[0]
        assert written == schema.schema(kind), "the records changed: make schema"


CHIP, MODEL = "chips/chip-1.yaml", "models/model-1.yaml"


@pytest.mark.parametrize("name", small_params.FILES)
def test_nothing_in_sound_files_is_underlined(name):
    assert underlined(kind_of(Path(name)), small_params.FILES[name]) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "where"),
    [
        (CHIP, "3.35 TB/s", "3.35 Tb/s", "memory_bandwidth.value"),
        (CHIP, "3.35 TB/s", "3.35", "memory_bandwidth.value"),
        (CHIP, "3.35 TB/s", "-3.35 TB/s", "memory_bandwidth.value"),
        (CHIP, "value: 80 GB", "value: 80 GB/s", "memory_capacity.value"),
        (CHIP, "1000 TFLOP/s", "1000 TFLOPS", "peak_compute.bf16.value"),
        (CHIP, "700 W", "700 Watt", "power.value"),
        (CHIP, "value: 5, s", "value: -5, s", "memory_stacks.count.value"),
        (CHIP, "value: 5, s", "value: five, s", "memory_stacks.count.value"),
        (CHIP, "vendor:", "vendr:", ""),
        (CHIP, "vendor: Somebody\n", "", ""),
        (CHIP, "vendor: Somebody", "vendor:", "vendor"),
        (CHIP, "vendor: Somebody", "vendor: <b>", "vendor"),
        (CHIP, "{value: 700 W, source: somewhere}", "{value: 700 W}", "power"),
        (CHIP, "{value: 700 W, source: somewhere}", "700 W", "power"),
        (CHIP, "700 W, source: somewhere", "700 W, source: somewhere, sauce: hot", "power"),
        (CHIP, "700 W, source: somewhere", "700 W, source: somewhere, text: 700 W", "power"),
        (
            CHIP,
            "700 W, source: somewhere",
            "700 W, source: somewhere, confidence: derived",
            "power",
        ),
        (CHIP, "700 W, source", "700 W, confidence: sure, source", "power.confidence"),
        (CHIP, "bf16:", "bf61:", "peak_compute"),
        (CHIP, "value: shipping", "value: shipped", "status.value"),
        (CHIP, "2024-03-18", "2024-13-18", "announced.value"),
        (CHIP, "2024-03-18", "18 March 2024", "announced.value"),
        (CHIP, "directions: both, ", "", "scale_up.bandwidth"),
        (CHIP, "basis: street", "basis: guess", "price.basis"),
        (CHIP, ", until: 2025-09-01}\npeak", "}\npeak", "memory_bandwidth.superseded.0"),
        (MODEL, "layers: 32", "layers: many", "architecture.layers"),
        (MODEL, "kv_heads: 8, ", "", "architecture.attention"),
        (MODEL, "8 billion", "8 bn", "parameters.value"),
        ("sources.yaml", "type: webpage", "type: rumour", "somewhere.type"),
        ("sources.yaml", "  publisher: Somebody\n", "", "somewhere"),
        ("report.yaml", "as_of: 2026-11-22", "as_of: today", "as_of"),
        ("report.yaml", "headline:", "headlines:", ""),
        ("claims.yaml", "measure: memory_capacity", "messure: memory_capacity", "claims.0"),
        ("memory/memory-1.yaml", "family: HBM", "family: RAM", "family"),
        ("memory/memory-1.yaml", "819 GB/s", "819 GB", "bandwidth.value"),
    ],
)
def test_a_slip_is_underlined_and_refused(tmp_path, name, old, new, where):
    root = small_params.write(tmp_path)
    small_params.replace(root, name, old, new)

    found = underlined(kind_of(Path(name)), (root / name).read_text())

    assert found
    assert set(found) == {where}
    with pytest.raises(ValueError, match=f"params/{name}:"):
        load(root)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (CHIP, "3.35 TB/s", "3,350 GB/s"),
        (CHIP, "3.35 TB/s", "26.8e3 Gbit/s"),
        (CHIP, "value: 80 GB", "value: 74.5 GiB"),
        (CHIP, "2 PFLOP/s", "2 POP/s"),
        (CHIP, "value: 5, s", "value: 5e0, s"),
        (CHIP, "2024-03-18", "2024-03"),
        (CHIP, "name: Chip 1", "name: 4090"),
        (MODEL, "8 billion", "8030261248"),
        (MODEL, "8 billion", "8.03e9"),
        (MODEL, "  feed_forward:", "  tied_embeddings: false\n  feed_forward:"),
        ("sources.yaml", "accessed: 2026-11-22", "accessed: 2026-11-22\n  issued: 2026"),
    ],
)
def test_another_way_to_write_it_is_neither_underlined_nor_refused(tmp_path, name, old, new):
    root = small_params.write(tmp_path)
    small_params.replace(root, name, old, new)

    assert underlined(kind_of(Path(name)), (root / name).read_text()) == []
    assert load(root)


def test_a_field_without_a_value_is_underlined():
    text = small_params.FILES[CHIP].replace("power: {value: 700 W, source: somewhere}", "power:")

    assert underlined("chip", text) == ["power"]


def test_a_source_of_a_minute_ago_is_not_underlined():
    text = small_params.FILES[CHIP].replace("source: somewhere", "source: brand-new-key")

    assert underlined("chip", text) == []


def test_sources_chips_and_models_are_offered():
    offered = KEYS["definitions"]

    assert "nvidia-h100" in offered["source"]["enum"]
    assert "h100-sxm5" in offered["chip"]["enum"]
    assert "llama-3-70b" in offered["model"]["enum"]


TEXTS = [
    f"{number}{space}{unit}"
    for number in ("80", "3.35", "1,599", "671e9", "1e-3", "1,59", "3.", ".5", "x")
    for space in ("", " ")
    for unit in (
        "", "B", "GB", "GiB", "Gb", "GB/s", "Gbit", "Gbit/s", "TFLOP/s", "FLOP", "TFLOPS", "TOP/s",
        "W", "kW", "USD", "USD/GB", "pJ/bit", "ns", "V", "billion", "%", "bn", "tokens", "GBps",
        "pJ", "mm", "mm2", "Gbit/mm2", "Gbit/mm", "USD/h", "USD/kWh", "years", "ms", "month",
        "thousand/month", "trillion/day",
    )
]  # fmt: skip


@pytest.mark.parametrize("symbol", schema.UNITS)
def test_the_pattern_of_a_unit_is_what_is_read_as_one(symbol):
    def reads(text):
        try:
            Unit(symbol).parse(text)
        except ValueError:
            return False
        return True

    pattern = re.compile(schema.quantity(Unit(symbol))["pattern"])
    read = {text for text in TEXTS if reads(text)}

    assert read
    assert {text for text in TEXTS if pattern.search(text)} == read


@pytest.mark.parametrize(
    "text", ["2026-07-23", "2026-07", "2026", "2026-7-23", "2026-00-01", "now"]
)
def test_the_pattern_of_a_date_is_what_is_read_as_one(text):
    announced = SCHEMAS["chip"]["definitions"]["Cited-date"]["properties"]["value"]
    try:
        read = bool(TypeAdapter(Day).validate_python(text))
    except ValidationError:
        read = False

    assert bool(re.search(announced["pattern"], text)) == read


@pytest.mark.parametrize("kind", schema.RECORDS)
def test_every_field_of_a_file_says_what_it_is(kind):
    fields = SCHEMAS[kind].get("properties", {})

    assert [name for name, field in fields.items() if not field.get("description")] == []


def test_no_meaning_is_that_of_a_field_of_the_past():
    def descendants(record):
        for child in record.__subclasses__():
            yield child
            yield from descendants(child)

    fields = {f"{r.__name__}.{name}" for r in descendants(Record) for name in r.__annotations__}

    assert set(MEANINGS) - fields == set()


def test_numbers_are_described_by_their_unit():
    bandwidth = SCHEMAS["chip"]["properties"]["memory_bandwidth"]

    assert bandwidth["description"].endswith("bytes per second, as 3.35 TB/s")


def test_the_command_writes_what_changed_and_only_that(tmp_path):
    root = small_params.write(tmp_path)

    def run():
        words = ["schema", "--params", str(root)]
        return CliRunner().invoke(main, words, catch_exceptions=False).output.split("\n")

    before = load(root)
    assert len(run()) == len(schema.RECORDS) + 1 + len(small_params.FILES) + 1
    assert run() == [f"{root}/schema is up to date.", ""]
    assert load(root) == before
    chip = (root / CHIP).read_text()
    assert chip == f"{schema.first_line('chip')}\n{small_params.FILES[CHIP]}"

    with (root / "sources.yaml").open("a") as file:
        file.write("newer: {type: book, title: New, publisher: Nobody}\n")
    assert run() == [f"{root}/schema/keys.schema.json", ""]
