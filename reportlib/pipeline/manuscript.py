"""A notebook as the parts of a document: text, exhibits, pictures, what else its code displayed.

Each part is data, in JSON; ``assets/notebook.lua`` reads it for Pandoc. What a notebook says can
thus neither end its part nor begin another.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import chain, count, groupby
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import vl_convert
from nbformat import NotebookNode

from reportlib.digests import digest, of_files
from reportlib.exhibits.theme import CONFIG
from reportlib.pipeline.chartdata import with_sources
from reportlib.pipeline.texts import TEXTS

ABOUT = "application/vnd.hbm.about+json"  # what indexes tell of a page; no part of it
FONTS = Path(__file__).parent / "assets" / "fonts"
FONT_PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")  # Noto: scripts, emoji, symbols; CJK
PICTURES = {
    "image/svg+xml": ".svg",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
}
SUFFIXES = {suffix: mime for mime, suffix in PICTURES.items()} | {".jpeg": "image/jpeg"}
LINKED_PICTURE = re.compile(r"!\[[^\]]*\]\(\s*<?([^)>\s]+)")
LONGEST_ID = 60  # characters; files are named by it
SCALE = 3  # pixels of a bitmap for each of the chart's
UNWRITABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\uf8f0-\uf8f6\ufdd0-\ufdef\ufff9-\ufffb\ufffe\uffff]"
)
TERMINAL = re.compile(  # and the mark at the beginning of a file
    r"\ufeff|\x1b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])"
)
DOUBTFUL = re.compile(rf"{UNWRITABLE.pattern}|\ufeff|\\(?:[bf]|u00)")  # in JSON, one of these
FORMULA = re.compile(
    r"\$+(.*?)\$+|(\\begin\{(?:align|equation|gather)\*?\}.*)|\\\[(.*)\\\]", re.DOTALL
)
COUNTED = re.compile(r'(\bid="|url\(#|href="#)([A-Za-z_]+)(\d+)')
INVISIBLE_HTML = re.compile(r"(?is)<(script|style|template)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>")


class ExportError(RuntimeError):
    """A document cannot be made of this notebook; the message says what stands in the way."""


@dataclass(frozen=True)
class Chart:
    """A picture of the document: its SVG, the Vega-Lite spec behind it, and what is seen."""

    svg: str
    spec: dict[str, Any]
    alt: str


@dataclass(frozen=True)
class Picture:
    """A picture that is no chart: its bytes, and what they are."""

    content: bytes
    mime: str


@dataclass
class Manuscript:
    """The parts of a document in order, with the charts and pictures that they name."""

    metadata: dict[str, Any]
    parts: list[dict[str, str]] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)  # by part: the notebook that it is from
    charts: dict[str, Chart] = field(default_factory=dict)
    pictures: dict[str, Picture] = field(default_factory=dict)  # by file name
    named: dict[str, str] = field(default_factory=dict)  # by what Markdown calls it: the file name
    code: dict[str, str] = field(default_factory=dict)  # by exhibit: the cell that made it

    @property
    def whole(self) -> bool:
        """Whether this is an assembled report, in which nothing may be missing."""
        return "references" in self.metadata

    def add(self, kind: str, **values: str) -> None:
        """Append a part."""
        self.parts.append({"kind": kind, **values})

    def chapters(self) -> list[tuple[str, list[dict[str, str]]]]:
        """Return the parts by the notebook that they are from, with its name."""
        parts = zip(self.origins, self.parts, strict=True)
        grouped = groupby(parts, key=lambda part: part[0])
        return [(name, [part for _, part in group]) for name, group in grouped]

    def keep(self, picture: Picture) -> str:
        """Return the file name of *picture*, which from now on is one of the document's."""
        name = f"picture-{len(self.pictures) + 1}{PICTURES[picture.mime]}"
        self.pictures[name] = picture
        return name


def manuscript(
    notebook: NotebookNode,
    name: str = "Notebook",
    folder: Path | None = None,
    *,
    code: bool = False,
) -> Manuscript:
    """Return *notebook* as parts: every output in its best form, code only where it is asked for.

    *name* is its title where its metadata has none; pictures that its Markdown names are looked up
    in *folder*.
    """
    text = json.dumps(notebook, ensure_ascii=False).replace(r"\\", "")
    if DOUBTFUL.search(text):
        notebook = _writable(notebook)  # which takes far longer than to look
    metadata = dict(notebook.metadata.get("panorama", {}))
    metadata.setdefault("title", str(notebook.metadata.get("title") or _writable(name)))
    paper = Manuscript(metadata)
    references = {item["id"]: item for item in metadata.get("references", [])}
    language = str(notebook.metadata.get("kernelspec", {}).get("language", ""))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            source = _attached(cell, paper)
            _find_pictures(source, folder, paper)
            paper.add("markdown", text=source)
        elif cell.cell_type == "code" and code and cell.source.strip():
            paper.add("code", text=cell.source, language=language)
        elif cell.cell_type == "raw":
            paper.add("text", text=cell.source)
        shown = len(paper.parts)
        for output in cell.get("outputs", []):
            _add(output, cell.metadata.get("notebook", ""), paper, references)
        origin = str(cell.metadata.get("notebook", ""))
        paper.origins += [origin] * (len(paper.parts) - len(paper.origins))
        paper.code |= {part["id"]: cell.source for part in paper.parts[shown:] if "id" in part}
    return paper


def _writable(value: Any) -> Any:
    """Return *value* without what only steers terminals, other unwritable characters by name."""
    if isinstance(value, str):
        return UNWRITABLE.sub(_name, TERMINAL.sub("", value))
    if isinstance(value, dict):  # a NotebookNode, too
        return type(value)({_writable(key): _writable(part) for key, part in value.items()})
    if isinstance(value, list):
        return [_writable(part) for part in value]
    return value


def _name(character: re.Match[str]) -> str:
    return f"[U+{ord(character[0]):04X}]"


def _attached(cell: NotebookNode, paper: Manuscript) -> str:
    """Return the Markdown of *cell* with the files of *paper* in place of its attachments."""
    source = str(cell.source)
    for name, bundle in cell.get("attachments", {}).items():
        for mime, content in bundle.items():
            picture = _picture(mime, content)
            if picture:
                file = paper.keep(picture)
                paper.named[file] = file
                source = source.replace(f"attachment:{name}", file)
    return source


def _find_pictures(source: str, folder: Path | None, paper: Manuscript) -> None:
    """Put into *paper* the pictures that Markdown names: in *folder*, or in the address itself."""
    for address in set(LINKED_PICTURE.findall(source)) - set(paper.named):
        head, comma, content = address.partition(";base64,")
        picture = None
        if comma and head.startswith("data:"):
            picture = _picture(head.removeprefix("data:"), content)
        elif folder and not re.match(r"[\w+.-]+:|/", address):
            path = (folder / unquote(address)).resolve()
            mime = SUFFIXES.get(path.suffix.lower())
            if mime and path.is_relative_to(folder.resolve()) and path.is_file():
                picture = Picture(path.read_bytes(), mime)
        if picture:
            paper.named[address] = paper.keep(picture)


def _picture(mime: str, content: str) -> Picture | None:
    """Return the picture in an output or attachment; None for what is none."""
    if mime == "image/svg+xml":
        return Picture(content.encode(), mime) if "<svg" in content else None
    if mime not in PICTURES or not content:
        return None
    with suppress(binascii.Error):
        return Picture(base64.b64decode(content), mime)
    return None


def _add(
    output: NotebookNode,
    notebook: str,
    paper: Manuscript,
    references: Mapping[str, Mapping[str, Any]],
) -> None:
    """Append what *output* shows to *paper*."""
    if output.output_type in {"stream", "error"}:
        trace = "\n".join(output.get("traceback") or []) or f"{output.get('ename')}: "
        paper.add("text", text=_as_shown(output.get("text") or trace))
        return
    data = output.data
    exhibit = output.get("metadata", {}).get("exhibit", {})
    if exhibit.get("kind") == "caption" or ABOUT in data:
        return
    name = _free(str(exhibit.get("id") or f"chart-{len(paper.charts) + 1}"), paper)
    legend = {"caption": str(exhibit.get("caption", "")), "origin": notebook}
    spec = next((data[m] for m in data if m.startswith("application/vnd.vegalite")), None)
    if spec is not None:
        alt = exhibit.get("alt") or spec.get("description") or data.get("text/plain", "Chart")
        label = f"fig-{name}"
        try:
            spec = with_sources(spec, references)
        except KeyError as error:
            msg = f"Figure {name} cites {error}, and there is no such source"
            raise ExportError(msg) from None
        legend["caption"] = legend["caption"] or alt
        try:
            spec = _drawable(spec)
        except ValueError as error:
            if paper.whole:
                msg = f"Figure {name} cannot be drawn: {error}"
                raise ExportError(msg) from None
            paper.add("text", text=f"[The chart cannot be drawn: {alt}]")
            return
        paper.charts[label] = Chart(draw(spec, label), {**spec, "description": alt}, alt)
        paper.add("figure", id=label, alt=alt, **legend)
    elif exhibit.get("kind") == "table":
        paper.add("table", id=f"tbl-{name}", text=data["text/markdown"], **legend)
    else:
        _add_foreign(data, output.get("metadata", {}), paper)


def _free(name: str, paper: Manuscript) -> str:
    """Return *name*; outside of a report, where none is checked, as an id that is not yet taken."""
    if paper.whole:
        return name
    name = re.sub(r"[^\w-]", "-", name)[:LONGEST_ID]
    taken = {part["id"][4:] for part in paper.parts if "id" in part}
    names = chain([name], (f"{name}-{number}" for number in count(1)))
    return next(free for free in names if free not in taken)


def _add_foreign(data: Mapping[str, str], metadata: Mapping[str, Any], paper: Manuscript) -> None:
    """Append to *paper* the best form of an output that is no exhibit."""
    plain = data.get("text/plain", "")
    formula = FORMULA.fullmatch(data.get("text/latex", "").strip())
    picture = next(((m, p) for m in PICTURES if (p := _picture(m, data.get(m, "")))), None)
    html = data.get("text/html", "")
    if "text/markdown" in data:
        paper.add("markdown", text=data["text/markdown"])
    elif formula:
        paper.add("math", text=next(filter(None, formula.groups()), ""))
    elif picture:
        mime, content = picture
        about = metadata.get(mime)
        told = (about.get("alt") if isinstance(about, Mapping) else "") or metadata.get("alt")
        alt = told or (plain if plain and plain[0] != "<" else "Picture that the code displayed")
        paper.add("picture", file=paper.keep(content), alt=str(alt))
    elif INVISIBLE_HTML.sub("", html).strip():
        paper.add("html", text=html)
    else:
        paper.add("text", text=_as_shown(plain))


def _as_shown(text: str) -> str:
    """Return *text* as a terminal leaves it: of lines written anew, the last form."""
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


def _drawable(spec: dict[str, Any]) -> dict[str, Any]:
    r"""Return *spec* so that it can be drawn.

    Vega-Lite writes titles into expressions as they are, where the backslash of C:\users ends it.
    """
    text = json.dumps(spec)
    try:
        drawn(text)
    except ValueError:
        text = text.replace("\\\\", 4 * "\\").replace("\\u2028", " ").replace("\\u2029", " ")
        drawn(text)
    return dict(json.loads(text))


def draw(spec: Mapping[str, Any], prefix: str) -> str:
    """Return the chart as SVG, in the document's font, with ids that start with *prefix*."""
    return re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", drawn(json.dumps(spec)))


def drawn(spec: str) -> str:
    """Return a chart as SVG; the HTML and the PDF show the same pictures."""
    return TEXTS.of(picture_of, spec, version=_style(), holds_up=True)


@cache
def _style() -> str:
    ours = [*FONTS.iterdir(), Path(__file__)]
    return digest(json.dumps(CONFIG), of_files(ours, Path(__file__).parent))


@lru_cache(maxsize=8)  # a chart is asked for twice: whether it can be drawn, and for its picture
def picture_of(spec: str) -> str:
    """Return a chart as SVG, drawn by itself."""
    register_fonts()
    svg = str(vl_convert.vegalite_to_svg(spec, config=CONFIG, allowed_base_urls=[]))
    counts: dict[str, int] = {}  # Vega counts on from the last chart that a process drew

    def renumbered(name: re.Match[str]) -> str:
        return f"{name[1]}{name[2]}{counts.setdefault(name[2] + name[3], len(counts) + 1)}"

    return COUNTED.sub(renumbered, svg)


@cache
def font_folders() -> list[str]:
    """Return where fonts are: our own, and those of packages for all that ours cannot write."""
    specs = [find_spec(package) for package in FONT_PACKAGES]
    return [str(FONTS), *(str(Path(s.origin).parent) for s in specs if s and s.origin)]


@cache
def register_fonts() -> None:
    """Have charts drawn in our fonts."""
    for folder in font_folders():
        vl_convert.register_font_directory(folder)


def bitmap(spec: Mapping[str, Any], svg: str) -> str:
    """Return a chart as SVG in the size of *svg*, with its text drawn, not written."""
    register_fonts()
    png = vl_convert.vegalite_to_png(dict(spec), config=CONFIG, scale=SCALE)
    content = base64.b64encode(png).decode()
    head = svg.partition(">")[0]
    whole = f'<image width="100%" height="100%" href="data:image/png;base64,{content}"/>'
    return f"{head}>{whole}</svg>"
