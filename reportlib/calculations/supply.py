"""From wafers to stacks of memory, and from tokens to the stacks that serve them.

Supply: a wafer is cut into dies, some of which work; working dies are stacked, and each layer that
is bonded may spoil the stack. Demand: tokens per second take bytes per second of traffic, and so
stacks by their bandwidth; weights and KV caches take stacks by their capacity; arithmetic takes
chips, which come with stacks. These are separate bounds: the largest of them binds, if one fleet
serves all.

Over years: what is made grows, serves for its lifetime, and adds up to what there is in a year.

Left out: base dies and interposers, which come from other fabs; tests before stacking other than
the yield of dies; spares and stock; and memory that trains models instead of serving them.
"""

import numpy as np

from reportlib.units import (
    Bytes,
    BytesPerSecond,
    BytesPerSquareMetre,
    Count,
    FlopPerSecond,
    Metres,
    PerSecond,
    SquareMetres,
)


def die_area(die_capacity: Bytes, bit_density: BytesPerSquareMetre) -> SquareMetres:
    """Area of a memory die, with all that is not cells.

    *bit_density* is of whole dies: capacity over area, as analysts of dies print it.

    >>> round(1e6 * die_area(die_capacity=16e9 / 8, bit_density=20e12))  # 16 Gbit at 0.16 Gbit/mm²
    100
    """
    return die_capacity / bit_density


def gross_dies(wafer_diameter: Metres, die_area: SquareMetres) -> Count:
    """Whole dies on a round wafer, working or not; 0 for dies that are too large.

    Area over area, less what the edge cuts: its length over the diagonal of a square die
    [@anysilicon-dies]. Lanes between dies and an edge that is not used are for the caller to
    take off.

    >>> round(float(gross_dies(wafer_diameter=0.3, die_area=100e-6)))
    640
    """
    whole = np.pi * wafer_diameter**2 / (4 * die_area)
    cut = np.pi * wafer_diameter / (2 * die_area) ** 0.5
    return np.maximum(0, whole - cut)


def stack_yield(dies_per_stack: Count, loss_per_layer: Count) -> Count:
    """Share of stacks that work, if every layer must bond and one does not harm another.

    >>> round(stack_yield(dies_per_stack=12, loss_per_layer=0.01), 3)
    0.886
    """
    return (1 - loss_per_layer) ** dies_per_stack


def stacks_per_wafer(
    *, gross_dies: Count, die_yield: Count, dies_per_stack: Count, stack_yield: Count
) -> Count:
    """Working stacks that the dies of a wafer make.

    >>> round(stacks_per_wafer(
    ...     gross_dies=640, die_yield=0.8, dies_per_stack=12, stack_yield=0.886
    ... ), 1)
    37.8
    """
    return gross_dies * die_yield / dies_per_stack * stack_yield


def supplied_stacks(wafers_per_second: PerSecond, stacks_per_wafer: Count) -> PerSecond:
    """Working stacks that wafers make in a time.

    >>> supplied_stacks(wafers_per_second=2, stacks_per_wafer=40)
    80
    """
    return wafers_per_second * stacks_per_wafer


def wafers_needed(stacks: Count, stacks_per_wafer: Count) -> Count:
    """Wafers that make so many working stacks.

    >>> wafers_needed(stacks=80, stacks_per_wafer=40)
    2.0
    """
    return stacks / stacks_per_wafer


def trade_ratio(
    *, wafers: Count, capacity: Bytes, other_wafers: Count, other_capacity: Bytes
) -> Count:
    """Wafers for a byte of one kind of memory, over those for a byte of another kind.

    >>> round(trade_ratio(  # 22 % of wafers make 9 % of bits
    ...     wafers=22, capacity=9, other_wafers=78, other_capacity=91
    ... ), 2)
    2.85
    """
    return (wafers / capacity) / (other_wafers / other_capacity)


def memory_traffic(tokens_per_second: PerSecond, bytes_per_token: Bytes) -> BytesPerSecond:
    """Bytes that are read in a second to produce tokens.

    *bytes_per_token* has its share of the weights, which a batch reads once, and the KV cache of
    its sequence.

    >>> memory_traffic(tokens_per_second=1000, bytes_per_token=2e9)
    2000000000000.0
    """
    return tokens_per_second * bytes_per_token


def bandwidth_bound_stacks(
    *, traffic: BytesPerSecond, stack_bandwidth: BytesPerSecond, achieved_share: Count
) -> Count:
    """Least stacks that deliver the traffic, at the share of their peak that is achieved.

    >>> bandwidth_bound_stacks(traffic=6e15, stack_bandwidth=1.2e12, achieved_share=0.5)
    10000.0
    """
    return traffic / (stack_bandwidth * achieved_share)


def concurrent_sequences(
    tokens_per_second: PerSecond, tokens_per_second_per_user: PerSecond
) -> Count:
    """Sequences that are being decoded at any time, by Little's law.

    >>> concurrent_sequences(tokens_per_second=50_000, tokens_per_second_per_user=50)
    1000.0
    """
    return tokens_per_second / tokens_per_second_per_user


def capacity_bound_stacks(
    *,
    sequences: Count,
    batch_size: Count,
    weight_bytes: Bytes,
    kv_bytes_per_sequence: Bytes,
    stack_capacity: Bytes,
    usable_share: Count,
) -> Count:
    """Least stacks that hold the KV caches of all sequences, and weights for every batch of them.

    *batch_size* is of all chips that share one copy of the weights.

    >>> capacity_bound_stacks(
    ...     sequences=1000, batch_size=100, weight_bytes=140e9, kv_bytes_per_sequence=2e9,
    ...     stack_capacity=34e9, usable_share=1,
    ... )
    100.0
    """
    held = sequences * (weight_bytes / batch_size + kv_bytes_per_sequence)
    return held / (stack_capacity * usable_share)


def compute_bound_stacks(
    *,
    compute: FlopPerSecond,
    peak_compute: FlopPerSecond,
    achieved_share: Count,
    stacks_per_chip: Count,
) -> Count:
    """Stacks on the least chips that do so many operations per second.

    >>> compute_bound_stacks(compute=4e18, peak_compute=1e15, achieved_share=0.5, stacks_per_chip=8)
    64000.0
    """
    return compute / (peak_compute * achieved_share) * stacks_per_chip


def grown(year: Count, *, before: Count, after: Count) -> Count:
    """What has been multiplied by *before* each year up to year 0, and by *after* since.

    >>> [float(grown(year=year, before=4.0, after=1.5)) for year in (2, -1)]
    [2.25, 0.25]
    """
    return before ** np.minimum(year, 0) * after ** np.maximum(year, 0)


def in_service(age: Count, lifetime: Count) -> Count:
    """Share of what was made *age* years ago that still serves, if all serves for *lifetime* years.

    >>> [float(in_service(age, lifetime=2.5)) for age in range(4)]
    [1.0, 1.0, 0.5, 0.0]
    """
    return np.clip(lifetime - age, 0, 1)


def moved(start: Count, end: Count, share: Count) -> Count:
    """What has gone a *share* of its way from *start* to *end*, by the same factor each year.

    >>> moved(start=4, end=16, share=0.5)
    8.0
    """
    return start ** (1 - share) * end**share


def yearly_factor(ratio: Count, years: Count) -> Count:
    """The factor a year that makes *ratio* in so many years.

    What grows by a factor each year, and is *ratio* too much in the end, would be right if that
    factor were less by this one: so is the growth found at which demand and supply break even.

    >>> yearly_factor(ratio=8, years=3)
    2.0
    """
    return ratio ** (1 / years)


def additions_needed(*, needed: Count, there: Count) -> Count:
    """What has to be added so that *needed* is there; none where more is there already.

    >>> float(additions_needed(needed=10, there=8)), float(additions_needed(needed=7, there=8))
    (2.0, 0.0)
    """
    return np.maximum(0, needed - there)
