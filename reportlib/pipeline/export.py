"""nbconvert exporters: any notebook to one self-contained HTML page, or to a PDF.

``jupyter nbconvert --to hbm-html`` and ``--to hbm-pdf``. Pandoc turns the notebook's Markdown,
citations and formulas into HTML and Typst, in one pass each; vl-convert draws every Vega-Lite
chart as SVG; Typst makes the PDF. All three come in wheels: no LaTeX, no browser, no network.
Raw HTML and TeX in Markdown are text here, so that nothing in a notebook is executed.
"""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pypandoc
from nbconvert.exporters import Exporter
from nbformat import NotebookNode
from traitlets import Bool

from reportlib.pipeline.manuscript import ExportError, Manuscript, manuscript
from reportlib.pipeline.page import page
from reportlib.pipeline.printing import pdf, unprintable, write_chart, write_pictures

ASSETS = Path(__file__).parent / "assets"


def render(paper: Manuscript, to: str, folder: Path, *options: str, missing: str = "") -> str:
    """Return *paper* as Pandoc renders it, numbers, cross references and citations resolved.

    In an assembled report any warning is an error; a notebook by itself may point elsewhere. The
    *missing* characters get names.
    """
    references = folder / "references.json"
    references.write_text(json.dumps(paper.metadata.get("references", [])), encoding="utf-8")
    whole = str(paper.whole).lower()
    command = [
        pypandoc.get_pandoc_path(), "--from", str(ASSETS / "notebook.lua"), "--to", to,
        "--wrap=none", "--columns=10000", "--syntax-highlighting=none",
        "--lua-filter", str(ASSETS / "glossary.lua"), "--lua-filter", str(ASSETS / "crossref.lua"),
        "--citeproc", "--csl", str(ASSETS / "references.csl"), "--bibliography", str(references),
        "--lua-filter", str(ASSETS / "last.lua"),
        "--metadata", f"link-citations={whole}", "--metadata", f"whole={whole}",
        *(["--fail-if-warnings"] if paper.whole else ["--quiet"]), *options,
    ]  # fmt: skip
    done = subprocess.run(  # noqa: S603 - our own command, no shell
        command, input=paper.json(missing), capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip() and line[0] != "\t"]
        msg = f"Pandoc cannot make the document: {' '.join(lines)}"
        raise ExportError(msg)
    return done.stdout


def html(paper: Manuscript, folder: Path, *options: str) -> tuple[str, str]:
    """Return the contents and the body of *paper*, as HTML."""
    template = folder / "parts.html"
    template.write_text("$toc$\n<!--body-->\n$body$", encoding="utf-8")
    always = ("--template", str(template), "--mathml", "--toc", "--toc-depth=2")
    contents, _, body = render(paper, "html5", folder, *always, *options).partition("<!--body-->")
    return contents, body


class DocumentExporter(Exporter):
    """What both documents have in common: a manuscript, and a folder to work in."""

    show_input = Bool(default_value=False, help="Show the code of cells, too.").tag(config=True)

    def from_notebook_node(
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Return the document, and nbconvert's resources."""
        nb, resources = super().from_notebook_node(nb, resources, **kw)
        resources["output_extension"] = self.file_extension
        about = resources.get("metadata", {})
        place = Path(about["path"]) if "path" in about else None
        paper = manuscript(nb, about.get("name", "Notebook"), place, code=self.show_input)
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
        return page(paper, *html(paper, folder, "--number-sections"))


class PdfExporter(DocumentExporter):
    """A PDF/UA-1 and PDF/A-2a document with vector charts, contents and bookmarks."""

    export_from_notebook = "HBM panorama (PDF)"
    file_extension = ".pdf"
    output_mimetype = "application/pdf"

    def document(self, paper: Manuscript, folder: Path) -> bytes:
        """Return the PDF."""
        missing = unprintable(paper)
        for label, chart in paper.charts.items():
            write_chart(chart, folder / f"{label}.svg", missing)
        write_pictures(paper, folder)
        source = folder / "report.typ"
        template = str(ASSETS / "document.typ")
        text = render(paper, "typst", folder, "--template", template, missing=missing)
        source.write_text(text, encoding="utf-8")
        return pdf(paper, source, missing)
