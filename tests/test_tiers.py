"""Memories from SRAM to flash: what a unit is, what a slower one costs, when a cache is fetched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportlib import cases, params
from reportlib.exhibits.tables import tiers

NUMBERS = params.load(params.DEFAULT_ROOT)
CHIP, MODEL = NUMBERS.chips["h100-sxm5"], NUMBERS.models["llama-3-70b"]
UNITS = tiers.units(NUMBERS.memory.values()).set_index("name")
RATES = {"fast": 1.6e12, "slow": 14e9}

shares = st.floats(1e-6, 1)
rates = st.floats(1e9, 3e12)


def test_the_price_of_bandwidth_is_that_of_the_units_that_deliver_it():
    hbm = NUMBERS.memory["hbm3e"]
    units = 1e12 / hbm.bandwidth.value

    assert UNITS.loc["HBM3E", "bandwidth_price"] == pytest.approx(
        units * hbm.unit_price.value, rel=0.01
    )


def test_a_unit_is_what_its_device_is():
    chip = UNITS.loc["GDDR7"]

    assert chip["capacity"] == NUMBERS.memory["gddr7"].die_capacity.value
    assert chip["capacity_is"] == "largest die"
    assert UNITS.loc["HBM2", "capacity_is"] == "at most"  # not the die of a stack
    assert UNITS.loc["HBM4", "capacity_is"] == "of parts"


def test_products_stand_for_a_technology_that_is_no_product():
    assert UNITS.loc["Cerebras WSE-3", "technology"] == "SRAM"
    assert UNITS.loc["Cerebras WSE-3", "price"] == NUMBERS.memory["sram"].price.value
    assert UNITS.loc["SRAM", ["bandwidth", "capacity"]].isna().all()


def test_every_technology_has_one_reading_of_its_own_at_most():
    for figure in ("price", "energy"):
        table = tiers.readings(NUMBERS.memory.values(), figure)
        own = table[table["of"] == table["technology"]]
        assert own["technology"].is_unique
        assert len(own) == sum(getattr(m, figure) is not None for m in NUMBERS.memory.values())
        assert (table["low"] <= table["value"]).all()
        assert (table["value"] <= table["high"]).all()


@given(shares, rates)
def test_one_memory_after_the_other_takes_at_most_twice_as_long_as_both_at_once(share, rate):
    row = tiers.slow_downs(CHIP, {"tier": rate}, [share]).iloc[0]

    assert row["at_once"] <= row["one_after_other"] <= 2 * row["at_once"] * (1 + 1e-9)
    assert row["one_after_other"] >= 1 - 1e-9


@given(rates)
def test_no_share_is_read_faster_than_the_free_one(rate):
    free = tiers.slow_downs(CHIP, {"tier": rate}, [0]).iloc[0]["free_share"]
    at, less, more = tiers.slow_downs(CHIP, {"t": rate}, [free, 0.9 * free, 1.1 * free])["at_once"]

    assert at < min(less, more, 1)


def test_speeds_of_what_is_spilled_are_those_of_the_case():
    context = 8192
    table = tiers.spilled_speeds(
        MODEL, CHIP, RATES, precision="bf16", usable_share=0.9, context_length=context
    )
    case = cases.Case(
        MODEL, CHIP, cases.uniform("bf16"), context_length=context, longest_context=context
    )

    for row in table.itertuples():
        spilled = cases.spilled(case, slow_bandwidth=row.bandwidth)
        assert row.one_after_other == pytest.approx(1 / spilled.decode_floor, rel=1e-6)
        assert row.one_after_other < row.at_once


def test_at_the_break_even_rate_fetching_takes_as_long_as_computing():
    row = tiers.break_even_bandwidths([MODEL], CHIP, precision="bf16", context_length=8192).iloc[0]
    ways = tiers.fetch_times(
        MODEL, CHIP, {"link": row["bandwidth"]}, precision="bf16", context_lengths=[8192]
    ).set_index("way")["time"]

    assert ways["link"] == pytest.approx(ways[tiers.RECOMPUTED])


def test_only_what_is_slower_than_its_own_memory_is_slower():
    wanted = ["hbm4", "hbf", "nvme", "no such memory"]
    found = tiers.slower(NUMBERS.memory, wanted, CHIP)
    slow_chip = NUMBERS.chips["m1-7c"]

    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert max(found.values()) < CHIP.memory_bandwidth.value
    assert "High Bandwidth Flash (stack)" in found
    assert "HBM4 (stack)" in found  # one stack is slower than the chip's five
    assert max(tiers.slower(NUMBERS.memory, wanted, slow_chip).values()) < 68.25e9


@pytest.mark.parametrize(
    ("kind", "family"),
    [("HBM3e", "HBM"), ("LPDDR5X", "LPDDR"), ("DDR5", "DDR"), ("GDDR7", "GDDR"), ("HiBL", "other")],
)
def test_a_kind_of_memory_has_a_family(kind, family):
    assert tiers.family(kind) == family
