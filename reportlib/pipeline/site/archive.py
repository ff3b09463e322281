"""Editions: that of this build, and those before it, which stay as they were published."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

FOLDER = "editions"
MONTH = re.compile(r"\d{4}-\d{2}")
ABOUT = "edition.json"
PDF = "hbm-panorama.pdf"
CLAIMS = "data/claims.csv"


@dataclass(frozen=True)
class Edition:
    """An edition by its month, with the paths of its files within its folder and how to read one.

    Editions are many and large, so that they are read only as they are written.
    """

    month: str
    paths: tuple[str, ...]
    read: Callable[[str], bytes]

    @cached_property
    def day(self) -> str:
        """The day of its numbers; only its month where that is not told."""
        try:
            told = json.loads(self._text(ABOUT))["date"]
        except (ValueError, LookupError, TypeError):
            return self.month
        return told if isinstance(told, str) and told.startswith(f"{self.month}-") else self.month

    @cached_property
    def verdicts(self) -> dict[str, tuple[str, str]]:
        """The statement and the verdict of every claim that it judged, by the claim's id."""
        rows = csv.DictReader(io.StringIO(self._text(CLAIMS), newline=""), restval="")
        needed = ("id", "statement", "verdict")
        return {
            row["id"]: (row["statement"], row["verdict"])
            for row in rows
            if all(row.get(name) for name in needed)
        }

    def _text(self, path: str) -> str:
        return self.read(path).decode("utf-8", errors="replace") if path in self.paths else ""

    @property
    def path(self) -> str:
        """The path of its page."""
        return f"{FOLDER}/{self.month}/index.html"

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Yield its files by their paths in the site."""
        for path in self.paths:
            yield f"{FOLDER}/{self.month}/{path}", self.read(path)


@dataclass(frozen=True)
class Turn:
    """A claim that an edition judges otherwise than the one before it."""

    edition: Edition
    before: Edition
    id: str
    statement: str
    old: str
    new: str


def this(day: str, html: bytes, pdf: bytes, tables: Mapping[str, bytes]) -> Edition:
    """Return the edition of *day*: it needs nothing outside of its folder, so that it can stay."""
    kept = {path: content for path, content in tables.items() if path.endswith(".csv")}
    about = json.dumps({"date": day}).encode() + b"\n"
    files = {"index.html": html, PDF: pdf, ABOUT: about, **kept}
    return Edition(day[: len("2026-11")], tuple(files), files.__getitem__)


def earlier(site: Path | None, month: str) -> list[Edition]:
    """Return the editions of the published *site*, but that of *month*, which is made anew."""
    folder = site / FOLDER if site else None
    months = sorted(folder.iterdir()) if folder and folder.is_dir() else []
    kept = [path for path in months if path.is_dir() and MONTH.fullmatch(path.name)]
    return [_published(path) for path in kept if path.name != month]


def _published(folder: Path) -> Edition:
    return Edition(folder.name, tuple(_paths(folder)), lambda name: (folder / name).read_bytes())


def _paths(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix()


def turns(editions: Sequence[Edition]) -> list[Turn]:
    """Return the claims that were judged otherwise from one of *editions* to the next."""
    return [
        Turn(new, old, claim, statement, old.verdicts[claim][1], verdict)
        for old, new in pairwise(editions)
        for claim, (statement, verdict) in new.verdicts.items()
        if claim in old.verdicts and old.verdicts[claim][1] != verdict
    ]
