"""The appendices on method and words: every calculation is told, every term is led to once."""

import inspect
import re

import nbformat
from conftest import ROOT
from nbformat.v4 import new_markdown_cell, new_notebook

from reportlib import params
from reportlib.calculations import decode
from reportlib.exhibits.tables import method
from reportlib.pipeline import export

GLOSSARY = nbformat.read(ROOT / "notebooks" / "96_glossary.ipynb", as_version=4).cells[0].source
TERMS = re.findall(r"(?m)^(\S.*)\n:   ", GLOSSARY)


def page(*texts):
    """Return the HTML of *texts* and the glossary after them."""
    cells = [new_markdown_cell(text) for text in (*texts, GLOSSARY)]
    paper = export.manuscript(new_notebook(cells=cells))
    return export.html(paper)[1]


def links(html):
    return re.findall(r'<a href="#(term-[a-z-]+)" class="term">([^<]*)</a>', html)


def test_every_calculation_is_told_with_its_unit():
    told = method.formulas().set_index("name")

    public = [n for n, f in inspect.getmembers(decode, inspect.isfunction)
              if f.__module__ == decode.__name__ and n[0] != "_"]  # fmt: skip
    assert {f"`decode.{name}`" for name in public} <= set(told.index)
    assert told.index.is_unique
    assert told.loc["`decode.read_time`", "unit"] == "s"
    assert told.loc["`roofline.ridge_point`", "unit"] == "FLOP/B"
    assert (told["what"].str.len() > 10).all()
    assert not told["what"].str.contains("@").any()


def test_sources_that_calculations_cite_are_described():
    cited = set(re.findall(r"@([\w.-]+)", " ".join(method.formulas()["source"])))

    assert len(cited) > 10
    assert cited - set(params.load(params.DEFAULT_ROOT).sources) == set()


def test_terms_are_in_order_and_each_is_explained_once():
    assert len(TERMS) > 40
    assert sorted(map(str.lower, TERMS)) == [term.lower() for term in TERMS]
    assert len(set(TERMS)) == len(TERMS)


def test_the_first_use_in_each_section_leads_to_the_term():
    html = page(
        "# One\n\nA KV cache, and KV caches again. Ridge\npoints, (batch): *roofline*.",
        "# Two\n\n## A batch\n\nKV caches. A [batch](#one), and a batch.\n\nA batch.",
    )

    assert links(html) == [
        ("term-kv-cache", "KV cache"), ("term-ridge-point", "Ridge points"),
        ("term-kv-cache", "KV caches"), ("term-batch", "batch"),
    ]  # fmt: skip
    assert all(html.count(f'id="{name}"') == 1 for name, _ in links(html))


def test_a_notebook_without_a_glossary_stays_as_it_is():
    paper = export.manuscript(new_notebook(cells=[new_markdown_cell("A KV cache.")]))

    assert "<a" not in export.html(paper)[1]
