"""What every column of the data means: its unit, its type, and what it is, in a few words."""

import inspect
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
from pydantic import BaseModel

from reportlib import frames
from reportlib.params import Params
from reportlib.params.engines import Constant, HeldOut
from reportlib.params.evidence import MarketPoint, Measurement, MemoryTechnology
from reportlib.params.readings import Source
from reportlib.params.records import Chip, Model
from reportlib.params.schema import explained
from reportlib.pipeline.data import TABLES
from reportlib.units import Unit

WIDE: Mapping[str, tuple[str, type[BaseModel]]] = {
    "chips": ("chip", Chip), "models": ("model", Model), "memory": ("memory", MemoryTechnology),
}  # fmt: skip
RECORDS: Mapping[str, type[BaseModel]] = {
    "measurements": Measurement, "market": MarketPoint, "calibration": Constant,
    "held_out": HeldOut, "sources": Source,
}  # fmt: skip
ITS_UNIT = "in column unit"
ANY = {  # of whichever table
    "id": "its name in params, unique within its kind",
    "name": "as tables and charts print it",
    "kind": "chip, model, memory, supply or scenarios",
    "quantity": "what is said, as the path of the number in its file",
    "value": "the number",
    "unit": "of the number",
    "low": "the lower end of its range",
    "high": "the upper end of its range",
    "text": "the number as its source prints it",
    "basis": "of a price what it is the price of; of a link what its rate counts",
    "source": "key of the source in the table sources",
    "confidence": "stated by the source, or derived, reported, estimated, assumed",
    "verification": "whether we read the page, had it relayed, or recalled it",
    "note": "what a reader must know of it",
    "until": "the day on which another reading took its place; empty for what stands",
    "date": "when it was measured, said or published",
    "rows": "measurements that it was fitted to",
    "engine_class": "class of inference engines, of params/engines.yaml",
    "about": "the records that it names, as chip rubin-r200",
    "chip": "the chip",
    "model": "the model",
    "vendor": "who makes or sells the chip",
    "status": "shipping, announced or cancelled, where a source says so",
    "chips": "over how many chips the model is split",
    "engine": "the inference engine, as its source calls it",
    "weight_format": "of the weights, as the source calls it",
    "batch_size": "sequences at once",
}
OWN: Mapping[str, Mapping[str, str]] = {
    "findings": {
        "id": "of the finding; it has a row for each number that it says",
        "exhibit": "of the report, which shows it",
        "quantity": "which number of the finding",
        "sentence": "the finding",
    },
    "claims": {
        "id": "of the claim",
        "statement": "what the article says, in our words",
        "stated": "the value that it states",
        "computed": "what this edition computes",
        "verdict": "confirmed, true when written, depends, refuted or not checkable",
        "note": "what the check assumes",
    },
    "measurements": {
        "id": "of the measurement",
        "chip_as_printed": "the chip as its source calls it",
        "model_as_printed": "the model as its source calls it",
        "weight_size": "bytes of the weights, where the source gives them",
        "kv_format": "of the KV cache",
        "input_length": "tokens of the prompt",
        "output_length": "tokens that were written",
        "tensor_parallel": "over how many chips each layer is split",
        "parallelism": "how else it is split",
        "metric": "what the value counts: decode steps, output tokens, prompts or requests",
        "statistic": "of several runs or requests: mean, median, a percentile",
        "regime": "what the measurement is of, as one user or many",
        "unmapped": "why it has no chip or model here",
    },
    "market": {
        "id": "of the point",
        "entity": "whom or what it is of",
        "metric": "what is counted",
        "statement": "where the source has no figure: what it says",
    },
    "calibration": {"quantity": "which constant of the class"},
    "held_out": {
        "measurement": "id in the table measurements",
        "without_source": "time that is expected if its source is left out of the fit",
    },
    "sources": {"source": "its key"},
    "predictions": {
        "precision": "of the weights; the KV cache is in BF16",
        "context_length": "tokens of context",
        "engine": "class of engines whose constants are used",
        "ceiling": "tokens a second of one user that no engine beats",
        "expected": "tokens a second of one user, expected of the engine",
        "low": "of the band in which measured speeds lie from P10 to P90",
        "high": "of that band, cut off at the ceiling",
        "measurements": "how many measurements of the chip there are",
    },
    "comparisons": {
        "id": "of the measurement, as in the table measurements",
        "context_length": "tokens of context, in the middle of the answer",
        "timed": "what was timed",
        "regime": "one user or many, one chip or several, dense or experts",
        "time": "that was measured",
        "floor": "least time at peak rates",
        "share": "floor over time: how near to the ceiling it comes",
        "forms": "least time without any overlap over that with all",
        "expected": "time that is expected of the engine",
        "without_chip": "the same, fitted without measurements of its chip",
        "without_source": "the same, fitted without measurements of its source",
        "band": "factor within which P90 of the engine's steps lie",
    },
}
UNITS = {
    ("predictions", "ceiling"): "1/s", ("predictions", "expected"): "1/s",
    ("predictions", "low"): "1/s", ("predictions", "high"): "1/s",
    ("predictions", "context_length"): "tokens", ("comparisons", "context_length"): "tokens",
    **{("comparisons", name): "s"
       for name in ("time", "floor", "expected", "without_chip", "without_source")},
    **{("measurements", name): "tokens" for name in ("input_length", "output_length", "kv_depth")},
    ("measurements", "weight_size"): "B",
    ("held_out", "without_chip"): ITS_UNIT, ("held_out", "without_source"): ITS_UNIT,
}  # fmt: skip
VALUES = ("value", "low", "high")
PLACE = re.compile(r"^\d+$")


@dataclass(frozen=True)
class Described:
    """A column of the data."""

    name: str
    meaning: str
    unit: str  # "" of a plain number, and of what is no number
    type: str


@dataclass(frozen=True)
class Table:
    """A table of the data."""

    name: str
    about: str
    rows: int
    columns: tuple[Described, ...]


ABOUT = {
    "predictions": "What is predicted of one user's speed: a row a model and a chip.",
    "comparisons": "What was measured beside what the model says of it: a row a measurement.",
}


def dictionary(numbers: Params, tables: Mapping[str, pd.DataFrame]) -> list[Table]:
    """Return what every column of *tables* means; KeyError for one of which nothing is known."""
    units = _units(numbers)
    return [
        Table(
            name,
            ABOUT.get(name) or (inspect.getdoc(TABLES[name]) or "").partition("\n")[0],
            len(frame),
            tuple(_described(name, frame, units)),
        )
        for name, frame in tables.items()
    ]


def as_json(tables: list[Table]) -> list[dict[str, Any]]:
    """Return *tables* as JSON has them."""
    return [asdict(table) for table in tables]


def _units(numbers: Params) -> dict[tuple[str, str], str]:
    """Return the unit of each quantity of each kind of record."""
    known = frames.numbers(numbers).dropna(subset=["unit"])
    keys = zip(known["kind"], known["quantity"], strict=True)
    return dict(zip(keys, known["unit"], strict=True))


def _described(
    table: str, frame: pd.DataFrame, units: Mapping[tuple[str, str], str]
) -> Iterator[Described]:
    for name in map(str, frame.columns):
        numeric = pd.api.types.is_numeric_dtype(frame[name])
        unit = UNITS.get((table, name), "")
        if table in WIDE:
            kind, record = WIDE[table]
            path = re.sub(r" \([^)]*\)$", "", name)
            meaning = ANY[name] if name in {"id", "name"} else _meaning(record, path)
            meaning += f", {name[len(path) + 2 : -1]}" if path != name else ""
            unit = units.get((kind, path), "")
        elif name in OWN.get(table, {}):
            meaning = OWN[table][name]
        else:
            known = explained(RECORDS[table]) if table in RECORDS else {}
            meaning = known.get(name) or ANY[name]
        if name in VALUES and "unit" in frame and table not in WIDE:
            unit = ITS_UNIT
        yield Described(name, meaning, unit, "number" if numeric else _kind(frame[name]))


def _kind(column: "pd.Series[Any]") -> str:
    """Return what a column holds that has no numbers."""
    kinds = {type(value).__name__ for value in column.dropna()}
    return {"date": "date", "bool": "yes or no"}.get("".join(kinds), "text")


def _meaning(record: type[BaseModel], path: str) -> str:
    """Return what the number at *path* of a *record* is: where it stands, and what is said of it.

    >>> _meaning(Chip, "memory_stacks.count"), _meaning(Chip, "tiers.A 4.5.memory_capacity")
    ('memory stacks, count: stacks in the package', 'tiers, A 4.5, memory capacity: of one package')
    """
    words: list[str] = []
    meaning = ""
    kinds: list[Any] = [record]
    within: list[Any] = []
    named = False  # whether the last step was a name in what holds several, not a field
    for step in path.split("."):
        models = [kind for kind in kinds if step in kind.model_fields]
        if models:
            meaning = next(filter(None, (explained(kind).get(step) for kind in models)), "")
            within = [kind.model_fields[step].annotation for kind in models]
            words.append(step.replace("_", " "))
        elif PLACE.match(step) and not named:
            words[-1] += f" {int(step) + 1}"
        elif named:  # and it has a point in it
            words[-1] += f".{step}"
        else:
            words.append(step)
        named = (not models and not PLACE.match(step)) or (named and not models)
        kinds = [kind for field in within for kind in _inside(field)]
    return ": ".join(filter(None, (", ".join(words).removeprefix("architecture, "), meaning)))


def _inside(annotation: Any) -> Iterator[Any]:
    """Yield the records that an annotation names, however deep."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        if not isinstance(part, Unit):
            yield from _inside(part)
