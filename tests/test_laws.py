"""Laws of memory and arithmetic that hold whatever the chip and the model."""

from itertools import combinations, product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reportlib.calculations.capacity import chips_needed, leftover_batch_size
from reportlib.calculations.decode import (
    critical_batch_size,
    critical_context_length,
    decode_step_floor,
    decode_step_sum,
    half_saturation_batch_size,
    multiply_time,
    read_time,
    required_bandwidth,
    tokens_per_second,
    whole_step_critical_batch_size,
)
from reportlib.calculations.roofline import (
    arithmetic_intensity,
    attainable_compute,
    compute_utilization,
    ridge_point,
)
from reportlib.calculations.stacks import annual_growth
from reportlib.calculations.transformer import (
    compressed_entries,
    distinct_experts,
    grouped_query_attention_flop,
    grouped_query_attention_parameters,
    kept_tokens,
    kv_cache_bytes,
    kv_read_bytes,
    latent_attention_parameters,
    matmul_flop,
)

ROUNDING = 1e-9  # what floats may add to either side of an inequality

amounts = st.floats(1e6, 1e15)
batches = st.floats(1, 1e4)
chips = st.fixed_dictionaries(
    {"peak_compute": st.floats(1e12, 1e17), "memory_bandwidth": st.floats(1e9, 1e15)}
)
steps = st.fixed_dictionaries({"weight_bytes": amounts, "kv_bytes": amounts, "flop": amounts})
dimensions = st.integers(1, 10_000)


@given(step=steps, chip=chips, factor=st.floats(1, 100))
@pytest.mark.parametrize("step_time", [decode_step_floor, decode_step_sum])
@pytest.mark.parametrize("faster", ["memory_bandwidth", "peak_compute"])
def test_a_faster_chip_never_slows_a_step(step_time, faster, step, chip, factor):
    better = chip | {faster: chip[faster] * factor}

    assert step_time(**step, **better) <= step_time(**step, **chip)


@given(step=steps, chip=chips)
def test_overlap_saves_half_at_most(step, chip):
    floor, total = decode_step_floor(**step, **chip), decode_step_sum(**step, **chip)

    assert floor <= total <= 2 * floor * (1 + ROUNDING)


def experts_step(batch, *, experts, active_experts, step):
    """Return the step of a batch: experts are read as tokens choose them, caches one by one."""
    read = distinct_experts(experts=experts, active_experts=active_experts, tokens=batch)
    return {
        "weight_bytes": step["weight_bytes"] * (1 + read / experts),
        "kv_bytes": step["kv_bytes"] * batch,
        "flop": step["flop"] * batch,
    }


@given(
    step=steps,
    chip=chips,
    batch=batches,
    factor=st.floats(1, 100),
    experts=st.integers(1, 1000),
    data=st.data(),
)
def test_a_larger_batch_never_lowers_throughput(*, step, chip, batch, factor, experts, data):
    model = {
        "experts": experts,
        "active_experts": data.draw(st.integers(1, experts)),
        "step": step,
    }
    rate, larger_rate = (
        tokens_per_second(size, decode_step_floor(**experts_step(size, **model), **chip))
        for size in (batch, batch * factor)
    )

    assert larger_rate >= rate * (1 - ROUNDING)


@given(weight_bytes=amounts, kv_bytes=amounts, bandwidth=amounts)
def test_half_of_the_throughput_comes_at_half_saturation(weight_bytes, kv_bytes, bandwidth):
    batch = half_saturation_batch_size(weight_bytes, kv_bytes)
    limit = tokens_per_second(1, read_time(kv_bytes, bandwidth))

    rate = tokens_per_second(batch, read_time(weight_bytes + batch * kv_bytes, bandwidth))

    assert rate == pytest.approx(limit / 2)


@given(step_bytes=amounts, bandwidth=amounts)
def test_required_bandwidth_is_what_the_read_takes(step_bytes, bandwidth):
    steps_per_second = tokens_per_second(1, read_time(step_bytes, bandwidth))

    assert required_bandwidth(step_bytes, steps_per_second) == pytest.approx(bandwidth)


@given(parameters=amounts, width=st.floats(0.5, 4), chip=chips)
def test_weights_take_as_long_to_read_as_to_multiply_at_the_critical_batch(parameters, width, chip):
    batch = critical_batch_size(bytes_per_parameter=width, **chip)

    reading = read_time(parameters * width, chip["memory_bandwidth"])
    multiplying = multiply_time(matmul_flop(parameters, batch), chip["peak_compute"])

    assert reading == pytest.approx(multiplying)


@given(weight_bytes=amounts, kv_bytes=amounts, flop=amounts, chip=chips)
def test_a_whole_step_is_balanced_at_its_critical_batch(weight_bytes, kv_bytes, flop, chip):
    batch = whole_step_critical_batch_size(
        weight_bytes=weight_bytes, flop_per_sequence=flop, kv_bytes_per_sequence=kv_bytes, **chip
    )
    reading = read_time(kv_bytes, chip["memory_bandwidth"])
    multiplying = multiply_time(flop, chip["peak_compute"])

    # Closer to each other than this, rounding decides.
    if reading > multiplying * (1 + 1e-3):
        assert batch == float("inf")
    elif reading < multiplying * (1 - 1e-3):
        assert read_time(weight_bytes + batch * kv_bytes, chip["memory_bandwidth"]) == (
            pytest.approx(batch * multiplying)
        )


@given(
    weight_bytes=amounts,
    matmul=amounts,
    attention=st.floats(1e3, 1e8),
    kv_bytes=st.floats(1e3, 1e8),
    chip=chips,
    share=st.floats(0.01, 0.99),
)
def test_above_the_critical_context_no_batch_is_compute_bound(
    *, weight_bytes, matmul, attention, kv_bytes, chip, share
):
    critical = critical_context_length(
        matmul_flop_per_token=matmul,
        attention_flop_per_position=attention,
        kv_bytes_per_position=kv_bytes,
        **chip,
    )
    assume(critical < 1e12)

    def critical_batch(context):
        return whole_step_critical_batch_size(
            weight_bytes=weight_bytes,
            flop_per_sequence=matmul + attention * context,
            kv_bytes_per_sequence=kv_bytes * context,
            **chip,
        )

    assert critical_batch(critical / share) == float("inf")
    batch = critical_batch(critical * share)
    assert batch < float("inf")
    for size, bound_by_compute in ((batch / 2, False), (batch * 2, True)):
        flop = size * (matmul + attention * critical * share)
        read = weight_bytes + size * kv_bytes * critical * share
        assert bound_by_compute == (arithmetic_intensity(flop, read) > ridge_point(**chip))
    for size in (1, 1e3, 1e9):
        flop = size * (matmul + attention * critical / share)
        read = weight_bytes + size * kv_bytes * critical / share
        assert multiply_time(flop, chip["peak_compute"]) < read_time(read, chip["memory_bandwidth"])


def test_attention_that_is_compute_bound_has_no_critical_context():
    assert critical_context_length(
        matmul_flop_per_token=1,
        attention_flop_per_position=3,
        kv_bytes_per_position=1,
        peak_compute=2,
        memory_bandwidth=1,
    ) == float("inf")


@given(chip=chips, intensity=st.floats(1e-3, 1e6))
def test_a_computation_is_under_both_roofs(chip, intensity):
    attained = attainable_compute(arithmetic_intensity=intensity, **chip)
    utilization = compute_utilization(intensity, ridge_point(**chip))

    assert attained <= chip["peak_compute"]
    assert attained <= intensity * chip["memory_bandwidth"]
    assert attained == pytest.approx(utilization * chip["peak_compute"])


@given(experts=st.integers(1, 2000), data=st.data(), tokens=st.integers(1, 10_000))
def test_a_step_reads_from_one_token_to_all_experts(experts, data, tokens):
    active = data.draw(st.integers(1, experts))

    def read(tokens):
        return distinct_experts(experts=experts, active_experts=active, tokens=tokens)

    assert read(1) == pytest.approx(active)
    assert read(tokens) >= active * (1 - ROUNDING)
    assert read(tokens) <= min(experts, active * tokens) * (1 + ROUNDING)
    assert read(tokens + 1) >= read(tokens) * (1 - ROUNDING)


@pytest.mark.parametrize(("experts", "active", "tokens"), [(4, 2, 2), (5, 2, 3), (6, 1, 4)])
def test_distinct_experts_are_the_mean_over_all_choices(experts, active, tokens):
    choices = list(product(combinations(range(experts), active), repeat=tokens))
    mean = sum(len(set().union(*choice)) for choice in choices) / len(choices)

    assert distinct_experts(experts=experts, active_experts=active, tokens=tokens) == (
        pytest.approx(mean)
    )


contexts = st.integers(0, 10_000_000)
windows = st.one_of(st.just(0), st.integers(1, 1_000_000))
layers_of_one_kind = st.fixed_dictionaries(
    {
        "layers": dimensions,
        "values_per_entry": dimensions,
        "bytes_per_value": st.sampled_from([0.5, 1, 2]),
        "index_key_bytes": st.integers(0, 512),
        "state_bytes": st.just(0),
    }
)
ratios = st.sampled_from([1, 4, 128, float("inf")])


def kept_and_read(context, *, window, ratio, top_k, **group):
    """Return what like layers keep of a context, and what a step moves of it."""
    spans = {
        "window_tokens": kept_tokens(context, window),
        "entries": compressed_entries(context, ratio),
    }
    return kv_cache_bytes(**spans, **group), kv_read_bytes(**spans, top_k=top_k, **group)


@given(
    context=contexts,
    more=contexts,
    window=windows,
    ratio=ratios,
    top_k=dimensions,
    group=layers_of_one_kind,
)
def test_a_cache_never_shrinks_and_no_step_reads_more_of_it_than_there_is(
    *, context, more, window, ratio, top_k, group
):
    shape = {"window": window, "ratio": ratio, "top_k": top_k, **group}
    kept, read = kept_and_read(context, **shape)
    kept_later, read_later = kept_and_read(context + more, **shape)

    assert 0 <= read <= kept
    assert kept <= kept_later
    assert read <= read_later


@given(context=contexts, window=st.integers(1, 1_000_000), group=layers_of_one_kind)
def test_a_window_bounds_a_cache(context, window, group):
    shape = {"window": window, "ratio": float("inf"), "top_k": 1, **group}
    kept, read = kept_and_read(context, **shape)

    assert kept == read
    assert kept <= kept_and_read(context, window=0, ratio=1, top_k=1, **group)[0]
    assert kept <= kept_and_read(window, **shape)[0]


@given(context=contexts, group=layers_of_one_kind)
def test_full_attention_reads_each_stored_value_once(context, group):
    kept, read = kept_and_read(context, window=0, ratio=1, top_k=float("inf"), **group)

    assert read == kept


@given(context=contexts, more=contexts, state=dimensions, layers=dimensions)
def test_a_state_is_read_and_written_back_whatever_the_context(context, more, state, layers):
    linear = {
        "window": 0,
        "ratio": float("inf"),
        "top_k": float("inf"),
        "layers": layers,
        "values_per_entry": 0,
        "bytes_per_value": 2,
        "index_key_bytes": 0,
        "state_bytes": state,
    }
    kept, read = kept_and_read(context, **linear)

    assert (kept, read) == kept_and_read(context + more, **linear)
    assert (kept, read) == (layers * state, 2 * layers * state)


@given(heads=dimensions, head_dim=dimensions, context=dimensions, width=st.floats(0.5, 4))
def test_multi_head_attention_has_the_same_intensity_at_any_size(heads, head_dim, context, width):
    flop = grouped_query_attention_flop(
        heads=heads, head_dim=head_dim, value_head_dim=head_dim, tokens=context
    )
    _, read = kept_and_read(
        context,
        window=0,
        ratio=1,
        top_k=float("inf"),
        layers=1,
        values_per_entry=2 * heads * head_dim,
        bytes_per_value=width,
        index_key_bytes=0,
        state_bytes=0,
    )

    assert arithmetic_intensity(flop, read) == pytest.approx(2 / width)


@given(
    hidden=dimensions, heads=dimensions, kv_rank=dimensions, head_dim=dimensions, rope=dimensions
)
def test_uncompressed_queries_are_those_of_multi_head_attention(
    hidden, heads, kv_rank, head_dim, rope
):
    latent = latent_attention_parameters(
        hidden_size=hidden,
        heads=heads,
        query_rank=0,
        kv_rank=kv_rank,
        nope_head_dim=head_dim,
        rope_head_dim=rope,
        value_head_dim=head_dim + rope,
    )
    keys_and_values = hidden * (kv_rank + rope) + kv_rank * (1 + heads * (2 * head_dim + rope))
    multi_head = grouped_query_attention_parameters(
        hidden_size=hidden,
        heads=heads,
        kv_heads=0,
        head_dim=head_dim + rope,
        value_head_dim=head_dim + rope,
        keys_as_values=0,
        biases=0,
        output_biases=0,
        norms=0,
        sinks=0,
    )

    assert latent == multi_head + keys_and_values


# Whole bytes, so that only the division can round.
memories = st.fixed_dictionaries(
    {"memory_capacity": st.integers(10**9, 10**12), "usable_share": st.sampled_from([0.5, 1])}
)


@given(memory=memories, needed=st.integers(1, 10**14))
def test_chips_needed_are_the_least_that_hold_it(memory, needed):
    chips = chips_needed(bytes_needed=needed, **memory)
    usable = memory["memory_capacity"] * memory["usable_share"]

    assert (chips - 1) * usable < needed <= chips * usable


@given(
    memory=memories,
    chips=st.integers(1, 100),
    weight_bytes=st.integers(1, 10**14),
    kv_bytes=st.integers(10**3, 10**12),
)
def test_the_leftover_batch_fits_and_one_more_does_not(memory, chips, weight_bytes, kv_bytes):
    batch = leftover_batch_size(
        chips=chips, weight_bytes=weight_bytes, kv_bytes_per_sequence=kv_bytes, **memory
    )
    usable = chips * memory["memory_capacity"] * memory["usable_share"]

    assert batch >= 0
    assert batch == 0 or weight_bytes + batch * kv_bytes <= usable
    assert weight_bytes + (batch + 1) * kv_bytes > usable


@given(first=amounts, growth=st.floats(-0.5, 2), years=st.integers(1, 20))
def test_growth_compounds(first, growth, years):
    last = first
    for _ in range(years):
        last *= 1 + growth

    assert annual_growth(first=first, last=last, years=years) == pytest.approx(growth, abs=1e-9)
