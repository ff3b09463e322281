"""What holds of every case, whatever the chip, the model, the format and the engine."""

import math
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reportlib import params
from reportlib.cases.engines import engine
from reportlib.cases.formats import FORMATS, format_named
from reportlib.cases.models import (
    flop_per_token,
    kv_cache_bytes,
    kv_read_bytes,
    layer_groups,
    parameters,
    stored_weight_bytes,
)
from reportlib.cases.predictions import USABLE_SHARE, Case

PARAMS = params.load(params.DEFAULT_ROOT)
NAMES = sorted(FORMATS)
ROUNDING = 1e-9  # what floats may add to either side of an inequality

laws = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
chips = st.sampled_from(sorted(PARAMS.chips)).map(PARAMS.chips.get)
models = st.sampled_from(sorted(PARAMS.models)).map(PARAMS.models.get)
formats = st.sampled_from(NAMES).map(format_named)
kv_precisions = st.sampled_from(["bf16", "fp8", "int8", "fp4"])
lengths = st.integers(1, 300_000)
batches = st.integers(1, 1000)
splits = st.sampled_from([1, 2, 4, 7, 8, 16, 72])
factors = st.floats(1, 100)
whole_factors = st.integers(1, 100)

every_model = pytest.mark.parametrize("identifier", PARAMS.models)


@st.composite
def cases(draw, chips_of_a_model=splits):
    context, prompt = draw(lengths), draw(lengths)
    return Case(
        model=draw(models),
        chip=draw(chips),
        weight_format=draw(formats),
        kv_precision=draw(kv_precisions),
        batch_size=draw(batches),
        context_length=context,
        input_length=prompt,
        longest_context=max(context, prompt),
        chips=draw(chips_of_a_model),
    )


some_engine = st.sampled_from(
    [engine(PARAMS, key, PARAMS.chips["h100-sxm5"]) for key in PARAMS.engines.classes]
)


def with_bandwidth(chip, factor):
    better = chip.memory_bandwidth.value * factor
    reading = chip.memory_bandwidth.model_copy(update={"value": better})
    return chip.model_copy(update={"memory_bandwidth": reading})


# Bounds and expected times


@laws
@given(case=cases(), reached=some_engine)
def test_no_engine_is_expected_to_beat_a_bound(case, reached):
    # A rate that is not published does not count in what is expected, but a narrower one bounds.
    assume(not math.isnan(case.peak_compute) or case.fastest_compute == math.inf)

    assert case.decode_floor <= case.decode_time(reached) * (1 + ROUNDING)


@laws
@given(case=cases(), reached=some_engine)
def test_no_prompt_is_expected_to_beat_its_bound(case, reached):
    expected = float(case.prefill_time(reached))

    assert math.isnan(expected) == math.isnan(case.peak_compute)
    assert math.isnan(expected) or case.prefill_floor <= expected * (1 + ROUNDING)


@laws
@given(case=cases(), reached=some_engine)
def test_every_time_is_positive_and_finite(case, reached):
    times = (case.decode_floor, case.decode_time(reached), case.prefill_floor)

    assert all(0 < float(time) < math.inf for time in times)
    assert 0 <= float(case.communication_time(reached)) < case.decode_time(reached)
    assert (case.communication_time(reached) > 0) == (case.chips > 1)


@laws
@given(case=cases(), reached=some_engine)
def test_a_band_is_wider_for_a_chip_that_is_announced(case, reached):
    announced = case.chip.status is not None and case.chip.status.value == "announced"
    fitted = reached.spread[case.regime]

    assert case.spread(reached) >= fitted * (1 - ROUNDING)
    assert (case.spread(reached) > fitted * 1.01) == announced


def test_a_step_is_that_of_a_calculation_by_hand():
    """Llama 3 8B in BF16, two sequences of 100,000 tokens, on H100 SXM."""
    case = Case(
        model=PARAMS.models["llama-3-8b"],
        chip=PARAMS.chips["h100-sxm5"],
        weight_format=format_named("bf16"),
        batch_size=2,
        context_length=100_000,
    )
    read = 2 * (8_030_261_248 - 128_256 * 4096)  # all weights but the embedding
    caches = 2 * 100_000 * 32 * 2 * 8 * 128 * 2  # layers, keys and values, heads, bytes

    assert case.decode_floor == pytest.approx((read + caches) / 3.35e12, rel=1e-3)
    assert case.step["weight_bytes"] == pytest.approx(read, rel=1e-3)
    assert case.step["kv_bytes"] == pytest.approx(caches)
    assert case.step["attention_flop"] == pytest.approx(2 * 100_000 * 32 * 4 * 32 * 128)
    assert case.step["routed_bytes"] == 0


# What is better or more


@laws
@given(case=cases(), reached=some_engine, factor=factors)
def test_more_bandwidth_never_slows(case, reached, factor):
    better = replace(case, chip=with_bandwidth(case.chip, factor))

    assert better.decode_floor <= case.decode_floor * (1 + ROUNDING)
    assert better.decode_time(reached) <= case.decode_time(reached) * (1 + ROUNDING)
    assert better.prefill_floor <= case.prefill_floor * (1 + ROUNDING)
    if not math.isnan(case.peak_compute):
        assert better.prefill_time(reached) <= case.prefill_time(reached) * (1 + ROUNDING)


@laws
@given(case=cases(), factor=factors)
def test_a_step_that_waits_for_memory_gains_all_that_bandwidth_gains(case, factor):
    halved = replace(case, chip=with_bandwidth(case.chip, 1 / factor))
    flop = case.batch_size * flop_per_token(case.model, case.context_length)
    assume(case.decode_floor > flop / case.fastest_compute * (1 + ROUNDING))

    assert halved.decode_floor == pytest.approx(case.decode_floor * factor)


@laws
@given(case=cases(), reached=some_engine, factor=whole_factors)
def test_a_larger_batch_never_shortens_a_step(case, reached, factor):
    larger = replace(case, batch_size=case.batch_size * factor)

    for work in ("kv_bytes", "attention_flop", "matmul_flop", "message_bytes"):
        assert larger.step[work] == pytest.approx(case.step[work] * factor), work
    assert larger.decode_floor >= case.decode_floor * (1 - ROUNDING)
    assert larger.decode_time(reached) >= case.decode_time(reached) * (1 - ROUNDING)


@laws
@given(case=cases(), factor=whole_factors)
def test_a_larger_batch_never_lowers_throughput_at_the_bound(case, factor):
    larger = replace(case, batch_size=case.batch_size * factor)

    rate, larger_rate = (of.batch_size / of.decode_floor for of in (case, larger))
    assert larger_rate >= rate * (1 - ROUNDING)


@laws
@given(case=cases(), reached=some_engine, more=lengths)
def test_a_longer_context_never_shortens_a_step(case, reached, more):
    longer = replace(case, context_length=case.context_length + more)

    assert longer.decode_floor >= case.decode_floor * (1 - ROUNDING)
    assert longer.decode_time(reached) >= case.decode_time(reached) * (1 - ROUNDING)
    assert longer.kv_cache_bytes >= case.kv_cache_bytes * (1 - ROUNDING)
    assert longer.step["kv_bytes"] >= case.step["kv_bytes"] * (1 - ROUNDING)
    assert longer.step["attention_flop"] >= case.step["attention_flop"] * (1 - ROUNDING)


@laws
@given(case=cases(), reached=some_engine, more=lengths)
def test_a_longer_prompt_takes_longer(case, reached, more):
    longer = replace(case, input_length=case.input_length + more)

    assert longer.prefill_floor >= case.prefill_floor * (1 - ROUNDING)
    assert longer._prompts["flop"] > case._prompts["flop"]  # noqa: SLF001 - what grows
    if not math.isnan(case.peak_compute):
        assert longer.prefill_time(reached) >= case.prefill_time(reached) * (1 - ROUNDING)


@laws
@given(case=cases(), cached=st.floats(0.1, 1))
def test_the_rest_of_a_prompt_takes_more_than_alone_and_less_than_the_whole(case, cached):
    assume(case.input_length > 1)
    known = max(1, int(cached * (case.input_length - 1)))
    rest = replace(case, input_length=case.input_length - known)
    after = replace(rest, cached_length=known)

    whole, alone, continued = (of._prompts["flop"] for of in (case, rest, after))  # noqa: SLF001
    assert alone * (1 - ROUNDING) <= continued <= whole * (1 + ROUNDING)


# Memory


@every_model
def test_parts_of_a_model_add_up_to_the_whole(identifier):
    count = parameters(PARAMS.models[identifier])

    assert sum(count.by_class.values()) == pytest.approx(count.total)
    assert all(value >= 0 for value in count.by_class.values())
    assert 0 < count.active <= count.total * (1 + ROUNDING)


@laws
@given(model=models, weight_format=formats)
def test_weights_of_all_parts_add_up_to_what_is_stored(model, weight_format):
    by_class = parameters(model).by_class
    parts = [weight_format.bytes_of({**dict.fromkeys(by_class, 0.0), k: v})
             for k, v in by_class.items()]  # fmt: skip

    assert sum(parts) == pytest.approx(stored_weight_bytes(model, weight_format))


@laws
@given(model=models, weight_format=formats, tokens=st.integers(1, 100_000))
def test_no_step_reads_more_of_a_part_than_there_is(model, weight_format, tokens):
    count = parameters(model)
    read = count.read_by_class(tokens)

    assert read.keys() == count.by_class.keys()
    tied = count.by_class["embedding"] if not count.by_class["head"] else 0
    for name, there in count.by_class.items():
        assert read[name] <= (there + (tied if name == "head" else 0)) * (1 + ROUNDING), name
    assert weight_format.bytes_of(read) <= stored_weight_bytes(model, weight_format) * (
        1 + ROUNDING
    )


@laws
@given(case=cases())
def test_what_each_step_reads_and_routed_experts_are_at_most_all_weights(case):
    read = case.resident_bytes + case.routed_bytes

    assert 0 < read <= case.weight_bytes * (1 + ROUNDING)
    assert (case.routed_bytes > 0) == (parameters(case.model).routed > 0)


@laws
@given(case=cases(), bits=st.floats(1, 16))
def test_bits_that_were_measured_scale_all_weights(case, bits):
    measured = replace(case, bits_per_weight=bits)

    assert measured.weight_bytes == pytest.approx(parameters(case.model).total * bits / 8)
    share = measured.weight_bytes / case.weight_bytes
    assert measured.resident_bytes == pytest.approx(case.resident_bytes * share)
    assert measured.routed_bytes == pytest.approx(case.routed_bytes * share)


@pytest.mark.parametrize("name", NAMES)
def test_narrower_weights_are_never_more_bytes(name):
    narrow, wide = format_named(name), format_named("bf16")

    for key, model in PARAMS.models.items():
        stored = stored_weight_bytes(model, narrow)
        assert 0 < stored <= stored_weight_bytes(model, wide) * (1 + ROUNDING), key


@laws
@given(model=models, context=lengths, precision=kv_precisions, split=splits)
def test_a_step_reads_no_more_of_a_cache_than_is_stored(model, context, precision, split):
    assume(not any(group.state_bytes for group in layer_groups(model)))
    read = kv_read_bytes(model, context, precision, chips=split)

    assert 0 < read <= kv_cache_bytes(model, context, precision, chips=split) * (1 + ROUNDING)


@laws
@given(case=cases())
def test_narrower_caches_are_never_more_bytes(case):
    sizes = [replace(case, kv_precision=p).kv_cache_bytes for p in ("fp4", "fp8", "bf16")]

    assert sizes == sorted(sizes)


@laws
@given(case=cases(st.just(1)))
def test_one_chip_is_enough_for_the_largest_batch_and_no_larger_one(case):
    most = float(case.max_batch_size)
    assume(most < 1e12)  # beyond, a sequence is less than what floats tell apart
    enough = replace(case, batch_size=most)
    more = replace(case, batch_size=most + 1)

    assert (case.chips_needed <= 1) == (case.batch_size <= most)
    assert most == 0 or enough.chips_needed == 1
    assert more.chips_needed > 1


@laws
@given(case=cases())
def test_a_batch_that_fits_beside_the_weights_of_each_chip_needs_no_more_chips(case):
    assume(case.batch_size <= case.max_batch_size)

    assert case.chips_needed <= case.chips


@laws
@given(case=cases())
def test_so_many_chips_as_are_needed_have_room_and_one_fewer_has_not(case):
    longest = replace(case, context_length=case.longest_context)
    needed = longest.weight_bytes + longest.kv_cache_bytes
    room = case.chip.memory_capacity.value * USABLE_SHARE

    assert case.chips_needed >= 1
    assert needed <= case.chips_needed * room * (1 + ROUNDING)
    assert needed >= (case.chips_needed - 1) * room * (1 - ROUNDING)


@laws
@given(case=cases())
def test_a_longer_answer_never_needs_fewer_chips_nor_fits_more_sequences(case):
    longer = replace(case, longest_context=case.longest_context * 2)

    assert longer.chips_needed >= case.chips_needed
    assert longer.max_batch_size <= case.max_batch_size
