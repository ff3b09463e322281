"""Notebooks obey their shape: thin, typed, empty of outputs and of numbers typed by hand."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

from reportlib.params import load
from reportlib.pipeline.execute import typed_parameters

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = {  # sections of the report, and pages of the site as pages/chip
    str(p.relative_to(FOLDER).with_suffix("")): nbformat.read(p, as_version=4)
    for p in sorted([*FOLDER.glob("*.ipynb"), *FOLDER.glob("pages/*.ipynb")])
}
NUMBER = re.compile(
    r"\d\s*(?:[kMGTPE]i?B\b|[kMGTPE]?FLOP|[kMG]?bit\b|[mµn]?s\b|tokens?/s|k?W\b|USD|\N{PERCENT SIGN})"  # noqa: E501
)
FEWEST_EXHIBITS = {
    "00_at_a_glance": 2,
    "90_claims": 1,
    "94_method": 1,
    "96_glossary": 0,
    "97_what_changed": 3,
}

every_notebook = pytest.mark.parametrize("name", NOTEBOOKS)


def code(name):
    return [cell for cell in NOTEBOOKS[name].cells if cell.cell_type == "code"]


def exhibits(name):
    """Return the calls of figure() and table() in a notebook."""
    trees = [ast.parse(cell.source) for cell in code(name)]
    calls = [n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Call)]
    return [c for c in calls if getattr(c.func, "id", "") in {"figure", "table"}]


def test_there_are_notebooks():
    assert len(NOTEBOOKS) > 3


@every_notebook
def test_nothing_that_running_leaves_is_stored(name):
    assert [c.source for c in code(name) if c.outputs or c.execution_count is not None] == []


@every_notebook
def test_code_cells_are_short(name):
    assert [c.source for c in code(name) if len(c.source.splitlines()) > 8] == []


@every_notebook
def test_code_only_calls(name):
    statements = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While)
    trees = [ast.parse(cell.source) for cell in code(name)]

    assert [type(n) for tree in trees for n in ast.walk(tree) if isinstance(n, statements)] == []


@every_notebook
def test_no_number_with_a_unit_is_typed(name):
    texts = [cell.source for cell in NOTEBOOKS[name].cells if cell.cell_type == "markdown"]

    assert [m[0] for text in texts for m in NUMBER.finditer(text)] == []


@every_notebook
def test_one_cell_declares_parameters_each_with_its_type_and_meaning(name):
    cells = [c for c in code(name) if "parameters" in c.metadata.get("tags", [])]

    assert len(cells) == bool(code(name))
    for line in "\n".join(c.source for c in cells).splitlines():
        assert re.fullmatch(r"\w+: [\w\[\], ]+ = .+?  # \w.+", line), line


@every_notebook
def test_the_kernel_is_python(name):
    assert NOTEBOOKS[name].metadata.kernelspec.name == "python3"


def test_the_sections_of_the_report_have_notebooks_that_take_their_parameters():
    sections = load().report.sections

    assert set(sections) == {name for name in NOTEBOOKS if not name.startswith("pages/")}
    assert typed_parameters(FOLDER, sections).keys() == sections.keys()


def test_ids_of_figures_and_of_tables_are_unique():
    ids = [
        (call.func.id, keyword.value.value)
        for name in NOTEBOOKS
        for call in exhibits(name)
        for keyword in call.keywords
        if keyword.arg == "id"
    ]

    assert len(ids) == len(set(ids))


def test_names_of_equations_are_unique():
    texts = [cell.source for notebook in NOTEBOOKS.values() for cell in notebook.cells]
    names = [label for text in texts for label in re.findall(r"\{#(eq-[\w-]+)\}", text)]

    assert len(names) == len(set(names)) > 5


@every_notebook
def test_exhibits_are_named_and_described(name):
    needed = {"figure": {"id", "caption", "alt"}, "table": {"id", "caption", "columns"}}
    for call in exhibits(name):
        assert {k.arg for k in call.keywords} >= needed[call.func.id], ast.unparse(call)[:80]


@every_notebook
def test_a_section_shows_what_it_says(name):
    assert len(exhibits(name)) >= FEWEST_EXHIBITS.get(name, 4)
