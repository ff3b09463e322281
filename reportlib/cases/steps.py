"""A model on a chip: decode steps, and how many chips they take."""

import math
from dataclasses import dataclass

from reportlib.calculations import capacity, decode, transformer
from reportlib.calculations.precision import BYTES_PER_VALUE
from reportlib.cases.models import (
    attention_flop,
    flop_per_token,
    kv_cache_bytes,
    kv_read_bytes,
    layer_groups,
    parameters,
    weight_bytes,
)
from reportlib.params import Chip, Model, Params, Precision
from reportlib.units import Bytes, BytesPerSecond, Count, FlopPerSecond, Seconds

WIDER: dict[Precision, tuple[Precision, ...]] = {
    # Arithmetic in which a chip without the narrow format multiplies it: the next wider.
    "fp4": ("fp4", "fp8", "bf16"),
    "fp8": ("fp8", "bf16"),
    "int8": ("int8", "bf16"),
    "bf16": ("bf16",),
}


def peak_compute(chip: Chip, precision: Precision) -> FlopPerSecond:
    """Dense rate at which *chip* multiplies weights kept in *precision*; NaN if not published."""
    rates = (chip.peak_compute.get(p) for p in WIDER[precision])
    return next((rate.value for rate in rates if rate), math.nan)


def reference_chip(numbers: Params, wanted: str, precision: Precision) -> tuple[Chip, Precision]:
    """Return the chip *wanted*, or the next that has a file and a rate for *precision*.

    Where no chip has one: the first chip that has any rate, at the precision of that.
    """
    order = [numbers.chips[i] for i in numbers.chip_order(wanted)]
    able = [chip for chip in order if not math.isnan(peak_compute(chip, precision))]
    if able:
        return able[0], precision
    rated = next(chip for chip in order if chip.peak_compute)
    return rated, next(iter(rated.peak_compute))


@dataclass(frozen=True)
class Step:
    """What one decode step of a model moves and computes, and the chips that do it."""

    batch_size: Count
    weight_bytes: Bytes
    kv_bytes: Bytes
    flop: Count
    memory_bandwidth: BytesPerSecond
    peak_compute: FlopPerSecond

    @property
    def weights_time(self) -> Seconds:
        """Time to read the weights."""
        return decode.read_time(self.weight_bytes, self.memory_bandwidth)

    @property
    def kv_time(self) -> Seconds:
        """Time to read the KV caches of the batch."""
        return decode.read_time(self.kv_bytes, self.memory_bandwidth)

    @property
    def multiply_time(self) -> Seconds:
        """Time to multiply and add."""
        return decode.multiply_time(self.flop, self.peak_compute)

    @property
    def floor(self) -> Seconds:
        """Least time of the step: memory and arithmetic overlap wholly."""
        return decode.decode_step_floor(
            weight_bytes=self.weight_bytes,
            kv_bytes=self.kv_bytes,
            flop=self.flop,
            memory_bandwidth=self.memory_bandwidth,
            peak_compute=self.peak_compute,
        )

    @property
    def transport_ratio(self) -> Count:
        """How many times longer memory takes than arithmetic."""
        return (self.weights_time + self.kv_time) / self.multiply_time


def step(
    model: Model,
    chip: Chip,
    *,
    precision: Precision,
    batch_size: Count,
    context_length: Count,
    chips: Count = 1,
) -> Step:
    """A decode step on *chips* chips that share the work evenly and at no cost."""
    return Step(
        batch_size=batch_size,
        weight_bytes=parameters(model).read(batch_size) * BYTES_PER_VALUE[precision],
        kv_bytes=batch_size * kv_read_bytes(model, context_length),
        flop=batch_size * flop_per_token(model, context_length),
        memory_bandwidth=chips * chip.memory_bandwidth.value,
        peak_compute=chips * peak_compute(chip, precision),
    )


def critical_context_length(model: Model, chip: Chip, precision: Precision) -> Count:
    """Context from which on *model* is memory-bound on *chip* at every batch size.

    NaN for models of which some layers slide, choose, compress or keep a state, so that reads are
    not in proportion to the context.
    """
    if not all(group.in_proportion for group in layer_groups(model)):
        return math.nan
    return decode.critical_context_length(
        matmul_flop_per_token=transformer.matmul_flop(parameters(model).active, tokens=1),
        attention_flop_per_position=attention_flop(model, 1),
        kv_bytes_per_position=kv_cache_bytes(model, 1),
        peak_compute=peak_compute(chip, precision),
        memory_bandwidth=chip.memory_bandwidth.value,
    )


def chips_needed(
    model: Model, chip: Chip, *, precision: Precision, usable_share: Count, kv_bytes: Bytes = 0.0
) -> Count:
    """Least number of chips that hold the weights and *kv_bytes* of KV caches."""
    return capacity.chips_needed(
        bytes_needed=weight_bytes(model, precision) + kv_bytes,
        memory_capacity=chip.memory_capacity.value,
        usable_share=usable_share,
    )


def keeps_weights_on_chip(chip: Chip) -> bool:
    """Whether the memory is SRAM on the die, for which a roofline of reads is no estimate."""
    return chip.memory_kind.upper().startswith("SRAM")
