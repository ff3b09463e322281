"""What moved between two editions: numbers, findings, verdicts on claims, and why.

Where the params of both are known, `causes` finds what moved them. Builds have no params; of what
moved in them it is told which changed numbers are of a record that it names.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import pandas as pd

from reportlib import frames
from reportlib.exhibits import claims, findings
from reportlib.exhibits.causes import causes
from reportlib.exhibits.findings import Finding
from reportlib.params import Params
from reportlib.units import show

Rows = list[dict[str, str]]
ROWS = ("measurements", "market", "calibration", "held_out")  # counted, not listed
TABLES: Mapping[str, Callable[[Params], pd.DataFrame]] = {
    "numbers": frames.numbers,
    "findings": findings.table,
    "claims": claims.table,
    **{name: frames.FRAMES[name] for name in ROWS},
}
COLUMNS = {"numbers": frames.COLUMNS, "findings": findings.COLUMNS, "claims": claims.COLUMNS}
FACTS = ("text", "unit", "basis", "low", "high", "source", "confidence", "verification", "until")
ADDED, REMOVED, CHANGED, EARLIER = "added", "removed", "changed", "earlier readings changed"
PREFIXED = ("B", "B/s", "s")  # units that are printed with a prefix
UNKNOWN = ("not known from builds alone",)


@dataclass(frozen=True)
class Edition:
    """What an edition says: its tables as a build writes them, and its params if known."""

    name: str
    tables: Mapping[str, Rows]
    params: Params | None = None


@dataclass(frozen=True)
class MovedRecord:
    """A chip, model or memory technology that came or went, with its numbers counted."""

    kind: str
    id: str
    name: str
    change: str
    numbers: int


@dataclass(frozen=True)
class MovedNumber:
    """A number that is another, of a record that both editions have."""

    kind: str
    id: str
    name: str
    quantity: str
    change: str
    old: str
    new: str
    old_source: str
    new_source: str


@dataclass(frozen=True)
class MovedRows:
    """How many rows of a table came and went."""

    table: str
    added: int
    removed: int


@dataclass(frozen=True)
class MovedFinding:
    """A finding that says other numbers, or of others; its causes are records and fields."""

    id: str
    exhibit: str
    change: str
    old: str
    new: str
    numbers: tuple[str, ...]
    causes: tuple[str, ...]


@dataclass(frozen=True)
class MovedVerdict:
    """A claim that is judged otherwise."""

    id: str
    statement: str
    change: str
    old: str
    new: str
    old_computed: str
    new_computed: str
    causes: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """What moved from an old edition to a new one."""

    old: str
    new: str
    verdicts: tuple[MovedVerdict, ...]
    findings: tuple[MovedFinding, ...]
    records: tuple[MovedRecord, ...]
    numbers: tuple[MovedNumber, ...]
    rows: tuple[MovedRows, ...]
    tried: bool  # whether causes were put in and moved it; else they are of what it names

    def __bool__(self) -> bool:
        """Whether anything moved."""
        return any((self.verdicts, self.findings, self.records, self.numbers, self.rows))


def edition(params: Params, name: str) -> Edition:
    """Return what *params* say."""
    texts = {table: make(params).to_csv(index=False) for table, make in TABLES.items()}
    return Edition(name, {table: rows(text) for table, text in texts.items()}, params)


def rows(text: str) -> Rows:
    """Return the rows of a CSV, their cells as text."""
    lines = csv.DictReader(io.StringIO(text, newline=""), restkey="", restval="")
    return [{name: str(cell) for name, cell in line.items()} for line in lines]


def difference(old: Edition, new: Edition) -> Difference:
    """Return what moved from *old* to *new*, and why."""
    before, after = _readings(old), _readings(new)
    records, numbers = tuple(_records(before, after)), tuple(_numbers(before, after))
    said, says = _findings(old), _findings(new)
    was, now = _verdicts(old), _verdicts(new)
    moved = [k for k in {**says, **said} if not findings.same(said.get(k), says.get(k))]
    turned = [k for k in {**now, **was} if _verdict(was.get(k)) != _verdict(now.get(k))]
    tried = bool(old.params and new.params)
    if old.params and new.params:
        why = causes(old.params, new.params, moved, turned)
    else:
        about = {("finding", k): (says.get(k) or said[k]).about for k in moved}
        about |= {("claim", k): _names((now.get(k) or was[k])["about"]) for k in turned}
        why = {key: _by_name(named, records, numbers) for key, named in about.items()}
    return Difference(
        old=old.name,
        new=new.name,
        verdicts=tuple(_turned(was.get(k), now.get(k), why["claim", k]) for k in turned),
        findings=tuple(_moved(k, said.get(k), says.get(k), why["finding", k]) for k in moved),
        records=records,
        numbers=numbers,
        rows=tuple(_rows(old, new)),
        tried=tried,
    )


def few(causes: Sequence[str], most: int = 4) -> str:
    """Return the first causes, and how many more there are."""
    more = len(causes) - most
    return "; ".join(causes[:most]) + (f"; and {more:,} more" if more > 0 else "")


def _change(old: Any, new: Any) -> str:
    return CHANGED if old and new else ADDED if new else REMOVED


Key = tuple[str, str]  # the kind and the id of a record
Readings = dict[Key, dict[str, list[dict[str, str]]]]  # of each quantity, the one that stands first


def _readings(edition: Edition) -> Readings:
    """Return the readings of every number, by record and by quantity."""
    found: Readings = {}
    for row in edition.tables["numbers"]:
        record = found.setdefault((row["kind"], row["id"]), {})
        record.setdefault(row["quantity"], []).append(row)
    return found


def _records(before: Readings, after: Readings) -> Iterator[MovedRecord]:
    """Yield the records that only one of two editions has."""
    for key in {**after, **before}:
        if (key in before) != (key in after):
            quantities = after.get(key) or before[key]
            name = next(iter(quantities.values()))[0]["name"]
            yield MovedRecord(*key, name, _change(key in before, key in after), len(quantities))


def _numbers(before: Readings, after: Readings) -> Iterator[MovedNumber]:
    """Yield the numbers that differ, of records that both editions have."""
    for key in (key for key in after if key in before):
        for quantity in {**after[key], **before[key]}:
            was, now = (edition[key].get(quantity, []) for edition in (before, after))
            if _facts(was) != _facts(now):
                same = _facts(was[:1]) == _facts(now[:1])
                yield MovedNumber(
                    *key,
                    name=(now or was)[0]["name"],
                    quantity=quantity,
                    change=EARLIER if same else _change(was, now),
                    old=_printed(was),
                    new=_printed(now),
                    old_source=was[0]["source"] if was else "",
                    new_source=now[0]["source"] if now else "",
                )


def _facts(readings: Sequence[Mapping[str, str]]) -> list[tuple[str, ...]]:
    return [_plain(reading[fact] for fact in FACTS) for reading in readings]


def _plain(cells: Iterable[str]) -> tuple[str, ...]:
    """Return cells to compare: a whole number is written 8.0 where its column has gaps."""
    return tuple(cell.removesuffix(".0") for cell in cells)


def _printed(readings: Sequence[Mapping[str, str]]) -> str:
    """Return the reading that stands, as its source prints it, and of what it is."""
    return " ".join(filter(None, (readings[0]["text"], readings[0]["basis"]))) if readings else ""


def _rows(old: Edition, new: Edition) -> Iterator[MovedRows]:
    """Yield how many rows of each further table only one of two editions has."""
    for table in ROWS:
        was, now = (Counter(_plain(row.values()) for row in e.tables[table]) for e in (old, new))
        if was != now:
            yield MovedRows(table, (now - was).total(), (was - now).total())


def _findings(edition: Edition) -> dict[str, Finding]:
    """Return the findings of an edition by their ids."""
    found = {}
    for key, lines in groupby(edition.tables["findings"], itemgetter("id")):
        first, *more = lines
        numbers = {r["quantity"]: (float(r["value"]), r["unit"]) for r in (first, *more)}
        about = _names(first["about"])
        found[key] = Finding(key, first["exhibit"], first["sentence"], numbers, about)
    return found


def _verdicts(edition: Edition) -> dict[str, dict[str, str]]:
    """Return the judged claims of an edition by their ids."""
    return {row["id"]: row for row in edition.tables["claims"]}


def _names(about: str) -> tuple[str, ...]:
    return tuple(filter(None, about.split(", ")))


def _verdict(claim: Mapping[str, str] | None) -> str:
    return claim["verdict"] if claim else ""


def _turned(
    old: Mapping[str, str] | None, new: Mapping[str, str] | None, why: tuple[str, ...]
) -> MovedVerdict:
    either = new or old or {}
    return MovedVerdict(
        id=either["id"],
        statement=either["statement"],
        change=_change(old, new),
        old=_verdict(old),
        new=_verdict(new),
        old_computed=old["computed"] if old else "",
        new_computed=new["computed"] if new else "",
        causes=why,
    )


def _moved(
    key: str, old: Finding | None, new: Finding | None, why: tuple[str, ...]
) -> MovedFinding:
    was, now = (dict(finding.numbers) if finding else {} for finding in (old, new))
    numbers = [
        f"{name}: {_shown(was.get(name))} → {_shown(now.get(name))}"
        for name in {**was, **now}
        if old and new and _shown(was.get(name)) != _shown(now.get(name))
    ]
    return MovedFinding(
        id=key,
        exhibit=(new.exhibit if new else old.exhibit if old else ""),
        change=_change(old, new),
        old=old.sentence if old else "",
        new=new.sentence if new else "",
        numbers=tuple(numbers),
        causes=why,
    )


def _shown(number: tuple[float, str] | None) -> str:
    """Return a number with enough digits to see it move."""
    if number is None:
        return "none"
    value, unit = number
    return show(value, unit, 6) if unit in PREFIXED else f"{value:,.6g} {unit}".rstrip()


def _by_name(
    about: Sequence[str], records: Sequence[MovedRecord], numbers: Sequence[MovedNumber]
) -> tuple[str, ...]:
    """Return what changed of the records that a finding or a claim names."""
    found = [f"{r.kind} {r.id}: {r.change}" for r in records if f"{r.kind} {r.id}" in about]
    found += [
        f"{n.kind} {n.id}: {n.quantity} {n.old or 'none'} → {n.new or 'none'}"
        for n in numbers
        if f"{n.kind} {n.id}" in about
    ]
    return tuple(found) or UNKNOWN
