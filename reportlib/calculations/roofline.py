"""The roofline: is a computation bound by arithmetic or by memory traffic? [@williams-2009].

Left out: caches, and anything between the peak of a data sheet and what a kernel sustains.
"""

import numpy as np

from reportlib.units import Bytes, BytesPerSecond, Count, FlopPerByte, FlopPerSecond


def arithmetic_intensity(flop: Count, bytes_moved: Bytes) -> FlopPerByte:
    """FLOP that a computation does for each byte it moves to or from memory.

    >>> arithmetic_intensity(flop=2 * 70e9, bytes_moved=2 * 70e9)  # one token, weights in BF16
    1.0
    """
    return flop / bytes_moved


def ridge_point(peak_compute: FlopPerSecond, memory_bandwidth: BytesPerSecond) -> FlopPerByte:
    """Arithmetic intensity at which a chip stops being memory-bound.

    >>> round(ridge_point(peak_compute=989.5e12, memory_bandwidth=3.35e12))  # H100 SXM, BF16
    295
    """
    return peak_compute / memory_bandwidth


def attainable_compute(
    *,
    arithmetic_intensity: FlopPerByte,
    peak_compute: FlopPerSecond,
    memory_bandwidth: BytesPerSecond,
) -> FlopPerSecond:
    """Height of the roof: the lesser of what the arithmetic units and the memory can sustain.

    >>> float(attainable_compute(  # H100 SXM at one FLOP per byte: 3.35 of its 989.5 TFLOP/s
    ...     arithmetic_intensity=1, peak_compute=989.5e12, memory_bandwidth=3.35e12
    ... ))
    3350000000000.0
    """
    return np.minimum(peak_compute, arithmetic_intensity * memory_bandwidth)


def compute_utilization(arithmetic_intensity: FlopPerByte, ridge_point: FlopPerByte) -> Count:
    """Share of peak compute that memory lets a computation reach, at most 1.

    >>> float(compute_utilization(arithmetic_intensity=59, ridge_point=295))
    0.2
    """
    return np.minimum(1, arithmetic_intensity / ridge_point)
