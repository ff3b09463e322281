"""The dimensions of a decoder: what its layers mix tokens with, its dense blocks and its experts.

A layer has a mixer (attention, or a linear one that keeps a state) and a block (dense, experts,
or both), or in some models only one of them. Each part says on how many layers it stands.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, PlainValidator, WrapValidator, model_validator
from pydantic_core.core_schema import ValidatorFunctionWrapHandler

from reportlib.params.readings import Record, Size, Some, Verification


class Index(Record):
    """Short keys by which a layer chooses the entries of its cache that a step reads.

    Without keys of its own, a layer goes by the choice of an earlier one.
    """

    top_k: Size  # entries that a step reads: tokens, or compressed blocks of them
    heads: Size | None = None
    head_dim: Size | None = None
    key_bytes: Size | None = None  # of one key in the cache, with its scale

    @model_validator(mode="after")
    def _whole(self) -> Self:
        given = [n for n in ("heads", "head_dim", "key_bytes") if getattr(self, n) is not None]
        if len(given) in {1, 2}:
            msg = f"has {' and '.join(given)} only; keys need heads, head_dim and key_bytes"
            raise ValueError(msg)
        return self


class Mixer(Record):
    """What a number of like layers mix tokens with."""

    layers: Size | None = None  # left out: all layers


class GroupedQueryAttention(Mixer):
    """Keys and values kept per KV head; multi-head when every query head has its own."""

    kind: Literal["gqa"]
    heads: Size
    kv_heads: Size
    head_dim: Size
    value_head_dim: Size | None = None  # where it is not head_dim
    window: Size | None = None  # tokens that the layer looks back; left out: all
    keys_as_values: bool = False  # one matrix for both; the cache keeps both all the same
    biases: Literal["qkv", "all"] | None = None  # of queries, keys, values; or of the output, too
    norms: bool = False  # RMS norms of queries and keys
    sinks: bool = False  # one learned logit a head
    gate: Literal["head", "value"] | None = None  # of the output: per head, or per value of it
    index: Index | None = None

    @model_validator(mode="after")
    def _grouped(self) -> Self:
        if self.heads % self.kv_heads:
            msg = f"{self.heads} heads cannot share {self.kv_heads} kv_heads evenly"
            raise ValueError(msg)
        return self


class LatentAttention(Mixer):
    """Multi-head latent attention: one compressed vector a token, and a rotary key."""

    kind: Literal["mla"]
    heads: Size
    query_rank: Size | None = None
    kv_rank: Size
    nope_head_dim: Size
    rope_head_dim: Size
    value_head_dim: Size
    gate: bool = False  # of the output, per value
    index: Index | None = None

    @model_validator(mode="after")
    def _ranked(self) -> Self:
        if self.index and self.index.heads and not self.query_rank:
            msg = "index keys are compared with compressed queries; give query_rank"
            raise ValueError(msg)
        return self


class CompressedAttention(Mixer):
    """One shared KV head: the latest tokens as they are, earlier ones in compressed blocks."""

    kind: Literal["compressed"]
    heads: Size
    head_dim: Size
    query_rank: Size
    output_groups: Size
    output_rank: Size
    window: Size
    ratio: Size | None = None  # tokens a compressed block; left out: nothing beyond the window
    index: Index | None = None  # its blocks overlap: each draws on the one before, too

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.index and not (self.ratio and self.index.heads):
            msg = "index chooses compressed blocks by keys; give ratio and the index's heads"
            raise ValueError(msg)
        return self


class LinearMixer(Mixer):
    """A mixer that keeps one state a sequence, however long, and no cache."""

    state_value_bytes: Size = 4  # engines keep states in FP32


class GatedDeltaNet(LinearMixer):
    """Gated delta rule: key heads shared by value heads."""

    kind: Literal["gated-delta-net"]
    key_heads: Size
    key_head_dim: Size
    value_heads: Size
    value_head_dim: Size
    convolution: Size  # latest tokens that queries, keys and values are convolved over


class KimiDeltaAttention(LinearMixer):
    """Delta rule with a decay for each channel of a key."""

    kind: Literal["kda"]
    heads: Size
    head_dim: Size
    convolution: Size
    gate_rank: Size | None = None  # of the output gate; left out: full


class Mamba2(LinearMixer):
    """State-space layer of scalar decays."""

    kind: Literal["mamba2"]
    heads: Size
    head_dim: Size
    state_size: Size
    groups: Size  # that heads share inputs and outputs of the state in
    convolution: Size


class LightningAttention(LinearMixer):
    """Linear attention with fixed decays and an output gate."""

    kind: Literal["lightning"]
    heads: Size
    head_dim: Size


AnyMixer = (
    GroupedQueryAttention
    | LatentAttention
    | CompressedAttention
    | GatedDeltaNet
    | KimiDeltaAttention
    | Mamba2
    | LightningAttention
)
MIXERS: dict[str, type[Mixer]] = {
    "gqa": GroupedQueryAttention,
    "mla": LatentAttention,
    "compressed": CompressedAttention,
    "gated-delta-net": GatedDeltaNet,
    "kda": KimiDeltaAttention,
    "mamba2": Mamba2,
    "lightning": LightningAttention,
}


class _Kind(BaseModel):
    """The one key that says which others there are."""

    kind: Literal["gqa", "mla", "compressed", "gated-delta-net", "kda", "mamba2", "lightning"]


def _mixer(data: Any) -> Mixer:
    """Return *data* as the mixer of its kind; problems are placed in the file as it is written."""
    if isinstance(data, Mixer):
        return data
    return MIXERS[_Kind.model_validate(data).kind].model_validate(data)


def _mixers(data: Any, many: ValidatorFunctionWrapHandler) -> Any:
    """Return a list of mixers as it is, and one mixer as a list of it."""
    if data in ([], ()):
        msg = "empty; write what the layers mix tokens with"
        raise ValueError(msg)
    return many(data) if isinstance(data, (list, tuple)) else (_mixer(data),)


Mixers = Annotated[
    tuple[Annotated[AnyMixer, PlainValidator(_mixer, json_schema_input_type=AnyMixer)], ...],
    WrapValidator(_mixers, json_schema_input_type=AnyMixer | list[AnyMixer]),
]


class FeedForward(Record):
    """The dense block: two matrices, or three when gated."""

    layers: Size | None = None  # left out: all without experts
    size: Size
    gated: bool = True
    biases: bool = False


class Experts(Record):
    """The mixture-of-experts block."""

    layers: Size | None = None  # left out: all without a dense block
    count: Size
    active: Size
    size: Size
    gated: bool = True
    hidden_size: Size | None = None  # that routed experts work in, where it is not the model's
    shared: Some = 0
    shared_size: Size | None = None  # of one shared expert, where it is not size
    biases: bool = False
    router_bias: bool = False


class Architecture(Record):
    """The dimensions of a decoder, all read from one file."""

    source: str
    verification: Verification = "read"
    note: str = ""
    layers: Size
    hidden_size: Size
    vocabulary: Size
    tied_embeddings: bool = False
    norms_per_layer: Size = 2
    norm_biases: bool = False
    learned_positions: Some = 0
    residual_streams: Size = 1  # more than one: hyper-connections join them
    attention: Mixers
    feed_forward: FeedForward | None = None
    experts: Experts | None = None
    context_length: Size  # the longest that the model takes

    @property
    def dense_layers(self) -> int:
        """How many layers have a dense block."""
        return self._layers_with(self.feed_forward, beside=self.experts)

    @property
    def expert_layers(self) -> int:
        """How many layers have experts."""
        return self._layers_with(self.experts, beside=self.feed_forward)

    def _layers_with(
        self, block: FeedForward | Experts | None, *, beside: FeedForward | Experts | None
    ) -> int:
        """Count the layers of a block: those it names, or all that the other one does not."""
        if block is None:
            return 0
        others = beside.layers or 0 if beside else 0
        return block.layers or self.layers - others

    def mixer_layers(self, mixer: Mixer) -> int:
        """How many layers have *mixer*, one of attention."""
        return mixer.layers or self.layers

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.experts is None and self.feed_forward is None:
            msg = "has neither feed_forward nor experts; add one"
            raise ValueError(msg)
        if self.experts and self.feed_forward and not (
            self.experts.layers or self.feed_forward.layers
        ):  # fmt: skip
            msg = "has both feed_forward and experts; say how many layers: feed_forward.layers"
            raise ValueError(msg)
        if self.experts and self.experts.active > self.experts.count:
            msg = f"{self.experts.active} active experts of {self.experts.count}"
            raise ValueError(msg)
        if len(self.attention) > 1 and any(m.layers is None for m in self.attention):
            msg = "attention has several groups; give each its layers"
            raise ValueError(msg)
        self._check_layers()
        return self

    def _check_layers(self) -> None:
        """Refuse parts that do not add up to layers: whole ones, or of one part each."""
        mixers = sum(self.mixer_layers(m) for m in self.attention)
        dense, expert = self.dense_layers, self.expert_layers
        if max(mixers, dense, expert) > self.layers or min(dense, expert) < 0:
            msg = f"names more layers than the model's {self.layers}"
            raise ValueError(msg)
        apart = mixers + dense + expert == self.layers
        whole = mixers == self.layers and (
            dense + expert == self.layers or dense == expert == self.layers
        )
        if not (apart or whole):
            msg = (
                f"{mixers} layers with attention, {dense} dense and {expert} with experts do not "
                f"make {self.layers} layers"
            )
            raise ValueError(msg)
