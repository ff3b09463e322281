"""What params hold and lack: how many numbers, how well founded, which gaps, which sources."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from reportlib.params.load import Params
from reportlib.params.readings import CROSS_REFERENCES, Confidence, Verification
from reportlib.params.schema import schema

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Tally:
    """The numbers of one kind of file, by what they rest on."""

    records: int
    numbers: int
    # By confidence and by verification. What was measured, or read from a config, is of no grade.
    grades: Counter[str] = field(default_factory=Counter)


def tallies(params: Params) -> dict[str, Tally]:
    """Return a tally for each part of *params* that holds numbers: chips, models and so on."""
    found = {}
    for part in fields(params):
        value = getattr(params, part.name)
        numbers = [s for s in sourced(value) if hasattr(s, "verification")]
        if numbers:
            grades = Counter(s.verification for s in numbers)
            grades += Counter(s.confidence for s in numbers if hasattr(s, "confidence"))
            records = 1 if isinstance(value, BaseModel) else len(value)
            found[part.name] = Tally(records, len(numbers), grades)
    return found


def sourced(value: Any) -> Iterator[Any]:
    """Yield everything in *value* that names a source, superseded readings too."""
    children: Any = ()
    if isinstance(value, Mapping):
        children = value.values()
    elif isinstance(value, (list, tuple)):
        children = value
    elif isinstance(value, BaseModel):
        children = (child for _, child in value)
    elif is_dataclass(value):
        children = (getattr(value, part.name) for part in fields(value))
    if getattr(value, "source", None):
        yield value
    for child in children:
        yield from sourced(child)


def uncited(params: Params) -> set[str]:
    """Return the keys of sources that nothing cites: no number, no claim, no text."""
    return set(params.sources) - {s.source for s in sourced(params)} - set(cited_in_text())


def cited_in_text() -> Iterator[str]:
    """Yield the keys of sources that notebooks and the package cite as ``[@…]``."""
    files = itertools.chain((ROOT / "reportlib").rglob("*.py"), ROOT.glob("notebooks/**/*.ipynb"))
    for file in files:
        for citation in re.findall(r"\[[^][]*@[^][]*\]", file.read_text(encoding="utf-8")):
            keys = re.findall(r"@([a-z0-9][\w.-]*\w)", citation)
            yield from (key for key in keys if not key.startswith(CROSS_REFERENCES))


def gaps(params: Params) -> dict[str, list[str]]:
    """Return what each chip does not say, of all that a chip may; only HBM comes in stacks."""
    quantities = list(_quantities(schema("chip")))
    found = {}
    for identifier, chip in params.chips.items():
        missing = [_missing(chip, quantity) for quantity in quantities]
        stacked = chip.memory_kind.startswith("HBM")
        found[identifier] = [
            gap
            for gap in dict.fromkeys(filter(None, missing))
            if stacked or not gap.startswith("memory_stacks")
        ]
    return found


def _quantities(whole: Mapping[str, Any], below: str = "") -> Iterator[str]:
    """Yield the dotted paths of all numbers that a record may have, but for those by name."""
    definitions = whole["definitions"]
    record = definitions[below] if below else whole
    for name, about in record["properties"].items():
        target = about.get("$ref", "").rpartition("/")[2]
        if target and "value" in definitions[target]["properties"]:
            yield name
        elif target:
            yield from (f"{name}.{path}" for path in _quantities(whole, target))


def _missing(record: Any, path: str) -> str:
    """Return the first part of *path* that *record* does not have, with what is above it."""
    parts = path.split(".")
    for depth, name in enumerate(parts, 1):
        record = getattr(record, name)
        if record is None:
            return ".".join(parts[:depth])
    return ""


def lines(params: Params) -> Iterator[tuple[str, list[str]]]:
    """Yield headings and the lines below each, for a terminal."""
    grades = [*get_args(Confidence), *get_args(Verification)]
    head = f"{'':24}{'numbers':>9}" + "".join(f"{grade:>11}" for grade in grades)
    rows = [
        f"{f'{tally.records} {kind}':24}{tally.numbers:>9}"
        + "".join(f"{tally.grades[grade] or '-':>11}" for grade in grades)
        for kind, tally in tallies(params).items()
    ]
    yield "Numbers", [head, *rows]
    missing = gaps(params)
    often = Counter(path for paths in missing.values() for path in paths)
    yield (
        f"Gaps of {len(missing)} chips",
        [f"{path:34}missing in {times}" for path, times in often.most_common()]
        + [f"{i:34}{', '.join(paths)}" for i, paths in missing.items() if paths],
    )
    unused = sorted(uncited(params))
    yield (
        f"Sources: {len(params.sources) - len(unused)} cited, {len(unused)} not",
        [f"{key:34}cited nowhere" for key in unused],
    )
