"""The dimensions of a decoder: what it attends with, its dense blocks and its experts."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from reportlib.params.readings import Record, Size, Some, Verification


class GroupedQueryAttention(Record):
    """Keys and values kept per KV head; multi-head when every query head has its own."""

    kind: Literal["gqa"]
    heads: Size
    kv_heads: Size
    head_dim: Size
    sliding_window: Size | None = None  # tokens that a sliding layer looks back
    sliding_layers: Some = 0
    biases: bool = False
    norms: bool = False  # RMS norms of queries and keys
    sinks: bool = False  # one learned logit a head


class LatentAttention(Record):
    """Multi-head latent attention: one compressed vector a token, and a rotary key."""

    kind: Literal["mla"]
    heads: Size
    query_rank: Size | None = None
    kv_rank: Size
    nope_head_dim: Size
    rope_head_dim: Size
    value_head_dim: Size


class FeedForward(Record):
    """The dense block: two matrices, or three when gated."""

    size: Size
    gated: bool = True
    biases: bool = False


class Experts(Record):
    """The mixture-of-experts block of all layers but the first *dense_layers*."""

    count: Size
    active: Size
    size: Size
    shared: Some = 0
    dense_layers: Some = 0
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
    learned_positions: Some = 0
    attention: Annotated[GroupedQueryAttention | LatentAttention, Field(discriminator="kind")]
    feed_forward: FeedForward | None = None
    experts: Experts | None = None
    context_length: Size  # the longest that the model takes

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.experts is None and self.feed_forward is None:
            msg = "has neither feed_forward nor experts; add one"
            raise ValueError(msg)
        dense_layers = self.experts.dense_layers if self.experts else 0
        if dense_layers and self.feed_forward is None:
            msg = "experts.dense_layers needs a feed_forward for those layers"
            raise ValueError(msg)
        if self.experts and self.experts.active > self.experts.count:
            msg = f"{self.experts.active} active experts of {self.experts.count}"
            raise ValueError(msg)
        sliding = getattr(self.attention, "sliding_layers", 0)
        if sliding and not getattr(self.attention, "sliding_window", None):
            msg = "attention.sliding_layers needs a sliding_window, in tokens"
            raise ValueError(msg)
        if max(sliding, dense_layers) > self.layers:
            msg = f"names more layers than the model's {self.layers}"
            raise ValueError(msg)
        return self
