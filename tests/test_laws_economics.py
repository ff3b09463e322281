"""Laws of offloading, cost, energy and supply, and of ranges that pass through a function."""

from math import exp, log, prod

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reportlib.calculations.decode import decode_step_floor, multiply_time, read_time
from reportlib.calculations.economics import (
    blended_token_cost,
    capital_recovery_factor,
    drawn_power,
    energy_cost,
    energy_per_token,
    input_token_cost,
    output_token_cost,
    owning_price,
    step_energy,
    token_cost,
    tokens_per_joule,
)
from reportlib.calculations.offload import (
    balanced_slow_share,
    effective_bandwidth,
    hiding_batch_size,
    largest_fast_share,
    offloaded_step_floor,
    offloaded_step_sum,
    parallel_read_time,
    sequential_read_time,
    spilled_bytes,
)
from reportlib.calculations.supply import (
    bandwidth_bound_stacks,
    capacity_bound_stacks,
    compute_bound_stacks,
    concurrent_sequences,
    die_area,
    gross_dies,
    memory_traffic,
    stack_yield,
    stacks_per_wafer,
    supplied_stacks,
    trade_ratio,
    wafers_needed,
)
from reportlib.cases.ranges import DRAWS, Range, draws, percentiles, tornado

ROUNDING = 1e-9  # what floats may add to either side of an inequality

amounts = st.floats(1e3, 1e12)
shares = st.floats(0.01, 1)
factors = st.floats(1, 100)
tiers = st.fixed_dictionaries(
    {"fast_bytes": amounts, "slow_bytes": amounts, "fast_bandwidth": amounts}
).flatmap(
    lambda tier: shares.map(lambda share: tier | {"slow_bandwidth": tier["fast_bandwidth"] * share})
)
work = st.fixed_dictionaries({"flop": amounts, "peak_compute": amounts})


@given(tier=tiers)
def test_reading_at_once_saves_half_at_most(tier):
    together, apart = parallel_read_time(**tier), sequential_read_time(**tier)

    assert together <= apart <= 2 * together * (1 + ROUNDING)


@given(tier=tiers)
def test_two_tiers_read_one_after_the_other_are_between_both(tier):
    whole = tier["fast_bytes"] + tier["slow_bytes"]

    bandwidth = effective_bandwidth(whole, sequential_read_time(**tier))

    assert tier["slow_bandwidth"] * (1 - ROUNDING) <= bandwidth
    assert bandwidth <= tier["fast_bandwidth"] * (1 + ROUNDING)


@given(tier=tiers, share=shares)
def test_no_share_reads_faster_at_once_than_the_balanced_one(tier, share):
    fast, slow = tier["fast_bandwidth"], tier["slow_bandwidth"]

    def bandwidth(slow_share):
        split = {"fast_bytes": 1 - slow_share, "slow_bytes": slow_share}
        return effective_bandwidth(1, parallel_read_time(**tier | split))

    best = bandwidth(balanced_slow_share(fast, slow))

    assert best == pytest.approx(fast + slow)
    assert bandwidth(share) <= best * (1 + ROUNDING)


@given(tier=tiers, work=work)
def test_nothing_but_overlap_is_between_floor_and_sum_of_an_offloaded_step(tier, work):
    floor, total = offloaded_step_floor(**tier, **work), offloaded_step_sum(**tier, **work)

    assert floor <= total <= 3 * floor * (1 + ROUNDING)


@given(tier=tiers, work=work)
def test_a_step_with_nothing_offloaded_is_a_step(tier, work):
    step = decode_step_floor(
        weight_bytes=tier["fast_bytes"],
        kv_bytes=0,
        memory_bandwidth=tier["fast_bandwidth"],
        **work,
    )

    assert offloaded_step_floor(**tier | {"slow_bytes": 0}, **work) == step
    assert offloaded_step_floor(**tier, **work) >= step


@given(needed=amounts, capacity=amounts, usable=shares)
def test_what_does_not_fit_spills(needed, capacity, usable):
    memory = {"bytes_needed": needed, "fast_capacity": capacity, "usable_share": usable}

    kept = needed * largest_fast_share(**memory)

    assert kept + spilled_bytes(**memory) == pytest.approx(needed)
    assert kept <= capacity * usable * (1 + ROUNDING)


@given(slow_bytes=amounts, slow_bandwidth=amounts, flop=amounts, peak_compute=amounts)
def test_the_hiding_batch_computes_for_as_long_as_it_reads(
    slow_bytes, slow_bandwidth, flop, peak_compute
):
    batch = hiding_batch_size(
        slow_bytes=slow_bytes,
        slow_bandwidth=slow_bandwidth,
        flop_per_sequence=flop,
        peak_compute=peak_compute,
    )

    reading = read_time(slow_bytes, slow_bandwidth)
    assert multiply_time(batch * flop, peak_compute) == pytest.approx(reading)


@given(rate=st.floats(0.001, 1), periods=st.integers(1, 40))
def test_recovered_capital_repays_the_loan(rate, periods):
    payment = capital_recovery_factor(rate, periods)
    debt = 1.0
    for _ in range(periods):
        debt = debt * (1 + rate) - payment

    assert debt == pytest.approx(0, abs=1e-6 * (1 + rate) ** periods)
    assert payment > 1 / periods


prices = st.fixed_dictionaries(
    {
        "capital": amounts,
        "recovery_factor": shares,
        "upkeep_share": shares,
        "period": amounts,
        "power": amounts,
        "power_usage_effectiveness": st.floats(1, 3),
        "energy_price": st.floats(1e-9, 1e-6),
    }
)


@given(given_price=prices, factor=factors)
@pytest.mark.parametrize(
    "dearer", ["capital", "recovery_factor", "upkeep_share", "power", "energy_price"]
)
def test_what_costs_more_costs_more(dearer, given_price, factor):
    more = owning_price(**given_price | {dearer: given_price[dearer] * factor})

    assert more >= owning_price(**given_price) * (1 - ROUNDING)


@given(price=amounts, input_time=amounts, output_time=amounts, length=amounts, batch=amounts)
def test_the_seconds_that_are_paid_are_those_of_all_tokens(
    price, input_time, output_time, length, batch
):
    one = input_token_cost(price=price, prefill_time=input_time, input_length=length, utilization=1)
    other = output_token_cost(price=price, step_time=output_time, batch_size=batch, utilization=1)

    paid = one * length + other * batch
    assert paid == pytest.approx(price * (input_time + output_time))


@given(costs=st.tuples(amounts, amounts), share=shares, hit=shares)
def test_a_blend_is_no_dearer_than_its_dearest_part(costs, share, hit):
    blend = blended_token_cost(
        input_cost=costs[0], output_cost=costs[1], output_share=share, cache_hit_rate=hit
    )

    assert blend <= max(costs) * (1 + ROUNDING)
    assert blend >= share * costs[1]


@given(power=amounts, rate=amounts, price=amounts)
def test_energy_is_money_of_another_unit(power, rate, price):
    energy = energy_per_token(power=power, power_usage_effectiveness=1, tokens_per_second=rate)

    assert energy * tokens_per_joule(rate, power) == pytest.approx(1)
    assert energy_cost(energy, price) == pytest.approx(
        token_cost(price=power * price, tokens_per_second=rate, utilization=1)
    )


@given(rated=amounts, idle=shares, activity=shares)
def test_a_chip_draws_between_idle_and_rated_power(rated, idle, activity):
    power = drawn_power(rated_power=rated, idle_share=idle, activity=activity)

    assert rated * idle * (1 - ROUNDING) <= power <= rated * (1 + ROUNDING)


@given(parts=st.tuples(*[st.floats(1, 1e6)] * 6), factor=factors)
def test_energy_of_a_step_is_that_of_its_parts(parts, factor):
    names = (
        "bytes_read",
        "energy_per_byte",
        "flop",
        "energy_per_flop",
        "static_power",
        "step_time",
    )
    step = dict(zip(names, parts, strict=True))
    more = {name: step[name] * factor for name in ("bytes_read", "flop", "step_time")}

    assert step_energy(**step | more) == pytest.approx(factor * step_energy(**step))


@given(diameter=st.floats(0.1, 0.5), area=st.floats(1e-6, 1e-2), factor=factors)
def test_whole_dies_never_cover_more_than_the_wafer(diameter, area, factor):
    dies = gross_dies(diameter, area)

    assert 0 <= dies * area <= np.pi * diameter**2 / 4
    assert gross_dies(diameter, area * factor) <= dies


@given(capacity=amounts, density=amounts)
def test_a_die_holds_what_its_area_holds(capacity, density):
    assert die_area(capacity, density) * density == pytest.approx(capacity)


@given(dies=st.integers(1, 16), more=st.integers(1, 16), loss=st.floats(0, 0.5))
def test_a_higher_stack_is_two_stacks_in_a_row(dies, more, loss):
    assert stack_yield(dies + more, loss) == pytest.approx(
        stack_yield(dies, loss) * stack_yield(more, loss)
    )


@given(
    wafer=st.fixed_dictionaries(
        {
            "gross_dies": st.floats(10, 2000),
            "die_yield": shares,
            "dies_per_stack": st.floats(1, 16),
            "stack_yield": shares,
        }
    ),
    wafers=amounts,
)
def test_stacks_take_the_wafers_that_make_them(wafer, wafers):
    stacks = stacks_per_wafer(**wafer)

    assert stacks * wafer["dies_per_stack"] <= wafer["gross_dies"] * (1 + ROUNDING)
    assert wafers_needed(supplied_stacks(wafers, stacks), stacks) == pytest.approx(wafers)


@given(wafers=st.tuples(amounts, amounts), capacity=st.tuples(amounts, amounts))
def test_trading_back_is_the_inverse(wafers, capacity):
    def ratio(one, other):
        return trade_ratio(
            wafers=wafers[one],
            capacity=capacity[one],
            other_wafers=wafers[other],
            other_capacity=capacity[other],
        )

    assert ratio(0, 1) * ratio(1, 0) == pytest.approx(1)


@given(tokens=amounts, each=amounts, stack=amounts, share=shares)
def test_stacks_deliver_the_traffic_that_they_are_for(tokens, each, stack, share):
    traffic = memory_traffic(tokens, each)
    stacks = bandwidth_bound_stacks(traffic=traffic, stack_bandwidth=stack, achieved_share=share)

    assert stacks * stack * share == pytest.approx(tokens * each)


@given(tokens=amounts, speed=amounts, batch=factors, weights=amounts, kv=amounts, factor=factors)
def test_larger_batches_hold_fewer_weights(*, tokens, speed, batch, weights, kv, factor):
    def stacks(size):
        return capacity_bound_stacks(
            sequences=concurrent_sequences(tokens, speed),
            batch_size=size,
            weight_bytes=weights,
            kv_bytes_per_sequence=kv,
            stack_capacity=1,
            usable_share=1,
        )

    assert stacks(batch) >= stacks(batch * factor) >= tokens / speed * kv * (1 - ROUNDING)


@given(compute=amounts, peak=amounts, share=shares, stacks=st.integers(1, 16))
def test_chips_bring_their_stacks(compute, peak, share, stacks):
    one, all_of_them = (
        compute_bound_stacks(
            compute=compute, peak_compute=peak, achieved_share=share, stacks_per_chip=count
        )
        for count in (1, stacks)
    )

    assert one * peak * share == pytest.approx(compute)
    assert all_of_them == pytest.approx(one * stacks)


def ordered(values):
    return Range(*sorted(values))


ranges = st.tuples(*[st.floats(0.01, 100)] * 3).map(ordered)
named = st.dictionaries(st.sampled_from("abcdef"), ranges, min_size=1)


def ratio(**values):
    """Return the product of inputs, of which those after c divide: each moves it one way."""
    return prod(value if name <= "c" else 1 / value for name, value in values.items())


@given(inputs=named)
def test_bars_enclose_the_middle_and_are_sorted(inputs):
    middle = ratio(**{name: value.mid for name, value in inputs.items()})
    bars = tornado(ratio, inputs)

    for bar in bars:
        low, high = sorted((bar.at_low, bar.at_high))
        assert low * (1 - ROUNDING) <= middle <= high * (1 + ROUNDING)
    assert [bar.swing for bar in bars] == sorted((bar.swing for bar in bars), reverse=True)
    assert {bar.name for bar in bars} <= set(inputs)


@given(inputs=named)
def test_percentiles_are_in_order_and_within_the_extremes(inputs):
    ends = {name: (v.low, v.high) if name <= "c" else (v.high, v.low) for name, v in inputs.items()}
    least, most = (ratio(**{name: end[i] for name, end in ends.items()}) for i in (0, 1))

    inner = percentiles(ratio, inputs)

    assert least * (1 - ROUNDING) <= inner.low <= inner.mid * (1 + ROUNDING)
    assert inner.mid <= inner.high * (1 + ROUNDING)
    assert inner.high <= most * (1 + ROUNDING)
    assert inner == percentiles(ratio, inputs)


@given(value=ranges)
def test_percentiles_of_one_input_are_those_of_its_distribution(value):
    low, mid, high = log(value.low), log(value.mid), log(value.high)
    assume(high - low > 1e-6)

    def below(result):
        """Return the distribution function of a triangle."""
        x = log(result)
        if x <= mid:
            return (x - low) ** 2 / ((high - low) * (mid - low)) if mid > low else 0
        return 1 - (high - x) ** 2 / ((high - low) * (high - mid))

    found = percentiles(lambda a: a, {"a": value})

    assert [below(p) for p in (found.low, found.mid, found.high)] == pytest.approx(
        [0.1, 0.5, 0.9], abs=2 / DRAWS
    )


@given(inputs=named)
def test_logarithms_of_a_product_add_up(inputs):
    # Of a sum of independent terms mean and variance are known: those of triangles add up. The
    # hypercube has the mean exactly; its shuffled columns correlate by chance, by 1/64 or so.
    triangles = [[log(v.low), log(v.mid), log(v.high)] for v in inputs.values()]
    variance = sum((a * a + b * b + c * c - a * b - a * c - b * c) / 18 for a, b, c in triangles)

    logs = np.log(prod(draws(inputs).values()))

    assert np.mean(logs) == pytest.approx(sum(map(sum, triangles)) / 3, abs=1e-3)
    assert np.var(logs) == pytest.approx(variance, rel=0.15, abs=1e-6)


@given(spread=st.lists(st.floats(1.01, 4), min_size=1, max_size=4))
def test_the_median_of_a_product_of_even_ranges_is_that_of_their_middles(spread):
    inputs = {f"x{i}": Range(1 / s, 1, s) for i, s in enumerate(spread)}

    found = percentiles(lambda **values: prod(values.values()), inputs)

    assert abs(log(found.mid)) < 0.1 * sum(map(log, spread))
    assert found.low * found.high == pytest.approx(1, abs=0.1 * sum(map(log, spread)))
    assert found.high < exp(sum(map(log, spread)))
