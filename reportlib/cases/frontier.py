"""Which of many configurations are worth having: no other is faster and as productive."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def frontier(latency: ArrayLike, throughput: ArrayLike) -> NDArray[np.bool_]:
    """Mask of the points that no other beats: in *latency* or *throughput*, and in neither worse.

    Equal points are on it together. A point of which something is NaN is not feasible and never on
    it. Of any shapes that broadcast together; takes time in proportion to n log n.

    >>> frontier([1, 2, 2, 3, 4], [10, 20, 15, 20, np.nan]).tolist()
    [True, True, False, False, False]
    """
    latencies, throughputs = np.broadcast_arrays(latency, throughput)
    marked = np.zeros(latencies.shape, dtype=bool)
    feasible = np.flatnonzero(~(np.isnan(latencies) | np.isnan(throughputs)))
    time, rate = latencies.ravel()[feasible], throughputs.ravel()[feasible]
    order = np.lexsort((-rate, time))
    time, rate = time[order], rate[order]
    best = np.maximum.accumulate(rate)
    first = np.searchsorted(best, best)  # where each best rate is reached soonest
    marked.flat[feasible[order]] = (rate == best) & (time == time[first])
    return marked
