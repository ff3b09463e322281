"""Which records of params move a finding or a verdict: those that do it by themselves.

Each record that differs is put into the old params alone, and what is asked is told again. Of a
record that moves it, the fields are those that do so alone, or all that differ. Where no record
does, those are told without which nothing would have moved.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from datetime import date
from typing import Any

from reportlib.exhibits import claims, findings
from reportlib.exhibits.findings import Finding, same
from reportlib.params import Claim, Params, Reading
from reportlib.params.readings import Record

FOLDERS = {"chip": "chips", "model": "models", "memory": "memory"}
ASIDE = ("latest", "sources", *FOLDERS.values())  # of the fields of Params, no files by themselves
ABSENT = object()
TOGETHER = ("several changes together, none of them alone",)
Part = tuple[str, str]  # a kind and an id, as ("chip", "mi455x"), or ("file", "supply")
Place = tuple[str, ...]  # of a field in a record


def causes(
    old: Params, new: Params, moved: Iterable[str], turned: Iterable[str]
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return what moves each finding of *moved* and each claim's verdict of *turned*."""
    asked = [("finding", key) for key in moved] + [("claim", key) for key in turned]
    before = _told(old, asked)
    found: dict[tuple[str, str], list[str]] = {key: [] for key in asked}
    was, now = _parts(old), _parts(new)
    pairs = {part: (was.get(part), now.get(part)) for part in {**now, **was} if asked}
    changes = {part: pair for part, pair in pairs.items() if pair[0] != pair[1]}
    for part, (one, other) in changes.items():
        moves = _moves(_put(old, part, other), before)
        places, asked_of = list(_places(one, other)), {key: before[key] for key in moves}
        alone: dict[tuple[str, str], list[Place]] = {key: [] for key in moves}
        for place in places if moves and len(places) > 1 else ():
            for key in _moves(_put(old, part, _with(one, other, place)), asked_of):
                alone[key].append(place)
        for key in moves:
            found[key].append(_named(part, one, other, alone[key] or places))
    rest = {key: value for key, value in before.items() if not found[key]}
    needed: dict[tuple[str, str], list[str]] = {key: [] for key in rest}
    for part, (one, other) in changes.items() if rest else ():
        moves = _moves(_put(new, part, one), rest)
        for key in rest.keys() - set(moves):
            needed[key].append(_named(part, one, other, _places(one, other)))
    found |= {key: ["; together with ".join(names)] for key, names in needed.items() if names}
    return {key: tuple(names) or TOGETHER for key, names in found.items()}


def _told(params: Params, asked: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    """Return the finding or the verdict, or nothing, of each that is asked."""
    known = {claim.id: claim for claim in params.claims.claims}
    return {
        (what, key): findings.tell(params, key)
        if what == "finding"
        else key in known and claims.judged(known[key], params)["verdict"]
        for what, key in asked
    }


def _moves(params: Params, before: Mapping[tuple[str, str], Any]) -> list[tuple[str, str]]:
    """Return what is told otherwise of *params* than *before*."""
    after = _told(params, before)
    return [key for key, was in before.items() if not _alike(was, after[key])]


def _alike(one: Any, other: Any) -> bool:
    return same(one, other) if isinstance(one, Finding) else one == other


def _parts(params: Params) -> dict[Part, Any]:
    """Return all records of *params*: of chips and so on, of claims, and of single files."""
    parts: dict[Part, Any] = {
        (kind, key): record
        for kind, name in FOLDERS.items()
        for key, record in getattr(params, name).items()
    }
    parts |= {("claim", claim.id): claim for claim in params.claims.claims}
    parts |= {
        ("file", field.name): getattr(params, field.name)
        for field in fields(params)
        if field.name not in ASIDE
    }
    return parts | {("file", "claims"): params.claims.model_copy(update={"claims": ()})}


def _put(params: Params, part: Part, value: Any) -> Params:
    """Return *params* with another record for *part*, or without one."""
    kind, key = part
    if kind == "file":
        if key == "claims":
            value = value.model_copy(update={"claims": params.claims.claims})
        return replace(params, **{key: value})
    if kind == "claim":
        known = {claim.id: claim for claim in params.claims.claims} | {key: value}
        listed = tuple(filter(None, known.values()))
        return replace(params, claims=params.claims.model_copy(update={"claims": listed}))
    records = getattr(params, FOLDERS[kind]) | {key: value}
    in_order = sorted((i for i, record in records.items() if record), key="{}.yaml".format)
    folder: dict[str, Any] = {FOLDERS[kind]: {i: records[i] for i in in_order}}
    return replace(params, **folder)


def _places(old: Any, new: Any) -> Iterator[Place]:
    """Yield where two records differ, as deep as cited numbers stand."""
    was, now = _inside(old), _inside(new)
    if type(old) is not type(new) or not (was or now):
        yield ()
        return
    for name in {**was, **now}:
        one, other = was.get(name, ABSENT), now.get(name, ABSENT)
        if one != other:
            yield from ((name, *below) for below in _places(one, other))


def _inside(value: Any) -> Mapping[str, Any]:
    """Return what stands in a record or a mapping, by name.

    Nothing of what has one source, as a number or an architecture, and of a claim: half of one and
    half of another make no sense.
    """
    if isinstance(value, Record) and not (hasattr(value, "source") or isinstance(value, Claim)):
        return dict(value)
    return value if isinstance(value, Mapping) else {}


def _with(old: Any, new: Any, place: Place) -> Any:
    """Return *old* with what *new* has at *place*."""
    if not place:
        return new
    name, *below = place
    was, now = (_inside(value).get(name, ABSENT) for value in (old, new))
    value = _with(was, now, tuple(below))
    if isinstance(old, Record):
        return old.model_copy(update={name: value})
    return {key: child for key, child in {**old, name: value}.items() if child is not ABSENT}


def _named(part: Part, old: Any, new: Any, places: Iterable[Place]) -> str:
    """Return a cause in words: the record, and its fields with their old and new values."""
    kind, key = part
    name = f"{kind} {key}"
    if kind == "file":
        name = key + (".csv" if isinstance(new or old, tuple) else ".yaml")
    if not (old and new):
        return f"{name}: {'added' if new else 'removed'}"
    if isinstance(new, tuple):
        return f"{name}: {len(old):,} rows → {len(new):,}"
    changes = ", ".join(filter(None, (_change(old, new, place) for place in places)))
    return f"{name}: {changes or 'changed'}"


def _change(old: Any, new: Any, place: Place) -> str:
    """Return a field in words, with its old and new value where these are short."""
    for name in place:
        old, new = (_inside(value).get(name, ABSENT) for value in (old, new))
    was, now = (value.text if isinstance(value, Reading) else value for value in (old, new))
    plain = all(isinstance(value, (str, int, float, date)) for value in (was, now))
    return ".".join(place) + (f" {was} → {now}" if plain and was != now else "")
