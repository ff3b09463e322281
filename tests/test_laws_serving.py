"""Laws of prompts, of streams of requests and of drafts, whatever the chip and the model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportlib.calculations.decode import (
    decode_step_floor,
    multiply_time,
    read_time,
    tokens_per_second,
)
from reportlib.calculations.prefill import (
    attended_pairs,
    balanced_prompt_length,
    compute_bound_tokens,
    prefill_floor,
    prefill_passes,
    prefill_time,
    prompt_attention_flop,
    prompt_matmul_flop,
    reread_entries,
)
from reportlib.calculations.serving import (
    blended_time_per_token,
    concurrency,
    decode_steps,
    disaggregated_sequences_per_chip_second,
    disaggregated_sequences_per_second,
    exposed_transfer_time,
    mean_live_context,
    output_tokens_per_second,
    prefill_chips_per_decode_chip,
    queueing_time,
    request_latency,
    sequences_per_second,
    shared_time_per_step,
    static_batch_time,
    time_per_sequence,
)
from reportlib.calculations.speculation import (
    round_time,
    speculative_flop_ratio,
    speculative_speedup,
    tokens_per_round,
    verify_tokens,
)
from reportlib.calculations.transformer import compressed_entries, kept_tokens
from reportlib.cases.frontier import frontier

ROUNDING = 1e-9  # what floats may add to either side of an inequality

INFINITE = float("inf")
amounts = st.floats(1e6, 1e15)
lengths = st.integers(1, 2000)
prefixes = st.integers(0, 2000)
windows = st.one_of(st.integers(1, 3000), st.just(INFINITE))
ratios = st.sampled_from([1, 4, 128, INFINITE])
chips = {"peak_compute": st.floats(1e12, 1e17), "memory_bandwidth": st.floats(1e9, 1e15)}
prompts = st.fixed_dictionaries(
    {
        "flop": amounts,
        "passes": st.integers(1, 100),
        "weight_bytes_per_pass": amounts,
        "kv_bytes": amounts,
        **chips,
    }
)
times = st.floats(1e-4, 1e3)
rates = st.floats(1e-3, 1e3)
replicas = st.fixed_dictionaries(
    {
        "prefill_time": times,
        "step_time": times,
        "steps": st.integers(1, 10_000),
        "batch_size": st.integers(1, 1000),
    }
)
acceptances = st.one_of(st.just(1.0), st.floats(0, 1))
drafts = st.integers(0, 30)


@given(new=lengths, cached=prefixes, ratio=ratios, most=windows)
def test_a_prompt_attends_as_its_tokens_would_one_by_one(new, cached, ratio, most):
    contexts = np.arange(cached + 1, cached + new + 1)
    one_by_one = kept_tokens(compressed_entries(contexts, ratio), most)

    assert one_by_one.sum() == attended_pairs(
        new_tokens=new, cached_tokens=cached, ratio=ratio, most_attended=most
    )


@given(new=lengths, cached=prefixes, chunk=lengths, window=windows)
def test_each_pass_reads_back_what_passes_before_it_left(new, cached, chunk, window):
    starts = np.arange(cached, cached + new, chunk)

    assert len(starts) == prefill_passes(new, chunk)
    assert kept_tokens(starts, window).sum() == reread_entries(
        new_tokens=new, cached_tokens=cached, chunk_tokens=chunk, window=window
    )


@given(chunks=st.integers(1, 50), chunk=lengths)
def test_the_first_of_n_chunks_is_read_back_n_minus_1_times(chunks, chunk):
    read_back = sum(chunk * (chunks - place) for place in range(1, chunks + 1))

    assert read_back == reread_entries(
        new_tokens=chunks * chunk, cached_tokens=0, chunk_tokens=chunk, window=INFINITE
    )


@given(new=lengths, cached=prefixes, chunk=lengths, times=st.integers(1, 20), window=windows)
def test_larger_chunks_never_read_more(new, cached, chunk, times, window):
    small, large = (
        reread_entries(new_tokens=new, cached_tokens=cached, chunk_tokens=size, window=window)
        for size in (chunk, chunk * times)
    )

    assert large <= small
    assert prefill_passes(new, chunk * times) <= prefill_passes(new, chunk)


@given(parameters=st.integers(0, 10**12), head=st.integers(0, 10**10), new=lengths)
def test_a_prompt_needs_its_output_head_once(parameters, head, new):
    def flop(head, new):
        return prompt_matmul_flop(
            parameters=parameters + head, output_parameters=head, new_tokens=new
        )

    assert flop(head, new) - flop(0, new) == 2 * head
    assert flop(head, new + 1) - flop(head, new) == 2 * parameters


@given(matmul=st.floats(1e8, 1e12), attention=st.floats(1e3, 1e8))
def test_attention_costs_as_much_as_matrices_at_the_balanced_length(matmul, attention):
    length = balanced_prompt_length(matmul_flop_per_token=matmul, attention_flop_per_pair=attention)
    pairs = length * (length + 1) / 2

    of_attention = prompt_attention_flop(
        layers=1,
        pairs=pairs,
        flop_per_pair=attention,
        index_pairs=0,
        flop_per_index_pair=0,
        new_tokens=length,
        state_flop_per_token=0,
    )

    assert of_attention == pytest.approx(length * matmul, rel=1e-6, abs=1)


@given(prompt=prompts, factor=st.floats(1, 100))
@pytest.mark.parametrize("faster", list(chips))
def test_a_faster_chip_never_slows_a_prompt(faster, prompt, factor):
    better = prompt | {faster: prompt[faster] * factor}

    assert prefill_floor(**better) <= prefill_floor(**prompt)


@given(prompt=prompts, share=st.floats(0.01, 1), layers=st.integers(1, 200), time=times)
def test_what_is_expected_of_a_prompt_is_its_floor_at_rates_that_are_sustained(
    prompt, share, layers, time
):
    expected = prefill_time(
        **prompt,
        bandwidth_efficiency=share,
        compute_efficiency=share,
        layers=layers,
        time_per_layer=time,
        communication_time=time,
    )

    assert expected >= prefill_floor(**prompt)
    assert expected == pytest.approx(
        prefill_floor(**prompt) / share + (prompt["passes"] * layers + 1) * time
    )


@given(prompt=prompts)
def test_passes_take_as_long_as_decode_steps_one_after_another(prompt):
    passes = prompt["passes"]
    step = {name: prompt[name] for name in ("flop", "kv_bytes", *chips)}
    alone = decode_step_floor(weight_bytes=prompt["weight_bytes_per_pass"], **step)

    of_all = {"flop": passes * prompt["flop"], "kv_bytes": passes * prompt["kv_bytes"]}

    assert prefill_floor(**prompt | of_all) == pytest.approx(passes * alone)


@given(bytes_per_pass=amounts, flop=amounts, chip=st.fixed_dictionaries(chips))
def test_a_pass_is_balanced_where_it_turns_compute_bound(bytes_per_pass, flop, chip):
    tokens = compute_bound_tokens(bytes_per_pass=bytes_per_pass, flop_per_token=flop, **chip)

    assert multiply_time(tokens * flop, chip["peak_compute"]) == pytest.approx(
        read_time(bytes_per_pass, chip["memory_bandwidth"])
    )


def served(*, prefill_time, steps, step_time, batch_size):
    """Play a replica whose sequences are spread over their outputs: one round of all of them.

    Return how long the round takes, and how long the last sequence to enter takes from its first
    token to its last.
    """
    left = [steps * (place + 1) // batch_size for place in range(batch_size)]
    clock, entered, taken = 0.0, {}, {}
    for _ in range(2 * steps):
        clock += step_time
        left = [steps_left - 1 for steps_left in left]
        for place in [place for place, steps_left in enumerate(left) if steps_left == 0]:
            if place in entered:
                taken[place] = clock - entered[place]
            clock += prefill_time
            entered[place] = clock
            left[place] = steps
    return clock / 2, taken


@given(prefill_time=times, step_time=times, batch_size=st.integers(1, 8), waves=st.integers(1, 5))
def test_a_replica_serves_as_one_that_is_played_step_by_step(
    prefill_time, step_time, batch_size, waves
):
    replica = {
        "prefill_time": prefill_time,
        "step_time": step_time,
        "steps": waves * batch_size,
        "batch_size": batch_size,
    }
    round_of_all, taken = served(**replica)

    rate = sequences_per_second(time_per_sequence(**replica), replicas=1)
    decoding = request_latency(
        time_to_first_token=0, time_per_step=shared_time_per_step(**replica), steps=replica["steps"]
    )

    assert rate == pytest.approx(batch_size / round_of_all)
    assert list(taken.values()) == pytest.approx([decoding] * batch_size)


@given(replica=replicas)
def test_a_replica_holds_its_batch(replica):
    latency = request_latency(
        time_to_first_token=replica["prefill_time"],
        time_per_step=shared_time_per_step(**replica),
        steps=replica["steps"],
    )

    in_progress = concurrency(sequences_per_second(time_per_sequence(**replica), 1), latency)

    assert in_progress == pytest.approx(replica["batch_size"])


@given(replica=replicas, number=st.integers(1, 100))
def test_replicas_that_only_decode_yield_a_batch_per_step_each(replica, number):
    sequences = sequences_per_second(time_per_sequence(**replica | {"prefill_time": 0}), number)

    assert output_tokens_per_second(sequences, replica["steps"]) == pytest.approx(
        number * tokens_per_second(replica["batch_size"], replica["step_time"])
    )


@given(replica=replicas, more=st.integers(0, 10_000))
def test_a_batch_that_waits_for_its_longest_never_serves_more(replica, more):
    batch_size, steps = replica["batch_size"], replica["steps"]
    static = static_batch_time(
        batch_size=batch_size,
        prefill_time=replica["prefill_time"],
        longest_steps=steps + more,
        step_time=replica["step_time"],
    )

    assert static / batch_size >= time_per_sequence(**replica) * (1 - ROUNDING)
    if more == 0:
        assert static / batch_size == pytest.approx(time_per_sequence(**replica))


@given(input_tokens=st.integers(1, 10_000), output_tokens=st.integers(2, 5000))
def test_the_mean_context_is_that_of_all_steps(input_tokens, output_tokens):
    steps = int(decode_steps(output_tokens, tokens_per_step=1))
    contexts = input_tokens + np.arange(1, steps + 1)  # after the token that the prefill gave

    assert contexts.mean() == pytest.approx(
        mean_live_context(input_tokens=input_tokens, output_tokens=output_tokens)
    )


@given(
    replica=replicas,
    input_tokens=st.integers(2, 10_000),
    output=st.integers(1, 10_000),
    data=st.data(),
)
def test_time_per_token_adds_up_to_time_per_sequence(replica, input_tokens, output, data):
    cached = data.draw(st.integers(0, input_tokens - 1))
    decoding = time_per_sequence(**replica | {"prefill_time": 0})

    blended = blended_time_per_token(
        time_per_input_token=replica["prefill_time"] / (input_tokens - cached),
        time_per_output_token=decoding / output,
        input_tokens=input_tokens,
        output_tokens=output,
        cached_tokens=cached,
    )

    assert blended * (input_tokens + output) == pytest.approx(time_per_sequence(**replica))


@given(arrivals=rates, service=times, factor=st.floats(1, 10))
def test_more_arrivals_never_shorten_the_queue(arrivals, service, factor):
    waited = queueing_time(arrivals, service)

    assert waited >= 0
    assert (waited == INFINITE) == (arrivals * service >= 1)
    assert queueing_time(arrivals * factor, service) >= waited


@given(prefills=rates, decodes=rates, share=st.floats(0, 1), chips=st.integers(1, 10_000))
def test_no_split_of_chips_beats_the_best(prefills, decodes, share, chips):
    phases = {"prefills_per_chip_second": prefills, "decodes_per_chip_second": decodes}
    ratio = prefill_chips_per_decode_chip(**phases)
    best = disaggregated_sequences_per_chip_second(**phases)

    def at(share):
        return disaggregated_sequences_per_second(
            prefill_chips=chips * share, decode_chips=chips * (1 - share), **phases
        )

    assert at(ratio / (1 + ratio)) == pytest.approx(chips * best)
    assert at(share) <= chips * best * (1 + ROUNDING)


@given(replica=replicas)
def test_time_that_phases_share_is_worth_as_much_as_chips_that_they_share(replica):
    apart = disaggregated_sequences_per_chip_second(
        prefills_per_chip_second=1 / replica["prefill_time"],
        decodes_per_chip_second=1 / time_per_sequence(**replica | {"prefill_time": 0}),
    )

    assert apart == pytest.approx(1 / time_per_sequence(**replica))


@given(transfer=times, prefill=times, layers=st.integers(1, 100))
def test_a_cache_is_sent_layer_by_layer(transfer, prefill, layers):
    sent = 0.0
    for layer in range(1, layers + 1):
        computed = layer * prefill / layers
        sent = max(sent, computed) + transfer / layers

    exposed = exposed_transfer_time(transfer_time=transfer, prefill_time=prefill, layers=layers)

    assert prefill + exposed == pytest.approx(sent)


@given(acceptance=acceptances, drafts=drafts)
def test_a_round_yields_the_guesses_before_the_first_miss_and_one_more(acceptance, drafts):
    missed_after = [acceptance**hits * (1 - acceptance) for hits in range(drafts)]
    mean = sum((hits + 1) * chance for hits, chance in enumerate(missed_after))
    mean += (drafts + 1) * acceptance**drafts

    assert tokens_per_round(acceptance, drafts) == pytest.approx(mean, rel=1e-6)


@given(acceptance=acceptances, better=acceptances, drafts=drafts, more=drafts)
def test_better_and_longer_drafts_never_yield_less(acceptance, better, drafts, more):
    low, high = sorted((acceptance, better))
    tokens = tokens_per_round(low, drafts)

    assert 1 - ROUNDING <= tokens <= (drafts + 1) * (1 + ROUNDING)
    assert tokens <= tokens_per_round(high, drafts) * (1 + 1e-6)
    assert tokens <= tokens_per_round(low, drafts + more) * (1 + 1e-6)


@given(acceptance=st.floats(0, 0.99), cost=st.floats(0, 1), step=times)
def test_a_draft_pays_if_it_is_right_more_often_than_it_costs(acceptance, cost, step):
    speedup = speculative_speedup(
        tokens_per_round=tokens_per_round(acceptance, drafts=1),
        step_time=step,
        round_time=round_time(verify_time=step, drafts=1, draft_time=cost * step),
    )

    assert speedup == pytest.approx((1 + acceptance) / (1 + cost))


@given(step=times, drafts=drafts, batch=st.integers(1, 1000), acceptance=acceptances)
def test_no_draft_pays_where_each_token_takes_its_time(step, drafts, batch, acceptance):
    verify = step * verify_tokens(batch, drafts) / verify_tokens(batch, drafts=0)

    speedup = speculative_speedup(
        tokens_per_round=tokens_per_round(acceptance, drafts),
        step_time=step,
        round_time=round_time(verify_time=verify, drafts=drafts, draft_time=0),
    )

    assert speedup <= 1 + 1e-6


@given(acceptance=acceptances, drafts=drafts, ratio=st.floats(0, 1))
def test_drafts_never_save_arithmetic(acceptance, drafts, ratio):
    factor = speculative_flop_ratio(
        tokens_per_round=tokens_per_round(acceptance, drafts), drafts=drafts, draft_flop_ratio=ratio
    )

    assert factor >= 1 - 1e-6
    if acceptance == 1:
        assert factor == pytest.approx(1 + ratio * drafts / (drafts + 1))


# Few values, for ties; NaN is not feasible.
points = st.lists(
    st.tuples(*2 * [st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0, INFINITE, float("nan")])]),
    max_size=30,
)


def beats(one, other):
    """Tell whether *one* loses to *other* in nothing and wins in something."""
    no_worse = one[0] <= other[0] and one[1] >= other[1]
    return no_worse and one != other


@given(points=points)
def test_a_frontier_is_what_nothing_beats(points):
    latency, throughput = np.array(points).reshape(-1, 2).T

    marked = frontier(latency, throughput)

    feasible = [point for point in points if not np.isnan(point).any()]
    for point, on_it in zip(points, marked, strict=True):
        beaten = any(beats(other, point) for other in feasible)
        assert on_it == (not np.isnan(point).any() and not beaten)


@given(points=points, data=st.data())
def test_a_frontier_does_not_depend_on_the_order(points, data):
    order = data.draw(st.permutations(range(len(points))))
    latency, throughput = np.array(points).reshape(-1, 2).T

    assert frontier(latency, throughput)[order].tolist() == (
        frontier(latency[order], throughput[order]).tolist()
    )


def test_a_frontier_has_the_shape_of_its_grid():
    marked = frontier([[1.0], [2.0]], [[10.0, 20.0, 5.0], [30.0, 20.0, float("nan")]])

    assert marked.tolist() == [[False, True, False], [True, False, False]]
