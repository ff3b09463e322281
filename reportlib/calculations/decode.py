"""How long a decode step takes, and what bounds it.

A decode step appends one token to every sequence of a batch. It reads each weight once, whatever
the batch, and each sequence's KV cache; it multiplies every token by every weight that the token
meets [@pope-2022] [@scaling-book, chapter 7]. A step is no faster than the slower of memory and
arithmetic, and no slower than one after the other, as far as these two go.

The floor leaves out interconnect, kernel launches, sampling, activations, and the share of its
peak that a chip sustains, so that a real step takes longer. The expected time (decode_step_time)
has a constant for each of them, fitted to measurements; weights and caches are read one after the
other, as layers depend on each other, and arithmetic overlaps with the reads that it waits for.
"""

import numpy as np

from reportlib.calculations.roofline import ridge_point
from reportlib.calculations.transformer import FLOP_PER_PARAMETER
from reportlib.units import Bytes, BytesPerSecond, Count, FlopPerSecond, PerSecond, Seconds


def read_time(bytes_read: Bytes, memory_bandwidth: BytesPerSecond) -> Seconds:
    """Least time to read weights or KV caches from memory.

    >>> round(read_time(140e9, memory_bandwidth=3.35e12), 4)  # 70B in BF16 at H100's bandwidth
    0.0418
    """
    return bytes_read / memory_bandwidth


def multiply_time(flop: Count, peak_compute: FlopPerSecond) -> Seconds:
    """Least time to do *flop* operations.

    >>> round(multiply_time(140e9, peak_compute=989.5e12), 6)  # one token of 70B on H100
    0.000141
    """
    return flop / peak_compute


def decode_step_floor(
    *,
    weight_bytes: Bytes,
    kv_bytes: Bytes,
    flop: Count,
    memory_bandwidth: BytesPerSecond,
    peak_compute: FlopPerSecond,
) -> Seconds:
    """Least time of a decode step: memory and arithmetic overlap throughout [@williams-2009].

    *kv_bytes* and *flop* are those of the whole batch, and of all chips if the rates are.
    A bound, not a forecast: real steps overlap in part and reach less than the peaks.

    >>> float(decode_step_floor(  # 10 s of reading, 3 s of arithmetic
    ...     weight_bytes=8, kv_bytes=2, flop=3, memory_bandwidth=1, peak_compute=1
    ... ))
    10.0
    """
    return np.maximum(
        read_time(weight_bytes + kv_bytes, memory_bandwidth), multiply_time(flop, peak_compute)
    )


def decode_step_sum(
    *,
    weight_bytes: Bytes,
    kv_bytes: Bytes,
    flop: Count,
    memory_bandwidth: BytesPerSecond,
    peak_compute: FlopPerSecond,
) -> Seconds:
    """Time of a decode step at peak rates whose memory and arithmetic do not overlap at all.

    The pessimistic end of the model, at most twice the floor, with the same arguments: operators
    that overlap inside but run one after another lie between the two.

    >>> decode_step_sum(weight_bytes=8, kv_bytes=2, flop=3, memory_bandwidth=1, peak_compute=1)
    13.0
    """
    return read_time(weight_bytes + kv_bytes, memory_bandwidth) + multiply_time(flop, peak_compute)


def decode_step_time(
    *,
    weight_bytes: Bytes,
    expert_bytes: Bytes,
    kv_bytes: Bytes,
    matmul_flop: Count,
    attention_flop: Count,
    memory_bandwidth: BytesPerSecond,
    peak_compute: FlopPerSecond,
    weight_efficiency: Count,
    expert_efficiency: Count,
    kv_efficiency: Count,
    compute_efficiency: Count,
    fixed_time: Seconds,
    communication_time: Seconds,
    host_time: Seconds,
) -> Seconds:
    """Expected time of a decode step: chips sustain a share of their peaks, and layers cost time.

    *expert_bytes*, of routed experts, are beside *weight_bytes*; all bytes and FLOP are those of
    the batch and of all chips if the rates are, with as many copies of a cache as chips read.
    Efficiencies are in (0, 1]. *fixed_time* is what launching and synchronizing kernels adds;
    *host_time*, in which a host launches them, overlaps with all of it.

    >>> round(float(decode_step_time(  # Llama 2 7B in Q4_0 on RTX 4090: measured, 5.37 ms
    ...     weight_bytes=3.75e9, expert_bytes=0, kv_bytes=34e6, matmul_flop=13e9,
    ...     attention_flop=34e6, memory_bandwidth=1.008e12, peak_compute=165e12,
    ...     weight_efficiency=0.85, expert_efficiency=0.85, kv_efficiency=0.7,
    ...     compute_efficiency=0.5, fixed_time=32 * 28e-6, communication_time=0, host_time=0,
    ... )) * 1e3, 2)
    5.32
    """
    reading = read_time(
        weight_bytes / weight_efficiency + expert_bytes / expert_efficiency, memory_bandwidth
    )
    sustained = compute_efficiency * peak_compute
    matrices = np.maximum(reading, multiply_time(matmul_flop, sustained))
    caches = read_time(kv_bytes / kv_efficiency, memory_bandwidth)
    attention = np.maximum(caches, multiply_time(attention_flop, sustained))
    beside = matrices + fixed_time + communication_time  # of arrays: the same for all contexts
    return np.maximum(beside + attention, host_time)


def tokens_per_second(batch_size: Count, step_time: Seconds) -> PerSecond:
    """Output tokens per second, over the whole batch; each of its users sees 1/step_time.

    >>> tokens_per_second(batch_size=32, step_time=0.025)
    1280.0
    """
    return batch_size / step_time


def required_bandwidth(bytes_per_step: Bytes, steps_per_second: PerSecond) -> BytesPerSecond:
    """Least memory bandwidth that reads *bytes_per_step* in time.

    >>> required_bandwidth(140e9, steps_per_second=50)  # 70B in BF16 at 50 tokens/s each
    7000000000000.0
    """
    return bytes_per_step * steps_per_second


def critical_batch_size(
    *,
    bytes_per_parameter: Bytes,
    peak_compute: FlopPerSecond,
    memory_bandwidth: BytesPerSecond,
) -> Count:
    """Batch size at which multiplying by weights takes as long as reading them.

    Of linear layers only, without KV caches [@scaling-book, chapter 7]: what is often quoted,
    and too small for whole steps. An expert layer needs experts/active experts times as many.

    >>> round(critical_batch_size(  # H100 SXM, BF16
    ...     bytes_per_parameter=2, peak_compute=989e12, memory_bandwidth=3.35e12
    ... ))
    295
    """
    return ridge_point(peak_compute, memory_bandwidth) * bytes_per_parameter / FLOP_PER_PARAMETER


def whole_step_critical_batch_size(
    *,
    weight_bytes: Bytes,
    flop_per_sequence: Count,
    kv_bytes_per_sequence: Bytes,
    peak_compute: FlopPerSecond,
    memory_bandwidth: BytesPerSecond,
) -> Count:
    """Batch size at which a whole step's arithmetic takes as long as its memory traffic.

    Of KV caches as well as weights, attention as well as matrices, for sequences of one length.
    Infinite where a sequence's own traffic outlasts its own arithmetic: no batch then makes the
    step compute-bound. Assumes that *weight_bytes* do not grow with the batch: a dense model, or
    experts that are all read.

    >>> float(whole_step_critical_batch_size(  # 8 + B · 1 = B · 3
    ...     weight_bytes=8, flop_per_sequence=3, kv_bytes_per_sequence=1,
    ...     peak_compute=1, memory_bandwidth=1,
    ... ))
    4.0
    """
    ridge = ridge_point(peak_compute, memory_bandwidth)
    spare_flop = np.maximum(flop_per_sequence - kv_bytes_per_sequence * ridge, 0)
    with np.errstate(divide="ignore"):  # nothing to spare: infinite
        return weight_bytes * ridge / spare_flop


def critical_context_length(
    *,
    matmul_flop_per_token: Count,
    attention_flop_per_position: Count,
    kv_bytes_per_position: Bytes,
    peak_compute: FlopPerSecond,
    memory_bandwidth: BytesPerSecond,
) -> Count:
    """Context length from which on decoding is memory-bound at every batch size.

    There the KV cache of a sequence takes as long to read as its token takes to compute. Assumes
    full attention in every layer, so that *attention_flop_per_position* and
    *kv_bytes_per_position*, summed over layers, do not change with the context. Infinite where
    attention alone is compute-bound, as latent attention can be.

    >>> round(critical_context_length(  # Llama 3 70B in BF16 on H100 SXM
    ...     matmul_flop_per_token=2 * 69.503e9, attention_flop_per_position=80 * 32_768,
    ...     kv_bytes_per_position=327_680, peak_compute=989e12, memory_bandwidth=3.35e12,
    ... ))
    1477
    """
    ridge = ridge_point(peak_compute, memory_bandwidth)
    missing_flop = np.maximum(kv_bytes_per_position * ridge - attention_flop_per_position, 0)
    with np.errstate(divide="ignore"):  # nothing missing: infinite
        return matmul_flop_per_token / missing_flop


def half_saturation_batch_size(weight_bytes: Bytes, kv_bytes_per_sequence: Bytes) -> Count:
    """Batch size at which KV caches weigh as much as the weights.

    A memory-bound step then has half of the throughput that no batch size can exceed.

    >>> half_saturation_batch_size(weight_bytes=140e9, kv_bytes_per_sequence=0.7e9)
    200.0
    """
    return weight_bytes / kv_bytes_per_sequence
