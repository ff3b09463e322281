"""nbconvert exporters: any notebook to one self-contained HTML page, or to a PDF.

``jupyter nbconvert --to hbm-html`` and ``--to hbm-pdf``. Pandoc turns the notebook's Markdown,
citations and formulas into HTML and Typst, in one pass each; vl-convert draws every Vega-Lite
chart as SVG; Typst makes the PDF. All three come in wheels: no LaTeX, no browser, no network.
Raw HTML and TeX in Markdown are text here, so that nothing in a notebook is executed.
"""

import base64
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pypandoc
import typst
import vl_convert
from jinja2 import Environment, FileSystemLoader
from nbconvert.exporters import Exporter
from nbformat import NotebookNode

from reportlib.exhibits.theme import CONFIG
from reportlib.pipeline.chartdata import compact, with_sources
from reportlib.pipeline.files import write_whole

ASSETS = Path(__file__).parent / "assets"
FONTS = ASSETS / "fonts"
WEB_FONTS = {
    ("IBM Plex Sans", 400, "normal"): "IBMPlexSans-Regular-Latin1.woff2",
    ("IBM Plex Sans", 400, "italic"): "IBMPlexSans-Italic-Latin1.woff2",
    ("IBM Plex Sans", 700, "normal"): "IBMPlexSans-Bold-Latin1.woff2",
    ("STIX Two Math", 400, "normal"): "STIXTwoMath-subset.woff2",
}
MARKDOWN = "markdown-raw_html-raw_tex-raw_attribute-native_spans-native_divs"
LONGEST_DIAGNOSTIC = 600  # characters; it may quote a whole picture
CELLS = {' style="text-align: left;"': "", ' style="text-align: right;"': ' class="number"'}
NEEDLESS = re.compile(
    r' (?:aria-[a-z]+|role|pointer-events|font-family)="[^"]*"| opacity="1"| font-size="12px"'
)
BUNDLE_NOTICE = (
    "/* vega, vega-lite, vega-embed: Copyright University of Washington Interactive Data Lab, "
    "BSD-3-Clause; bundled with d3 (Mike Bostock, ISC). */"
)


class ExportError(RuntimeError):
    """A document cannot be made of this notebook; the message says what stands in the way."""


@dataclass(frozen=True)
class Chart:
    """A picture of the document: its SVG, the Vega-Lite spec behind it, and what is seen."""

    svg: str
    spec: dict[str, Any]
    alt: str


@dataclass(frozen=True)
class Manuscript:
    """A notebook as Pandoc's Markdown, with the charts that it names by id."""

    markdown: str
    charts: Mapping[str, Chart]
    metadata: dict[str, Any]


def manuscript(notebook: NotebookNode, name: str = "Notebook") -> Manuscript:
    """Return *notebook* as Markdown: code left out, every output in its best form.

    *name* is its title where its metadata has none.
    """
    parts: list[str] = []
    charts: dict[str, Chart] = {}
    metadata = dict(notebook.metadata.get("panorama", {}))
    metadata.setdefault("title", notebook.metadata.get("title", name))
    references = {item["id"]: item for item in metadata.get("references", [])}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        origin = cell.metadata.get("notebook", "")
        parts += [_output(output, origin, charts, references) for output in cell.get("outputs", [])]
    return Manuscript("\n\n".join(parts), charts, metadata)


def _output(
    output: NotebookNode,
    notebook: str,
    charts: dict[str, Chart],
    references: Mapping[str, Mapping[str, Any]],
) -> str:
    """Return Markdown for one output, and put its chart, if it has one, into *charts*."""
    if output.output_type in {"stream", "error"}:
        text = output.get("text") or f"{output.ename}: {output.evalue}"
        return f"```\n{text}\n```"
    data = output.data
    exhibit = output.get("metadata", {}).get("exhibit", {})
    if exhibit.get("kind") == "caption":
        return ""
    name = exhibit.get("id") or f"chart-{len(charts) + 1}"
    caption = f"{exhibit.get('caption', '')} {_origin(notebook)}".strip()
    spec = next((data[m] for m in data if m.startswith("application/vnd.vegalite")), None)
    if spec is not None:
        alt = exhibit.get("alt") or spec.get("description") or data.get("text/plain", "Chart")
        label = f"fig-{name}"
        try:
            spec = with_sources(spec, references)
        except KeyError as error:
            msg = f"Figure {name} cites {error}, and there is no such source"
            raise ExportError(msg) from None
        charts[label] = Chart(draw(spec, label), {**spec, "description": alt}, alt)
        return f"::: {{#{label} .figure alt={json.dumps(alt)}}}\n{caption or alt}\n:::"
    if exhibit.get("kind") == "table":
        return f"::: {{#tbl-{name} .table}}\n{data['text/markdown']}\n\n{caption}\n:::"
    if "text/markdown" in data:
        return str(data["text/markdown"])
    return f"```\n{data.get('text/plain', '')}\n```"


def _origin(notebook: str) -> str:
    return f"[{notebook}.ipynb]{{.notebook}}" if notebook else ""


def draw(spec: Mapping[str, Any], prefix: str) -> str:
    """Return the chart as SVG, in the document's font, with ids that start with *prefix*."""
    return re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", _drawn(json.dumps(spec)))


@cache
def _drawn(spec: str) -> str:
    """Return a chart as SVG; the HTML and the PDF show the same pictures."""
    _register_fonts()
    return str(vl_convert.vegalite_to_svg(spec, config=CONFIG, allowed_base_urls=[]))


@cache
def _register_fonts() -> None:
    vl_convert.register_font_directory(str(FONTS))


def render(paper: Manuscript, to: str, folder: Path, *options: str) -> str:
    """Return *paper* as Pandoc renders it, numbers, cross references and citations resolved.

    In an assembled report any warning is an error; a notebook by itself may point elsewhere.
    """
    references = folder / "references.json"
    references.write_text(json.dumps(paper.metadata.get("references", [])), encoding="utf-8")
    whole = "references" in paper.metadata
    command = [
        pypandoc.get_pandoc_path(), "--from", MARKDOWN, "--to", to, "--wrap=none",
        "--columns=10000", "--lua-filter", str(ASSETS / "glossary.lua"),
        "--lua-filter", str(ASSETS / "crossref.lua"),
        "--citeproc", "--csl", str(ASSETS / "references.csl"), "--bibliography", str(references),
        "--metadata", f"link-citations={str(whole).lower()}",
        "--metadata", f"whole={str(whole).lower()}",
        *(["--fail-if-warnings"] if whole else ["--quiet"]), *options,
    ]  # fmt: skip
    done = subprocess.run(  # noqa: S603 - our own command, no shell
        command, input=paper.markdown, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip() and line[0] != "\t"]
        msg = f"Pandoc cannot make the document: {' '.join(lines)}"
        raise ExportError(msg)
    return done.stdout


class DocumentExporter(Exporter):
    """What both documents have in common: a manuscript, and a folder to work in."""

    def from_notebook_node(
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Return the document, and nbconvert's resources."""
        nb, resources = super().from_notebook_node(nb, resources, **kw)
        resources["output_extension"] = self.file_extension
        paper = manuscript(nb, resources.get("metadata", {}).get("name", "Notebook"))
        with tempfile.TemporaryDirectory() as folder:
            return self.document(paper, Path(folder)), resources

    def document(self, paper: Manuscript, folder: Path) -> str | bytes:
        """Return *paper* in the format of the exporter."""
        raise NotImplementedError


class HtmlExporter(DocumentExporter):
    """One HTML file: styles, fonts, pictures, scripts and data inside, no request to anywhere."""

    export_from_notebook = "HBM panorama (HTML)"
    file_extension = ".html"
    output_mimetype = "text/html"

    def document(self, paper: Manuscript, folder: Path) -> str:
        """Return the page."""
        template = folder / "parts.html"
        template.write_text("$toc$\n<!--body-->\n$body$", encoding="utf-8")
        options = ("--mathml", "--toc", "--toc-depth=2", "--number-sections")
        html = render(paper, "html5", folder, "--template", str(template), *options)
        contents, _, body = html.partition("<!--body-->")
        for wordy, short in CELLS.items():
            body = body.replace(wordy, short)
        body = re.sub(r' data-cites="[^"]*"', "", body)
        for label, chart in paper.charts.items():
            body = body.replace(f"<!--chart:{label}-->", _frame(chart))
        return _page(paper, contents, body)


def _frame(chart: Chart) -> str:
    """Return a chart's static picture, with the spec from which the page can draw it live."""
    label = escape(chart.alt, quote=True)
    svg = lean(chart.svg).replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
    bound = [param for param in chart.spec.get("params", []) if isinstance(param.get("bind"), dict)]
    kind = "chart controls" if bound else "chart"
    return f'<div class="{kind}">{svg}{_data(compact(chart.spec))}</div>'


def lean(svg: str) -> str:
    """Return a picture for the page without what the page says by itself, to a tenth of a pixel.

    Its words are those of the whole picture, its font that of the page.
    """
    svg = re.sub(r'<path class="(?:back|fore)ground"[^>]* d=""[^>]*/>', "", svg)
    head, _, body = svg.partition(">")
    return f'{head} font-size="12px">' + re.sub(r"<[a-z][^>]*>", _lean_tag, body)


def _lean_tag(tag: re.Match[str]) -> str:
    short = re.sub(NEEDLESS, "", tag[0])
    short = re.sub(r"rgb\((\d+), (\d+), (\d+)\)", _hex, short)
    return re.sub(r' (?:d|transform|[xy][12]?)="[^"]*"', _tenths, short)


def _hex(color: re.Match[str]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*map(int, color.groups()))


def _tenths(attribute: re.Match[str]) -> str:
    return re.sub(r"-?\d+\.\d{2,}", lambda n: f"{round(float(n[0]), 1) + 0:g}", attribute[0])


def _data(value: Any, name: str = "") -> str:
    """Return *value* as JSON in a script element that no text in it can close."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    text = text.replace("<", "\\u003c")
    label = f' id="{name}"' if name else ""
    return f'<script type="application/json"{label}>{text}</script>'


def _page(paper: Manuscript, contents: str, body: str) -> str:
    environment = Environment(loader=FileSystemLoader(ASSETS), autoescape=False)  # noqa: S701
    style = _font_faces() + (ASSETS / "page.css").read_text(encoding="utf-8")
    script = (ASSETS / "page.js").read_text(encoding="utf-8")
    vega = vega_bundle() if paper.charts else ""
    policy = (
        "default-src 'none'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'; "
        f"script-src {_hash(vega)} {_hash(script)}; "
        f"style-src {_hash(style)}; style-src-attr 'unsafe-inline'"
    )
    return environment.get_template("page.html.j2").render(
        paper.metadata, policy=policy, style=style, script=script, vega=vega,
        contents=contents, body=body, config=_data(CONFIG, "chart-config"),
    )  # fmt: skip


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _font_faces() -> str:
    return "".join(
        f'@font-face{{font-family:"{family}";font-weight:{weight};font-style:{style};'
        f"font-display:swap;src:url(data:font/woff2;base64,"
        f"{base64.b64encode((FONTS / name).read_bytes()).decode()})}}"
        for (family, weight, style), name in WEB_FONTS.items()
    )


def vega_bundle() -> str:
    """Return Vega, Vega-Lite and vega-embed as one script.

    Making it takes seconds, so it is kept in the environment, whose code we trust as much, under
    the version that made it.
    """
    kept = Path(sys.prefix) / "share" / "hbm-panorama" / f"vega-{version('vl-convert-python')}.js"
    if kept.exists():
        return kept.read_text(encoding="utf-8")
    code = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub wants a snippet
    bundle = BUNDLE_NOTICE + code.replace("</script", "<\\/script")
    with suppress(OSError):  # a read-only environment makes it each time
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_whole(kept, bundle.encode())
    return bundle


class PdfExporter(DocumentExporter):
    """A PDF/UA-1 and PDF/A-2a document with vector charts, contents and bookmarks."""

    export_from_notebook = "HBM panorama (PDF)"
    file_extension = ".pdf"
    output_mimetype = "application/pdf"

    def document(self, paper: Manuscript, folder: Path) -> bytes:
        """Return the PDF."""
        for label, chart in paper.charts.items():
            (folder / f"{label}.svg").write_text(chart.svg, encoding="utf-8")
        source = folder / "report.typ"
        template = str(ASSETS / "document.typ")
        text = render(paper, "typst", folder, "--template", template)
        source.write_text(text, encoding="utf-8")
        return _compile(source, paper.metadata)


def _compile(source: Path, metadata: Mapping[str, str]) -> bytes:
    """Return the PDF; a missing font or a bad reference is an error, not a blank."""
    words = {key: metadata.get(key, "") for key in ("title", "subtitle", "publisher", "date")}
    day = datetime.fromisoformat(words["date"] or "1970-01-01").replace(tzinfo=UTC)
    try:
        pdf, warnings = typst.compile_with_warnings(
            str(source), root=str(source.parent), font_paths=[str(FONTS)], format="pdf",
            ignore_system_fonts=True, pdf_standards=["a-2a", "ua-1"], sys_inputs=words,
            timestamp=int(day.timestamp()),
        )  # fmt: skip
    except typst.TypstError as error:
        msg = f"Typst cannot make the PDF: {error.diagnostic[:LONGEST_DIAGNOSTIC]}"
        raise ExportError(msg) from None
    if warnings:
        msg = f"Typst warns: {'; '.join(warning.diagnostic for warning in warnings)}"
        raise ExportError(msg)
    return bytes(pdf)
