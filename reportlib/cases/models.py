"""A model as its records have it: what it stores, reads and multiplies, summed over its layers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from reportlib.calculations import prefill, splitting, transformer
from reportlib.calculations.precision import BITS_PER_BYTE, BYTES_PER_VALUE
from reportlib.cases.formats import Format, TensorClass
from reportlib.params import Architecture, Model, Precision
from reportlib.params.architecture import (
    AnyMixer,
    CompressedAttention,
    Experts,
    GatedDeltaNet,
    GroupedQueryAttention,
    Index,
    KimiDeltaAttention,
    LatentAttention,
    LightningAttention,
    LinearMixer,
    Mamba2,
)
from reportlib.units import Bytes, Count

KV_PRECISION: Precision = "bf16"  # what most engines keep unless told otherwise
CONVOLUTION_BYTES = BYTES_PER_VALUE["bf16"]  # inputs of a convolution are kept as they came


@dataclass(frozen=True)
class Parameters:
    """How many parameters a model stores, and which of them a decode step reads."""

    by_class: Mapping[TensorClass, Count]
    experts: Count
    active_experts: Count

    @property
    def total(self) -> Count:
        """All parameters that are stored."""
        return sum(self.by_class.values())

    @property
    def routed(self) -> Count:
        """Parameters of all routed experts together."""
        return self.by_class["routed"]

    @property
    def resident(self) -> Count:
        """Parameters read in every step, whatever the tokens: all but embedding and experts."""
        return self.total - self.routed - self.by_class["embedding"]

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
        return self.resident + self.routed * self._distinct(tokens) / self.experts

    @property
    def active_by_class(self) -> Mapping[TensorClass, Count]:
        """Parameters that multiply each token, of each class."""
        return self._met(self.active_experts)

    def read_by_class(self, tokens: Count) -> Mapping[TensorClass, Count]:
        """Parameters that a step over *tokens* tokens reads, of each class."""
        return self._met(self._distinct(tokens))

    def _distinct(self, tokens: Count) -> Count:
        return transformer.distinct_experts(
            experts=self.experts, active_experts=self.active_experts, tokens=tokens
        )

    def _met(self, experts: Count) -> Mapping[TensorClass, Count]:
        """Return what tokens meet that need so many experts: of the embedding but rows."""
        return {
            **self.by_class,
            "embedding": 0,
            "routed": self.routed * experts / self.experts,
        }


@dataclass(frozen=True)
class LayerGroup:
    """Layers that mix tokens alike: what one keeps and computes, of one sequence.

    A layer keeps the tokens of a window, entries that span the whole context, or a state.
    """

    layers: Count
    window: Count = 0  # latest tokens kept; infinite is written as entries of one token
    ratio: Count = math.inf  # tokens an entry; infinite where only the window is kept
    kv_heads: Count = math.inf  # that chips can share the cache by; infinite for states
    top_k: Count = math.inf  # most entries that a step reads
    values_per_entry: Count = 0
    flop_per_entry: Count = 0
    expanded_flop_per_entry: Count = 0  # of a prompt's tokens, for which latents are expanded
    index_key_bytes: Bytes = 0
    index_flop_per_key: Count = 0
    state_bytes: Bytes = 0
    state_flop: Count = 0

    @property
    def in_proportion(self) -> bool:
        """Whether memory and reads of a cache are in proportion to the context."""
        return self.ratio == 1 and math.isinf(self.top_k) and not self.window

    def kv_copies(self, chips: Count) -> Count:
        """Copies of the cache that *chips* hold, as each needs at least one head."""
        return 1 if math.isinf(self.kv_heads) else splitting.kv_copies(self.kv_heads, chips)

    def entries(self, context_length: Count) -> Count:
        """Entries of the cache of one layer that span the context."""
        return transformer.compressed_entries(context_length, self.ratio)

    def window_tokens(self, context_length: Count) -> Count:
        """Tokens in the window of one layer."""
        return transformer.kept_tokens(context_length, self.window)


@cache
def parameters(model: Model) -> Parameters:
    """Count *model*'s parameters from its dimensions."""
    of = model.architecture
    embedding = transformer.embedding_parameters(
        hidden_size=of.hidden_size, vocabulary=of.vocabulary
    )
    positions = of.learned_positions * of.hidden_size
    norm = transformer.norm_parameters(of.hidden_size, biases=of.norm_biases)
    return Parameters(
        by_class={
            "embedding": positions + (0 if of.tied_embeddings else embedding),
            "head": embedding,
            "attention": sum(
                of.mixer_layers(m) * _mixer_parameters(m, of.hidden_size) for m in of.attention
            ),
            "feed_forward": _dense_parameters(of),
            **_expert_parameters(of),
            "other": of.layers * (of.norms_per_layer * norm + _stream_parameters(of)) + norm,
        },
        experts=of.experts.count if of.experts else 1,
        active_experts=of.experts.active if of.experts else 1,
    )


def _mixer_parameters(mixer: AnyMixer, hidden_size: Count) -> Count:
    match mixer:
        case GroupedQueryAttention():
            return _grouped_query_parameters(mixer, hidden_size)
        case LatentAttention():
            return _latent_parameters(mixer, hidden_size)
        case CompressedAttention():
            return _compressed_parameters(mixer, hidden_size)
        case _:
            return _linear_parameters(mixer, hidden_size)


def _linear_parameters(mixer: LinearMixer, hidden_size: Count) -> Count:
    match mixer:
        case GatedDeltaNet():
            return transformer.gated_delta_net_parameters(
                hidden_size=hidden_size,
                key_heads=mixer.key_heads,
                key_head_dim=mixer.key_head_dim,
                value_heads=mixer.value_heads,
                value_head_dim=mixer.value_head_dim,
                convolution=mixer.convolution,
            )
        case KimiDeltaAttention():
            return transformer.kimi_delta_attention_parameters(
                hidden_size=hidden_size,
                heads=mixer.heads,
                head_dim=mixer.head_dim,
                convolution=mixer.convolution,
                gate_rank=mixer.gate_rank or 0,
            )
        case Mamba2():
            return transformer.mamba_parameters(
                hidden_size=hidden_size,
                heads=mixer.heads,
                head_dim=mixer.head_dim,
                state_size=mixer.state_size,
                groups=mixer.groups,
                convolution=mixer.convolution,
            )
        case LightningAttention():
            return transformer.lightning_attention_parameters(
                hidden_size=hidden_size, heads=mixer.heads, head_dim=mixer.head_dim
            )
        case _:
            raise TypeError(mixer)


def _grouped_query_parameters(of: GroupedQueryAttention, hidden_size: Count) -> Count:
    value_head_dim = of.value_head_dim or of.head_dim
    gates = {None: 0, "head": of.heads, "value": of.heads * value_head_dim}[of.gate]
    attention = transformer.grouped_query_attention_parameters(
        hidden_size=hidden_size,
        heads=of.heads,
        kv_heads=of.kv_heads,
        head_dim=of.head_dim,
        value_head_dim=value_head_dim,
        keys_as_values=of.keys_as_values,
        biases=bool(of.biases),
        output_biases=of.biases == "all",
        norms=of.norms,
        sinks=of.sinks,
    )
    gate = transformer.gate_parameters(hidden_size=hidden_size, gates=gates)
    return attention + gate + _index_parameters(of.index, hidden_size, None)


def _latent_parameters(of: LatentAttention, hidden_size: Count) -> Count:
    attention = transformer.latent_attention_parameters(
        hidden_size=hidden_size,
        heads=of.heads,
        query_rank=of.query_rank or 0,
        kv_rank=of.kv_rank,
        nope_head_dim=of.nope_head_dim,
        rope_head_dim=of.rope_head_dim,
        value_head_dim=of.value_head_dim,
    )
    gate = transformer.gate_parameters(
        hidden_size=hidden_size, gates=of.gate * of.heads * of.value_head_dim
    )
    return attention + gate + _index_parameters(of.index, hidden_size, of.query_rank)


def _index_parameters(index: Index | None, hidden_size: Count, query_rank: Count | None) -> Count:
    """Count an index over tokens: with weighted heads where queries are compressed."""
    if not (index and index.heads and index.head_dim):
        return 0
    return transformer.index_query_parameters(
        hidden_size=hidden_size,
        query_size=query_rank or hidden_size,
        heads=index.heads,
        head_dim=index.head_dim,
        weighted=bool(query_rank),
    ) + transformer.index_key_parameters(hidden_size=hidden_size, head_dim=index.head_dim)


def _compressed_parameters(of: CompressedAttention, hidden_size: Count) -> Count:
    count = transformer.compressed_attention_parameters(
        hidden_size=hidden_size,
        heads=of.heads,
        head_dim=of.head_dim,
        query_rank=of.query_rank,
        output_groups=of.output_groups,
        output_rank=of.output_rank,
    )
    if of.ratio:
        count += transformer.compressor_parameters(
            hidden_size=hidden_size,
            head_dim=of.head_dim,
            ratio=of.ratio,
            overlaps=bool(of.index),
        )
    if of.ratio and of.index and of.index.heads and of.index.head_dim:
        count += transformer.index_query_parameters(
            hidden_size=hidden_size,
            query_size=of.query_rank,
            heads=of.index.heads,
            head_dim=of.index.head_dim,
            weighted=1,
        ) + transformer.compressor_parameters(
            hidden_size=hidden_size, head_dim=of.index.head_dim, ratio=of.ratio, overlaps=1
        )
    return count


def _stream_parameters(of: Architecture) -> Count:
    if of.residual_streams == 1:
        return 0
    return transformer.hyper_connection_parameters(
        hidden_size=of.hidden_size, streams=of.residual_streams
    )


def _dense_parameters(of: Architecture) -> Count:
    if not of.feed_forward:
        return 0
    return of.dense_layers * transformer.feed_forward_parameters(
        hidden_size=of.hidden_size,
        size=of.feed_forward.size,
        gated=of.feed_forward.gated,
        biases=of.feed_forward.biases,
    )


def _expert_parameters(of: Architecture) -> dict[TensorClass, Count]:
    """Count routed experts, and beside them what all tokens meet."""
    if not of.experts:
        return {"shared": 0, "routed": 0, "router": 0}
    experts = of.experts
    expert = transformer.feed_forward_parameters(
        hidden_size=experts.hidden_size or of.hidden_size,
        size=experts.size,
        gated=experts.gated,
        biases=experts.biases,
    )
    shared = transformer.feed_forward_parameters(
        hidden_size=of.hidden_size,
        size=experts.shared_size or experts.size,
        gated=experts.gated,
        biases=experts.biases,
    )
    router = transformer.router_parameters(
        hidden_size=of.hidden_size, experts=experts.count, biases=experts.router_bias
    )
    always = experts.shared * shared + _latent_projections(experts, of.hidden_size)
    return {
        "shared": of.expert_layers * always,
        "routed": of.expert_layers * experts.count * expert,
        "router": of.expert_layers * router,
    }


def _latent_projections(experts: Experts, hidden_size: Count) -> Count:
    """Count the matrices into and out of the smaller hidden size that experts work in."""
    return 2 * hidden_size * (experts.hidden_size or 0)


@cache
def layer_groups(model: Model) -> tuple[LayerGroup, ...]:
    """The layers of *model* by how they mix tokens."""
    of = model.architecture
    return tuple(_layer_group(mixer, of.mixer_layers(mixer)) for mixer in of.attention)


def _layer_group(mixer: AnyMixer, layers: Count) -> LayerGroup:
    match mixer:
        case GroupedQueryAttention():
            heads = {
                "head_dim": mixer.head_dim,
                "value_head_dim": mixer.value_head_dim or mixer.head_dim,
            }
            return LayerGroup(
                layers,
                window=mixer.window or 0,
                ratio=math.inf if mixer.window else 1,
                kv_heads=mixer.kv_heads,
                values_per_entry=transformer.grouped_query_kv_values_per_token(
                    kv_heads=mixer.kv_heads, **heads
                ),
                flop_per_entry=transformer.grouped_query_attention_flop(
                    heads=mixer.heads, **heads, tokens=1
                ),
                **_index(mixer.index),
            )
        case LatentAttention():
            return LayerGroup(
                layers,
                ratio=1,
                kv_heads=1,
                values_per_entry=transformer.latent_kv_values_per_token(
                    mixer.kv_rank, mixer.rope_head_dim
                ),
                flop_per_entry=transformer.latent_attention_flop(
                    heads=mixer.heads,
                    kv_rank=mixer.kv_rank,
                    rope_head_dim=mixer.rope_head_dim,
                    tokens=1,
                ),
                expanded_flop_per_entry=transformer.grouped_query_attention_flop(
                    heads=mixer.heads,
                    head_dim=mixer.nope_head_dim + mixer.rope_head_dim,
                    value_head_dim=mixer.value_head_dim,
                    tokens=1,
                ),
                **_index(mixer.index),
            )
        case CompressedAttention():
            return LayerGroup(
                layers,
                window=mixer.window,
                ratio=mixer.ratio or math.inf,
                kv_heads=1,
                values_per_entry=mixer.head_dim,
                flop_per_entry=transformer.grouped_query_attention_flop(
                    heads=mixer.heads,
                    head_dim=mixer.head_dim,
                    value_head_dim=mixer.head_dim,
                    tokens=1,
                ),
                **_index(mixer.index),
            )
        case _:
            return LayerGroup(layers, **_state(mixer))


def _index(index: Index | None) -> dict[str, Count]:
    """Return what a layer group keeps and computes because of an index."""
    if index is None:
        return {}
    return {
        "top_k": index.top_k,
        "index_key_bytes": index.key_bytes or 0,
        "index_flop_per_key": transformer.index_flop(
            heads=index.heads or 0, head_dim=index.head_dim or 0, keys=1
        ),
    }


def _state(mixer: LinearMixer) -> dict[str, Count]:
    """Return what a layer group keeps and computes because of a state.

    Heads, width of a key and of a value, products per token, and channels of the convolution.
    """
    match mixer:
        case GatedDeltaNet():
            keys = mixer.key_heads * mixer.key_head_dim
            heads, key, value = mixer.value_heads, mixer.key_head_dim, mixer.value_head_dim
            products, convolution, channels = 3, mixer.convolution, 2 * keys + heads * value
        case KimiDeltaAttention():
            heads, key, value = mixer.heads, mixer.head_dim, mixer.head_dim
            products, convolution, channels = 3, mixer.convolution, 3 * heads * key
        case Mamba2():
            heads, key, value = mixer.heads, mixer.state_size, mixer.head_dim
            channels = heads * value + 2 * mixer.groups * mixer.state_size
            products, convolution = 2, mixer.convolution
        case LightningAttention():
            heads, key, value = mixer.heads, mixer.head_dim, mixer.head_dim
            products, convolution, channels = 2, 1, 0
        case _:
            raise TypeError(mixer)
    state = {"heads": heads, "key_head_dim": key, "value_head_dim": value}
    return {
        "state_bytes": transformer.linear_state_bytes(
            **state,
            bytes_per_value=mixer.state_value_bytes,
            convolution=convolution,
            channels=channels,
            bytes_per_channel=CONVOLUTION_BYTES,
        ),
        "state_flop": transformer.linear_attention_flop(**state, products=products),
    }


def weight_bytes(model: Model, precision: Precision) -> Bytes:
    """Memory of all weights at one precision throughout."""
    return parameters(model).total * BYTES_PER_VALUE[precision]


def stored_weight_bytes(
    model: Model, weight_format: Format, bits_per_weight: Count | None = None
) -> Bytes:
    """Memory of all weights of *model* in *weight_format*.

    *bits_per_weight* is the mean over all parameters where it is measured, in place of the format.
    """
    count = parameters(model)
    if bits_per_weight is None:
        return weight_format.bytes_of(count.by_class)
    return bits_per_weight * count.total / BITS_PER_BYTE


def read_weight_bytes(
    model: Model, weight_format: Format, tokens: Count, bits_per_weight: Count | None = None
) -> Bytes:
    """Memory traffic of the weights in a step over *tokens* tokens, experts routed evenly.

    With *bits_per_weight*, classes of tensors keep their ratio in *weight_format*.
    """
    read = weight_format.bytes_of(parameters(model).read_by_class(tokens))
    measured = stored_weight_bytes(model, weight_format, bits_per_weight)
    return read * (measured / stored_weight_bytes(model, weight_format))


def _entry(group: LayerGroup, precision: Precision) -> dict[str, Count]:
    """Return what an entry of the cache of *group* is, whether it is kept or read."""
    return {
        "values_per_entry": group.values_per_entry,
        "bytes_per_value": BYTES_PER_VALUE[precision],
        "index_key_bytes": group.index_key_bytes,
    }


def kv_cache_bytes(
    model: Model,
    context_length: Count,
    precision: Precision = KV_PRECISION,
    *,
    chips: Count = 1,
) -> Bytes:
    """Memory of what *model* keeps of one sequence at *context_length*: KV cache and states.

    *precision* is that of keys and values; index keys and states have their own. *chips* that
    split a model hold copies of what does not split.
    """
    return sum(
        group.kv_copies(chips)
        * transformer.kv_cache_bytes(
            layers=group.layers,
            window_tokens=group.window_tokens(context_length),
            entries=group.entries(context_length),
            **_entry(group, precision),
            state_bytes=group.state_bytes,
        )
        for group in layer_groups(model)
    )


def kv_cache_growth(model: Model, precision: Precision = KV_PRECISION) -> Bytes:
    """Memory that each further token of a long context adds: windows and states add none."""
    return _token_bytes(model, precision, window_tokens=0)


def kv_cache_bytes_per_token(model: Model, precision: Precision = KV_PRECISION) -> Bytes:
    """Memory that each token of a short context adds, before windows are full; no states."""
    return _token_bytes(model, precision, window_tokens=1)


def _token_bytes(model: Model, precision: Precision, *, window_tokens: Count) -> Bytes:
    """Return what a token adds to all caches, and to windows so many of it."""
    return sum(
        transformer.kv_cache_bytes(
            layers=group.layers,
            window_tokens=min(group.window, window_tokens),
            entries=1 / group.ratio,
            **_entry(group, precision),
            state_bytes=0,
        )
        for group in layer_groups(model)
    )


def kv_read_bytes(
    model: Model,
    context_length: Count,
    precision: Precision = KV_PRECISION,
    *,
    chips: Count = 1,
) -> Bytes:
    """Memory traffic of one sequence's KV cache and states in a step at *context_length*.

    *chips* that split a model each read what does not split.
    """
    return sum(
        group.kv_copies(chips)
        * transformer.kv_read_bytes(
            layers=group.layers,
            window_tokens=group.window_tokens(context_length),
            entries=group.entries(context_length),
            top_k=group.top_k,
            **_entry(group, precision),
            state_bytes=group.state_bytes,
        )
        for group in layer_groups(model)
    )


def attention_flop(model: Model, context_length: Count) -> Count:
    """FLOP of attention for one new token at *context_length*, over all layers."""
    flop: Count = 0
    for group in layer_groups(model):
        entries = group.entries(context_length)
        attended = group.window_tokens(context_length) + transformer.kept_tokens(
            entries, group.top_k
        )
        flop += group.layers * (
            attended * group.flop_per_entry + entries * group.index_flop_per_key + group.state_flop
        )
    return flop


def flop_per_token(model: Model, context_length: Count) -> Count:
    """FLOP of decoding one token at *context_length*: matrices and attention."""
    matmul = transformer.matmul_flop(parameters(model).active, tokens=1)
    return matmul + attention_flop(model, context_length)


def prompt_flop(model: Model, new_tokens: Count, cached_tokens: Count = 0) -> Count:
    """FLOP of reading *new_tokens* tokens of a prompt after *cached_tokens* that are known."""
    count = parameters(model)
    attention: Count = 0
    for group in layer_groups(model):
        tokens = {"new_tokens": new_tokens, "cached_tokens": cached_tokens}
        entries = {**tokens, "ratio": group.ratio}
        attention += prefill.prompt_attention_flop(
            layers=group.layers,
            pairs=prefill.attended_pairs(**tokens, ratio=1, most_attended=group.window)
            + prefill.attended_pairs(**entries, most_attended=group.top_k),
            flop_per_pair=group.expanded_flop_per_entry or group.flop_per_entry,
            index_pairs=prefill.attended_pairs(**entries, most_attended=math.inf),
            flop_per_index_pair=group.index_flop_per_key,
            new_tokens=new_tokens,
            state_flop_per_token=group.state_flop,
        )
    matmul = prefill.prompt_matmul_flop(
        parameters=count.active, output_parameters=count.by_class["head"], new_tokens=new_tokens
    )
    return matmul + attention
