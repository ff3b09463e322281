"""What the page carries of a chart: sources in words, and the data whole in less room."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from reportlib.exhibits.tables.parts import MARKS
from reportlib.pipeline.chartdata import SURENESS, source_words
from reportlib.pipeline.export import ExportError, manuscript

NBSP = "\N{NO-BREAK SPACE}"
SOURCES = {
    "nvidia-h100": {"id": "nvidia-h100", "publisher": "NVIDIA", "title": "H100 datasheet"},
    "long": {"id": "long", "publisher": "A publisher", "title": "words and " * 20},
}
VEGALITE = "application/vnd.vegalite.v6+json"


def notebook(cell, references=SOURCES):
    rows = [{"chip": "H100", "speed": 2.5, "speed_cite": cell}]
    spec = {
        "data": {"name": "data-a"}, "datasets": {"data-a": rows}, "mark": "point",
        "encoding": {"x": {"field": "speed", "type": "quantitative"}},
    }  # fmt: skip
    exhibit = {"kind": "figure", "id": "x", "caption": "A claim.", "alt": "A point."}
    output = new_output("display_data", {VEGALITE: spec}, metadata={"exhibit": exhibit})
    whole = {"panorama": {"title": "T", "references": list(references.values())}}
    return new_notebook(cells=[new_code_cell("", outputs=[output])], metadata=whole)


def cited(*arguments):
    spec = manuscript(notebook(*arguments)).charts["fig-x"].spec
    return spec["datasets"]["data-a"][0]["speed_cite"]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (f"{NBSP}[@nvidia-h100]", "NVIDIA, H100 datasheet"),
        (f"{NBSP}[@nvidia-h100]^q^", "NVIDIA, H100 datasheet (quoted)"),
        (f"{NBSP}[@nvidia-h100]^rm^", "NVIDIA, H100 datasheet (reported, from memory)"),
        ("", ""),
        (None, None),
    ],
)
def test_charts_say_their_sources_in_words(cell, words):
    assert cited(cell) == words


def test_every_mark_of_a_table_has_its_word():
    assert set(SURENESS) == set(MARKS.values())


def test_long_titles_are_shortened():
    words = source_words("[@long]^e^", SOURCES)
    assert words.startswith("A publisher, words and words")
    assert words.endswith("… (estimated)")
    assert len(words) < 90


def test_a_chart_that_cites_the_unknown_stops_the_build():
    with pytest.raises(ExportError, match="Figure x cites 'nobody'"):
        cited("[@nobody]")


def test_a_notebook_by_itself_keeps_its_keys():
    assert cited("[@nobody]^a^", {}) == "nobody (assumed)"
