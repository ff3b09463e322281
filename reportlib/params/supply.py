"""What supply, demand and cost are computed from: readings, and assumptions that say so.

A reading may have a range, ``low`` to ``high``; where its source gives none, the note says that
the range is assumed. What is nobody's figure has the confidence ``assumed``.
"""

from reportlib.params.readings import Cited, Day, Entry, Record
from reportlib.units import (
    BytesPerSquareMetre,
    Count,
    DollarsPerJoule,
    DollarsPerSecond,
    Joules,
    Metres,
    PerSecond,
    Seconds,
    Watts,
)


class Wafers(Record):
    """What becomes HBM: wafers, dies and stacks."""

    diameter: Cited[Metres]  # of a wafer
    dram_wafers: Cited[PerSecond]  # of all DRAM, written in thousand/month
    hbm_share: Cited[Count]  # of DRAM wafers that become HBM
    bit_density: Cited[BytesPerSquareMetre]  # capacity of an HBM die over its area
    dies_per_stack: Cited[Count]  # of memory, without the base die
    die_yield: Cited[Count]  # share of dies that work
    loss_per_layer: Cited[Count]  # share of stacks that each bonded layer spoils


class Demand(Record):
    """What serves tokens: how many, from how large batches, at what share of peaks."""

    google_tokens: Cited[PerSecond]  # input and output, written in trillion/month
    china_tokens: Cited[PerSecond]  # of all of China, input and output
    untold_ratio: Cited[Count]  # tokens of all, over those of Google and China
    output_share: Cited[Count]  # of tokens that are output
    cache_hit_rate: Cited[Count]  # share of input that a prefix cache holds
    peak_ratio: Cited[Count]  # busiest hour over the mean, to which fleets are built
    user_speed: Cited[PerSecond]  # output tokens per second that a user sees
    batch_size: Cited[Count]  # sequences that share one copy of the weights
    context_length: Cited[Count]  # mean over decode steps
    achieved_bandwidth: Cited[Count]  # share of the peak that decoding reaches
    achieved_compute: Cited[Count]  # share of the dense peak that prefill reaches
    usable_share: Cited[Count]  # of memory, beside engine and activations
    serving_share: Cited[Count]  # of new HBM that serves tokens rather than trains


class Costs(Record):
    """What a chip costs by the hour, and the energy that it takes."""

    rental_price: Cited[DollarsPerSecond]  # of an H200, written in USD/h
    system_ratio: Cited[Count]  # price of host, network and building with the chip, over its own
    discount_rate: Cited[Count]  # per year
    lifetime: Cited[Seconds]  # of the chip in service, written in years
    upkeep_share: Cited[Count]  # of capital, per year
    utilization: Cited[Count]  # share of paid time that chips work
    energy_price: Cited[DollarsPerJoule]  # written in USD/kWh
    power_usage_effectiveness: Cited[Count]  # power of the building over that of its computers
    host_power: Cited[Watts]  # of processors, links and fans, per chip
    idle_share: Cited[Count]  # of the chip's rated power
    decode_activity: Cited[Count]  # share of the power above idle, in decoding
    prefill_activity: Cited[Count]  # share of the power above idle, in prefill
    energy_per_flop: Cited[Joules]  # written in pJ


class Supply(Entry):
    """Inputs to the supply of HBM, the demand for it, and the cost of tokens."""

    as_of: Day  # the day of the newest figure; there are none for editions before it
    wafers: Wafers  # what becomes HBM
    demand: Demand  # what serves tokens
    costs: Costs  # of chips, by the hour and in energy
