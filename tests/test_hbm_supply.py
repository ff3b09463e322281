"""The supply of HBM as tables: what is foretold says so, and the parts are those of the whole."""

import datetime as dt

import pytest

from reportlib import params
from reportlib.exhibits.tables import supply

NUMBERS = params.load(params.DEFAULT_ROOT)
HBM3E, INPUTS = NUMBERS.memory["hbm3e"], NUMBERS.supply
BARS = supply.supply_tornado(HBM3E, INPUTS).set_index("input")
SHARES = supply.shares_of_dram(NUMBERS.market)
SUPPLIERS = supply.suppliers(NUMBERS.market)


def test_the_published_forecast_lies_in_the_computed_range():
    (forecast,) = supply.foretold_shipments(NUMBERS.market).itertuples()
    year = supply.yearly_supply(HBM3E, INPUTS)

    assert forecast.amount == 30e18 / 8  # more than 30 billion Gbit
    assert year.low < forecast.amount < year.high


def test_a_bar_spans_the_middle_and_the_widest_comes_first():
    single = BARS.drop(supply.TOGETHER)
    ends = single[["at_low", "at_high"]]

    assert len(single) == 6
    assert (ends.min(axis=1) < single["middle"]).all()
    assert (single["middle"] < ends.max(axis=1)).all()
    widths = ends.max(axis=1) - ends.min(axis=1)
    assert list(widths) == sorted(widths, reverse=True)


def test_what_a_wafer_makes_goes_together():
    made = supply.wafer(HBM3E, INPUTS)["mid"]
    dies = INPUTS.wafers.dies_per_stack.value

    assert made[supply.WORKING] == pytest.approx(
        made[supply.DIES] * made[supply.KEPT] / dies, rel=0.05
    )
    assert made[supply.CAPACITY] == pytest.approx(made[supply.WORKING] * HBM3E.capacity.value)
    words = supply.in_words(supply.wafer(HBM3E, INPUTS)).set_index("what")["mid"]
    assert words[supply.KEPT].endswith("%")
    assert words[supply.CAPACITY].endswith("B")


def test_a_higher_stack_keeps_fewer_dies():
    (low, more), (high, less) = supply.kept_shares(INPUTS).items()

    assert (low, high) == (8, 16)
    assert 0 < less < more < INPUTS.wafers.die_yield.value


def test_trade_ratios_are_of_shares_that_one_source_prints():
    ratios = supply.trade_ratios(SHARES).set_index("period")

    assert list(ratios.index) == ["end-2025", "end-2026", "end-2027"]
    assert ratios.loc["end-2026", "trade_ratio"] == pytest.approx((22 / 78) / (9 / 91))
    assert list(ratios["foretold"]) == [False, True, True]


@pytest.mark.parametrize(
    ("period", "end"),
    [
        ("2025", dt.date(2025, 12, 31)),
        ("end-2027", dt.date(2027, 12, 31)),
        ("2025Q2", dt.date(2025, 6, 30)),
        ("2024-02", dt.date(2024, 2, 29)),
        ("FY2025", None),
        ("to 2030", None),
    ],
)
def test_the_end_of_a_period(period, end):
    assert supply._end(period) == end  # noqa: SLF001


def test_what_was_said_before_a_period_was_over_is_foretold():
    foretold = SHARES.groupby("period")["foretold"].all()

    assert not foretold["end-2025"]
    assert foretold["end-2027"]


def test_shares_of_suppliers_are_shares():
    totals = SUPPLIERS.groupby(["what", "period"])["middle_share"].sum()

    assert totals["wafers of all DRAM", "end-2025"] == pytest.approx(1)
    assert totals.max() <= 1 + 1e-9
    assert supply.largest(SUPPLIERS)[0].startswith("SK hynix and Samsung")
    assert "60 to 70" in supply.largest(SUPPLIERS)[-1]


def test_generations_grow_from_the_first():
    grown = supply.growth(supply.generations(NUMBERS.memory.values()))
    last = grown[grown["name"] == "HBM4E"].set_index("quantity")["multiple"]

    assert (grown.groupby("quantity")["multiple"].first() == 1).all()
    assert last["bandwidth"] == pytest.approx(
        last["data_rate_per_pin"] * last["interface_width"], rel=0.01
    )


def test_supply_is_counted_in_a_memory_that_ships():
    memories = dict(NUMBERS.memory)

    assert supply.shipping(memories, "hbm3e") == HBM3E
    assert supply.shipping(memories, "hbm2").name == "HBM4E"  # of HBM2 no part is known
    assert supply.shipping({"nvme": memories["nvme"]}, "hbm3e") is None


def test_a_price_is_told_once():
    prices = supply.stack_prices(NUMBERS.memory.values(), NUMBERS.market)

    assert not prices.duplicated(["memory", "source", "low"]).any()
    stack = prices.dropna(subset=["stack"]).iloc[0]
    assert stack["low"] * HBM3E.capacity.value == pytest.approx(stack["stack"])
