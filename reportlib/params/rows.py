"""CSV files as records: one line a row, one problem a slip, all of them at once."""

import csv
import io
from collections.abc import Collection, Iterator
from pathlib import Path
from stat import S_ISREG
from typing import TypeVar

from pydantic import ValidationError

from reportlib.params.advice import explain, near, unknown_source
from reportlib.params.places import Problem
from reportlib.params.readings import Record

LARGEST_FILE = 10_000_000  # bytes
FEWEST_COLUMNS = 2  # known ones, without which the first line is no header
LONGEST_QUOTE = 100  # characters that a message takes from a cell
LONGEST_MESSAGE = 400  # its end holds the advice

RowT = TypeVar("RowT", bound=Record)


def read(
    kind: type[RowT],
    path: Path,
    name: str,
    sources: Collection[str] | None,
    problems: list[Problem],
) -> dict[int, RowT]:
    """Return the rows of *path* by their lines; *name* is what problems call it.

    An empty cell is a field left out. *sources* are the keys of the bibliography, if there is one.
    """
    rows: dict[int, RowT] = {}
    first: dict[str, int] = {}  # the line of each id
    slips: list[tuple[int, str, str]] = []
    try:
        lines = _lines(_text(path))
        _, header = next(lines, (1, []))
        slips += _header_slips(header, kind)
        for line, cells in () if slips else lines:
            if len(cells) != len(header):
                message = f"{len(cells)} cells under {len(header)} columns; quote text with commas"
                slips.append((line, "", message))
                continue
            fields = {c: cell for c, cell in zip(header, cells, strict=True) if cell}
            slips += _cell_slips(line, fields, sources, first)
            try:
                rows[line] = kind.model_validate(fields)
            except ValidationError as error:
                slips += _record_slips(line, kind, error)
    except _UnreadableError as error:
        slips.append((error.line, "", str(error)))
    problems += [Problem(name, *slip) for slip in slips]
    return rows


def _cell_slips(
    line: int, fields: dict[str, str], sources: Collection[str] | None, first: dict[str, int]
) -> Iterator[tuple[int, str, str]]:
    """Yield what is wrong with a row beside its record; *first* has the lines of ids before it."""
    if not "".join(fields.values()).isprintable():
        for column, cell in fields.items():
            if not cell.isprintable():
                yield line, column, f"{_shown(cell)} has an invisible character; remove it"
    source, identity = fields.get("source"), fields.get("id", "")
    if source and sources is not None and source not in sources:
        yield line, "source", unknown_source(source, list(sources))
    if first.setdefault(identity, line) != line and identity:
        yield line, "id", f"{identity!r} stands twice (first on line {first[identity]})"


def _record_slips(
    line: int, kind: type[Record], error: ValidationError
) -> Iterator[tuple[int, str, str]]:
    """Yield what Pydantic says of a row."""
    for problem in error.errors(include_url=False):
        place, message = explain(kind, problem)
        if problem["type"] == "missing":
            message = "empty; write a value"
        yield line, ".".join(map(str, place)), _shown(message, LONGEST_MESSAGE)


class _UnreadableError(ValueError):
    """What a file cannot be read past, and on which line."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


def _text(path: Path) -> str:
    """Return the text of *path*; spreadsheets put a mark before it, which is not part of it."""
    try:
        about = path.stat()
        if not S_ISREG(about.st_mode):
            raise _UnreadableError(1, "cannot be read (not a file)")
        if about.st_size > LARGEST_FILE:
            raise _UnreadableError(1, f"larger than {LARGEST_FILE} bytes; split it")
        content = path.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise _UnreadableError(1, f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"byte {error.start} is not UTF-8; save the file as UTF-8"
        raise _UnreadableError(line, message) from None


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row of *text* that is not empty, and the line on which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _UnreadableError(line, f"not CSV: {error}") from None
        if cells:
            yield line, cells


def _header_slips(header: list[str], kind: type[Record]) -> Iterator[tuple[int, str, str]]:
    """Yield what is wrong with the columns."""
    known = sorted(kind.model_fields)
    if len(set(header) & set(known)) < FEWEST_COLUMNS:
        first = ",".join(list(kind.model_fields)[:3])
        yield (
            1,
            "",
            f"no header that is known; the first line is column names with commas: {first},…",
        )
        return
    for column in dict.fromkeys(header):
        if column not in known:
            yield 1, _shown(column), f"unknown column, {near(column, known)}"
        elif header.count(column) > 1:
            yield 1, column, "stands twice; keep one"
    for column, field in kind.model_fields.items():
        if field.is_required() and column not in header:
            yield 1, column, "missing; every such file needs the column"


def _shown(text: str, longest: int = LONGEST_QUOTE) -> str:
    """Return *text* so that it can be seen, without its middle when it is long."""
    plain = text if text.isprintable() else ascii(text)
    half = longest // 2
    return plain if len(plain) <= longest else f"{plain[:half]} … {plain[-half:]}"
