"""Params as tables: every number with its source, and records side by side as pandas has them.

``numbers`` has a row for each number; ``chips`` and ``models`` a row for each record, with SI
floats in columns that are named by the path of the number in its file.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from reportlib.params import Params, Reading
from reportlib.params.readings import Record
from reportlib.units import Unit

COLUMNS = (
    "kind", "id", "name", "quantity", "value", "unit", "low", "high", "text", "basis", "source",
    "confidence", "verification", "note", "until",
)  # fmt: skip


def numbers(params: Params) -> pd.DataFrame:
    """Every number of chips, models, memory, supply and scenarios, as known on the edition date.

    ``value`` is in ``unit``; what is no number (a date, a process) has its text alone. ``basis``
    says what a price is of, and whether a link's rate counts one direction or both. Readings that
    were superseded follow the one that stands, with the day ``until`` which they stood.
    """
    kinds: dict[str, Mapping[str, Any]] = {
        "chip": params.chips,
        "model": params.models,
        "memory": params.memory,
        "supply": {"supply": params.supply} if params.supply else {},
        "scenarios": {"scenarios": params.scenarios} if params.scenarios else {},
    }
    rows = [
        {"kind": kind, "id": key, "name": record.name, "quantity": quantity, **fields}
        for kind, records in kinds.items()
        for key, record in records.items()
        for quantity, fields in _numbers(record, "")
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def chips(params: Params) -> pd.DataFrame:
    """A row a chip: its name, vendor and memory, and all of its quantities in SI units."""
    return _wide(params.chips, ("name", "vendor", "segment", "memory_kind"))


def models(params: Params) -> pd.DataFrame:
    """A row a model: its name and developer, its dimensions and its sizes as stated."""
    return _wide(params.models, ("name", "developer", "native_precision"))


def memory(params: Params) -> pd.DataFrame:
    """A row a memory technology, with all of its quantities in SI units."""
    return _wide(params.memory, ("name", "family"))


def sources(params: Params) -> pd.DataFrame:
    """The bibliography: a row a source."""
    return pd.DataFrame({"source": key} | dict(source) for key, source in params.sources.items())


def market(params: Params) -> pd.DataFrame:
    """The market points: a row each."""
    return pd.DataFrame(map(dict, params.market))


def measurements(params: Params) -> pd.DataFrame:
    """The published measurements: a row each, with the ids of chip and model where mapped."""
    return pd.DataFrame(map(dict, params.measurements))


def calibration(params: Params) -> pd.DataFrame:
    """The constants of each class of engines, with the bands that their fits leave."""
    return pd.DataFrame(map(dict, params.calibration))


def held_out(params: Params) -> pd.DataFrame:
    """What fits expected of measurements that they were made without: a row each."""
    return pd.DataFrame(map(dict, params.held_out))


ABOUT = {"name", "source", "sources", "verification", "note"}  # of a record, not its numbers
FRAMES: Mapping[str, Callable[[Params], pd.DataFrame]] = {
    "numbers": numbers, "chips": chips, "models": models, "memory": memory,
    "market": market, "measurements": measurements, "sources": sources,
    "calibration": calibration, "held_out": held_out,
}  # fmt: skip


def _wide(records: Mapping[str, Any], labels: tuple[str, ...]) -> pd.DataFrame:
    rows = []
    for key, record in records.items():
        row = {"id": key} | {label: getattr(record, label) for label in labels}
        for quantity, fields in _numbers(record, ""):
            if fields["until"] is None:
                head = f"{quantity} ({fields['basis']})" if fields["basis"] else quantity
                row[head] = fields["text"] if fields["value"] is None else fields["value"]
        rows.append(row)
    return pd.DataFrame(rows)


def _numbers(
    value: Any, path: str, shared: Record | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every number at or under *value* by its dotted path, superseded ones after it.

    Plain numbers are dimensions, whose source is that of *shared*, the record they stand in.
    """
    if isinstance(value, Reading):
        for reading in (value, *getattr(value, "superseded", ())):
            yield path, _fields(reading)
    elif isinstance(value, (int, float, str)) and shared is not None:
        yield path, _dimension(value, shared)
    else:
        shared = value if hasattr(value, "source") else shared
        for name, child in _parts(value):
            yield from _numbers(child, f"{path}.{name}".lstrip("."), shared)


def _parts(value: Any) -> Iterable[tuple[object, Any]]:
    """Return what *value* holds, by name or position; of a record, what its file says."""
    if isinstance(value, Record):
        fields = type(value).model_fields
        said = ((name, child) for name, child in value if child != fields[name].default)
        return [(name, child) for name, child in said if name not in ABOUT]
    if isinstance(value, Mapping):
        return value.items()
    return enumerate(value) if isinstance(value, tuple) else ()


def _fields(reading: Reading[Any]) -> dict[str, Any]:
    units = [m for m in type(reading).model_fields["value"].metadata if isinstance(m, Unit)]
    number = isinstance(reading.value, float)
    return {
        "value": reading.value if number else None,
        "unit": units[0].symbol if units else None,
        "basis": getattr(reading, "basis", ""),
        "until": getattr(reading, "until", None),
    } | {
        name: getattr(reading, name)
        for name in ("low", "high", "text", "source", "confidence", "verification", "note")
    }


def _dimension(value: float | str, shared: Any) -> dict[str, Any]:
    return {
        "value": None if isinstance(value, str) else float(value),
        "unit": "",
        "text": str(value),
        "basis": "",
        "source": shared.source,
        "confidence": "stated",
        "verification": shared.verification,
        "until": None,
    }
