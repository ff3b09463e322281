"""Supply, demand and cost from params: ranges, assumptions that say so, and what is missing."""

import math
from datetime import date
from functools import partial

import numpy as np
import pytest
import small_params

from reportlib import checks, frames, params
from reportlib.cases import supply
from reportlib.cases.ranges import Range, draws, percentiles, tornado
from reportlib.params import coverage

QUESTIONS = {
    "yearly_supply": ("memory",),
    "bandwidth_bound_stacks": ("model", "memory"),
    "capacity_bound_stacks": ("model", "memory"),
    "compute_bound_stacks": ("model", "chip"),
    "share_of_supply": ("model", "memory", "chip"),
    "owning_price": ("chip",),
    "output_cost": ("model", "chip"),
    "input_cost": ("model", "chip"),
    "blended_cost": ("model", "chip"),
    "output_energy": ("model", "chip"),
    "output_energy_of_parts": ("model", "chip", "memory"),
    "input_energy": ("model", "chip"),
}


@pytest.fixture(scope="module")
def now():
    return params.load(params.DEFAULT_ROOT)


def question(numbers, name, *, model="deepseek-v3", chip="h200-sxm", memory="hbm3e"):
    """Return a function with its records bound, and its inputs."""
    records = {
        "model": numbers.models[model],
        "chip": numbers.chips[chip],
        "memory": numbers.memory[memory],
    }
    function = partial(getattr(supply, name), *(records[kind] for kind in QUESTIONS[name]))
    return function, supply.inputs(numbers.supply, function)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_result_has_a_range_and_a_tornado(now, name):
    function, inputs = question(now, name)

    inner, bars = (f(function, inputs) for f in (percentiles, tornado))

    assert 0 < inner.low < inner.mid < inner.high < math.inf
    assert {bar.name for bar in bars} <= set(inputs)
    assert bars[0].swing > bars[-1].swing > 0


@pytest.mark.parametrize("name", QUESTIONS)
def test_arrays_give_what_their_elements_give(now, name):
    function, inputs = question(now, name)
    some = {key: values[:3] for key, values in draws(inputs).items()}

    together = function(**some)

    one_by_one = [function(**{key: v[i] for key, v in some.items()}) for i in range(3)]
    assert np.asarray(together) == pytest.approx(one_by_one)


def test_every_input_is_asked_for_and_named_once(now):
    names = [path.rpartition(".")[2] for path, _ in params.numbers(now.supply)]
    asked = set().union(
        *(supply.inputs(now.supply, getattr(supply, n)) for n in QUESTIONS if n not in WHOLE),
        supply.inputs(now.supply, supply.economics.blended_token_cost),
    )

    assert len(names) == len(set(names))
    assert set(names) - asked == {"serving_share"}  # of the share of supply alone


WHOLE = {"share_of_supply", "blended_cost"}  # these take any name


@pytest.mark.parametrize(
    ("name", "higher", "rises"),
    [
        ("yearly_supply", "bit_density", True),
        ("yearly_supply", "loss_per_layer", False),
        ("bandwidth_bound_stacks", "context_length", True),
        ("bandwidth_bound_stacks", "batch_size", False),
        ("capacity_bound_stacks", "user_speed", False),
        ("compute_bound_stacks", "cache_hit_rate", False),
        ("compute_bound_stacks", "output_share", False),
        ("share_of_supply", "serving_share", False),
        ("owning_price", "lifetime", False),
        ("owning_price", "discount_rate", True),
        ("output_cost", "utilization", False),
        ("input_cost", "context_length", True),
        ("blended_cost", "cache_hit_rate", False),
        ("output_energy", "idle_share", True),
    ],
)
def test_an_input_moves_the_result_the_right_way(now, name, higher, rises):
    bars = {bar.name: bar for bar in tornado(*question(now, name))}

    assert (bars[higher].at_high > bars[higher].at_low) == rises


def test_the_tightest_bound_is_the_demand(now):
    middle = {n: v.mid for n, v in question(now, "share_of_supply")[1].items()}
    bounds = []
    for name in ("bandwidth_bound_stacks", "capacity_bound_stacks", "compute_bound_stacks"):
        function, inputs = question(now, name)
        bounds.append(function(**{n: middle[n] for n in inputs}))
    function, inputs = question(now, "yearly_supply")
    made = function(**{n: middle[n] for n in inputs}) / now.memory["hbm3e"].capacity.value

    share = question(now, "share_of_supply")[0](**middle)

    assert share == pytest.approx(max(bounds) / made / middle["serving_share"])


def test_parts_take_less_than_the_chip_draws(now):
    middle = {n: v.mid for n, v in supply.inputs(now.supply, lambda **_: 0).items()}
    drawn, parts = (
        function(**{n: middle[n] for n in inputs})
        for function, inputs in (
            question(now, name) for name in ("output_energy", "output_energy_of_parts")
        )
    )

    assert drawn / 10 < parts < drawn / middle["power_usage_effectiveness"]


def test_the_price_of_a_system_is_not_marked_up(now):
    middle = {n: v.mid for n, v in question(now, "owning_price")[1].items()}
    dearer = middle | {"system_ratio": 2 * middle["system_ratio"]}

    def price(chip, values):
        return question(now, "owning_price", chip=chip)[0](**values)

    assert now.chips["gb200"].price.basis == "share of a system"
    assert price("gb200", dearer) == price("gb200", middle)
    assert price("h200-sxm", dearer) > price("h200-sxm", middle)


def test_an_unknown_price_is_no_price(now):
    unpriced = next(i for i, chip in now.chips.items() if chip.price is None)
    function, inputs = question(now, "owning_price", chip=unpriced)

    assert math.isnan(percentiles(function, inputs).mid)


def test_an_assumption_says_that_it_is_one(now):
    readings = dict(params.numbers(now.supply))
    assumed = {path for path, r in readings.items() if r.confidence == "assumed"}

    assert assumed == {path for path, r in readings.items() if r.source == "own-assumptions"}
    assert all(r.note for r in readings.values())
    assert "costs.discount_rate" in assumed


def test_what_the_ranges_rest_on_is_said(now):
    for path, reading in params.numbers(now.supply):
        ends = Range.of(reading)
        assert ends.low <= ends.mid <= ends.high, path
        assert path == "wafers.diameter" or ends.low < ends.high, path


def test_there_is_no_supply_before_its_figures(now):
    day = now.supply.as_of

    assert params.load(as_of=day).supply == now.supply
    assert params.load(as_of=date(2025, 6, 1)).supply is None


def test_params_do_without_supply(tmp_path):
    root = small_params.write(tmp_path)

    small = params.load(root)

    assert small.supply is None
    assert "supply" not in coverage.tallies(small)
    assert "supply" not in set(frames.numbers(small)["kind"])


def test_the_numbers_of_supply_are_among_all_numbers(now):
    rows = frames.numbers(now).query("kind == 'supply'").set_index("quantity")

    assert len(rows) == coverage.tallies(now)["supply"].numbers
    assert coverage.tallies(now)["supply"].records == 1
    assert rows.loc["wafers.bit_density", "unit"] == "B/m2"
    assert rows.loc["costs.energy_price", "value"] == pytest.approx(0.0929 / 3.6e6)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("value: 300 mm", "value: 300 mm2", "wafers.diameter.value: '300 mm2' is not a quantity"),
        ("4 USD/h", "4 USD", "costs.rental_price.value: '4 USD' is not a quantity in USD/s"),
        ("  hbm_share:", "  hbm_shares:", "wafers.hbm_shares: unknown key, did you mean hbm_share"),
        ("source: gate-hbm-wafers", "source: gate-hbm", "wafers.hbm_share.source: 'gate-hbm'"),
    ],
)
def test_a_slip_is_told_by_file_line_and_field(params_copy, old, new, said):
    line = small_params.replace(params_copy, "supply.yaml", old, new)

    with pytest.raises(params.ParamsError) as refusal:
        params.load(params_copy)

    assert f"params/supply.yaml:{line}: {said}" in str(refusal.value)


def test_figures_later_than_the_edition_are_doubted(params_copy):
    line = small_params.replace(
        params_copy, "supply.yaml", "as_of: 2026-06-30", "as_of: 2027-06-30"
    )

    doubts = checks.doubts(params.load(params_copy, date.max), params_copy)

    assert any(
        str(d).startswith(f"params/supply.yaml:{line}: as_of: later than the edition")
        for d in doubts
    )
