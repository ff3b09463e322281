"""A decode step on chips that reach a share of their peaks, and the memory that it takes.

Memory overlaps with arithmetic, as in the floor of a step (see steps); exchanges between chips
come on top. Weights have one precision throughout, caches are in BF16, and chips hold copies of
what does not split. All is arithmetic that never asks what a number is, so that formulas of named
inputs may stand in for numbers: the report's page computes by the same functions.

Left out: launches of kernels, prefill, domains of links that end before the chips do, and heads
that do not divide evenly.
"""

from dataclasses import dataclass

from reportlib.calculations import decode, splitting
from reportlib.calculations.precision import BYTES_PER_VALUE
from reportlib.cases.engines import exchange_time
from reportlib.cases.models import flop_per_token, kv_cache_bytes, kv_read_bytes, parameters
from reportlib.cases.predictions import ACTIVATION_BYTES, USABLE_SHARE, link_bandwidth
from reportlib.cases.steps import Step, peak_compute
from reportlib.params import Chip, Model, Precision
from reportlib.units import Bytes, BytesPerSecond, Count, FlopPerSecond, PerSecond, Seconds


@dataclass(frozen=True)
class Setting:
    """What is chosen beside model, chip and precision."""

    batch_size: Count
    context_length: Count
    chips: Count
    efficiency: Count  # share of peak rates, in (0, 1]


@dataclass(frozen=True)
class Work:
    """What a step of a model asks for, whatever chips do it."""

    parameters: Count
    read_parameters: Count
    cache_bytes: Bytes  # of one sequence, all copies
    cache_bytes_read: Bytes  # of the batch, all copies
    flop: Count
    layers: Count
    message_bytes: Bytes


@dataclass(frozen=True)
class Peaks:
    """What one chip has."""

    memory_capacity: Bytes
    memory_bandwidth: BytesPerSecond
    peak_compute: FlopPerSecond  # NaN if not published
    link_bandwidth: BytesPerSecond


@dataclass(frozen=True)
class Outcome:
    """What comes of it."""

    weights_time: Seconds
    kv_time: Seconds
    multiply_time: Seconds
    exchange_time: Seconds
    step_time: Seconds
    tokens_per_second_per_user: PerSecond
    tokens_per_second_per_chip: PerSecond
    bytes_per_chip: Bytes
    usable_bytes_per_chip: Bytes
    max_batch_size: Count


def work(model: Model, setting: Setting) -> Work:
    """What a step of *model* asks for."""
    count, batch_size, chips = parameters(model), setting.batch_size, setting.chips
    return Work(
        parameters=count.total,
        read_parameters=count.read(batch_size),
        cache_bytes=kv_cache_bytes(model, setting.context_length, chips=chips),
        cache_bytes_read=batch_size * kv_read_bytes(model, setting.context_length, chips=chips),
        flop=batch_size * flop_per_token(model, setting.context_length),
        layers=model.architecture.layers,
        message_bytes=batch_size * model.architecture.hidden_size * ACTIVATION_BYTES,
    )


def peaks(chip: Chip, precision: Precision) -> Peaks:
    """What *chip* has for weights of *precision*."""
    return Peaks(
        memory_capacity=chip.memory_capacity.value,
        memory_bandwidth=chip.memory_bandwidth.value,
        peak_compute=peak_compute(chip, precision),
        link_bandwidth=link_bandwidth(chip),
    )


def outcome_of(
    work: Work,
    peaks: Peaks,
    setting: Setting,
    *,
    bytes_per_weight: Bytes,
    latency: Seconds,
) -> Outcome:
    """What comes of *work* on chips with these *peaks*.

    *latency* is that of an exchange between chips (see collectives).
    """
    batch_size, chips = setting.batch_size, setting.chips
    weight_bytes = work.parameters * bytes_per_weight
    step = Step(
        batch_size=batch_size,
        weight_bytes=work.read_parameters * bytes_per_weight,
        kv_bytes=work.cache_bytes_read,
        flop=work.flop,
        memory_bandwidth=setting.efficiency * chips * peaks.memory_bandwidth,
        peak_compute=setting.efficiency * chips * peaks.peak_compute,
    )
    exchanges = exchange_time(
        layers=work.layers,
        message_bytes=work.message_bytes,
        chips=chips,
        link_bandwidth=peaks.link_bandwidth,
        latency=latency,
    )
    step_time = step.floor + exchanges
    usable = USABLE_SHARE * peaks.memory_capacity
    return Outcome(
        weights_time=step.weights_time,
        kv_time=step.kv_time,
        multiply_time=step.multiply_time,
        exchange_time=exchanges,
        step_time=step_time,
        tokens_per_second_per_user=decode.tokens_per_second(1, step_time),
        tokens_per_second_per_chip=decode.tokens_per_second(batch_size, step_time) / chips,
        bytes_per_chip=(weight_bytes + batch_size * work.cache_bytes) / chips,
        usable_bytes_per_chip=usable,
        max_batch_size=splitting.split_batch_size(
            usable_capacity=usable,
            weight_bytes_per_chip=weight_bytes / chips,
            kv_bytes_per_sequence=work.cache_bytes / chips,
            kv_share=1,
        ),
    )


def outcome(
    model: Model,
    chip: Chip,
    precision: Precision,
    setting: Setting,
    latency: Seconds,
) -> Outcome:
    """What comes of a step of *model* on chips like *chip*, as above."""
    return outcome_of(
        work(model, setting),
        peaks(chip, precision),
        setting,
        bytes_per_weight=BYTES_PER_VALUE[precision],
        latency=latency,
    )
