"""An edit is shown by running only what it concerns, and says what a build would."""

from copy import deepcopy

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from reportlib.exhibits import display
from reportlib.pipeline.preview import updated

CELLS = [
    "from reportlib.exhibits.display import prose",
    "size: int = 80  # GB",
    "twice = 2 * size\nprose(f'Twice is {twice}.')",
    "prose(f'Size is {size}.')",
    "word = 'alone'\nprose(f'It stands {word}.')",
    "half = size / 2\nprose(f'A word: {word}, {half}.')",
]
TAGS = {0: ["setup"], 1: ["parameters"]}


def notebook(cells=CELLS, *, text="# Heading"):
    code = [new_code_cell(cell) for cell in cells]
    for number, tags in TAGS.items():
        code[number].metadata["tags"] = tags
    return new_notebook(cells=[new_markdown_cell(text), *code])


def shown(made):
    """Return the texts that the cells of a notebook show."""
    return [o.data["text/markdown"] for c in made.cells[1:] for o in c.get("outputs", [])]


@pytest.fixture
def known():
    """The notebook as it was executed, with the parameter that the report gives it."""
    executed = notebook()
    texts = {3: "Twice is 192.", 4: "Size is 96.", 5: "It stands alone.", 6: "A word: alone, 48.0."}
    for number, text in texts.items():
        executed.cells[number].outputs = [
            new_output("display_data", {"text/markdown": text}, metadata={})
        ]
    given = new_code_cell("size = 96")
    given.metadata["tags"] = ["injected-parameters"]
    executed.cells.insert(3, given)
    return executed


@pytest.fixture
def after(known):
    """A function that returns what is shown after an edit, and which cells were run."""

    def run(new):
        before = deepcopy(known)
        new_before = deepcopy(new)
        made = updated(known, new, {"size": 96})
        assert known == before
        assert new == new_before
        return made

    return run


def edited(number, old, new):
    return [c.replace(old, new) if n == number else c for n, c in enumerate(CELLS)]


def test_what_is_not_edited_is_not_run(after, known):
    made = after(notebook(text="# Another heading"))
    assert made.cells[0].source == "# Another heading"
    assert shown(made) == shown(known)


def test_edited_prose_is_run_with_what_it_needs(after):
    made = after(notebook(edited(3, "Size is", "The size is now")))
    assert shown(made) == [
        "Twice is 192.", "The size is now 96.", "It stands alone.", "A word: alone, 48.0.",
    ]  # fmt: skip


def test_cells_that_use_what_changed_are_run_too(after, known):
    known.cells[3].outputs = known.cells[4].outputs = known.cells[5].outputs = []
    made = after(notebook(edited(4, "'alone'", "'together'")))
    assert shown(made)[-2:] == ["It stands together.", "A word: together, 48.0."]


def test_cells_that_use_a_name_which_did_not_change_are_not_run(after, known):
    known.cells[-1].outputs[0].data["text/markdown"] = "as it was"
    made = after(notebook(edited(4, "It stands", "It still stands")))
    assert shown(made)[-2:] == ["It still stands alone.", "as it was"]


def test_a_cell_that_is_new_is_run_and_one_that_is_gone_is_not(after):
    cells = [*CELLS[:3], "prose(f'New: {twice}.')", *CELLS[4:]]
    assert shown(after(notebook(cells)))[1] == "New: 192."
    assert len(shown(after(notebook([*CELLS[:2], *CELLS[3:]])))) == 3


@pytest.mark.parametrize(
    "cells",
    [
        edited(1, "80", "90"),
        edited(0, "import prose", "import prose, table"),
        edited(3, "size", "unknown"),
        edited(3, "prose(", "str("),
        edited(3, "prose(", "%time prose("),
        edited(3, "prose(", "prose(("),
        [*CELLS[:4], *CELLS[5:]],
        edited(3, "prose(f'Size is {size}.')", "raise SystemExit"),
    ],
    ids=["parameter", "setup", "fails", "silent", "magic", "syntax", "name gone", "exit"],
)
def test_where_more_is_needed_it_says_so(after, cells):
    before = display.display
    assert after(notebook(cells)) is None
    assert display.display is before
