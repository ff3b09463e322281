"""nbconvert exporters: any notebook to one self-contained HTML page, or to a PDF.

``jupyter nbconvert --to hbm-html`` and ``--to hbm-pdf``. Pandoc turns the notebook's Markdown,
citations and formulas into HTML and Typst; vl-convert draws every Vega-Lite
chart as SVG; Typst makes the PDF. All three come in wheels: no LaTeX, no browser, no network.
Raw HTML and TeX in Markdown are text here, so that nothing in a notebook is executed.
"""

import tempfile
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter
from nbformat import NotebookNode
from traitlets import Bool

from reportlib.pipeline.chapters import entries, render, with_marks
from reportlib.pipeline.manuscript import Manuscript, manuscript
from reportlib.pipeline.page import page
from reportlib.pipeline.printing import pdf, unprintable, write_chart, write_pictures

ASSETS = Path(__file__).parent / "assets"


HTML = ("html5", "--mathml", "--toc", "--toc-depth=2")
NUMBERED = "--number-sections"


def html(paper: Manuscript, *options: str) -> tuple[str, str]:
    """Return the contents and the body of *paper*, as HTML."""
    made = render(paper, *HTML, *options)
    contents, bodies = zip(*(text.split("<!--body-->\n") for text in made), strict=True)
    lists = (part.strip().removeprefix("<ul>").removesuffix("</ul>").strip() for part in contents)
    listed = "\n".join(filter(None, lists))
    return f"<ul>\n{listed}\n</ul>" if listed else "", "".join(bodies)


def begin(paper: Manuscript) -> None:
    """Make what does not depend on the rest of a report that *paper* will be in."""
    for to, *options in ((*HTML, NUMBERED), ("typst",)):
        with_marks(paper, to, *options)
        entries(to, paper.metadata["references"])


class DocumentExporter(Exporter):
    """What both documents have in common: a manuscript, and a folder to work in."""

    show_input = Bool(default_value=False, help="Show the code of cells, too.").tag(config=True)

    def from_notebook_node(
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Return the document, and nbconvert's resources."""
        paper, resources = self.manuscript(nb, resources, **kw)
        return self.document(paper), resources

    def manuscript(
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> tuple[Manuscript, dict[str, Any]]:
        """Return what the document is made of, and nbconvert's resources."""
        nb, resources = super().from_notebook_node(nb, resources, **kw)
        resources["output_extension"] = self.file_extension
        about = resources.get("metadata", {})
        place = Path(about["path"]) if "path" in about else None
        name = about.get("name", "Notebook")
        return manuscript(nb, name, place, code=self.show_input), resources

    def document(self, paper: Manuscript) -> str | bytes:
        """Return *paper* in the format of the exporter."""
        raise NotImplementedError


class HtmlExporter(DocumentExporter):
    """One HTML file: styles, fonts, pictures, scripts and data inside, no request to anywhere."""

    export_from_notebook = "HBM panorama (HTML)"
    file_extension = ".html"
    output_mimetype = "text/html"

    def document(self, paper: Manuscript) -> str:
        """Return the page."""
        return page(paper, *html(paper, NUMBERED))


class PdfExporter(DocumentExporter):
    """A PDF/UA-1 and PDF/A-2a document with vector charts, contents and bookmarks."""

    export_from_notebook = "HBM panorama (PDF)"
    file_extension = ".pdf"
    output_mimetype = "application/pdf"

    def document(self, paper: Manuscript) -> bytes:
        """Return the PDF."""
        paper = replace(paper, parts=deepcopy(paper.parts))  # words may take the place of pictures
        missing = unprintable(paper)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for label, chart in paper.charts.items():
                write_chart(chart, folder / f"{label}.svg", missing)
            write_pictures(paper, folder)
            text = "\n".join(render(paper, "typst", missing=missing))
            template = (ASSETS / "document.typ").read_text(encoding="utf-8")
            source = folder / "report.typ"
            source.write_text(template.replace("$body$", text), encoding="utf-8")
            return pdf(paper, source, missing)
