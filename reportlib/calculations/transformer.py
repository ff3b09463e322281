"""What a decoder-only transformer stores, reads and multiplies.

Every function gives one layer, one expert or one matrix, for the caller to sum over: models mix
full with sliding-window attention and dense with expert layers. Shapes are those of the
published model configurations: grouped-query attention [@ainslie-2023], with multi-head as the
case of as many key-value heads as heads; latent attention [@deepseek-v2]; sparse attention,
which reads less than it stores [@transformers-models]; linear attention, which keeps a
state instead of a cache; gated or plain feed-forward layers, alone or as experts
[@shazeer-2019] [@deepseek-v3].

Left out: vision encoders, multi-token-prediction heads, and the few parameters that scale a
whole layer or the output of an expert.
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
    value_head_dim: Count,
    keys_as_values: Count,
    biases: Count,
    output_biases: Count,
    norms: Count,
    sinks: Count,
) -> Count:
    """Parameters of the attention of one layer with grouped queries [@ainslie-2023].

    Query, key, value and output matrices, without the value matrix where *keys_as_values*;
    *biases* adds one vector to each of the first three, *output_biases* one to the last, *norms*
    one gain over *head_dim* for queries and one for keys, *sinks* one logit per head.

    >>> grouped_query_attention_parameters(  # Llama 3 70B: 2 · 8192² + 2 · 8192 · 1024
    ...     hidden_size=8192, heads=64, kv_heads=8, head_dim=128, value_head_dim=128,
    ...     keys_as_values=0, biases=0, output_biases=0, norms=0, sinks=0
    ... )
    150994944
    """
    inward = heads * head_dim + kv_heads * (head_dim + (1 - keys_as_values) * value_head_dim)
    matrices = hidden_size * (inward + heads * value_head_dim)
    return (
        matrices
        + biases * inward
        + output_biases * hidden_size
        + norms * 2 * head_dim
        + sinks * heads
    )


def gate_parameters(*, hidden_size: Count, gates: Count) -> Count:
    """Parameters that gate the output of attention: *gates* of them, one per head or per value.

    >>> gate_parameters(hidden_size=4096, gates=32 * 256)  # Qwen3.5 397B
    33554432
    """
    return hidden_size * gates


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


def index_query_parameters(
    *, hidden_size: Count, query_size: Count, heads: Count, head_dim: Count, weighted: Count
) -> Count:
    """Parameters with which a sparse layer asks its index: a query per head of the index.

    *query_size* is the width that the queries are made from: the query rank of latent attention,
    or the hidden size. *weighted* adds the weights by which heads vote
    [@transformers-models].

    >>> index_query_parameters(  # DeepSeek-V3.2
    ...     hidden_size=7168, query_size=1536, heads=64, head_dim=128, weighted=1
    ... )
    13041664
    """
    return query_size * heads * head_dim + weighted * hidden_size * heads


def index_key_parameters(*, hidden_size: Count, head_dim: Count) -> Count:
    """Parameters of the keys of an index: one matrix, and two vectors that normalize.

    >>> index_key_parameters(hidden_size=7168, head_dim=128)  # DeepSeek-V3.2
    917760
    """
    return hidden_size * head_dim + 2 * head_dim


def compressed_attention_parameters(
    *,
    hidden_size: Count,
    heads: Count,
    head_dim: Count,
    query_rank: Count,
    output_groups: Count,
    output_rank: Count,
) -> Count:
    """Parameters of one layer of DeepSeek-V4's attention, without compressor and index.

    Low-rank queries, one head that is key and value at once, a sink per head, and an output
    projection in groups of heads, each to *output_rank* [@transformers-models].

    >>> int(compressed_attention_parameters(  # DeepSeek-V4 Pro
    ...     hidden_size=7168, heads=128, head_dim=512, query_rank=1536, output_groups=16,
    ...     output_rank=1024,
    ... ))
    299894912
    """
    queries = query_rank * (hidden_size + 1 + heads * head_dim)
    keys = (hidden_size + 1) * head_dim
    output = output_rank * (heads * head_dim + output_groups * hidden_size)
    return queries + keys + output + heads


def compressor_parameters(
    *, hidden_size: Count, head_dim: Count, ratio: Count, overlaps: Count
) -> Count:
    """Parameters that compress *ratio* tokens into one entry [@transformers-models].

    A value and a weight per token, a bias per place in the block, and a norm; twice the values
    where a block *overlaps* the one before.

    >>> compressor_parameters(hidden_size=7168, head_dim=512, ratio=128, overlaps=0)
    7406080
    """
    return (1 + overlaps) * head_dim * (2 * hidden_size + ratio) + head_dim


def gated_delta_net_parameters(
    *,
    hidden_size: Count,
    key_heads: Count,
    key_head_dim: Count,
    value_heads: Count,
    value_head_dim: Count,
    convolution: Count,
) -> Count:
    """Parameters of one gated delta net, as in Qwen3.5 [@transformers-models].

    Matrices for queries, keys, values, output gate and output; two scalars a value head from the
    hidden state (decay, strength) and two learned ones; a convolution per channel; a norm.

    >>> gated_delta_net_parameters(  # Qwen3.5 397B
    ...     hidden_size=4096, key_heads=16, key_head_dim=128, value_heads=64, value_head_dim=128,
    ...     convolution=4,
    ... )
    118014208
    """
    keys, values = key_heads * key_head_dim, value_heads * value_head_dim
    matrices = hidden_size * (2 * keys + 3 * values + 2 * value_heads)
    return matrices + convolution * (2 * keys + values) + 2 * value_heads + value_head_dim


def kimi_delta_attention_parameters(
    *, hidden_size: Count, heads: Count, head_dim: Count, convolution: Count, gate_rank: Count
) -> Count:
    """Parameters of one Kimi delta attention [@rabbit-kimi-k3].

    Queries, keys, values and output; a decay per channel through a rank of *head_dim*; a
    strength per head; an output gate, of full rank where *gate_rank* is 0.

    >>> int(kimi_delta_attention_parameters(  # Kimi K3
    ...     hidden_size=7168, heads=96, head_dim=128, convolution=4, gate_rank=0
    ... ))
    443740384
    """
    size = heads * head_dim
    full = 1 - np.minimum(gate_rank, 1)  # 0 or 1, as ranks are whole numbers
    gate = full * hidden_size * size + gate_rank * (hidden_size + size)
    decay = head_dim * (hidden_size + size) + size + heads
    return (
        4 * hidden_size * size
        + gate
        + decay
        + heads * hidden_size
        + convolution * 3 * size
        + head_dim
    )


def mamba_parameters(
    *,
    hidden_size: Count,
    heads: Count,
    head_dim: Count,
    state_size: Count,
    groups: Count,
    convolution: Count,
) -> Count:
    """Parameters of one Mamba 2 layer [@tpu-mech-interp-nemotron].

    One matrix inwards for values, gate, and what each of *groups* writes to and reads from the
    state; a convolution with a bias per channel; three scalars a head; a norm; one matrix out.

    >>> mamba_parameters(  # Nemotron 3 Super
    ...     hidden_size=4096, heads=128, head_dim=64, state_size=128, groups=8, convolution=4
    ... )
    109635968
    """
    size = heads * head_dim
    channels = size + 2 * groups * state_size
    inward = hidden_size * (size + channels + heads)
    return inward + (convolution + 1) * channels + 3 * heads + size + size * hidden_size


def lightning_attention_parameters(*, hidden_size: Count, heads: Count, head_dim: Count) -> Count:
    """Parameters of one lightning attention [@transformers-models].

    Queries, keys, values, output gate and output, and a norm.

    >>> lightning_attention_parameters(hidden_size=6144, heads=64, head_dim=128)  # MiniMax-Text-01
    251666432
    """
    return heads * head_dim * (5 * hidden_size + 1)


def hyper_connection_parameters(*, hidden_size: Count, streams: Count) -> Count:
    """Parameters with which one layer reads and writes *streams* residual streams.

    Two sites a layer; at each, the streams together give weights to read, to write and to mix
    them, with a bias each and three scales [@transformers-models].

    >>> hyper_connection_parameters(hidden_size=7168, streams=4)  # DeepSeek-V4 Pro
    1376310
    """
    weights = (2 + streams) * streams
    return 2 * (weights * (streams * hidden_size + 1) + 3)


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


def grouped_query_kv_values_per_token(
    *, kv_heads: Count, head_dim: Count, value_head_dim: Count
) -> Count:
    """Values that one token leaves in the cache of one layer: a key and a value per KV head.

    >>> grouped_query_kv_values_per_token(kv_heads=8, head_dim=128, value_head_dim=128)  # Llama 3
    2048
    """
    return kv_heads * (head_dim + value_head_dim)


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


def compressed_entries(context_length: Count, ratio: Count) -> Count:
    """Entries of a cache that hold *ratio* tokens each: whole blocks only.

    1 for attention that keeps every token; infinite for none. What an engine buffers of the
    block that is being compressed is left out.

    >>> float(compressed_entries(131_072, ratio=4)), float(compressed_entries(127, ratio=128))
    (32768.0, 0.0)
    """
    return np.floor(context_length / ratio)


def linear_state_bytes(
    *,
    heads: Count,
    key_head_dim: Count,
    value_head_dim: Count,
    bytes_per_value: Bytes,
    convolution: Count,
    channels: Count,
    bytes_per_channel: Bytes,
) -> Bytes:
    """Memory of the state that one layer of linear attention keeps of one sequence.

    A matrix per head, and the latest inputs of the convolution but the current one.

    >>> linear_state_bytes(  # Kimi K3
    ...     heads=96, key_head_dim=128, value_head_dim=128, bytes_per_value=4, convolution=4,
    ...     channels=36864, bytes_per_channel=2,
    ... )
    6512640
    """
    matrices = heads * key_head_dim * value_head_dim * bytes_per_value
    return matrices + (convolution - 1) * channels * bytes_per_channel


def kv_cache_bytes(
    *,
    layers: Count,
    window_tokens: Count,
    entries: Count,
    values_per_entry: Count,
    bytes_per_value: Bytes,
    index_key_bytes: Bytes,
    state_bytes: Bytes,
) -> Bytes:
    """Memory that *layers* like layers keep of one sequence.

    *window_tokens* are those of a sliding window (see kept_tokens), *entries* those that span the
    whole context (see compressed_entries), each with a key where the layer has an index.
    *state_bytes* are those of a linear layer. Paging to whole blocks adds up to a block per
    sequence, which is left out [@kwon-2023].

    >>> kv_cache_bytes(  # Llama 3 70B, one token
    ...     layers=80, window_tokens=0, entries=1, values_per_entry=2048, bytes_per_value=2,
    ...     index_key_bytes=0, state_bytes=0,
    ... )
    327680
    """
    values = (window_tokens + entries) * values_per_entry
    return layers * (values * bytes_per_value + entries * index_key_bytes + state_bytes)


def kv_read_bytes(
    *,
    layers: Count,
    window_tokens: Count,
    entries: Count,
    top_k: Count,
    values_per_entry: Count,
    bytes_per_value: Bytes,
    index_key_bytes: Bytes,
    state_bytes: Bytes,
) -> Bytes:
    """Memory traffic of what *layers* like layers keep of one sequence, in one decode step.

    Full, sliding-window and latent attention read once what they keep, provided that the heads
    of a group share the read and that the latent is used as it is (see latent_attention_flop).
    Sparse attention reads all keys of its index, but *top_k* entries at most; *top_k* is
    infinite where there is no index. Linear attention reads its state and writes it back. The
    one token that a step writes to a cache is left out.

    >>> kv_read_bytes(  # DeepSeek-V3.2 at 131,072 tokens: of 10.3 GB
    ...     layers=61, window_tokens=0, entries=131_072, top_k=2048, values_per_entry=576,
    ...     bytes_per_value=2, index_key_bytes=132, state_bytes=0,
    ... ).item()
    1199308800
    """
    values = (window_tokens + np.minimum(entries, top_k)) * values_per_entry
    return layers * (values * bytes_per_value + entries * index_key_bytes + 2 * state_bytes)


def matmul_flop(parameters: Count, tokens: Count) -> Count:
    """FLOP of multiplying *tokens* tokens with weight matrices [@kaplan-2020, section 2.1].

    *parameters* are those that one token meets: the output head and its active experts, but not
    the embedding, which is a look-up.

    >>> matmul_flop(70e9, tokens=1)
    140000000000.0
    """
    return FLOP_PER_PARAMETER * parameters * tokens


def grouped_query_attention_flop(
    *, heads: Count, head_dim: Count, value_head_dim: Count, tokens: Count
) -> Count:
    """FLOP of one layer's attention for one new token over *tokens* kept tokens.

    Two FLOP per value of each query head for the scores and two for the weighted sum: sharing
    keys and values saves memory, not arithmetic. The softmax is left out.

    >>> grouped_query_attention_flop(heads=64, head_dim=128, value_head_dim=128, tokens=1)
    32768
    """
    return 2 * heads * (head_dim + value_head_dim) * tokens


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


def index_flop(*, heads: Count, head_dim: Count, keys: Count) -> Count:
    """FLOP of comparing one new token with *keys* keys of a layer's index.

    >>> index_flop(heads=64, head_dim=128, keys=1)  # DeepSeek-V3.2
    16384
    """
    return 2 * heads * head_dim * keys


def linear_attention_flop(
    *, heads: Count, key_head_dim: Count, value_head_dim: Count, products: Count
) -> Count:
    """FLOP of one layer's linear attention for one new token, however long the context.

    *products* of the state with a vector: to write and to read, and for a delta rule first to
    look up what it replaces. Decays are left out.

    >>> linear_attention_flop(heads=64, key_head_dim=128, value_head_dim=128, products=3)
    6291456
    """
    return 2 * products * heads * key_head_dim * value_head_dim
