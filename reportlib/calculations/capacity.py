"""What fits into memory, and how long memory takes to read in full.

Weights and KV caches are spread evenly over chips, each of which offers the *usable_share*, in
(0, 1], of its capacity: engines reserve the rest for activations and their runtime [@kwon-2023].
Left out: what every chip holds a copy of, and that engines split a model only some ways.
"""

import numpy as np

from reportlib.units import Bytes, BytesPerSecond, Count, Dollars, DollarsPerByte, Seconds


def memory_sweep_time(memory_capacity: Bytes, memory_bandwidth: BytesPerSecond) -> Seconds:
    """Least time to read all of a chip's memory once.

    A step that reads everything that fits takes so long: more bandwidth shortens it, more
    capacity lengthens it, so that a chip with much for its bandwidth serves large batches slowly.

    >>> round(memory_sweep_time(80e9, memory_bandwidth=3.35e12), 4)  # H100 SXM
    0.0239
    """
    return memory_capacity / memory_bandwidth


def bandwidth_price(
    *, price: DollarsPerByte, memory_sweep_time: Seconds, bandwidth: BytesPerSecond
) -> Dollars:
    """Price of as much memory as delivers *bandwidth*.

    What is read quickly in full is cheap for its bandwidth, however dear its bytes are.

    >>> round(bandwidth_price(  # 1 TB/s of stacks of 36 GB and 2 TB/s at 15.6 USD/GB
    ...     price=15.6e-9, memory_sweep_time=0.018, bandwidth=1e12
    ... ))
    281
    """
    return price * memory_sweep_time * bandwidth


def chips_needed(*, bytes_needed: Bytes, memory_capacity: Bytes, usable_share: Count) -> Count:
    """Least number of chips whose usable memory holds *bytes_needed*.

    >>> float(chips_needed(  # 70B in BF16 on H100 SXM
    ...     bytes_needed=141.1e9, memory_capacity=80e9, usable_share=0.9
    ... ))
    2.0
    """
    return np.ceil(bytes_needed / (memory_capacity * usable_share))


def leftover_batch_size(
    *,
    chips: Count,
    memory_capacity: Bytes,
    usable_share: Count,
    weight_bytes: Bytes,
    kv_bytes_per_sequence: Bytes,
) -> Count:
    """Number of sequences whose KV caches fit beside the weights; 0 if these do not fit.

    With one token's bytes in place of *kv_bytes_per_sequence*: tokens of all sequences together.

    >>> float(leftover_batch_size(  # 2 · 72 GB less 141.1 GB leaves room for 4 of 0.67 GB
    ...     chips=2, memory_capacity=80e9, usable_share=0.9,
    ...     weight_bytes=141.1e9, kv_bytes_per_sequence=0.67e9,
    ... ))
    4.0
    """
    leftover = chips * memory_capacity * usable_share - weight_bytes
    return np.maximum(0, np.floor(leftover / kv_bytes_per_sequence))
