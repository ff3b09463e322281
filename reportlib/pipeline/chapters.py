"""What Pandoc makes of a manuscript, chapter by chapter.

A chapter is made without knowing the others: numbers of exhibits and sections, and citations, stand
in it as marks, which are resolved when all chapters are there. So a chapter that did not change
need not be made again, and none waits for another.
"""

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pypandoc

from reportlib.digests import of_files
from reportlib.pipeline.manuscript import ExportError, Manuscript
from reportlib.pipeline.texts import TEXTS

ASSETS = Path(__file__).parent / "assets"
TEMPLATE = ASSETS / "parts.html"
STYLE = ASSETS / "references.csl"
FILTERS = ("glossary.lua", "crossref.lua")
TERM = re.compile(r"^(\S.*)\n: ", re.MULTILINE)
# Marks are private characters of Unicode, around a label or around the keys of sources.
NUMBER = re.compile("\uf8f2(.*?)\uf8f3")
CITATION = re.compile("\uf8f0(.*?)\uf8f1")
SOURCES = "\uf8f6"
TOLD = re.compile("\n*\uf8f4(.*?)\uf8f5", re.DOTALL)  # what a chapter tells of itself
HEADING = re.compile(r'(data-number="|section-number">)(\d+)')
CITED = {
    "html5": (
        '<span class="citation">[{}]</span>',
        '<a href="#ref-{}" role="doc-biblioref">{}</a>',
    ),
    "typst": (r"\[{}\]", '#link("to:ref-{}")[{}]'),
}
LISTED = {
    "html5": '<div id="refs" class="references csl-bib-body" role="list">\n{}\n</div>',
    "typst": "#block[\n{}\n] <refs>",
}
ENTRY = {  # in a list of sources: what is before its number, its key in that, what is behind
    "html5": re.compile(r'(<div id="ref-([^"]*)".*?margin">)\d+(.*?\n</div>)', re.DOTALL),
    "typst": re.compile(
        r'(#block\[\n#link\("here:ref-([^"]*)", ")\d+(.*?\n\] <ref-.*?>)', re.DOTALL
    ),
}

ThingT = TypeVar("ThingT")

_entries: dict[tuple[str, str], str] = {}  # by format and source


def render(paper: Manuscript, to: str, *options: str, missing: str = "") -> list[str]:
    """Return the chapters of *paper*, numbers, cross references and citations resolved.

    In an assembled report any warning is an error; a notebook by itself may point elsewhere. The
    *missing* characters get names.
    """
    made = with_marks(paper, to, *options, missing=missing)
    return _resolved(made, to, paper.metadata.get("references", []))


def with_marks(paper: Manuscript, to: str, *options: str, missing: str = "") -> list[str]:
    """Return the chapters of *paper* with marks for what others say."""
    explained = paper.metadata.get("terms") or terms(part.get("text", "") for part in paper.parts)
    told = [
        {"parts": parts, "prefix": name.partition("_")[2].replace("_", "-"), "terms": explained}
        | {"pictures": paper.named, "missing": missing}
        for name, parts in paper.chapters()
    ]
    filters = (word for name in FILTERS for word in ("--lua-filter", str(ASSETS / name)))
    options = (*filters, "--metadata", f"whole={str(paper.whole).lower()}", *options)
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda chapter: _made(to, json.dumps(chapter), *options), told))


def terms(texts: Iterable[str]) -> list[str]:
    """Return the terms that a glossary among *texts* explains."""
    return [term for text in texts if "{#terms}" in text for term in TERM.findall(text)]


def _made(to: str, text: str, *options: str) -> str:
    """Return what Pandoc makes of a chapter, with its marks."""
    return TEXTS.of(_pandoc, to, text, *options, version=_assets())


@cache
def _assets() -> str:
    ours = [*ASSETS.glob("*.lua"), STYLE, TEMPLATE, Path(__file__)]
    return of_files(ours, Path(__file__).parent)


@cache
def pandoc() -> str:
    """Return where the Pandoc of our environment is; another on this machine may be newer."""
    found = shutil.which("pandoc", path=Path(pypandoc.__file__).parent / "files")
    if not found:
        msg = "Pandoc is not installed whole: run `make clean-all` and build again"
        raise ExportError(msg)
    return found


def _pandoc(to: str, text: str, *options: str) -> str:
    template = ("--template", str(TEMPLATE)) if to == "html5" else ()
    strict = "--fail-if-warnings" if "whole=true" in options else "--quiet"
    command = [
        pandoc(), "--from", str(ASSETS / "notebook.lua"), "--to", to,
        "--wrap=none", "--columns=10000", "--syntax-highlighting=none", *template, strict,
        *options, "--lua-filter", str(ASSETS / "last.lua"),
    ]  # fmt: skip
    done = subprocess.run(  # noqa: S603 - our own command, no shell
        command, input=text, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip() and line[0] != "\t"]
        msg = f"Pandoc cannot make the document: {' '.join(lines)}"
        raise ExportError(msg)
    return done.stdout


def _resolved(made: list[str], to: str, sources: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the texts of chapters with what their marks stand for."""
    told = [json.loads(found[1]) for found in map(TOLD.search, made) if found]
    numbers, sections = _numbers(told)
    cited = dict.fromkeys(key for chapter in told for key in chapter["cited"])
    places = {key: str(place) for place, key in enumerate(cited, 1)}
    listing = entries(to, sources)
    listed = [
        _of(key, listing, "there is no source").replace(SOURCES, places[key]) for key in places
    ]
    group, link = CITED[to]

    def number(mark: re.Match[str]) -> str:
        return _of(mark[1], numbers, "nothing is labelled")

    def citation(mark: re.Match[str]) -> str:
        keys = sorted(mark[1].split(), key=lambda key: int(places[key]))
        return group.format(", ".join(link.format(key, places[key]) for key in keys))

    return [
        CITATION.sub(citation, NUMBER.sub(number, _counted(TOLD.sub("", text), before)))
        .replace(SOURCES, LISTED[to].format("\n".join(listed)))
        for text, before in zip(made, sections, strict=True)
    ]  # fmt: skip


def _of(name: str, things: Mapping[str, ThingT], message: str) -> ThingT:
    if name not in things:
        msg = f"{message} {name}"
        raise ExportError(msg)
    return things[name]


def _counted(text: str, before: int) -> str:
    """Return a chapter whose headings count on from the sections *before* it."""
    return HEADING.sub(lambda number: f"{number[1]}{int(number[2]) + before}", text)


def _numbers(told: Iterable[Mapping[str, Any]]) -> tuple[dict[str, str], list[int]]:
    """Return the number of every label, and how many sections are before each chapter.

    A chapter tells its labels with its own numbers, "3" of an exhibit and "1.2" of a section.
    """
    numbers: dict[str, str] = {}
    sections: list[int] = []
    before: Counter[str] = Counter()
    for chapter in told:
        sections.append(before["sec"])
        for label, own in chapter["labels"]:
            if label in numbers:
                msg = f"two exhibits are called {label}"
                raise ExportError(msg)
            first, dot, rest = own.partition(".")
            numbers[label] = f"{before[label.partition('-')[0]] + int(first)}{dot}{rest}"
        before.update(chapter["counts"])
    return numbers, sections


def entries(to: str, sources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the entries of *sources* for a list of them, each with a mark for its number.

    An entry does not depend on others, and is made once in a process.
    """
    texts = {str(source["id"]): json.dumps(source) for source in sources}
    new = {key: text for key, text in texts.items() if (to, text) not in _entries}
    if new:
        options = ("--metadata", "whole=true", "--citeproc", "--csl", str(STYLE))
        made = _made(to, json.dumps({"sources": f"[{','.join(new.values())}]"}), *options)
        for before, key, behind in ENTRY[to].findall(made):
            _entries[to, new[key]] = before + SOURCES + behind
    return {key: _entries[to, text] for key, text in texts.items()}
