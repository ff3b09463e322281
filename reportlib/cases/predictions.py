"""What one case will take: bounds that no engine beats, and the time that one is expected to need.

A case is a model in a weight format on one or more chips under an engine. Chips split it by tensor
parallelism. Bounds overlap memory with arithmetic at peak rates and cost no exchange; expected
times use the constants of the engine's class. The band around a time is where measurements of
chips lay that its constants were not fitted to; it is no band of the inputs.

Left out: queueing and scheduling, and what is told in the modules of each calculation.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reportlib.calculations import capacity, decode, prefill, splitting
from reportlib.calculations.precision import BITS_PER_BYTE
from reportlib.calculations.transformer import matmul_flop
from reportlib.cases.engines import (
    Engine,
    Regime,
    exchange_time,
    expected_prefill_time,
    expected_step_time,
    widened,
)
from reportlib.cases.formats import Format
from reportlib.cases.models import (
    attention_flop,
    flop_per_token,
    kv_cache_bytes,
    kv_read_bytes,
    parameters,
    prompt_flop,
    read_weight_bytes,
    stored_weight_bytes,
)
from reportlib.cases.steps import peak_compute
from reportlib.params import Chip, Model, Precision
from reportlib.units import Bytes, BytesPerSecond, Count, FlopPerSecond, Seconds

USABLE_SHARE = 0.9  # of memory, which engines are set to take [@kwon-2023]
ACTIVATION_BYTES = 2  # of a value that chips exchange
LINK_EFFICIENCY = 0.7  # of an NVLink switch's rate [@aiconfigurator-collectives]
PCIE = 0.44 * 64e9  # one way, of PCIe 5.0 x16 where eight chips send at once [@rtx6kpro-pcie]
QUANTIZED = 1.5  # bytes per weight, below which weights are widened before they multiply
NARROW: tuple[Precision, ...] = ("bf16", "fp8", "int8", "fp4")


@dataclass(frozen=True)
class Case:
    """A model on chips, and the work of one decode step; batch and context may be arrays."""

    model: Model
    chip: Chip
    weight_format: Format
    bits_per_weight: Count | None = None  # measured, over all parameters
    kv_precision: Precision = "bf16"
    batch_size: Count = 1
    context_length: Count = 1024  # of each sequence, at the step
    input_length: Count = 1024  # of each prompt
    cached_length: Count = 0  # of each prompt's prefix that is known
    longest_context: Count = 1024  # that memory must have room for
    chips: Count = 1  # that split the model

    @cached_property
    def weight_bytes(self) -> Bytes:
        """Memory of the weights, over all chips."""
        return stored_weight_bytes(self.model, self.weight_format, self.bits_per_weight)

    @cached_property
    def kv_cache_bytes(self) -> Bytes:
        """Memory of the batch's caches at the step."""
        return self.batch_size * kv_cache_bytes(self.model, self.context_length, self.kv_precision)

    @cached_property
    def longest_kv_cache_bytes(self) -> Bytes:
        """Memory of the batch's caches at their longest."""
        return self.batch_size * kv_cache_bytes(self.model, self.longest_context, self.kv_precision)

    @cached_property
    def chips_needed(self) -> Count:
        """Least number of chips that hold the weights and the batch's longest contexts once."""
        return capacity.chips_needed(
            bytes_needed=self.weight_bytes + self.longest_kv_cache_bytes,
            memory_capacity=self.chip.memory_capacity.value,
            usable_share=USABLE_SHARE,
        )

    @cached_property
    def max_batch_size(self) -> Count:
        """Largest batch of longest contexts that fits beside the weights."""
        return splitting.split_batch_size(
            usable_capacity=self.chip.memory_capacity.value * USABLE_SHARE,
            weight_bytes_per_chip=self.weight_bytes / self.chips,
            kv_bytes_per_sequence=kv_cache_bytes(
                self.model, self.longest_context, self.kv_precision, chips=self.chips
            )
            / self.chips,
            kv_share=1,
        )

    @property
    def memory_bandwidth(self) -> BytesPerSecond:
        """Peak of all chips."""
        return self.chips * self.chip.memory_bandwidth.value

    @property
    def fastest_compute(self) -> FlopPerSecond:
        """Highest dense rate of all chips at which weights of this format can multiply.

        Engines may narrow activations beside quantized weights, and GPUs that are no accelerators
        add twice as fast in 16 bits as in the 32 of their rate for BF16: any rate then. Infinite
        where no rate is published.
        """
        plain = self.chip.segment == "datacenter" and not self.quantized
        rates = [peak_compute(self.chip, p) for p in (("bf16",) if plain else NARROW)]
        return self.chips * max((r for r in rates if not math.isnan(r)), default=math.inf)

    @property
    def peak_compute(self) -> FlopPerSecond:
        """Dense rate of all chips in the format's own arithmetic; NaN if not published."""
        return self.chips * peak_compute(self.chip, self.weight_format.math)

    @cached_property
    def quantized(self) -> bool:
        """Whether weights are kept in much less than 16 bits."""
        return self.weight_bytes < QUANTIZED * parameters(self.model).total

    @cached_property
    def resident_bytes(self) -> Bytes:
        """Weights that every step reads: all but embedding and routed experts."""
        resident = {**parameters(self.model).by_class, "embedding": 0.0, "routed": 0.0}
        return self._scale * self.weight_format.bytes_of(resident)

    @cached_property
    def routed_bytes(self) -> Bytes:
        """Weights of all routed experts."""
        routed = parameters(self.model).routed
        return self._scale * routed * self.weight_format.bytes_per_value["routed"]

    @property
    def _scale(self) -> Count:
        """Measured size over that of the format."""
        return self.weight_bytes / stored_weight_bytes(self.model, self.weight_format)

    @property
    def _least_weights(self) -> Bytes:
        """Weights that a pass reads at least: the experts of one token."""
        count = parameters(self.model)
        return self.resident_bytes + self.routed_bytes * count.active_experts / count.experts

    @cached_property
    def least_step(self) -> dict[str, Count]:
        """What a step moves and computes at least: arguments of decode_step_floor.

        All tokens of a batch may choose the same experts.
        """
        read = kv_read_bytes(self.model, self.context_length, self.kv_precision)
        return {
            "weight_bytes": self._least_weights,
            "kv_bytes": self.batch_size * read,
            "flop": self.batch_size * flop_per_token(self.model, self.context_length),
            "memory_bandwidth": self.memory_bandwidth,
            "peak_compute": self.fastest_compute,
        }

    @cached_property
    def decode_floor(self) -> Seconds:
        """Least time of the step."""
        return decode.decode_step_floor(**self.least_step)

    @cached_property
    def prefill_floor(self) -> Seconds:
        """Least time to read all prompts of the batch: all tokens may choose the same experts."""
        return prefill.prefill_floor(
            **self._prompts | {"weight_bytes_per_pass": self._least_weights},
            memory_bandwidth=self.memory_bandwidth,
            peak_compute=self.fastest_compute,
        )

    @cached_property
    def _prompts(self) -> dict[str, Count]:
        """Return what prefill moves and computes, in one pass."""
        return {
            "flop": self.batch_size
            * prompt_flop(self.model, self.input_length, self.cached_length),
            "passes": 1,
            "weight_bytes_per_pass": read_weight_bytes(
                self.model,
                self.weight_format,
                self.batch_size * self.input_length,
                self.bits_per_weight,
            ),
            "kv_bytes": 0,
        }

    def _exchanges(self, tokens: Count) -> dict[str, Count]:
        """Return what chips exchange of *tokens* tokens."""
        of = self.model.architecture
        return {
            "layers": of.layers,
            "message_bytes": tokens * of.hidden_size * ACTIVATION_BYTES,
            "chips": self.chips,
            "link_bandwidth": link_bandwidth(self.chip),
        }

    @cached_property
    def step(self) -> dict[str, Count]:
        """What a decode step moves, computes and exchanges: arguments of expected_step_time.

        Where the rate of its arithmetic is not published, the fastest one that is counts, if any.
        """
        count = parameters(self.model)
        copies = kv_read_bytes(self.model, self.context_length, self.kv_precision, chips=self.chips)
        return {
            "weight_bytes": self.resident_bytes,
            "routed_bytes": self.routed_bytes,
            "experts": count.experts,
            "active_experts": count.active_experts,
            "tokens": self.batch_size,
            "kv_bytes": self.batch_size * copies,
            "matmul_flop": matmul_flop(count.active, self.batch_size),
            "attention_flop": self.batch_size * attention_flop(self.model, self.context_length),
            "memory_bandwidth": self.memory_bandwidth,
            "peak_compute": np.nan_to_num(self.peak_compute, nan=self.fastest_compute),
            "quantized": float(self.quantized),
            "expert_layers": self.model.architecture.expert_layers,
            **self._exchanges(self.batch_size),
        }

    @cached_property
    def prompts(self) -> dict[str, Count]:
        """What reading the prompts takes: arguments of expected_prefill_time."""
        return {
            **self._prompts,
            "memory_bandwidth": self.memory_bandwidth,
            "peak_compute": self.peak_compute,
            "quantized": float(self.quantized),
            "has_experts": float(parameters(self.model).routed > 0),
            **self._exchanges(self.batch_size * self.input_length),
        }

    def communication_time(self, engine: Engine) -> Seconds:
        """Time of the step's exchanges between chips."""
        latency = engine.constants.collective_latency
        return exchange_time(**self._exchanges(self.batch_size), latency=latency)

    def decode_time(self, engine: Engine) -> Seconds:
        """Expected time of the step."""
        return expected_step_time(engine.constants, **self.step)

    def prefill_time(self, engine: Engine) -> Seconds:
        """Expected time to read all prompts of the batch; NaN where no rate is published."""
        return expected_prefill_time(engine.constants, **self.prompts)

    @property
    def regime(self) -> Regime:
        """By which the band around a prediction is told."""
        if self.chips > 1:
            return "split"
        if self.batch_size > 1:
            return "batched"
        return "experts" if parameters(self.model).routed else "dense"

    def spread(self, engine: Engine) -> Count:
        """Factor within which measured times lie of predicted ones, from P10 to P90."""
        return widened(engine.spread[self.regime], self.chip)


def link_bandwidth(chip: Chip) -> BytesPerSecond:
    """Rate at which *chip* sends to others, in one direction; over PCIe where no link is known."""
    link = chip.scale_up and chip.scale_up.bandwidth
    return LINK_EFFICIENCY * link.one_way if link else PCIE


def bits(size: Bytes, model: Model) -> Count:
    """Mean bits per weight of a file of *size*."""
    return size * BITS_PER_BYTE / parameters(model).total
