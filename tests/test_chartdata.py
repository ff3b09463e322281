"""What the page carries of a chart: sources in words, and the data whole in less room."""

import json

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from reportlib.exhibits.tables.parts import MARKS
from reportlib.pipeline.chartdata import SURENESS, compact, source_words
from reportlib.pipeline.manuscript import ExportError, manuscript
from reportlib.pipeline.page import lean

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


def layered():
    """A chart of points that tell, a guide line beside them, and a column that nobody names."""
    points = [
        {"chip": "A", "vendor": "V", "x": 1.0, "y": None, "unseen": 1},
        {"chip": "B", "vendor": "V", "x": 2.5, "y": 3.0, "unseen": 2},
    ] * 9
    tip = {"x": {"field": "x"}, "y": {"field": "y"}, "tooltip": [{"field": "chip"}]}
    return {
        "datasets": {"points": points, "guide": [{"x": 0.5, "unseen": 3}], "names": points[:1]},
        "vconcat": [
            {
                "data": {"name": "points"},
                "encoding": {"x": {"field": "x"}},
                "layer": [
                    {"mark": "point", "encoding": tip},
                    {"mark": "rule", "data": {"name": "guide"}},
                    {"mark": "text", "data": {"name": "names"},
                     "transform": [{"filter": "datum.vendor == 'V'"}]},
                ],
            }
        ],
        "usermeta": {"reflows": True},
    }  # fmt: skip


def rows(columns):
    lists = {
        name: [column["values"][place] for place in column["at"]]
        if isinstance(column, dict)
        else column
        for name, column in columns.items()
    }
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def test_what_a_reader_points_at_stays_whole_in_less_room():
    spec = layered()
    small = compact(spec)
    assert small["usermeta"] == {"reflows": True, "data": ["points"]}
    assert rows(small["datasets"]["points"]) == spec["datasets"]["points"]
    assert len(json.dumps(small)) < 0.7 * len(json.dumps(spec))


def test_guides_keep_only_the_columns_that_their_views_name():
    kept = {name: list(columns) for name, columns in compact(layered())["datasets"].items()}
    assert kept["guide"] == ["x"]
    assert kept["names"] == ["vendor", "x"]


def test_where_nothing_tells_everything_is_the_data():
    spec = layered()
    del spec["vconcat"][0]["layer"][0]["encoding"]["tooltip"]
    assert compact(spec)["usermeta"]["data"] == ["points", "guide", "names"]


def test_lean_pictures_say_and_place_the_same():
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="10.55" height="20"><g role="graphics" '
        'aria-label="a &gt; b"><path class="background" aria-hidden="true" d="" display="none"/>'
        '<path d="M0.123,-10.06L-0.01,7" fill="rgb(214, 234, 248)" opacity="1"/><text '
        'transform="translate(1.26,2)" font-family="F" font-size="12px">0.1234 &lt; 1</text></g>'
        "</svg>"
    )
    assert lean(svg) == (
        '<svg xmlns="http://www.w3.org/2000/svg" width="10.55" height="20" font-size="12px"><g>'
        '<path d="M0.1,-10.1L0,7" fill="#d6eaf8"/>'
        '<text transform="translate(1.3,2)">0.1234 &lt; 1</text></g></svg>'
    )


def test_lean_pictures_say_once_what_marks_share():
    """But not what is not inherited, nor the colour of texts, which the style sheet looks for."""
    svg = (
        '<svg width="1"><g class="mark-symbol"><path d="M0" fill="#111111" opacity="0.5"/>'
        '<path d="M0" fill="#111111" stroke="#222222" opacity="0.5"/></g><g class="mark-text">'
        '<text fill="#111111" text-anchor="end">a</text>'
        '<text fill="#111111" text-anchor="end">b</text></g></svg>'
    )
    assert lean(svg) == (
        '<svg width="1" font-size="12px"><g class="mark-symbol" fill="#111111">'
        '<path d="M0" opacity="0.5"/><path d="M0" stroke="#222222" opacity="0.5"/></g>'
        '<g class="mark-text" text-anchor="end"><text fill="#111111">a</text>'
        '<text fill="#111111">b</text></g></svg>'
    )
