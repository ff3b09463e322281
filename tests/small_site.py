"""A small site, made up: a report of four sections, pages of two chips, a model and a pair."""

from functools import cache

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from reportlib import params
from reportlib.pipeline import data
from reportlib.pipeline.assemble import assemble
from reportlib.pipeline.export import HtmlExporter
from reportlib.pipeline.pages import PageInfo
from reportlib.pipeline.site import page_notebook, place_of, site_page, surroundings

PDF = b"%PDF-1.7 made up"
PAGES = [
    PageInfo("chips/b200.html", "chip", "B200", "B200", "B200 of NVIDIA: fast.", "blackwell"),
    PageInfo("chips/h100-sxm5.html", "chip", "H100 SXM5", "H100 SXM5", "An H100.", "hopper"),
    PageInfo("models/llama-3-70b.html", "model", "Llama 3 70B", "Llama 3 70B", "A model.", "dense"),
    PageInfo(
        "compare/b200-vs-h100-sxm5.html", "compare", "B200 against H100 SXM5",
        "B200 against H100 SXM5", "B200 and H100 SXM5 side by side. B200 holds more.", "",
    ),
]  # fmt: skip
CHART = {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
    "datasets": {"dots": [{"x": 1, "y": 2}, {"x": 2, "y": 3}]},
    "data": {"name": "dots"},
    "mark": "point",
    "encoding": {
        "x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"},
    },
    "usermeta": {"data": ["dots"]},
    "width": 640, "height": 300,
}  # fmt: skip
TABLE = "| Claim | Value |\n|:--|--:|\n| It is so [@nvidia-h100]. | 1 |"


def figure(name):
    exhibit = {"kind": "figure", "id": name, "caption": f"Dots of {name} rise. Two of them.",
               "alt": "Two dots."}  # fmt: skip
    data_of = {"application/vnd.vegalite.v6+json": CHART, "text/plain": "Dots"}
    return new_code_cell("figure(…)", outputs=[_shown(data_of, {"exhibit": exhibit})])


def table(name):
    exhibit = {"kind": "table", "id": name, "caption": "Claims, judged.", "alt": ""}
    return new_code_cell(
        "table(…)", outputs=[_shown({"text/markdown": TABLE}, {"exhibit": exhibit})]
    )


def prose(text):
    return new_code_cell("prose(…)", outputs=[_shown({"text/markdown": text}, {})])


def _shown(content, metadata):
    return new_output("display_data", content, metadata=metadata)


def executed(page):
    """The notebook of *page*, as if it had been executed."""
    return new_notebook(
        cells=[
            prose(
                f"# {page.name}\n\n{page.description} It is said [@nvidia-h100]. See "
                "[another](../chips/b200.html) and [why](../report/memory-bound.html)."
            ),
            new_markdown_cell("## Where it stands"),
            figure("place"),
            new_markdown_cell("## Its numbers"),
            table("printed"),
        ]
    )


@cache
def numbers():
    return params.load()


@cache
def report():
    """The documents of a small report, and its data."""
    known = numbers()
    sections = {
        "00_at_a_glance": new_notebook(
            cells=[new_markdown_cell("# At a glance\n\nDots rise ([@fig-roofline]).")]
        ),
        "10_memory_bound": new_notebook(
            cells=[
                new_markdown_cell("# Why memory binds\n\nA wafer is read quickly."),
                new_markdown_cell("## What a token costs\n\nEvery weight is read."),
                figure("roofline"),
                figure("plane"),
            ]
        ),
        "90_claims": new_notebook(cells=[new_markdown_cell("# The claims"), table("claims")]),
        "96_glossary": new_notebook(
            cells=[new_markdown_cell("# Glossary\n\n::: {#terms}\nWafer\n: A disc.\n:::")]
        ),
    }
    whole = assemble(sections, known.report, known.sources)
    html = HtmlExporter().from_notebook_node(whole)[0]
    return {"html": html.encode(), "pdf": PDF, "tables": data.files(known)}


def pages(address=""):
    """The pages by their paths."""
    known = numbers()
    places = {page.path: (page, place_of(page, known.report, address)) for page in PAGES}
    return {
        path: site_page(page_notebook(executed(page), place, known.sources), place)
        for path, (page, place) in places.items()
    }


def files(previous=None, address=""):
    """All files of the site but its provenance, by their paths."""
    around = surroundings(
        numbers(), **report(), pages=PAGES, previous=previous, address=address
    )  # fmt: skip
    found = {path: text.encode() for path, text in pages(address).items()}
    for path, content in around:
        assert path not in found, path
        found[path] = content
    return found


def write(folder, found):
    """Write *found* below *folder*, as a build does."""
    for path, content in found.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder
