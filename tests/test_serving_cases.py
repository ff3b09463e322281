"""Laws of cases as they are served, for the models and chips entered and a made-up engine."""

import math
from dataclasses import fields, replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportlib import params
from reportlib.cases.engines import REGIMES, Constants, Engine
from reportlib.cases.formats import format_named
from reportlib.cases.models import parameters
from reportlib.cases.predictions import Case
from reportlib.cases.serving import (
    Pair,
    Replica,
    all_to_all_time,
    allowed_degrees,
    at_middle,
    balanced_chips,
    expert_parallel_batch_size,
    expert_parallel_step_time,
    fits,
    input_cost,
    input_energy,
    largest_context,
    output_cost,
    output_energy,
    pipeline_step_time,
    prefill_time,
    request_case,
    slower_tier,
    smallest_chips,
    spilled,
    step_time,
)
from reportlib.cases.supply import owning_price
from reportlib.cases.sweeps import sweep

NUMBERS = params.load(params.DEFAULT_ROOT)
CHIPS, MODELS = NUMBERS.chips, NUMBERS.models
H100 = CHIPS["h100-sxm5"]
ROUNDING = 1e-9  # what floats may add to either side of an inequality
HALF = {field.name: 0.5 for field in fields(Constants)}  # also of peaks
MICROSECONDS = {"layer_time": 25, "expert_layer_time": 30, "collective_latency": 10, "host_time": 5}
TIMES = {name: time * 1e-6 for name, time in MICROSECONDS.items()}
ENGINE = Engine("some", "Some", Constants(**HALF | TIMES), dict.fromkeys(REGIMES, 1.5), known=True)

every_model = pytest.mark.parametrize("identifier", MODELS)
engines = st.sampled_from([ENGINE, None])
batches = st.integers(1, 1000)
degrees = st.integers(1, 100)
lengths = st.integers(2, 100_000)
cases = st.builds(
    Case,
    model=st.sampled_from(list(MODELS.values())),
    chip=st.sampled_from(list(CHIPS.values())),
    weight_format=st.sampled_from([format_named(name) for name in ("bf16", "fp8", "q4_k_m")]),
    batch_size=batches,
    chips=degrees,
)
requests = st.builds(
    request_case,
    cases,
    input_length=lengths,
    output_length=st.just(500),
    cached_length=st.integers(0, 5000),
)
replicas = st.builds(Replica, requests, st.just(ENGINE), st.just(500))


def at_most(less, more):
    """Whether one is no more than the other, or either is unknown."""
    return not less > more * (1 + ROUNDING)


def llama(**case):
    return Case(MODELS["llama-3-70b"], H100, format_named("bf16"), **case)


def deepseek(**case):
    return Case(MODELS["deepseek-v3"], CHIPS["h200-sxm"], format_named("fp8-blocks"), **case)


@given(replica=replicas)
def test_no_engine_serves_more_than_bounds_allow(replica):
    bound = replace(replica, engine=None)

    assert at_most(replica.tokens_per_second, bound.tokens_per_second)
    assert at_most(bound.time_per_output_token, replica.time_per_output_token)
    assert at_most(bound.request_latency, replica.request_latency)
    assert at_most(bound.step_time, replica.step_time)


def test_requests_have_their_mean_context_in_a_step_and_their_longest_in_memory():
    case = request_case(llama(), input_length=1000, output_length=500, cached_length=100)

    assert (case.context_length, case.longest_context) == (1350, 1600)
    assert (case.input_length, case.cached_length) == (1000, 100)
    assert prefill_time(replace(case, batch_size=9), ENGINE) == prefill_time(case, ENGINE)


@given(case=requests, engine=engines)
def test_a_step_without_drafts_is_that_of_the_case(case, engine):
    same = case.decode_time(engine) if engine else case.decode_floor

    assert step_time(case, engine) == pytest.approx(float(same), rel=ROUNDING)


@given(replica=replicas, drafts=st.integers(0, 5))
def test_as_many_requests_are_in_progress_as_the_batch_has(replica, drafts):
    replica = replace(replica, drafts=drafts, acceptance=0.5)
    later = (replica.output_length - 1) * replica.time_per_output_token

    if replica.prefill_time > 0:
        assert replica.concurrency == pytest.approx(replica.case.batch_size)
        assert replica.request_latency == pytest.approx(replica.prefill_time + later)


@given(case=requests, engine=engines, drafts=st.integers(1, 8), acceptance=st.floats(0, 1))
def test_drafts_gain_nothing_where_none_is_right_and_never_more_than_they_are(
    case, engine, drafts, acceptance
):
    some = Replica(case, engine, 500, drafts, acceptance)

    assert at_most(replace(some, acceptance=0).speculative_speedup, 1)
    assert at_most(some.speculative_speedup, drafts + 1)
    assert at_most(replace(some, acceptance=acceptance / 2).speculative_speedup,
                   some.speculative_speedup)  # fmt: skip
    assert at_most(replace(some, draft_time=1).speculative_speedup, some.speculative_speedup)


def test_drafts_pay_less_with_experts_than_without_as_they_need_more_of_them():
    one = {"drafts": 3, "acceptance": 0.8}
    dense, sparse = (Replica(case, ENGINE, 500, **one) for case in (llama(), deepseek()))

    assert dense.tokens_per_step == pytest.approx(2.952)
    assert dense.speculative_speedup == pytest.approx(2.95, abs=0.01)  # weights are all there is
    assert 1 < sparse.speculative_speedup < 0.8 * dense.speculative_speedup


@pytest.mark.parametrize("engine", [ENGINE, None])
def test_drafts_gain_nothing_where_arithmetic_and_messages_bind_even_if_all_are_right(engine):
    case = llama(batch_size=100_000, chips=8, context_length=1)
    certain = Replica(case, engine, 500, drafts=3, acceptance=1)

    assert certain.tokens_per_step == 4
    assert certain.speculative_speedup == pytest.approx(1, abs=0.01)


def test_a_draft_takes_time_for_each_guess():
    replica = Replica(llama(), ENGINE, 500, drafts=3, acceptance=0.5)

    assert replace(replica, draft_time=1).step_time == pytest.approx(replica.step_time + 3)


@given(case=requests, more=degrees)
def test_more_chips_never_need_more_time_at_the_bound(case, more):
    larger = replace(case, chips=case.chips + more)

    assert at_most(step_time(larger, None), step_time(case, None))
    assert at_most(prefill_time(larger, None), prefill_time(case, None))


@given(replica=replicas)
def test_separate_replicas_of_one_kind_yield_as_much_and_do_not_stall(replica):
    pair = Pair(replica, replica, link_bandwidth=1e11)

    if replica.prefill_time > 0:
        assert pair.tokens_per_chip_second == pytest.approx(replica.tokens_per_chip_second)
        assert pair.prefill_chips_per_decode_chip == pytest.approx(
            replica.prefill_time * replica.case.batch_size / (replica.steps * replica.step_time)
        )
    assert at_most(pair.time_per_output_token, replica.time_per_output_token)
    assert at_most(replica.prefill_time, pair.time_to_first_token)
    assert at_most(pair.time_to_first_token, pair.request_latency)


def test_over_a_slow_link_the_first_token_waits_for_the_cache():
    case = request_case(llama(chips=8), input_length=1900, output_length=500, cached_length=100)
    replica = Replica(case, ENGINE, 500)
    sent = (
        2000 * 327_680 / 1e9 + replica.prefill_time / 80
    )  # all layers but while the last was read
    pair = Pair(replica, replica, link_bandwidth=1e9)

    assert pair.time_to_first_token == pytest.approx(sent)


@given(replica=replicas, price=st.floats(1e-5, 1e-2), drafts=st.integers(0, 5))
def test_cost_is_price_over_throughput_and_its_parts_add_up(replica, price, drafts):
    replica = replace(replica, drafts=drafts, acceptance=0.5)
    paid = {"price": price, "utilization": 1}
    written, read = (cost(replica, **paid) / 1e6 for cost in (output_cost, input_cost))
    request = replica.case.input_length * read + (replica.output_length - 1) * written
    per_second = price * replica.case.chips

    assert written == pytest.approx(per_second / replica.decode_tokens_per_second)
    if replica.prefill_time > 0:
        assert request == pytest.approx(per_second / replica.sequences_per_second)


@given(replica=replicas)
def test_cost_and_energy_are_unknown_where_price_and_power_are(replica):
    chip, supply = replica.case.chip, NUMBERS.supply
    price = at_middle(supply, partial(owning_price, chip))
    cost = at_middle(supply, partial(output_cost, replica, price=price))
    energies = [at_middle(supply, partial(of, replica)) for of in (output_energy, input_energy)]

    assert (cost > 0) == (chip.price is not None and chip.power is not None)
    assert (energies[0] > 0) == (chip.power is not None)
    assert (energies[1] > 0) == (chip.power is not None and replica.prefill_time > 0)


def test_a_chip_that_is_used_half_of_the_time_costs_twice_as_much():
    replica = Replica(request_case(llama(chips=8), input_length=1000, output_length=500), None, 500)
    half, all_of_it = (output_cost(replica, price=1e-3, utilization=u) for u in (0.5, 1))

    assert half == pytest.approx(2 * all_of_it)


def test_energy_is_power_over_throughput():
    replica = Replica(llama(chips=2), ENGINE, 500)
    paid = {"power_usage_effectiveness": 1.5, "host_power": 300, "idle_share": 0}
    power = 1.5 * 2 * (700 + 300)
    written = output_energy(replica, **paid, decode_activity=1)
    read = input_energy(replica, **paid, prefill_activity=1)

    assert written == pytest.approx(power / replica.decode_tokens_per_second)
    assert read == pytest.approx(power * replica.prefill_time / replica.case.input_length)


@given(case=cases, slower=st.floats(0.001, 1), engine=engines)
def test_what_spills_is_never_read_faster(case, slower, engine):
    spilt = spilled(case, slow_bandwidth=slower * case.chip.memory_bandwidth.value)

    assert at_most(step_time(case, engine), step_time(spilt, engine))
    assert at_most(prefill_time(case, engine), prefill_time(spilt, engine))
    assert fits(spilt)
    if fits(case):
        assert step_time(spilt, engine) == pytest.approx(float(step_time(case, engine)))


def test_weights_that_spill_are_read_at_the_bandwidth_of_the_tier():
    gh200 = CHIPS["gh200"]
    tier = slower_tier(gh200)
    case = replace(llama(), chip=gh200)
    spilt = spilled(
        case,
        slow_bandwidth=tier.memory_bandwidth.value,
        slow_capacity=tier.memory_capacity.value,
    )
    own = 0.9 * gh200.memory_capacity.value / (case.weight_bytes + case.kv_cache_bytes)
    slowed = own + (1 - own) * gh200.memory_bandwidth.value / tier.memory_bandwidth.value

    assert not fits(case)
    assert fits(spilt)
    assert spilt.decode_floor == pytest.approx(slowed * case.decode_floor)


def test_copies_of_caches_spill_too():
    case = deepseek(chips=8, batch_size=40, longest_context=100_000)
    own = 8 * 0.9 * 141e9 / (case.weight_bytes + 8 * 40 * 70_272 * 100_000)
    spilt = spilled(case, slow_bandwidth=4.8e11)

    assert spilt.decode_floor / case.decode_floor == pytest.approx(own + (1 - own) * 10)


def test_a_cache_is_no_tier_to_spill_to():
    assert slower_tier(CHIPS["gaudi-3"]) is None  # SRAM
    assert slower_tier(H100) is None


@given(case=cases.filter(lambda case: case.batch_size >= case.chips))
def test_ranks_of_experts_wait_for_the_busiest(case):
    even = replace(ENGINE, constants=replace(ENGINE.constants, routing_skew=0.0))
    alone = replace(case, chips=1)
    slowest = expert_parallel_step_time(case, even)

    assert expert_parallel_step_time(alone, even) == pytest.approx(
        float(alone.decode_time(even)), rel=0.01
    )
    assert at_most(slowest, expert_parallel_step_time(alone, even) + _exchanged(case))
    assert at_most(_exchanged(case), slowest)


def _exchanged(case):
    return 2 * case.model.architecture.expert_layers * all_to_all_time(case, ENGINE)


def test_experts_that_are_shared_leave_latent_caches_whole():
    case = deepseek(
        chips=32, batch_size=np.array([32, 1024, 4096]), context_length=4096, longest_context=8192
    )
    shared, split = expert_parallel_step_time(case, ENGINE), case.decode_time(ENGINE)

    assert shared[0] > split[0]  # each chip reads all other weights
    assert shared[2] < split[2] / 3  # and no caches but those of its own sequences
    assert expert_parallel_batch_size(case) > 20 * case.max_batch_size


def test_the_busiest_of_eight_ranks_reads_more_than_its_share_of_experts():
    case = deepseek(chips=8, batch_size=32)
    model, efficiency = case.model.architecture, 0.5 * 0.5  # of narrow weights
    launched = 25e-6 * model.layers + 30e-6 * model.expert_layers + _exchanged(case)
    reading = expert_parallel_step_time(case, ENGINE) - launched
    caches = 4 * 1024 * 70_272 / 0.5
    read = reading * 4.8e12 - caches - case.resident_bytes / efficiency

    # An even share of those read is 20.4 (see busiest_rank_experts).
    assert read * efficiency * 0.5 / case.routed_bytes * 256 == pytest.approx(24.3, rel=0.01)


def test_a_rank_holds_its_experts_and_all_other_weights():
    case = deepseek(chips=32, longest_context=8192)
    count = parameters(case.model)
    per_chip = expert_parallel_batch_size(case) / 32
    weights = case.weight_bytes * (1 - count.routed / count.total * 31 / 32)
    room = 0.9 * case.chip.memory_capacity.value - weights

    assert per_chip == pytest.approx(room / (70_272 * 8192), rel=0.05)


@given(case=cases, stages=st.integers(1, 16), micro_batches=st.integers(1, 16))
def test_no_pipeline_makes_a_token_faster_than_chips_that_had_the_memory(
    case, stages, micro_batches
):
    of = partial(pipeline_step_time, case, ENGINE)
    one = of(stages=1, micro_batches=1)

    assert one == pytest.approx(float(case.decode_time(ENGINE)))
    assert at_most(one, of(stages=stages, micro_batches=1))
    assert at_most(one / stages, of(stages=stages, micro_batches=micro_batches))


def test_a_pipeline_adds_transfers_and_reads_weights_for_each_micro_batch():
    case = llama(batch_size=64, chips=2)
    of = partial(pipeline_step_time, case, ENGINE)
    transfer = 10e-6 + 64 * 8192 * 2 / (0.7 * 450e9)
    half = replace(case, batch_size=32).decode_time(ENGINE)

    assert of(stages=4, micro_batches=1) == pytest.approx(
        case.decode_time(ENGINE) + 3 * transfer, rel=ROUNDING
    )
    assert of(stages=1, micro_batches=2) == pytest.approx(2 * half, rel=ROUNDING)


@every_model
def test_the_largest_context_fits_and_one_token_more_does_not(identifier):
    model = MODELS[identifier]
    case = Case(model, H100, format_named("bf16"), batch_size=3, chips=128)
    longest = largest_context(case)

    assert longest > 0
    assert fits(replace(case, longest_context=min(float(longest), 1e15)))
    if not math.isinf(longest):
        assert float(longest).is_integer()
        assert not fits(replace(case, longest_context=longest + 1))


def test_largest_contexts_of_many_batches_and_chips_at_once():
    batch_sizes, chips = np.array([1, 8, 10_000]), np.array([[1], [2], [8]])
    longest = largest_context(llama(batch_size=batch_sizes, chips=chips))

    assert longest.shape == (3, 3)
    assert (longest[0] == 0).all()  # weights alone do not fit
    assert longest[2, 1] == largest_context(llama(batch_size=8, chips=8))
    room = 8 * 0.9 * 80e9 - llama().weight_bytes
    assert longest[2, 1] == math.floor(room / (8 * 327_680))
    assert math.isinf(largest_context(replace(llama(chips=8), model=MODELS["mistral-7b"])))


@given(case=requests)
def test_the_smallest_number_of_chips_holds_the_case_and_no_smaller_one_does(case):
    allowed = allowed_degrees(case.model, 256)
    chips = smallest_chips(case, allowed)
    smaller = [degree for degree in allowed if math.isnan(chips) or degree < chips]

    assert math.isnan(chips) or fits(replace(case, chips=chips))
    assert not any(fits(replace(case, chips=degree)) for degree in smaller)
    assert math.isnan(chips) or chips >= case.chips_needed


@pytest.mark.parametrize(
    ("identifier", "allowed"),
    [
        ("llama-3-70b", [1, 2, 4, 8, 16, 32, 64]),  # 64 heads, 8 of keys
        ("falcon-180b", [1, 2, 4, 8]),  # 232 heads, 8 of keys
        ("phi-4", [1, 2, 5, 10, 20, 40]),  # 40 heads, 10 of keys
        ("deepseek-v3", [1, 2, 4, 8, 16, 32, 64, 128]),  # 128 heads, one latent
        ("qwen3.5-122b-a10b", [1, 2, 4, 8, 16, 32]),  # 32 heads, beside 64 of linear layers
        ("nemotron-3-nano-30b-a3b", [1, 2, 4, 8, 16, 32]),  # as above
    ],
)
def test_chips_get_whole_heads(identifier, allowed):
    assert allowed_degrees(MODELS[identifier], 200) == allowed


@pytest.mark.parametrize("identifier", ["opt-175b", "qwen3.5-122b-a10b", "llama-3-8b"])
def test_where_splitting_is_balanced_twice_the_chips_are_a_third_faster(identifier):
    fast = H100.scale_up.bandwidth.model_copy(update={"value": 1e15})  # messages take no time
    chip = H100.model_copy(
        update={"scale_up": H100.scale_up.model_copy(update={"bandwidth": fast})}
    )
    case = Case(MODELS[identifier], chip, format_named("bf16"), context_length=1)
    balanced = balanced_chips(case, ENGINE)
    once, twice = (replace(case, chips=times * balanced).decode_time(ENGINE) for times in (1, 2))

    assert balanced > 2
    assert once / twice == pytest.approx(4 / 3, rel=0.01)


def test_a_sweep_has_the_numbers_of_single_cases():
    names = ["fp8", "nvfp4"]
    known = deepseek(cached_length=5000)
    found = sweep(
        known,
        ENGINE,
        output_length=400,
        batch_sizes=[1, 32, 512],
        input_lengths=[100, 10_000],
        chips=[8, 16],
        weight_formats=[format_named(name) for name in names],
    )
    one = request_case(
        replace(known, batch_size=32, chips=16, weight_format=format_named("nvfp4")),
        input_length=10_000,
        output_length=400,
        cached_length=5000,
    )
    row = found.where(
        (found.weight_format == "nvfp4")
        & (found.chips == 16)
        & (found.batch_size == 32)
        & (found.input_length == 10_000)
    )
    alone = Replica(one, ENGINE, 400)

    assert len(found) == 2 * 2 * 3 * 2
    assert set(found.weight_format) == set(names)
    assert len(row) == 1
    assert row.step_time == pytest.approx(float(one.decode_time(ENGINE)))
    assert row.step_floor == pytest.approx(float(one.decode_floor))
    assert row.time_to_first_token == pytest.approx(float(alone.prefill_time))
    assert row.tokens_per_chip_second == pytest.approx(float(alone.tokens_per_chip_second))
    assert row.tokens_per_user_second == pytest.approx(1 / float(alone.time_per_output_token))
    assert row.fits == fits(one)
    assert (found.step_floor <= found.step_time).all()


@given(
    case=cases.filter(lambda case: case.chip.peak_compute),
    batch_sizes=st.lists(batches, min_size=1, max_size=8),
    input_lengths=st.lists(lengths, min_size=1, max_size=3),
    chips=st.lists(degrees, min_size=1, max_size=5),
    limits=st.fixed_dictionaries(
        {"time_to_first_token": st.floats(1e-3, 100), "time_per_output_token": st.floats(1e-3, 1)}
    ),
)
def test_a_frontier_is_feasible_and_nothing_feasible_beats_it(
    case, batch_sizes, input_lengths, chips, limits
):
    whole = sweep(
        case,
        ENGINE,
        output_length=500,
        batch_sizes=batch_sizes,
        input_lengths=input_lengths,
        chips=chips,
        weight_formats=[case.weight_format],
    )
    best, rivals = whole.frontier(**limits), whole.where(whole.feasible(**limits))

    assert best.fits.all()
    assert (best.time_to_first_token <= limits["time_to_first_token"]).all()
    assert (best.time_per_output_token <= limits["time_per_output_token"]).all()
    assert (len(best) > 0) == (len(rivals) > 0)
    for length in np.unique(rivals.input_length):
        own, others = (of.where(of.input_length == length) for of in (best, rivals))
        time, rate = own.time_per_output_token[:, None], own.tokens_per_chip_second[:, None]
        faster, more = others.time_per_output_token < time, others.tokens_per_chip_second > rate
        no_slower, no_less = (
            others.time_per_output_token <= time,
            others.tokens_per_chip_second >= rate,
        )
        assert not ((faster & no_less) | (more & no_slower)).any()
        assert (
            (  # and each is matched by one that is on it
                (others.time_per_output_token[:, None] >= own.time_per_output_token)
                & (others.tokens_per_chip_second[:, None] <= own.tokens_per_chip_second)
            )
            .any(axis=1)
            .all()
        )
        assert (np.diff(own.time_per_output_token) >= 0).all()


def test_more_speed_for_each_user_costs_throughput():
    best = sweep(
        llama(),
        ENGINE,
        output_length=500,
        batch_sizes=[1, 4, 16, 64, 256],
        input_lengths=[2000],
        chips=[2, 4, 8],
        weight_formats=[format_named("bf16")],
    ).frontier()

    assert len(best) > 3
    assert (np.diff(best.tokens_per_chip_second) > 0).all()
    assert (np.diff(best.tokens_per_user_second) < 0).all()
