"""What a decoder-only transformer stores, reads and multiplies.

Every function gives one layer, one expert or one matrix, for the caller to sum over: models mix
full with sliding-window attention and dense with expert layers. Shapes are those of the
published model configurations: grouped-query attention [@ainslie-2023], with multi-head as the
case of as many key-value heads as heads; latent attention [@deepseek-v2]; gated or plain
feed-forward layers, alone or as experts [@shazeer-2019] [@deepseek-v3].

Left out: state-space and linear attention, which keep a state instead of a cache; sparse
attention, which reads less than it stores; vision encoders and multi-token-prediction heads.
"""

import numpy as np

from reportlib.units import Bytes, Count

FLOP_PER_PARAMETER = 2  # a multiply and an add [@kaplan-2020, section 2.1]


def grouped_query_attention_parameters(
    *,
    hidden_size: Count,
    heads: Count,
    kv_heads: Count,
    head_dim: Count,
    biases: Count,
    norms: Count,
    sinks: Count,
) -> Count:
    """Parameters of the attention of one layer with grouped queries [@ainslie-2023].

    Query, key, value and output matrices; *biases* adds one vector to each, *norms* one gain
    over *head_dim* for queries and one for keys, *sinks* one logit per head.

    >>> grouped_query_attention_parameters(  # Llama 3 70B: 2 · 8192² + 2 · 8192 · 1024
    ...     hidden_size=8192, heads=64, kv_heads=8, head_dim=128, biases=0, norms=0, sinks=0
    ... )
    150994944
    """
    query_size = heads * head_dim
    kv_size = 2 * kv_heads * head_dim
    matrices = hidden_size * (2 * query_size + kv_size)
    return (
        matrices
        + biases * (query_size + kv_size + hidden_size)
        + norms * 2 * head_dim
        + sinks * heads
    )


def latent_attention_parameters(
    *,
    hidden_size: Count,
    heads: Count,
    query_rank: Count,
    kv_rank: Count,
    nope_head_dim: Count,
    rope_head_dim: Count,
    value_head_dim: Count,
) -> Count:
    """Parameters of the latent attention of one layer [@deepseek-v2, section 2.1].

    Both low-rank projections with their norms, the rotary key that all heads share, and the
    output matrix. A *query_rank* of 0 means that queries are not compressed.

    >>> int(latent_attention_parameters(  # DeepSeek-V3
    ...     hidden_size=7168, heads=128, query_rank=1536, kv_rank=512,
    ...     nope_head_dim=128, rope_head_dim=64, value_head_dim=128,
    ... ))
    187107328
    """
    query_size = heads * (nope_head_dim + rope_head_dim)
    compressed = np.minimum(query_rank, 1)  # 0 or 1, as ranks are whole numbers
    queries = (1 - compressed) * hidden_size * query_size + query_rank * (
        hidden_size + 1 + query_size  # 1: the norm
    )
    keys_and_values = hidden_size * (kv_rank + rope_head_dim) + kv_rank * (
        1 + heads * (nope_head_dim + value_head_dim)
    )
    output = heads * value_head_dim * hidden_size
    return queries + keys_and_values + output


def feed_forward_parameters(
    *, hidden_size: Count, size: Count, gated: Count, biases: Count
) -> Count:
    """Parameters of one feed-forward layer, or of one expert.

    Matrices into and out of *size* inner values; *gated* adds a second one inwards, *biases* a
    vector to each.

    >>> feed_forward_parameters(hidden_size=8192, size=28672, gated=1, biases=0)  # Llama 3 70B
    704643072
    """
    inward = 1 + gated
    return (inward + 1) * hidden_size * size + biases * (inward * size + hidden_size)


def router_parameters(*, hidden_size: Count, experts: Count, biases: Count) -> Count:
    """Parameters that choose the experts of one layer: a score each, and a bias if *biases*.

    >>> router_parameters(hidden_size=7168, experts=256, biases=1)  # DeepSeek-V3
    1835264
    """
    return experts * (hidden_size + biases)


def embedding_parameters(*, hidden_size: Count, vocabulary: Count) -> Count:
    """Parameters of the token embedding, and as many again of an output head that is not tied.

    The embedding is a look-up: it is stored, but neither read in full nor multiplied by.

    >>> embedding_parameters(hidden_size=8192, vocabulary=128256)  # Llama 3 70B
    1050673152
    """
    return hidden_size * vocabulary


def norm_parameters(hidden_size: Count, biases: Count) -> Count:
    """Parameters of one normalization: a gain per channel, and a bias if *biases*.

    >>> norm_parameters(8192, biases=0)
    8192
    """
    return hidden_size * (1 + biases)


def distinct_experts(*, experts: Count, active_experts: Count, tokens: Count) -> Count:
    """Expected number of routed experts of one layer that a step over *tokens* tokens reads.

    Each token picks *active_experts* different ones, uniformly and independently of the other
    tokens, so that one expert is missed by all with probability (1 - k/E)^tokens. Skewed routing
    reads fewer. Shared experts are extra.

    >>> round(distinct_experts(experts=256, active_experts=8, tokens=32), 1)  # DeepSeek-V3
    163.3
    """
    return experts * (1 - (1 - active_experts / experts) ** tokens)


def grouped_query_kv_values_per_token(kv_heads: Count, head_dim: Count) -> Count:
    """Values that one token leaves in the cache of one layer: a key and a value per KV head.

    >>> grouped_query_kv_values_per_token(kv_heads=8, head_dim=128)  # Llama 3
    2048
    """
    return 2 * kv_heads * head_dim


def latent_kv_values_per_token(kv_rank: Count, rope_head_dim: Count) -> Count:
    """Values that one token leaves in the cache of one layer with latent attention.

    One latent vector, from which keys and values of all heads are rebuilt, and one rotary key
    [@deepseek-v2, section 2.1]: 70 kB per token of DeepSeek-V3 in BF16 [@isca-2025, table 1].

    >>> latent_kv_values_per_token(kv_rank=512, rope_head_dim=64)  # DeepSeek-V3
    576
    """
    return kv_rank + rope_head_dim


def kept_tokens(context_length: Count, window: Count) -> Count:
    """Tokens of a context that one layer keeps: at most *window*, infinite for full attention.

    >>> float(kept_tokens(131_072, window=128)), float(kept_tokens(131_072, window=float("inf")))
    (128.0, 131072.0)
    """
    return np.minimum(context_length, window)


def kv_cache_bytes(
    *, layers: Count, tokens: Count, values_per_token: Count, bytes_per_value: Bytes
) -> Bytes:
    """Memory that the KV cache of one sequence takes in *layers* like layers.

    *tokens* are those kept (see kept_tokens). Paging to whole blocks adds up to a block per
    sequence, which is left out [@kwon-2023].

    >>> kv_cache_bytes(layers=80, tokens=1, values_per_token=2048, bytes_per_value=2)  # 70B
    327680
    """
    return layers * tokens * values_per_token * bytes_per_value


def kv_read_bytes(
    *, layers: Count, tokens: Count, values_per_token: Count, bytes_per_value: Bytes
) -> Bytes:
    """Memory traffic of one sequence's KV cache in one decode step, in *layers* like layers.

    Equal to kv_cache_bytes for the attention modelled here: full, sliding-window and latent
    attention read once what they keep, provided that the heads of a group share the read and
    that the latent is used as it is (see latent_attention_flop). It has its own name because the
    two part ways elsewhere: sparse attention reads less than it stores, and linear attention
    reads its state and writes it back. The one token that a step writes is left out.

    >>> kv_read_bytes(layers=61, tokens=1, values_per_token=576, bytes_per_value=2)  # DeepSeek-V3
    70272
    """
    return kv_cache_bytes(
        layers=layers,
        tokens=tokens,
        values_per_token=values_per_token,
        bytes_per_value=bytes_per_value,
    )


def matmul_flop(parameters: Count, tokens: Count) -> Count:
    """FLOP of multiplying *tokens* tokens with weight matrices [@kaplan-2020, section 2.1].

    *parameters* are those that one token meets: the output head and its active experts, but not
    the embedding, which is a look-up.

    >>> matmul_flop(70e9, tokens=1)
    140000000000.0
    """
    return FLOP_PER_PARAMETER * parameters * tokens


def grouped_query_attention_flop(*, heads: Count, head_dim: Count, tokens: Count) -> Count:
    """FLOP of one layer's attention for one new token over *tokens* kept tokens.

    Two FLOP per value of each query head for the scores and two for the weighted sum: sharing
    keys and values saves memory, not arithmetic. The softmax is left out.

    >>> grouped_query_attention_flop(heads=64, head_dim=128, tokens=1)
    32768
    """
    return 4 * heads * head_dim * tokens


def latent_attention_flop(
    *, heads: Count, kv_rank: Count, rope_head_dim: Count, tokens: Count
) -> Count:
    """FLOP of one layer's latent attention for one new token over *tokens* kept tokens.

    In the absorbed form, which decoding uses: scores on latent and rotary key, then a weighted
    sum of latents; the projections into and out of the latent count as weights
    [@deepseek-v2, section 2.1].

    >>> latent_attention_flop(heads=128, kv_rank=512, rope_head_dim=64, tokens=1)  # DeepSeek-V3
    278528
    """
    return 2 * heads * (2 * kv_rank + rope_head_dim) * tokens
