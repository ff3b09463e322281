"""Typst: the PDF of a document, and which characters and pictures it can print.

The PDF claims PDF/UA-1 and PDF/A-2a. Typst refuses to write one that breaks a claim, so text that
no font can show and pictures that cannot be read are found out first and told in words.
"""

import html
import json
import re
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import typst

from reportlib.pipeline.manuscript import (
    Chart,
    ExportError,
    Manuscript,
    bitmap,
    draw,
    font_folders,
)
from reportlib.pipeline.packing import packed

CHARACTERS = """#set document(title: "Characters")
#set text(font: ("IBM Plex Sans", "Noto Sans"))
#for character in sys.inputs.characters.codepoints() { block(character) }
"""
PICTURE = """#set document(title: "Picture")
#image(sys.inputs.name, alt: "Picture")
"""
UNUSUAL = re.compile(
    "[^\x00-\u024f\u0370-\u03ff\u2010-\u2027\u2030-\u205e\u2070-\u209f\u2190-\u2193\u2200-\u22ff]"
)
PLAIN_TEXT = re.compile(r'<text (?![^>]*font-weight="bold")')
REGULAR = "<text style=\"font-variation-settings:'wght' 400\" "  # else Noto is at its thinnest
REFUSED = re.compile(r'text `"(.+?)"` could not be displayed|codepoint `"(.+?)"`')
ESCAPED = re.compile(r"\\u\{([0-9a-f]+)\}")
LONGEST_DIAGNOSTIC = 600  # characters; it may quote a whole picture


class RefusedError(ExportError):
    """Typst's own words on why it makes no PDF."""

    def __init__(self, diagnostic: str) -> None:
        """Keep the whole of *diagnostic*, and tell its beginning."""
        self.diagnostic = diagnostic
        super().__init__(f"Typst cannot make the PDF: {diagnostic[:LONGEST_DIAGNOSTIC]}")


def compiled(source: Path, inputs: Mapping[str, str], day: str = "") -> bytes:
    """Return the PDF of *source*; a missing font or a bad reference is an error, not a blank."""
    when = datetime.fromisoformat(day or "1970-01-01").replace(tzinfo=UTC)
    try:
        pdf, warnings = typst.compile_with_warnings(
            str(source), root=str(source.parent), font_paths=font_folders(), format="pdf",
            ignore_system_fonts=True, pdf_standards=["a-2a", "ua-1"], sys_inputs=dict(inputs),
            timestamp=int(when.timestamp()),
        )  # fmt: skip
    except typst.TypstError as error:
        raise RefusedError(error.diagnostic) from None
    if warnings:
        msg = f"Typst warns: {'; '.join(warning.diagnostic for warning in warnings)}"
        raise ExportError(msg)
    return bytes(pdf)


def pdf(paper: Manuscript, source: Path, missing: str) -> bytes:
    """Return the PDF of *paper*, whose Typst is in *source*."""
    keys = ("title", "subtitle", "publisher", "date", "basis")
    words = {key: named(str(paper.metadata.get(key, "")), missing) for key in keys}
    return packed(compiled(source, words, words["date"]))


def unprintable(paper: Manuscript) -> str:
    """Return the characters of *paper* that no font has, or that no PDF may hold."""
    told = json.dumps([paper.parts, paper.metadata], ensure_ascii=False)
    pictures = "".join(chart.svg for chart in paper.charts.values())
    unusual = set(UNUSUAL.findall(told + html.unescape(told) + pictures))
    return _refused("".join(sorted(unusual))) if unusual else ""


@cache
def _refused(characters: str) -> str:
    """Return those of *characters* that Typst refuses to print."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "characters.typ"
        source.write_text(CHARACTERS, encoding="utf-8")
        try:
            compiled(source, {"characters": characters})
        except RefusedError as error:
            found = [text or codepoint for text, codepoint in REFUSED.findall(error.diagnostic)]
            told = "".join(ESCAPED.sub(lambda c: chr(int(c[1], 16)), text) for text in found)
            return "".join(sorted(set(told) & set(characters))) or characters
    return ""


def named(text: str, missing: str) -> str:
    """Return *text* with the names of the characters that are *missing*.

    >>> named("mail 😀", "😀")
    'mail [U+1F600]'
    """
    return text.translate({ord(c): f"[U+{ord(c):04X}]" for c in missing})


def write_chart(chart: Chart, path: Path, missing: str) -> None:
    """Write the picture of *chart* to *path*.

    A script whose letters join or stack may be more than Typst can write in a picture: the chart
    is then a bitmap.
    """
    spec, svg = chart.spec, chart.svg
    if any(character in svg for character in missing):
        spec = json.loads(named(json.dumps(spec, ensure_ascii=False), missing))
        svg = draw(spec, path.stem)
    unusual = UNUSUAL.search(svg)
    if unusual:
        svg = PLAIN_TEXT.sub(REGULAR, svg)
    path.write_text(svg, encoding="utf-8")
    if unusual and not can_print(path):
        path.write_text(bitmap(spec, svg), encoding="utf-8")


def write_pictures(paper: Manuscript, folder: Path) -> None:
    """Write the pictures of *paper* into *folder*; what cannot be read becomes words."""
    for name, picture in paper.pictures.items():
        (folder / name).write_bytes(picture.content)
    broken = {name for name in paper.pictures if not can_print(folder / name)}
    paper.named = {said: name for said, name in paper.named.items() if name not in broken}
    for part in paper.parts:
        if part.get("file") in broken:
            text = f"[{part['alt']}: the picture cannot be read]"
            part |= {"kind": "text", "text": text}


def can_print(picture: Path) -> bool:
    """Whether Typst can put *picture* into a PDF."""
    source = picture.with_name("picture.typ")
    source.write_text(PICTURE, encoding="utf-8")
    try:
        compiled(source, {"name": picture.name})
    except ExportError:
        return False
    return True
