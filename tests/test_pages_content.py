"""Every chip, model and pair has a page that is whole, true and light."""

import itertools
import json
import re
from dataclasses import replace
from datetime import date

import altair as alt
import nbformat
import numpy as np
import pytest
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_notebook, new_output
from test_chips_and_models import LEAKED, STRANGE, write

from reportlib import params
from reportlib.exhibits import display
from reportlib.exhibits.tables import contest, pages
from reportlib.pipeline import manuscript

NUMBERS = params.load(params.DEFAULT_ROOT)
HEADLINE = sorted(NUMBERS.headline_chips())
UNLIKE = [
    "wse-3", "wse-2", "groq-3-lpu", "rubin-ultra", "jalapeno", "corsair", "rtx-4090", "m1-7c",
    "tpu-8i",
]  # fmt: skip
ALL_PAIRS = list(itertools.combinations(sorted(NUMBERS.chips), 2))
PAIRS = sorted(
    {
        *itertools.combinations(HEADLINE, 2),
        *(tuple(sorted(pair)) for pair in itertools.pairwise(UNLIKE)),
        *ALL_PAIRS[::300],
    }
)
ONE = re.compile(
    r"\b1 (?:chips|models|users|cases|rows|measurements|published measurements|others)\b"
)
EXPONENT = re.compile(r"\b\d[\d.]*e[+-]\d\d\b")
LARGEST_SPEC = 17_000  # characters
WORK = {"precision": "fp8", "context_length": 8192}


def compiled(kind):
    path = ROOT / "notebooks" / "pages" / f"{kind}.ipynb"
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    return [
        (
            compile(cell.source, f"{kind}[{number}]", "exec"),
            "parameters" in cell.metadata.get("tags", []),
        )
        for number, cell in enumerate(cells)
    ]


CODE = {kind: compiled(kind) for kind in ("chip", "model", "compare")}


@pytest.fixture
def tell(monkeypatch):
    """A function that runs a page in this process, and returns what it displayed."""

    def run(kind, numbers=NUMBERS, **values):
        shown = []
        monkeypatch.setattr(params, "load", lambda: numbers)
        monkeypatch.setattr(
            display, "display",
            lambda data, **more: shown.append((data, more.get("metadata", {}).get("exhibit", {}))),
        )  # fmt: skip
        names = {"__name__": "__main__"}
        for code, declares in CODE[kind]:
            exec(code, names)  # noqa: S102
            if declares:
                names.update(values)
        return [(data, exhibit) for data, exhibit in shown if exhibit.get("kind") != "caption"]

    with alt.utils.schemapi.debug_mode(arg=False):  # a build validates
        yield run


def check(shown, numbers=NUMBERS):
    """Check one page: all that is there, and nothing that leads nowhere."""
    exhibits = {exhibit["id"]: (data, exhibit) for data, exhibit in shown if exhibit}
    records = [data[display.ABOUT] for data, _ in shown if display.ABOUT in data]
    texts = [
        part
        for data, exhibit in shown
        for part in (data.get("text/markdown", ""), exhibit.get("caption"), exhibit.get("alt"))
        if part
    ]
    for text in (*texts, *(word for about in records for word in about.values())):
        for wrong in (LEAKED, ONE, EXPONENT):
            assert not wrong.search(text), text
    (about,) = records
    assert shown[0][0]["text/markdown"].startswith(f"# {about['title']}\n")
    assert about["description"].endswith(".")
    assert about["keywords"]
    for data, exhibit in exhibits.values():
        check_exhibit(data, exhibit)
    check_links("\n".join(texts), exhibits, numbers)
    return about, exhibits


def check_exhibit(data, exhibit):
    if exhibit["kind"] == "table":
        assert len(data["text/markdown"].splitlines()) > 2, exhibit["id"]
        return
    spec = data[display.VEGALITE[0]]
    assert len(json.dumps(spec)) < LARGEST_SPEC, exhibit["id"]
    assert "no such case" not in json.dumps(spec), exhibit["id"]
    told = [v for rows in spec["datasets"].values() for row in rows for v in row.values()]
    assert not [v for v in told if isinstance(v, str) and EXPONENT.search(v)], exhibit["id"]
    assert exhibit["alt"]


def check_links(text, exhibits, numbers):
    kinds = {f"{'fig' if e['kind'] == 'figure' else 'tbl'}-{e['id']}" for _, e in exhibits.values()}
    cited = set(re.findall(r"@([a-z0-9][\w.-]*\w)", text))
    assert cited - set(numbers.sources) <= kinds
    sections = {
        f"{name.partition('_')[2].replace('_', '-')}.html" for name in NUMBERS.report.sections
    }
    for folder, name in re.findall(r"\]\(\.\./(\w+)/([^)#]+)", text):
        if folder == "compare":
            first, second = name.removesuffix(".html").split("-vs-")
            assert first < second
            assert {first, second} <= set(numbers.headline_chips())
        elif folder == "report":
            assert name in sections
        else:
            assert name.removesuffix(".html") in getattr(numbers, folder)


@pytest.mark.parametrize("chip", NUMBERS.chips)
def test_a_chip_has_a_page(tell, chip):
    about, exhibits = check(tell("chip", chip=chip))

    assert about["title"] == NUMBERS.chips[chip].name
    assert {"chip-place", "chip-models", "chip-printed"} <= set(exhibits)
    assert ("chip-roof" in exhibits) == bool(NUMBERS.chips[chip].peak_compute)


@pytest.mark.parametrize("model", NUMBERS.models)
def test_a_model_has_a_page(tell, model):
    about, exhibits = check(tell("model", model=model))

    assert about["title"] == NUMBERS.models[model].name
    assert {"model-weights", "model-cache", "model-speeds", "model-chips"} <= set(exhibits)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_chips_have_a_page(tell, first, second):
    about, exhibits = check(tell("compare", first=first, second=second))

    names = [NUMBERS.chips[key].name for key in (first, second)]
    assert about["title"] == f"{names[0]} against {names[1]}"
    assert {"pair-numbers", "pair-chips"} <= set(exhibits)


@pytest.mark.parametrize("kind", STRANGE)
def test_a_strange_chip_has_pages(tell, params_copy, kind):
    write(params_copy, STRANGE[kind])
    numbers = params.load(params_copy)

    check(tell("chip", numbers, chip="strange"), numbers)
    check(tell("compare", numbers, first="h100-sxm5", second="strange"), numbers)


def test_a_chip_may_be_the_only_one(tell, params_copy):
    for path in (params_copy / "chips").iterdir():
        path.unlink()
    write(params_copy, {})
    numbers = params.load(params_copy)

    check(tell("chip", numbers, chip="strange"), numbers)
    check(tell("model", numbers, model="deepseek-v3"), numbers)


def test_pages_need_nothing_but_chips_and_models(tell):
    bare = replace(
        NUMBERS, memory={}, market=(), measurements=(), supply=None, scenarios=None, engines=None,
        calibration=(), held_out=(),
    )  # fmt: skip

    check(tell("chip", bare, chip="h100-sxm5"), bare)
    check(tell("model", bare, model="llama-2-70b"), bare)
    check(tell("compare", bare, first="b200", second="h100-sxm5"), bare)


@pytest.mark.parametrize("day", [date(2023, 6, 1), date(2026, 3, 1)])
def test_an_edition_has_pages_of_what_was_known(tell, day):
    then = params.load(params.DEFAULT_ROOT, day)
    first, second = [*then.chips][:2]

    check(tell("chip", then, chip="h100-sxm5"), then)
    check(tell("model", then, model=next(iter(then.models))), then)
    check(tell("compare", then, first=first, second=second), then)


def test_no_part_of_a_document_shows_what_indexes_tell():
    output = new_output("display_data", {display.ABOUT: {"title": "T"}})
    paper = manuscript.manuscript(new_notebook(cells=[new_code_cell("", outputs=[output])]))

    assert manuscript.ABOUT == display.ABOUT
    assert paper.parts == []


def test_a_model_fits_on_as_many_chips_as_are_told_and_its_speed_is_that_of_reads():
    model, chip = NUMBERS.models["llama-3-70b"], NUMBERS.chips["h100-sxm5"]
    row = pages.ceilings({"m": model}, {"c": chip}, **WORK).iloc[0]
    cache = 80 * 2 * 8 * 128 * 2 * 8192

    assert row["weight_bytes"] + cache > 0.9 * 80e9
    assert row["chips"] == 2
    read = row["weight_bytes"] - 128_256 * 8192 + cache  # of the embedding but rows
    assert row["speed"] == pytest.approx(2 * 3.35e12 / read, rel=1e-3)
    assert row["users"] == (2 * 0.9 * 80e9 - row["weight_bytes"]) // cache


def test_memory_on_the_die_has_no_ceiling_of_reads():
    held = pages.ceilings(NUMBERS.models, {"w": NUMBERS.chips["wse-3"]}, **WORK)

    assert held["speed"].isna().all()
    assert held["rate"].isna().all()
    assert held["chips"].notna().any()


@pytest.mark.parametrize("chip", ["h100-sxm5", "wse-3", "m2-ultra"])
def test_a_chip_stands_somewhere_to_each_of_its_peers(chip):
    among = pages.peers(NUMBERS, chip)
    words = pages.standing(among, "memory_capacity", ("more", "same", "less"))

    assert among["id"].iloc[0] == chip
    assert sum(map(int, re.findall(r"\d+", words))) == len(among) - 1


def test_who_leads_does_not_depend_on_who_is_first():
    pair = NUMBERS.chips["b200"], NUMBERS.chips["mi455x"]
    models = list(NUMBERS.headline_models().values())

    def leaders(two):
        work = pages.duel(models, two, contest.ceilings(NUMBERS, two), **WORK)
        return list(pages.verdicts(work, [chip.name for chip in two])["leader"])

    assert leaders(pair) == leaders(pair[::-1])
    assert any("MI455X" in leader for leader in leaders(pair))


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (("list", "list"), ["Price", "Bandwidth per dollar"]),
        (("list", "system"), ["Price"]),
    ],
)
def test_prices_are_compared_where_they_are_of_one_kind(kinds, told):
    chip = NUMBERS.chips["h100-sxm5"]
    pair = [
        chip.model_copy(update={"price": chip.price.model_copy(update={"basis": kind})})
        for kind in kinds
    ]
    table = pages.beside(*pair).set_index("quantity")

    assert [name for name in table.index if name.startswith(("Price", "Bandwidth per d"))] == told
    assert table.loc["Price", "ratio"] == ("1" if len(told) > 1 else "")


def test_the_last_model_gives_way_to_one_that_fits():
    small = {key: NUMBERS.chips[key] for key in ("rtx-4090", "m2-8c")}
    large = {key: NUMBERS.chips[key] for key in ("b200", "mi455x")}
    cast = list(NUMBERS.headline_models().values())

    assert pages.contested(NUMBERS, pages.ceilings(NUMBERS.models, large, **WORK)) == cast
    held = pages.ceilings(NUMBERS.models, small, **WORK)
    *kept, fitting = pages.contested(NUMBERS, held)
    assert kept == cast[:-1]
    assert held.loc[held["model"] == fitting.name, "chips"].min() == 1


def test_a_cache_ends_where_its_model_does():
    table = pages.caches(NUMBERS.models)
    longest = table.groupby("model")["context_length"].max()

    for model in NUMBERS.models.values():
        assert longest[model.name] == model.architecture.context_length
    assert np.all(table["kv_cache_bytes"] > 0)


@pytest.mark.parametrize(("kind", "key"), [("chips", "h100-sxm5"), ("models", "llama-2-70b")])
def test_no_measurement_is_faster_than_its_ceiling(kind, key):
    runs = pages.measured(NUMBERS, kind, key)

    assert len(runs) > 5
    assert (runs["least"] <= runs["median"]).all()
    assert (runs["most"] <= 1).all()


def test_what_pairs_share_is_found_out_once(monkeypatch):
    numbers = params.load(params.DEFAULT_ROOT)
    pages.prepare(numbers)
    monkeypatch.setattr(contest.reality, "_comparisons", None)
    again = params.load(params.DEFAULT_ROOT)

    two = again.chips["b200"], again.chips["h100-sxm5"]
    assert contest.ceilings(again, two).pairs > 100
