"""Weights and KV caches that lie in two memories, one faster and smaller than the other.

A step reads its bytes from both, either one after the other, as where each layer lies in one of
them, or from both at once, as where every layer is split; a slow tier of a tenth of the bandwidth
that holds a tenth of the bytes doubles the time of the first and hides in the second. Schedules
that prefetch lie between the two [@flexgen-2023].

Left out: latency, which long reads hide; the link where it is slower than the memory behind it
(give the lesser of the two as the slow bandwidth); writes; and copies of what lies in both.
"""

import numpy as np

from reportlib.calculations.decode import multiply_time, read_time
from reportlib.units import Bytes, BytesPerSecond, Count, FlopPerSecond, Seconds


def spilled_bytes(*, bytes_needed: Bytes, fast_capacity: Bytes, usable_share: Count) -> Bytes:
    """Bytes that do not fit into the fast memory; 0 if all do.

    >>> float(spilled_bytes(bytes_needed=140e9, fast_capacity=80e9, usable_share=0.9))
    68000000000.0
    """
    return np.maximum(0, bytes_needed - fast_capacity * usable_share)


def largest_fast_share(*, bytes_needed: Bytes, fast_capacity: Bytes, usable_share: Count) -> Count:
    """Largest share of the bytes that fits into the fast memory, at most 1.

    >>> float(largest_fast_share(bytes_needed=160e9, fast_capacity=80e9, usable_share=0.9))
    0.45
    """
    return np.minimum(1, fast_capacity * usable_share / bytes_needed)


def sequential_read_time(
    *,
    fast_bytes: Bytes,
    slow_bytes: Bytes,
    fast_bandwidth: BytesPerSecond,
    slow_bandwidth: BytesPerSecond,
) -> Seconds:
    """Least time to read first from one memory, then from the other.

    >>> sequential_read_time(fast_bytes=90, slow_bytes=10, fast_bandwidth=10, slow_bandwidth=1)
    19.0
    """
    return read_time(fast_bytes, fast_bandwidth) + read_time(slow_bytes, slow_bandwidth)


def parallel_read_time(
    *,
    fast_bytes: Bytes,
    slow_bytes: Bytes,
    fast_bandwidth: BytesPerSecond,
    slow_bandwidth: BytesPerSecond,
) -> Seconds:
    """Least time to read from both memories at once.

    >>> float(parallel_read_time(fast_bytes=90, slow_bytes=10, fast_bandwidth=10, slow_bandwidth=1))
    10.0
    """
    return np.maximum(read_time(fast_bytes, fast_bandwidth), read_time(slow_bytes, slow_bandwidth))


def effective_bandwidth(bytes_read: Bytes, time: Seconds) -> BytesPerSecond:
    """Bandwidth that one memory would need to deliver as much in the same time.

    Read one after the other, it is the harmonic mean of the bandwidths weighted by bytes; read at
    once, the sum of both at best.

    >>> round(effective_bandwidth(bytes_read=100, time=19), 2)  # of 10, a tenth read at 1
    5.26
    """
    return bytes_read / time


def balanced_slow_share(fast_bandwidth: BytesPerSecond, slow_bandwidth: BytesPerSecond) -> Count:
    """Share of the bytes to keep in the slow memory for the fastest read from both at once.

    Both then finish together, at the sum of their bandwidths; a larger share waits for the slow
    one.

    >>> round(balanced_slow_share(fast_bandwidth=4.8e12, slow_bandwidth=450e9), 3)
    0.086
    """
    return slow_bandwidth / (fast_bandwidth + slow_bandwidth)


def offloaded_step_floor(
    *,
    fast_bytes: Bytes,
    slow_bytes: Bytes,
    flop: Count,
    fast_bandwidth: BytesPerSecond,
    slow_bandwidth: BytesPerSecond,
    peak_compute: FlopPerSecond,
) -> Seconds:
    """Least time of a decode step: both memories and arithmetic overlap throughout.

    The bytes are all that the step reads, of weights and of the batch's KV caches.

    >>> float(offloaded_step_floor(
    ...     fast_bytes=90, slow_bytes=10, flop=30,
    ...     fast_bandwidth=10, slow_bandwidth=1, peak_compute=2,
    ... ))
    15.0
    """
    reading = parallel_read_time(
        fast_bytes=fast_bytes,
        slow_bytes=slow_bytes,
        fast_bandwidth=fast_bandwidth,
        slow_bandwidth=slow_bandwidth,
    )
    return np.maximum(reading, multiply_time(flop, peak_compute))


def offloaded_step_sum(
    *,
    fast_bytes: Bytes,
    slow_bytes: Bytes,
    flop: Count,
    fast_bandwidth: BytesPerSecond,
    slow_bandwidth: BytesPerSecond,
    peak_compute: FlopPerSecond,
) -> Seconds:
    """Time of a decode step at peak rates in which nothing overlaps, at most thrice the floor.

    >>> offloaded_step_sum(
    ...     fast_bytes=90, slow_bytes=10, flop=30,
    ...     fast_bandwidth=10, slow_bandwidth=1, peak_compute=2,
    ... )
    34.0
    """
    reading = sequential_read_time(
        fast_bytes=fast_bytes,
        slow_bytes=slow_bytes,
        fast_bandwidth=fast_bandwidth,
        slow_bandwidth=slow_bandwidth,
    )
    return reading + multiply_time(flop, peak_compute)


def hiding_batch_size(
    *,
    slow_bytes: Bytes,
    slow_bandwidth: BytesPerSecond,
    flop_per_sequence: Count,
    peak_compute: FlopPerSecond,
) -> Count:
    """Batch size from which arithmetic hides the read of weights from the slow memory.

    Below it, the slow memory sets the pace. Assumes that *slow_bytes* do not grow with the batch:
    weights, not KV caches, which no batch hides.

    >>> round(hiding_batch_size(  # 70B in BF16 beside H100 SXM, over PCIe 5.0 x16
    ...     slow_bytes=140e9, slow_bandwidth=63e9, flop_per_sequence=140e9, peak_compute=989e12
    ... ))
    15698
    """
    return read_time(slow_bytes, slow_bandwidth) / multiply_time(flop_per_sequence, peak_compute)
