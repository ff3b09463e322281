"""A model on a chip: records in, arguments and results of the calculations out.

The one place where the fields of a record meet the arguments of a formula. Context lengths and
batch sizes may be arrays; a quantity that the records do not have is NaN and stays NaN.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from reportlib.calculations import capacity, decode, transformer
from reportlib.calculations.precision import BYTES_PER_VALUE
from reportlib.params import Architecture, Chip, Model, Params, Precision
from reportlib.units import Bytes, BytesPerSecond, Count, FlopPerSecond, Seconds

WIDER: dict[Precision, tuple[Precision, ...]] = {
    # Arithmetic in which a chip without the narrow format multiplies it: the next wider.
    "fp4": ("fp4", "fp8", "bf16"),
    "fp8": ("fp8", "bf16"),
    "int8": ("int8", "bf16"),
    "bf16": ("bf16",),
}
KV_PRECISION: Precision = "bf16"  # what most engines keep unless told otherwise


@dataclass(frozen=True)
class Parameters:
    """How many parameters a model stores, and which of them a decode step reads."""

    total: Count
    resident: Count  # read in every step, whatever the tokens: all but embedding and experts
    routed: Count  # of all routed experts together
    experts: Count
    active_experts: Count

    @property
    def active(self) -> Count:
        """Parameters that multiply each token: what "A22B" in a model's name counts."""
        return self.resident + self.routed * self.active_experts / self.experts

    @property
    def all_read(self) -> Count:
        """Parameters that a step reads when its tokens need every expert."""
        return self.resident + self.routed

    def read(self, tokens: Count) -> Count:
        """Parameters that a step over *tokens* tokens reads, experts routed evenly."""
        distinct = transformer.distinct_experts(
            experts=self.experts, active_experts=self.active_experts, tokens=tokens
        )
        return self.resident + self.routed * distinct / self.experts


@dataclass(frozen=True)
class LayerGroup:
    """Layers that attend alike: how far back, what they keep and what they compute per token."""

    layers: Count
    window: Count
    kv_values_per_token: Count
    flop_per_position: Count


@cache
def parameters(model: Model) -> Parameters:
    """Count *model*'s parameters from its dimensions."""
    of = model.architecture
    embedding = transformer.embedding_parameters(
        hidden_size=of.hidden_size, vocabulary=of.vocabulary
    )
    embeddings = embedding * (1 if of.tied_embeddings else 2)
    positions = of.learned_positions * of.hidden_size
    norm = transformer.norm_parameters(of.hidden_size, biases=0)
    layers = of.layers * (_attention_parameters(of) + of.norms_per_layer * norm)
    dense, routed = _feed_forward_parameters(of)
    total = embeddings + positions + layers + dense + routed + norm
    looked_up = positions + (0 if of.tied_embeddings else embedding)
    return Parameters(
        total=total,
        resident=total - routed - looked_up,
        routed=routed,
        experts=of.experts.count if of.experts else 1,
        active_experts=of.experts.active if of.experts else 1,
    )


def _attention_parameters(of: Architecture) -> Count:
    attention = of.attention
    if attention.kind == "mla":
        return transformer.latent_attention_parameters(
            hidden_size=of.hidden_size,
            heads=attention.heads,
            query_rank=attention.query_rank or 0,
            kv_rank=attention.kv_rank,
            nope_head_dim=attention.nope_head_dim,
            rope_head_dim=attention.rope_head_dim,
            value_head_dim=attention.value_head_dim,
        )
    return transformer.grouped_query_attention_parameters(
        hidden_size=of.hidden_size,
        heads=attention.heads,
        kv_heads=attention.kv_heads,
        head_dim=attention.head_dim,
        biases=attention.biases,
        norms=attention.norms,
        sinks=attention.sinks,
    )


def _feed_forward_parameters(of: Architecture) -> tuple[Count, Count]:
    """Return the parameters that every token meets, and those of all routed experts."""
    moe_layers = of.layers - of.experts.dense_layers if of.experts else 0
    dense = 0.0
    if of.feed_forward:
        dense = (of.layers - moe_layers) * transformer.feed_forward_parameters(
            hidden_size=of.hidden_size,
            size=of.feed_forward.size,
            gated=of.feed_forward.gated,
            biases=of.feed_forward.biases,
        )
    if not of.experts:
        return dense, 0.0
    expert = transformer.feed_forward_parameters(
        hidden_size=of.hidden_size, size=of.experts.size, gated=1, biases=of.experts.biases
    )
    router = transformer.router_parameters(
        hidden_size=of.hidden_size, experts=of.experts.count, biases=of.experts.router_bias
    )
    dense += moe_layers * (of.experts.shared * expert + router)
    return dense, moe_layers * of.experts.count * expert


@cache
def layer_groups(model: Model) -> tuple[LayerGroup, ...]:
    """The layers of *model* by how they attend: sliding ones apart from full ones."""
    of, attention = model.architecture, model.architecture.attention
    if attention.kind == "mla":
        values = transformer.latent_kv_values_per_token(attention.kv_rank, attention.rope_head_dim)
        flop = transformer.latent_attention_flop(
            heads=attention.heads,
            kv_rank=attention.kv_rank,
            rope_head_dim=attention.rope_head_dim,
            tokens=1,
        )
        return (LayerGroup(of.layers, math.inf, values, flop),)
    values = transformer.grouped_query_kv_values_per_token(attention.kv_heads, attention.head_dim)
    flop = transformer.grouped_query_attention_flop(
        heads=attention.heads, head_dim=attention.head_dim, tokens=1
    )
    full = LayerGroup(of.layers - attention.sliding_layers, math.inf, values, flop)
    if not (attention.sliding_layers and attention.sliding_window):
        return (full,)
    return full, LayerGroup(attention.sliding_layers, attention.sliding_window, values, flop)


def weight_bytes(model: Model, precision: Precision) -> Bytes:
    """Memory of all weights at one precision throughout."""
    return parameters(model).total * BYTES_PER_VALUE[precision]


def kv_cache_bytes(
    model: Model, context_length: Count, precision: Precision = KV_PRECISION
) -> Bytes:
    """Memory of one sequence's KV cache at *context_length*."""
    return _over_layers(transformer.kv_cache_bytes, model, context_length, precision)


def kv_read_bytes(
    model: Model, context_length: Count, precision: Precision = KV_PRECISION
) -> Bytes:
    """Memory traffic of one sequence's KV cache in a step at *context_length*."""
    return _over_layers(transformer.kv_read_bytes, model, context_length, precision)


def _over_layers(
    kv_bytes: Callable[..., Bytes], model: Model, context_length: Count, precision: Precision
) -> Bytes:
    return sum(
        kv_bytes(
            layers=group.layers,
            tokens=transformer.kept_tokens(context_length, group.window),
            values_per_token=group.kv_values_per_token,
            bytes_per_value=BYTES_PER_VALUE[precision],
        )
        for group in layer_groups(model)
    )


def attention_flop(model: Model, context_length: Count) -> Count:
    """FLOP of attention for one new token at *context_length*, over all layers."""
    return sum(
        group.layers
        * group.flop_per_position
        * transformer.kept_tokens(context_length, group.window)
        for group in layer_groups(model)
    )


def flop_per_token(model: Model, context_length: Count) -> Count:
    """FLOP of decoding one token at *context_length*: matrices and attention."""
    matmul = transformer.matmul_flop(parameters(model).active, tokens=1)
    return matmul + attention_flop(model, context_length)


def peak_compute(chip: Chip, precision: Precision) -> FlopPerSecond:
    """Dense rate at which *chip* multiplies weights kept in *precision*; NaN if not published."""
    rates = (chip.peak_compute.get(p) for p in WIDER[precision])
    return next((rate.value for rate in rates if rate), math.nan)


def reference_chip(numbers: Params, wanted: str, precision: Precision) -> tuple[Chip, Precision]:
    """Return the chip *wanted*, or the next that has a file and a rate for *precision*.

    Where no chip has one: the first chip, at a precision that it has a rate for.
    """
    order = [numbers.chips[i] for i in numbers.chip_order(wanted)]
    able = [chip for chip in order if not math.isnan(peak_compute(chip, precision))]
    return (able[0], precision) if able else (order[0], next(iter(order[0].peak_compute)))


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

    NaN for models with sliding layers, whose KV cache is not proportional to the context.
    """
    groups = layer_groups(model)
    if len(groups) > 1:
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
