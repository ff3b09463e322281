"""What a stream of requests makes of prefill and decode: latency, throughput, concurrency.

A replica in steady state holds a batch of sequences of like length, each at another point of its
output, and starts a request as soon as one ends. A sequence takes a prefill, which gives its first
token, then *steps* decode steps (see decode_steps), each of which serves the whole batch. Where
both phases share the chips a prefill holds up decoding [@zhong-2024]; that it is read in chunks,
between steps, spreads the delay and does not shorten it. Separate chips for each phase
[@zhong-2024] [@patel-2023] yield no more sequences per chip as such: they pay where the phases
want different batches, chips or splits, and where stalls would break a limit on latency.

*step_time* is that of a step at mean_live_context. Left out: lengths that vary, idle time between
requests, failures, and what steps that carry chunks of prompts save by reading weights once.
"""

import numpy as np

from reportlib.units import Bytes, BytesPerSecond, Count, PerSecond, Seconds


def decode_steps(output_tokens: Count, tokens_per_step: Count) -> Count:
    """Decode steps of a sequence: its prefill gives the first of its *output_tokens*.

    *tokens_per_step* is 1 without speculative decoding; see tokens_per_round.

    >>> decode_steps(513, tokens_per_step=1)
    512.0
    """
    return (output_tokens - 1) / tokens_per_step


def mean_live_context(*, input_tokens: Count, output_tokens: Count) -> Count:
    """Mean context of a sequence over its decode steps, and of a batch in steady state.

    What to read caches at, if reads are in proportion to the context; where a window or an index
    caps them, it gives an upper bound. At its end a sequence keeps all of its tokens.

    >>> mean_live_context(input_tokens=8192, output_tokens=1024)
    8704.0
    """
    return input_tokens + output_tokens / 2


def request_latency(
    *, time_to_first_token: Seconds, time_per_step: Seconds, steps: Count
) -> Seconds:
    """Time from a request to its last token.

    Benchmarks define time per output token by it: less the time to the first, divided by the
    tokens after the first. *time_per_step* includes what prefills of others take in between (see
    shared_time_per_step).

    >>> request_latency(time_to_first_token=0.5, time_per_step=0.02, steps=500)
    10.5
    """
    return time_to_first_token + steps * time_per_step


def queueing_time(arrivals_per_second: PerSecond, service_time: Seconds) -> Seconds:
    """Mean time that a request waits for its prefill, one after another as they arrive.

    For arrivals at random and prompts of one length [@zhong-2024, equation 1]; infinite where
    they arrive as fast as they are served, or faster.

    >>> float(queueing_time(2, service_time=0.25))  # busy half of the time
    0.125
    """
    busy = arrivals_per_second * service_time
    with np.errstate(divide="ignore"):  # never idle: infinite
        return busy * service_time / (2 * np.maximum(1 - busy, 0))


def time_per_sequence(
    *, prefill_time: Seconds, steps: Count, step_time: Seconds, batch_size: Count
) -> Seconds:
    """Time of a replica that one sequence takes: its prefill and its share of its decode steps.

    The two parts are what input and output tokens cost, if time is what is paid for.

    >>> time_per_sequence(prefill_time=0.5, steps=500, step_time=0.032, batch_size=32)
    1.0
    """
    return prefill_time + steps * step_time / batch_size


def sequences_per_second(time_per_sequence: Seconds, replicas: Count) -> PerSecond:
    """Sequences that *replicas* replicas finish per second.

    >>> sequences_per_second(1.25, replicas=4)
    3.2
    """
    return replicas / time_per_sequence


def output_tokens_per_second(sequences_per_second: PerSecond, output_tokens: Count) -> PerSecond:
    """Output tokens per second of replicas that finish *sequences_per_second*.

    >>> output_tokens_per_second(3.2, output_tokens=500)
    1600.0
    """
    return sequences_per_second * output_tokens


def shared_time_per_step(
    *, prefill_time: Seconds, steps: Count, step_time: Seconds, batch_size: Count
) -> Seconds:
    """Time between the decode steps of a sequence whose replica also does all prefills.

    While a sequence decodes, each of the others ends once and makes way for a new prompt.

    >>> shared_time_per_step(prefill_time=0.5, steps=500, step_time=0.032, batch_size=33)
    0.064
    """
    return step_time + (batch_size - 1) * prefill_time / steps


def concurrency(sequences_per_second: PerSecond, request_latency: Seconds) -> Count:
    """Requests in progress at a time: Little's law [@little-1961].

    >>> concurrency(3.2, request_latency=10)
    32.0
    """
    return sequences_per_second * request_latency


def static_batch_time(
    *, batch_size: Count, prefill_time: Seconds, longest_steps: Count, step_time: Seconds
) -> Seconds:
    """Time of a batch that is prefilled, then decoded until its longest sequence ends.

    Without steady state: none takes the place of one that ends early. Divided by *batch_size* it
    is a time_per_sequence, the same if all outputs are as long as the longest.

    >>> static_batch_time(batch_size=32, prefill_time=0.5, longest_steps=1000, step_time=0.032)
    48.0
    """
    return batch_size * prefill_time + longest_steps * step_time


def blended_time_per_token(
    *,
    time_per_input_token: Seconds,
    time_per_output_token: Seconds,
    input_tokens: Count,
    output_tokens: Count,
    cached_tokens: Count,
) -> Seconds:
    """Mean time of a replica per token, of those that go in and those that come out.

    Of *input_tokens*, *cached_tokens* are known from earlier and take no time.

    >>> blended_time_per_token(
    ...     time_per_input_token=1, time_per_output_token=10,
    ...     input_tokens=30, output_tokens=10, cached_tokens=10,
    ... )
    3.0
    """
    spent = (
        input_tokens - cached_tokens
    ) * time_per_input_token + output_tokens * time_per_output_token
    return spent / (input_tokens + output_tokens)


def disaggregated_sequences_per_second(
    *,
    prefill_chips: Count,
    decode_chips: Count,
    prefills_per_chip_second: PerSecond,
    decodes_per_chip_second: PerSecond,
) -> PerSecond:
    """Sequences per second of chips of which some only prefill and the others only decode.

    The slower phase decides. Each rate is that of a replica of its phase, in sequences per
    second, divided by the chips of that replica.

    >>> float(disaggregated_sequences_per_second(
    ...     prefill_chips=3, decode_chips=2, prefills_per_chip_second=1, decodes_per_chip_second=2
    ... ))
    3.0
    """
    return np.minimum(
        prefill_chips * prefills_per_chip_second, decode_chips * decodes_per_chip_second
    )


def prefill_chips_per_decode_chip(
    *, prefills_per_chip_second: PerSecond, decodes_per_chip_second: PerSecond
) -> Count:
    """Ratio of chips at which neither phase waits for the other.

    Few chips only come near: whole replicas are rounded.

    >>> prefill_chips_per_decode_chip(prefills_per_chip_second=2, decodes_per_chip_second=5)
    2.5
    """
    return decodes_per_chip_second / prefills_per_chip_second


def disaggregated_sequences_per_chip_second(
    *, prefills_per_chip_second: PerSecond, decodes_per_chip_second: PerSecond
) -> PerSecond:
    """Sequences per second and chip, of both phases together, at their best ratio of chips.

    No split of the chips does better. With the rates of one kind of replica, it is what a replica
    that shares its time between both phases does.

    >>> disaggregated_sequences_per_chip_second(
    ...     prefills_per_chip_second=2, decodes_per_chip_second=6
    ... )
    1.5
    """
    return 1 / (1 / prefills_per_chip_second + 1 / decodes_per_chip_second)


def kv_transfer_time(kv_bytes: Bytes, link_bandwidth: BytesPerSecond) -> Seconds:
    """Time to send the cache of a prompt from the chips that prefill to those that decode.

    *link_bandwidth* is that of all links between the two, in one direction.

    >>> kv_transfer_time(1.25e9, link_bandwidth=50e9)  # 400 Gbit/s
    0.025
    """
    return kv_bytes / link_bandwidth


def exposed_transfer_time(
    *, transfer_time: Seconds, prefill_time: Seconds, layers: Count
) -> Seconds:
    """What is left of *transfer_time* after the prefill, if each layer is sent once computed.

    The last of *layers* like layers always, and the backlog where a layer takes longer to send
    than to compute [@patel-2023, section IV-C]. With one layer: all of it.

    >>> float(exposed_transfer_time(transfer_time=0.08, prefill_time=1, layers=80))
    0.001
    """
    before_the_last = prefill_time * (layers - 1) / layers
    return np.maximum(transfer_time / layers, transfer_time - before_the_last)
