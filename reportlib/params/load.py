"""Read ``params/``: every file, every problem at once, resolved to what was known on a day."""

import dataclasses
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from reportlib.digests import of_files
from reportlib.params.advice import explain, unknown_source
from reportlib.params.engines import Constant, Engines, HeldOut
from reportlib.params.evidence import MarketPoint, Measurement, MemoryTechnology
from reportlib.params.places import Document, ParamsError, Path_, Problem
from reportlib.params.readings import Cited, Day, Reading, Record, Source, citable
from reportlib.params.records import Chip, Claims, Model, Report
from reportlib.params.rows import read
from reportlib.params.scenarios import Scenarios
from reportlib.params.supply import Supply

DEFAULT_ROOT = Path(__file__).parents[2] / "params"
IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.-]*\.yaml")

RecordT = TypeVar("RecordT", bound=BaseModel)
RowT = TypeVar("RowT", bound=Record)
FigureT = TypeVar("FigureT", Supply, Scenarios)


@dataclass(frozen=True)
class Params:
    """All that ``params/`` says, as known on the edition date, ``report.as_of``."""

    report: Report
    latest: date  # the edition date that report.yaml names, whatever day was asked for
    sources: Mapping[str, Source]
    chips: Mapping[str, Chip]
    models: Mapping[str, Model]
    claims: Claims
    memory: Mapping[str, MemoryTechnology]
    market: tuple[MarketPoint, ...]
    measurements: tuple[Measurement, ...]
    supply: Supply | None
    scenarios: Scenarios | None
    engines: Engines | None
    calibration: tuple[Constant, ...]  # fitted to all measurements, whatever the day
    held_out: tuple[HeldOut, ...]

    def on(self, day: date) -> "Params":
        """Return what was known on *day*: what there was by then, at the readings of then.

        Call it on params that were loaded for a later day; what came after that is not there.
        """
        return replace(
            self,
            chips=_known(self.chips, day),
            models=_known(self.models, day),
            memory=_known(self.memory, day),
            market=tuple(row for row in self.market if row.since <= day),
            measurements=tuple(row for row in self.measurements if row.since <= day),
            supply=_current(self.supply, day),
            scenarios=_current(self.scenarios, day),
        )

    def edition(self, day: date) -> "Params":
        """Return `on` *day* as an edition of that day; what has no date counts as there by then."""
        return replace(self.on(day), report=self.report.model_copy(update={"as_of": day}))

    @property
    def previous(self) -> date:
        """The earlier day that the appendix compares with: the report's, else the claims'."""
        return self.report.previous or self.claims.as_of

    def dated(self) -> "Params":
        """Return what has a date of its own: the rest may be of any day."""
        return replace(
            self,
            chips=_dated(self.chips),
            models=_dated(self.models),
            memory=_dated(self.memory),
        )

    @cached_property
    def constants(self) -> Mapping[str, Mapping[str, float]]:
        """The constants of each class of engines, in SI units."""
        found: dict[str, dict[str, float]] = {}
        for row in self.calibration:
            found.setdefault(row.engine_class, {})[row.quantity] = row.value * row.scale
        return found

    def mapped_measurements(self) -> tuple[Measurement, ...]:
        """The measurements of a chip and a model that both have a file and were known."""
        rows = self.measurements
        return tuple(r for r in rows if r.chip in self.chips and r.model in self.models)

    def model(self, wanted: str) -> Model:
        """Return the model *wanted*, or the first of the headline cast that has a file."""
        order = (wanted, *self.report.headline.models, *self.shown_models(), *self.models)
        return next(self.models[i] for i in order if i in self.models)

    def chip_order(self, *wanted: str) -> list[str]:
        """Return the ids of all chips: those *wanted* first, then the headline cast."""
        cast = (*self.report.headline.chips, *self.shown_chips(), *self.chips)
        order = dict.fromkeys((*wanted, *cast))
        return [i for i in order if i in self.chips]

    def pair(self, wanted: Sequence[str]) -> tuple[str, str]:
        """Return the ids of two chips to compare: those *wanted*, or the next that have a file."""
        order = self.chip_order(*wanted)
        return order[0], order[min(1, len(order) - 1)]

    def headline_chips(self) -> dict[str, Chip]:
        """The chips of the headline cast that have a file, in its order."""
        return {i: self.chips[i] for i in self.report.headline.chips if i in self.chips}

    def shown_chips(self) -> dict[str, Chip]:
        """The chips of the sections' tables and charts: all that do not stand aside."""
        aside = set(self.report.aside.chips) - set(self.report.headline.chips)
        return {i: c for i, c in self.chips.items() if i not in aside} or dict(self.chips)

    def shown_models(self) -> dict[str, Model]:
        """The models of the sections' tables and charts: all that do not stand aside."""
        aside = set(self.report.aside.models) - set(self.report.headline.models)
        return {i: m for i, m in self.models.items() if i not in aside} or dict(self.models)

    def headline_models(self) -> dict[str, Model]:
        """The models of the headline cast that have a file, in its order."""
        return {i: self.models[i] for i in self.report.headline.models if i in self.models}


def load(root: Path | None = None, as_of: date | None = None) -> Params:
    """Read *root*, by default ``params/`` or what HBM_PARAMS names, as known on *as_of*.

    *as_of* is by default what AS_OF names, else the edition date in ``report.yaml``.
    Raises ParamsError with every problem of every file.
    """
    root = root or default_root()
    folder = _Folder(of_files(root.rglob("*"), root), root)
    day = as_of or _environment_day() or _everything(folder).latest
    known = _resolved(folder, day)
    rated = any(chip.peak_compute for chip in known.chips.values())
    for wanted, there in {"chip with a peak_compute": rated, "model": known.models}.items():
        if not there:
            message = f"no {wanted} was known by {day}; choose a later day, or add one"
            raise ParamsError([problem("report.yaml", ("as_of",), message, root)])
    return known


@dataclass(frozen=True)
class _Folder:
    """A folder of parameters: the same as any that has the same content."""

    content: str  # a digest of it
    root: Path = dataclasses.field(compare=False)


@lru_cache(maxsize=2)
def _resolved(folder: _Folder, day: date) -> Params:
    """Return what was known on *day*; the very same for the same content, as `Kept` asks."""
    everything = _everything(folder)
    everything = replace(everything, report=everything.report.model_copy(update={"as_of": day}))
    return (everything.dated() if day < everything.latest else everything).on(day)


@lru_cache(maxsize=1)
def _everything(folder: _Folder) -> Params:
    """Return all that *folder* says, whatever the day; read once for the same content."""
    root = folder.root
    problems: list[Problem] = []
    sources = _sources(root, problems)
    chips = _folder(Chip, root / "chips", sources, problems)
    models = _folder(Model, root / "models", sources, problems)
    _, report = _read(Report, root / "report.yaml", sources, problems)
    _, claims = _read(Claims, root / "claims.yaml", sources, problems)
    memory = _folder(MemoryTechnology, root / "memory", sources, problems, needed=False)
    market = _rows(MarketPoint, root / "market.csv", sources, problems)
    measurements = _rows(Measurement, root / "measurements.csv", sources, problems)
    _check_names(measurements, _name(root / "measurements.csv", root), problems)
    supply = _optional(Supply, root / "supply.yaml", sources, problems)
    scenarios = _optional(Scenarios, root / "scenarios.yaml", sources, problems)
    engines = _optional(Engines, root / "engines.yaml", sources, problems)
    calibration = _rows(Constant, root / "calibration.csv", sources, problems)
    held_out = _rows(HeldOut, root / "held_out.csv", sources, problems)
    if problems or report is None or claims is None:
        raise ParamsError(problems)
    return Params(
        report=report,
        latest=report.as_of,
        sources=sources or {},
        chips=chips,
        models=models,
        claims=claims,
        memory=memory,
        market=tuple(market.values()),
        measurements=tuple(measurements.values()),
        supply=supply,
        scenarios=scenarios,
        engines=engines,
        calibration=tuple(calibration.values()),
        held_out=tuple(held_out.values()),
    )


def problem(file: str, path: Path_, message: str, root: Path | None = None) -> Problem:
    """Return a problem at *path* of *file*, found after loading, with its line."""
    root = root or default_root()
    document = Document(root / file, _name(root / file, root))
    document.add(path, message)
    return document.problems[-1]


def default_root() -> Path:
    """The folder that HBM_PARAMS names, by default ``params/``."""
    return Path(os.environ.get("HBM_PARAMS") or DEFAULT_ROOT).absolute()


def _environment_day() -> date | None:
    text = os.environ.get("AS_OF")
    try:
        return TypeAdapter(Day).validate_python(text) if text else None
    except ValidationError:
        message = f"{text!r} is not a date (write AS_OF=2026-03-01)"
        raise ParamsError([Problem("AS_OF", 1, "", message)]) from None


def _sources(root: Path, problems: list[Problem]) -> dict[str, Source] | None:
    """Return the bibliography by key, or None when it cannot be read at all."""
    document = Document(root / "sources.yaml", _name(root / "sources.yaml", root))
    sources: dict[str, Source] = {}
    for key, fields in _items(document):
        record = _record(Source, fields, document, (key,))
        try:
            citable(key)
        except ValueError as error:
            document.add((key,), str(error))
        if record is not None:
            sources[key] = record
    problems += document.problems
    return None if document.data is None else sources


def _folder(
    kind: type[RecordT],
    folder: Path,
    sources: dict[str, Source] | None,
    problems: list[Problem],
    *,
    needed: bool = True,
) -> dict[str, RecordT]:
    """Return the records of a folder by id: the names of their files."""
    records: dict[str, RecordT] = {}
    names: dict[str, str] = {}
    paths = [p for p in folder.glob("[!.]*") if p.suffix.lower() in {".yaml", ".yml"}]
    if not paths and needed:
        message = "no such files; add one"
        problems.append(Problem(f"{_name(folder, folder.parent)}/*.yaml", 1, "", message))
    for path in sorted(paths):
        if not IDENTIFIER.fullmatch(path.name):
            message = "not a name for an id; write it like h100-sxm5.yaml"
            problems.append(Problem(_name(path, folder.parent), 1, "", message))
        document, record = _read(kind, path, sources, problems, folder.parent)
        if record is not None:
            records[path.stem] = record
            _bring_along(getattr(record, "sources", {}), sources, document, problems)
            name = getattr(record, "name", path.stem)
            first = names.setdefault(name, path.name)
            if first != path.name:
                document.add(("name",), f"{name!r} is the name in {first} too; give each its own")
                problems.append(document.problems[-1])
    return records


def _read(
    kind: type[RecordT],
    path: Path,
    sources: Mapping[str, Source] | None,
    problems: list[Problem],
    root: Path | None = None,
) -> tuple[Document, RecordT | None]:
    """Return a file and its record, or None with its problems added to *problems*."""
    document = Document(path, _name(path, root or path.parent))
    record = None
    if document.data is not None:
        record = _record(kind, document.data, document, ())
    if isinstance(document.data, (dict, list)) and sources is not None:
        own = document.data.get("sources") if isinstance(document.data, dict) else None
        known = {*sources, *(own if isinstance(own, dict) else ())}
        _check_sources(document, document.data, (), known)
    problems += document.problems
    return document, record


def _optional(
    kind: type[RecordT], path: Path, sources: dict[str, Source] | None, problems: list[Problem]
) -> RecordT | None:
    """Return the record of a file with which a copy of params may do without."""
    if not (path.exists() or path.is_symlink()):
        return None
    document, record = _read(kind, path, sources, problems)
    _bring_along(getattr(record, "sources", {}), sources, document, problems)
    return record


def _bring_along(
    own: Mapping[str, Source],
    sources: dict[str, Source] | None,
    document: Document,
    problems: list[Problem],
) -> None:
    """Add a file's *own* sources to the bibliography; a key has one meaning in all of params."""
    for key, source in own.items():
        if sources is not None and sources.setdefault(key, source) is not source:
            document.add(("sources", key), f"{key!r} is described elsewhere; use another key")
            problems.append(document.problems[-1])


def _rows(
    kind: type[RowT], path: Path, sources: Mapping[str, Source] | None, problems: list[Problem]
) -> dict[int, RowT]:
    """Return the rows of a CSV file by line; a copy of params may be without the file."""
    there = path.exists() or path.is_symlink()
    return read(kind, path, _name(path, path.parent), sources, problems) if there else {}


def _check_names(rows: Mapping[int, Measurement], file: str, problems: list[Problem]) -> None:
    """Add a problem for each name of a chip or model that has two ids: one is a slip.

    An id may be without a file, for any chip may be taken out of the report; a name has one id.
    """
    for field in ("chip", "model"):
        first: dict[str, tuple[str, int]] = {}
        for line, row in rows.items():
            printed, found = getattr(row, f"{field}_as_printed"), getattr(row, field)
            if found is not None:
                known, where = first.setdefault(printed, (found, line))
                if found != known:
                    message = f"{found!r}, but {printed} is {known!r} on line {where}"
                    problems.append(Problem(file, line, field, message))


def _items(document: Document) -> Iterator[tuple[str, Any]]:
    if isinstance(document.data, dict):
        yield from document.data.items()
    elif document.data is not None:
        document.add((), "not a mapping; write `key:` and its fields below it")


def _record(kind: type[RecordT], fields: Any, document: Document, prefix: Path_) -> RecordT | None:
    """Return *fields* as a *kind*, or None with the problems added to *document*."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            path, message = explain(kind, problem)
            document.add((*prefix, *path), message)
        return None


def _check_sources(document: Document, fields: Any, path: Path_, sources: Collection[str]) -> None:
    """Add a problem for each `source` under *fields* that the bibliography does not have."""
    children = fields.items() if isinstance(fields, dict) else enumerate(fields)
    for key, child in children:
        if key == "source" and isinstance(child, str) and child not in sources:
            document.add((*path, key), unknown_source(child, list(sources)))
        elif isinstance(child, (dict, list)):
            _check_sources(document, child, (*path, key), sources)


def _known(records: Mapping[str, RecordT], day: date) -> dict[str, RecordT]:
    """Return what there was on *day*, at its readings of then; what has no date always was."""
    return {key: _on(r, day) for key, r in records.items() if (_since(r) or day) <= day}


def _dated(records: Mapping[str, RecordT]) -> dict[str, RecordT]:
    return {key: record for key, record in records.items() if _since(record)}


def _since(record: BaseModel) -> date | None:
    """Return the first day that *record* gives for itself."""
    names = ("announced", "available", "released", "introduced")
    days = [getattr(record, name, None) for name in names]
    return min((day.value for day in days if day), default=None)


def _current(record: FigureT | None, day: date) -> FigureT | None:
    """Return *record* at its readings of *day*, or none before the day of its newest figure."""
    return _on(record, day) if record and record.as_of <= day else None


def _on(record: RecordT, day: date) -> RecordT:
    """Return *record* with every cited number at its reading of *day*; itself if nothing moves."""

    def known(value: Any) -> Any:
        if isinstance(value, dict) and (then := others(value.items())):
            return value | then
        if isinstance(value, Cited):
            return value.on(day)
        if isinstance(value, Record) and not isinstance(value, Reading):
            return _on(value, day)
        return value

    def others(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        both = ((name, value, known(value)) for name, value in items)
        return {name: then for name, value, then in both if then is not value}

    moved = others(record)
    return record.model_copy(update=moved) if moved else record


def _name(path: Path, root: Path) -> str:
    """Return *path* as the reader knows it: from the folder that holds ``params/``."""
    return path.relative_to(root.parent).as_posix()
