"""Costs, energies and supplies reproduce numbers that other people have published."""

from functools import partial

import numpy as np
import pytest

from reportlib import params
from reportlib.calculations.economics import (
    MILLION,
    capital_recovery_factor,
    cost_per_million_tokens,
    drawn_power,
    energy_per_token,
    step_energy,
    token_cost,
)
from reportlib.calculations.offload import effective_bandwidth, sequential_read_time
from reportlib.calculations.supply import gross_dies, stack_yield, trade_ratio
from reportlib.cases import supply
from reportlib.cases.ranges import Range, percentiles

HOUR = 3600
KILOWATT_HOUR = 3.6e6
GBIT = 1e9 / 8
PARAMS = params.load(params.DEFAULT_ROOT)
MARKET = {point.id: point for point in PARAMS.market}


def traded(wafer_share, bit_share):
    """Return wafers per bit of HBM over those of all other DRAM, from shares of both in percent."""
    return trade_ratio(
        wafers=wafer_share,
        capacity=bit_share,
        other_wafers=100 - wafer_share,
        other_capacity=100 - bit_share,
    )


def market(wafers, bits):
    """Return the same from two points of the market."""
    return traded(MARKET[wafers].value, MARKET[bits].value)


@pytest.mark.parametrize(
    ("ours", "theirs", "tolerance"),
    [
        # MLPerf Inference v5.1 closed, offline, Llama 2 70B: 4,318 tokens/s on an H200, at an
        # assumed 3 USD/h; the division is ours.
        pytest.param(
            cost_per_million_tokens(
                token_cost(price=3 / HOUR, tokens_per_second=4318, utilization=1)
            ),
            0.193,
            1e-3,
            id="h200-mlperf",
        ),
        # engineersedge.com/calculators/capital_recovery_factors_15667.htm, after ASHRAE
        pytest.param(capital_recovery_factor(0.10, 6), 0.22961, 1e-4, id="recovery-10-6"),
        pytest.param(capital_recovery_factor(0.08, 10), 0.14903, 1e-4, id="recovery-8-10"),
        pytest.param(capital_recovery_factor(0.035, 18), 0.07582, 1e-4, id="recovery-3.5-18"),
        # clune.org/posts/per-token-energy-costs-again: 3.0 kW, 41.8 tokens/s; 72 J or 20 kWh for a
        # million tokens, and 9.4 J at 319.8 tokens/s
        pytest.param(
            energy_per_token(power=3000, power_usage_effectiveness=1, tokens_per_second=41.8),
            72,
            5e-3,
            id="clune-batch-1",
        ),
        pytest.param(
            MILLION
            * energy_per_token(power=3000, power_usage_effectiveness=1, tokens_per_second=41.8)
            / KILOWATT_HOUR,
            20,
            5e-3,
            id="clune-kilowatt-hours",
        ),
        pytest.param(
            energy_per_token(power=3000, power_usage_effectiveness=1, tokens_per_second=319.8),
            9.4,
            5e-3,
            id="clune-batch-8",
        ),
        # HBM4 at 4 pJ/bit (params/memory/hbm4.yaml): the weights of 70B in BF16, read once
        pytest.param(
            step_energy(
                bytes_read=140e9,
                energy_per_byte=PARAMS.memory["hbm4"].energy.value,
                flop=0,
                energy_per_flop=0,
                static_power=0,
                step_time=0,
            ),
            4.5,
            5e-3,
            id="70b-at-4-pj",
        ),
        # api.serialalice.pt/alice-benchmark: an H200 draws 80.3 W idle and 516.9 W at a batch of
        # 128; what params has are the shares
        pytest.param(
            drawn_power(
                rated_power=700,
                idle_share=PARAMS.supply.costs.idle_share.value,
                activity=PARAMS.supply.costs.decode_activity.value,
            ),
            516.9,
            0.01,
            id="h200-decode",
        ),
        # SemiAnalysis in a digest: 99 % a layer leave 92 % of eight layers, about 87 % of twelve
        pytest.param(stack_yield(8, 0.01), 0.92, 0.005, id="8-high"),
        pytest.param(stack_yield(12, 0.01), 0.87, 0.02, id="12-high"),
        # hotelsabruzzo.com/what-is-die-per-wafer quotes a paper: about 1,278 dies of 50 mm² on a
        # wafer of 300 mm, which counts lanes between them
        pytest.param(gross_dies(0.3, 50e-6), 1278, 0.04, id="dies-50-mm2"),
        # Micron: three times the wafers of DDR5 for a byte; from TrendForce's shares
        pytest.param(market("m137", "m138"), MARKET["m145"].value, 0.20, id="trade-2025"),
        pytest.param(market("m139", "m140"), MARKET["m145"].value, 0.10, id="trade-2026"),
        pytest.param(market("m141", "m142"), MARKET["m145"].value, 0.10, id="trade-2027"),
        # Weighted harmonic mean, by hand: a tenth of the bytes at a tenth of the bandwidth
        pytest.param(
            effective_bandwidth(
                1.0,
                sequential_read_time(
                    fast_bytes=0.9, slow_bytes=0.1, fast_bandwidth=1.0, slow_bandwidth=0.1
                ),
            ),
            1 / 1.9,
            1e-12,
            id="a-tenth-offloaded",
        ),
    ],
)
def test_our_number_is_theirs(ours, theirs, tolerance):
    assert ours == pytest.approx(theirs, rel=tolerance)


def dies_cut(width, height, *, diameter=0.3):
    """Return the most whole dies of a grid on a wafer, of grids that start at or beside its centre.

    Counted one by one: a die is whole if its corners are on the wafer.
    """
    cells = np.arange(-200, 200)
    counts = []
    for x, y in np.ndindex(2, 2):
        left, low = (cells + x / 2) * width, (cells + y / 2) * height
        across = np.maximum(abs(left), abs(left + width))
        up = np.maximum(abs(low), abs(low + height))
        counts.append(np.sum(np.hypot(*np.meshgrid(across, up)) <= diameter / 2))
    return max(counts)


@pytest.mark.parametrize("width", [7, 9, 11, 13])  # mm
@pytest.mark.parametrize("height", [8, 11])
def test_dies_of_the_formula_are_those_that_fit(width, height):
    formula = gross_dies(0.3, width * height * 1e-6)

    assert formula == pytest.approx(dies_cut(width * 1e-3, height * 1e-3), rel=0.035)


def yearly(memory):
    """Return the function and the inputs of a year's supply."""
    function = partial(supply.yearly_supply, PARAMS.memory[memory])
    return function, supply.inputs(PARAMS.supply, function)


def middle(function, inputs):
    """Return the result of all inputs in the middle."""
    return function(**{name: value.mid for name, value in inputs.items()})


def test_a_years_supply_is_what_trendforce_expects():
    # ChosunBiz, 2025-05-22: TrendForce expects shipments of more than 30 billion Gbit in 2026.
    function, inputs = yearly("hbm3e")
    made = percentiles(function, inputs)

    assert made.low < 30e9 * GBIT < made.high
    assert middle(function, inputs) == pytest.approx(30e9 * GBIT, rel=0.10)


@pytest.mark.parametrize("forecast", ["m155", "m156"])  # of the market in 2026
def test_a_years_supply_at_known_prices_is_the_market(forecast):
    # Between all of it at the price of HBM3E and all at that of HBM4, both of November 2025.
    made = middle(*yearly("hbm3e"))
    cheap, dear = (made * PARAMS.memory[memory].price.value for memory in ("hbm3e", "hbm4"))

    assert MARKET[forecast].unit == "billion USD"
    assert cheap < MARKET[forecast].value * 1e9 < dear


def test_an_owned_chip_costs_less_than_a_rented_one():
    # What the owner of a rented chip has to earn: rents of May 2026 are above the cost of owning,
    # and below four times of it.
    function = partial(supply.owning_price, PARAMS.chips["h200-sxm"])
    owned = percentiles(function, supply.inputs(PARAMS.supply, function))
    rented = Range.of(PARAMS.supply.costs.rental_price)

    assert owned.mid < rented.mid < 4 * owned.mid
    assert owned.low < rented.low
