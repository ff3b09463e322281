"""Charts have the fields and titles that the text relies on, and names that can be read."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_golden import (
    BF16,
    CHIP,
    CHIPS,
    CLOCK,
    COMPARED,
    DAYS,
    DUEL,
    FP8,
    GUESSING,
    HBM,
    HBM3E,
    HEADLINE,
    HELD,
    KNOWN,
    MEMORIES,
    MODEL,
    MODELS,
    NUMBERS,
    OUTLOOKS,
    PAGE,
    RATES,
    REGIMES,
    RULES,
    SERVED,
    SHOWN,
    TRAINED,
    TWO,
    WORKS,
    expected_frontiers,
    readings,
    splitting,
)

from reportlib.exhibits import charts, findings, scales, tables, theme
from reportlib.exhibits.charts import pages as page_charts
from reportlib.exhibits.scales import LogScale
from reportlib.exhibits.tables import pages, reality
from reportlib.pipeline.chartdata import CITED

CAST = [chip.name for chip in HBM]
TWO_CHIPS = {"names": [chip.name for chip in TWO], "vendors": [chip.vendor for chip in TWO]}
PAGE_WORK = pages.work(HEADLINE, CHIP, users=64, **PAGE)
CHIP_TABLE = tables.chips.chips(SHOWN).query("not on_die")
CHARTS = {
    "scoreboard": charts.findings.scoreboard(findings.scoreboard(NUMBERS)),
    "transport_ratios": charts.memory_bound.transport_ratios(
        tables.memory_bound.transport_ratios(MODELS, CHIP, batch_sizes=[1, 8, 64, 512], **BF16)
    ),
    "roofline": charts.memory_bound.roofline(
        tables.memory_bound.roofline_points(MODEL, CHIP, batch_sizes=[1, 8, 64, 512], **BF16),
        tables.memory_bound.roof(CHIP, precision="bf16", intensities=[1, 1000]),
        chip=CHIP.name,
    ),
    "critical_batch_sizes": charts.memory_bound.critical_batch_sizes(
        tables.memory_bound.critical_batch_sizes(
            MODEL, HBM, precision="bf16", context_lengths=[64, 128, 256, 512, 1024]
        ),
        cast=CAST,
    ),
    "page_roofline": page_charts.roofline(
        PAGE_WORK, pages.roof(CHIP, PAGE_WORK, "fp8"), chip=CHIP.name
    ),
    "page_plane": page_charts.plane(pages.peers(NUMBERS, "h100-sxm5"), cast=CAST),
    "page_caches": page_charts.caches(pages.caches(NUMBERS.headline_models()), model=MODEL.name),
    "page_speeds": page_charts.speeds(HELD().dropna(subset=["speed"])),
    "page_rates": page_charts.rates(pages.rates(DUEL(), TWO)),
    "full_batches": charts.memory_bound.full_batches(
        tables.memory_bound.full_batches(
            MODELS, CHIP, precision="bf16", replica=8, request_lengths=[512, 8192]
        )
    ),
    "levers": charts.levers.levers(
        tables.levers.levers(MODELS, MODEL, WORKS, GUESSING), settings=list(WORKS)
    ),
    "expert_coverage": charts.levers.expert_coverage(
        tables.levers.expert_coverage(MODELS, [1, 8, 64, 512]), first="DeepSeek-V3 671B"
    ),
    "fits": charts.capacity.fits(tables.capacity.fits(MODELS, CHIPS, **FP8)),
    "sweep_times": charts.capacity.sweep_times(CHIP_TABLE),
    "chips_for_users": charts.capacity.chips_for_users(
        tables.capacity.chips_for_users(HEADLINE, HBM, users=64, context_length=8192, **FP8)
    ),
    "splitting": charts.capacity.splitting(splitting(MODEL)),
    "expected_frontiers": charts.capacity.frontiers(expected_frontiers(HEADLINE)),
    "same_work": charts.contest.same_work(
        tables.contest.same_work(HEADLINE, DAYS, CLOCK, RULES), **TWO_CHIPS
    ),
    "readings": charts.contest.readings(readings(HEADLINE), **TWO_CHIPS),
    "capacity_bandwidth": charts.chips.capacity_bandwidth(
        CHIP_TABLE, sweep_times=[1e-3, 1e-2], cast=CAST
    ),
    "generations": charts.chips.generations(
        tables.chips.generations(SHOWN),
        tables.chips.trends(tables.chips.generations(SHOWN)),
        names={"peak_compute": "C", "memory_bandwidth": "B", "memory_capacity": "M"},
    ),
    "ridge_points": charts.chips.ridge_points(
        tables.chips.ridge_points(SHOWN), names={"given": "In BF16", "fastest": "At the fastest"}
    ),
    "predictions": charts.chips.predictions(
        tables.chips.predictions(NUMBERS, HEADLINE, NUMBERS.headline_chips(), **SERVED)
    ),
    "costs": charts.chips.ranged(
        tables.chips.costs(NUMBERS, HEADLINE, tables.chips.hosted(CHIPS)),
        unit="USD",
        title="USD per million tokens (log)",
    ),
    "energies": charts.chips.ranged(
        tables.chips.energies(NUMBERS, HEADLINE, tables.chips.hosted(CHIPS)),
        unit="J",
        title="Energy per token (J, log)",
    ),
    "works": charts.memory_bound.roofline(
        tables.training.work_points(
            MODEL, CHIP, step_tokens=65_536, prompt_lengths=[128], batch_sizes=[1, 512], **TRAINED
        ),
        tables.memory_bound.roof(CHIP, precision="bf16", intensities=[1, 5000]),
        chip=CHIP.name,
    ),
    "memory_shares": charts.training.memory_shares(
        tables.training.memory_shares(
            MODEL, CHIP, context_lengths=[1024, 8192], tokens=[1, 64, 4096, 65_536], **TRAINED
        )
    ),
    "memory_held": charts.training.memory_held(
        tables.training.memory_held(MODEL, CHIP, batch_sizes=[1, 32], usable_share=0.9, **TRAINED)
    ),
    "memory_units": charts.tiers.units(tables.tiers.units(MEMORIES), sweep_times=[1e-3, 1]),
    "memory_kinds": charts.tiers.kinds(tables.tiers.kinds(CHIPS), sweep_times=[1e-3, 1], cast=CAST),
    "memory_costs": charts.tiers.costs(
        {
            "USD/GB": tables.tiers.readings(MEMORIES, "price"),
            "pJ/bit": tables.tiers.readings(MEMORIES, "energy"),
        },
        titles={"USD/GB": "Price", "pJ/bit": "Energy"},
    ),
    "slow_downs": charts.tiers.slow_downs(tables.tiers.slow_downs(CHIP, RATES, [0.001, 0.1, 1])),
    "fetch_times": charts.tiers.fetch_times(
        tables.tiers.fetch_times(
            MODEL, CHIP, RATES, precision="bf16", context_lengths=[1024, 131_072]
        ),
        recomputed=tables.tiers.RECOMPUTED,
    ),
    "hbm_growth": charts.supply.growth(
        tables.supply.growth(tables.supply.generations(MEMORIES)),
        names={quantity: quantity for quantity in tables.supply.QUANTITIES},
    ),
    "stacks_per_chip": charts.supply.stacks_per_chip(
        tables.supply.stacks_per_chip(CHIPS), names={"stacks": "S", "memory_capacity": "C"}
    ),
    "supply_tornado": charts.supply.supply_tornado(
        tables.supply.supply_tornado(HBM3E, NUMBERS.supply),
        together=tables.supply.TOGETHER,
        foretold=tables.supply.foretold_shipments(NUMBERS.market),
    ),
    "suppliers": charts.supply.suppliers(tables.supply.suppliers(NUMBERS.market)),
    "predicted_measured": charts.reality.predicted_measured(
        KNOWN, factor=reality.factor(KNOWN), kinds=REGIMES
    ),
    "ceiling_shares": charts.reality.ceiling_shares(
        reality.shares(COMPARED), kinds=list(reality.TIMED.values())
    ),
    "courses": charts.outlook.courses(tables.outlook.courses(OUTLOOKS, 2026)),
    "movers": charts.outlook.movers(tables.outlook.movers(OUTLOOKS["steady"], 2031, 9)),
    "break_even": charts.outlook.break_even(
        tables.outlook.break_even(
            OUTLOOKS["steady"], token_factors=[2, 3], efficiency_factors=[1, 2]
        )
    ),
    "revenues": charts.outlook.revenues(tables.outlook.revenues(NUMBERS.market)),
    "margins": charts.outlook.margins(tables.outlook.margins(NUMBERS.market)),
}
SPECS = {name: chart.to_dict() for name, chart in CHARTS.items()}

every_chart = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


def encodings(node):
    """Yield every channel of a specification."""
    if isinstance(node, dict):
        yield from (c for c in node.get("encoding", {}).values() if isinstance(c, dict))
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from encodings(child)


def rows(spec):
    return [row for data in spec["datasets"].values() for row in data]


@every_chart
def test_a_logarithmic_axis_says_so(spec):
    axes = [c for c in encodings(spec) if c.get("scale", {}).get("type") == "log"]

    assert all("log" in c["title"] for c in axes if c.get("title"))


@every_chart
def test_every_field_that_is_drawn_is_in_the_data(spec):
    fields = {c["field"] for c in encodings(spec) if "field" in c}

    assert fields
    assert fields <= {key for row in rows(spec) for key in row}


@every_chart
def test_nothing_drawn_is_missing_or_infinite(spec):
    drawn = {
        c["field"] for c in encodings(spec) if c.get("type") == "quantitative" and "field" in c
    }
    values = [row[field] for row in rows(spec) for field in drawn & row.keys()]

    assert all(value is not None and math.isfinite(value) for value in values)


@every_chart
def test_data_hold_no_citation_that_nothing_resolves(spec):
    cells = [(name, str(value)) for row in rows(spec) for name, value in row.items()]

    assert not any("[@" in value for name, value in cells if not name.endswith(CITED))


@every_chart
def test_a_citation_is_in_the_data_only_where_a_tooltip_shows_it(spec):
    cited = {name for row in rows(spec) for name in row if name.endswith(CITED)}

    assert cited <= set(re.findall(r"\w+_cite", str({**spec, "datasets": {}})))


@every_chart
def test_a_vendor_keeps_its_colour(spec):
    for channel in encodings(spec):
        if channel.get("field") == "vendor":
            scale = channel["scale"]
            shown = dict(zip(scale["domain"], scale["range"], strict=True))
            known = {vendor: color for vendor, color in shown.items() if vendor in theme.VENDORS}
            assert known.items() <= theme.VENDORS.items()
            assert len(set(shown.values())) == len(shown)


def test_names_of_the_chips_cover_neither_each_other_nor_a_point():
    size = (theme.WIDTH, charts.parts.HEIGHT + 130)
    x, y = (
        LogScale.over(CHIP_TABLE["memory_capacity"], (0.05, 0.09)),
        LogScale.over(CHIP_TABLE["memory_bandwidth"]),
    )
    placed = scales.named(
        CHIP_TABLE,
        "chip",
        x=("memory_capacity", x),
        y=("memory_bandwidth", y),
        size=size,
        first=CAST,
    )
    assert set(CAST) <= set(placed[placed["align"] != ""]["chip"])
    placed = placed[placed["align"] != ""]
    across, up = (
        x.pixels(placed["memory_capacity"], size[0]),
        y.pixels(placed["memory_bandwidth"], size[1]),
    )
    boxes = [
        scales._box(px, size[1] - py, (dx / scales.GAP, dy / scales.GAP, align), len(name))  # noqa: SLF001
        for px, py, dx, dy, align, name in zip(
            across, up, placed["dx"], placed["dy"], placed["align"], placed["chip"], strict=True
        )
    ]
    pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i]]

    assert sum(scales._overlap(a, b) > 0 for a, b in pairs) == 0  # noqa: SLF001


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=8))
def test_names_of_lines_are_spread_in_order(values):
    scale = LogScale.over(values)
    heights = pd.Series(values)
    moved = scale.pixels(pd.Series(scales.spread(heights, scale, 300)), 300)

    order = np.argsort(values, kind="stable")
    assert all(np.diff(moved[order]) >= -1e-6)
    assert all(np.diff(np.sort(moved)) >= scales.LINE - 0.1)


@given(st.floats(1e-9, 1e15), st.floats(1, 1e12))
def test_ticks_are_few_round_and_on_the_scale(low, factor):
    ticks = LogScale.over([low, low * factor]).ticks()

    assert len(ticks) <= scales.MOST_TICKS
    assert all(f"{tick:e}"[0] in "1235" for tick in ticks)


def test_a_kind_keeps_its_mark_whatever_else_is_shown():
    few = charts.reality.predicted_measured(
        KNOWN[KNOWN["regime"] == REGIMES[-1]], factor=1.5, kinds=REGIMES
    ).to_dict()
    marks = [c["scale"] for c in encodings(few) if c.get("field") == "regime"]

    assert [m["domain"] for m in marks] == [REGIMES[-1:]] * 2
    assert [m["range"] for m in marks] == [[m] for m in charts.parts.KIND_MARKS[len(REGIMES) - 1]]


def test_a_share_beyond_the_ceiling_is_on_the_scale():
    over = reality.shares(COMPARED.assign(share=1.2))
    spec = charts.reality.ceiling_shares(over, kinds=list(reality.TIMED.values())).to_dict()
    domains = [c["scale"]["domain"] for c in encodings(spec) if c.get("type") == "quantitative"
               and "scale" in c]  # fmt: skip

    assert domains
    assert all(domain[1] >= 1.2 for domain in domains)


def test_an_unknown_vendor_has_a_colour_of_its_own():
    colors = theme.vendor_colors([*theme.VENDORS, "X", "Y"])

    assert len(set(colors.values())) == len(colors)
