"""What it takes to read a prompt, and how long.

A prefill passes the tokens of a prompt through the model at once, or in chunks [@agrawal-2024].
Each pass reads the weights once, whatever its tokens, so that a pass of some hundred tokens is
bound by arithmetic where decoding is bound by memory [@scaling-book, chapter 7]. A token attends
to those before it and to itself, so that attention grows with the square of the prompt; what one
pair of a token and a cache entry costs is given by transformer.grouped_query_attention_flop,
index_flop and so on. Latent attention is usually computed per head here, not in the absorbed form
of decoding [@deepseek-v2, section 2.1]: a pair then costs what grouped queries of that shape do.

Left out: queueing, tokenizing and sampling; activations; the padding of matrices to whole tiles;
that chunks of latent attention rebuild keys and values of earlier ones; imbalance of experts.
"""

import numpy as np

from reportlib.calculations.decode import decode_step_floor
from reportlib.calculations.roofline import ridge_point
from reportlib.calculations.transformer import matmul_flop
from reportlib.units import Bytes, BytesPerSecond, Count, FlopPerSecond, Seconds


def attended_pairs(
    *, new_tokens: Count, cached_tokens: Count, ratio: Count, most_attended: Count
) -> Count:
    """Pairs of a new token of a prompt and a cache entry that it attends to, in one layer.

    The i-th token of a sequence attends to i entries, or to floor(i/*ratio*) that hold *ratio*
    tokens each, but to *most_attended* at most: a window, what an index chooses, or infinite.
    *cached_tokens*, a prefix known from earlier, are attended to and not computed anew. With
    *most_attended* infinite: the keys that a token compares itself with in an index.

    >>> float(attended_pairs(new_tokens=4, cached_tokens=2, ratio=1, most_attended=5))  # 3+4+5+5
    17.0
    """
    last = cached_tokens + new_tokens
    return _pairs_from_the_first(last, ratio, most_attended) - _pairs_from_the_first(
        cached_tokens, ratio, most_attended
    )


def _pairs_from_the_first(tokens: Count, ratio: Count, most_attended: Count) -> Count:
    """Pairs of all of the first *tokens* tokens: the sum of min(floor(i/*ratio*), *most_attended*).

    >>> float(_pairs_from_the_first(6, 2, 2))  # 0+1+1+2+2+2
    8.0
    """
    width = np.minimum(ratio, tokens + 1)  # a longer block is not whole either, and is finite
    entries = np.minimum(np.floor(tokens / width), most_attended)
    return entries * (tokens + 1) - width * entries * (entries + 1) / 2


def prompt_matmul_flop(*, parameters: Count, output_parameters: Count, new_tokens: Count) -> Count:
    """FLOP of multiplying a prompt with weight matrices, the output head for its last token only.

    *parameters* are those that one token meets, of which *output_parameters* are the head.

    >>> prompt_matmul_flop(parameters=10, output_parameters=2, new_tokens=100)  # 2 · (8 · 100 + 2)
    1604
    """
    body = matmul_flop(parameters - output_parameters, new_tokens)
    return body + matmul_flop(output_parameters, tokens=1)


def prompt_attention_flop(
    *,
    layers: Count,
    pairs: Count,
    flop_per_pair: Count,
    index_pairs: Count,
    flop_per_index_pair: Count,
    new_tokens: Count,
    state_flop_per_token: Count,
) -> Count:
    """FLOP of attention of *layers* like layers over a prompt.

    *pairs* and *index_pairs* are attended_pairs; layers with an index compare each token with all
    keys before they attend to some entries. Linear attention costs *state_flop_per_token*,
    however long the prompt.

    >>> prompt_attention_flop(  # Llama 3 70B, 2048 tokens: 5.5 of 286 TFLOP
    ...     layers=80, pairs=2048 * 2049 / 2, flop_per_pair=32_768,
    ...     index_pairs=0, flop_per_index_pair=0, new_tokens=2048, state_flop_per_token=0,
    ... )
    5500242493440.0
    """
    return layers * (
        pairs * flop_per_pair
        + index_pairs * flop_per_index_pair
        + new_tokens * state_flop_per_token
    )


def balanced_prompt_length(
    *, matmul_flop_per_token: Count, attention_flop_per_pair: Count
) -> Count:
    """Prompt length at which attention costs as much as multiplying by weights.

    Assumes full attention in every layer, over which *attention_flop_per_pair* is summed, and
    leaves the output head out, as only one token meets it.

    >>> round(balanced_prompt_length(  # Llama 3 70B
    ...     matmul_flop_per_token=2 * 68.452e9, attention_flop_per_pair=80 * 32_768
    ... ))
    104448
    """
    return 2 * matmul_flop_per_token / attention_flop_per_pair - 1


def prefill_passes(new_tokens: Count, chunk_tokens: Count) -> Count:
    """Passes in which a prompt is read, *chunk_tokens* tokens at a time [@agrawal-2024].

    >>> float(prefill_passes(32_768, chunk_tokens=2048)), float(prefill_passes(100, 2048))
    (16.0, 1.0)
    """
    return np.ceil(new_tokens / chunk_tokens)


def reread_entries(
    *, new_tokens: Count, cached_tokens: Count, chunk_tokens: Count, window: Count
) -> Count:
    """Cache entries that all passes of one layer read back, of tokens of earlier passes.

    Of N chunks the first is read N - 1 times, the second N - 2 times and so on
    [@agrawal-2024, section 4.3], a cached prefix by all; a layer with a *window* reads no more
    than that, infinite for full attention. A pass has its own entries at hand. With an index each
    token chooses its own entries, so that a chunk reads about all, as full attention does. Entries
    that hold several tokens are so many times fewer.

    >>> float(reread_entries(  # 2048 + 2 · 2048 + 3 · 2048
    ...     new_tokens=8192, cached_tokens=0, chunk_tokens=2048, window=float("inf")
    ... ))
    12288.0
    """
    passes = prefill_passes(new_tokens, chunk_tokens)
    most = np.minimum(window, cached_tokens + passes * chunk_tokens)  # finite
    growing = np.maximum(0, np.ceil((most - cached_tokens) / chunk_tokens))  # below the window
    return (
        growing * cached_tokens
        + chunk_tokens * growing * (growing - 1) / 2
        + (passes - growing) * most
    )


def prefill_floor(
    *,
    flop: Count,
    passes: Count,
    weight_bytes_per_pass: Bytes,
    kv_bytes: Bytes,
    memory_bandwidth: BytesPerSecond,
    peak_compute: FlopPerSecond,
) -> Seconds:
    """Least time to read a prompt: memory and arithmetic overlap throughout.

    *flop* and *kv_bytes*, those read back and those written, are of all passes; the rates those
    of all chips. With experts, a pass of many tokens reads about all (see distinct_experts).

    >>> round(float(prefill_floor(  # Llama 3 70B in BF16, 2048 tokens, on 8 H100
    ...     flop=0.286e15, passes=1, weight_bytes_per_pass=139e9, kv_bytes=0.67e9,
    ...     memory_bandwidth=8 * 3.35e12, peak_compute=8 * 989e12,
    ... )), 4)
    0.0361
    """
    return decode_step_floor(
        weight_bytes=passes * weight_bytes_per_pass,
        kv_bytes=kv_bytes,
        flop=flop,
        memory_bandwidth=memory_bandwidth,
        peak_compute=peak_compute,
    )


def prefill_time(
    *,
    flop: Count,
    passes: Count,
    weight_bytes_per_pass: Bytes,
    kv_bytes: Bytes,
    memory_bandwidth: BytesPerSecond,
    peak_compute: FlopPerSecond,
    bandwidth_efficiency: Count,
    compute_efficiency: Count,
    layers: Count,
    time_per_layer: Seconds,
    communication_time: Seconds,
) -> Seconds:
    """Expected time to read a prompt on chips that sustain a share of their peaks.

    Both efficiencies are in (0, 1]. *time_per_layer*, for launches and small operators, is spent
    in each layer of each pass; *communication_time* is that of all passes, and not overlapped.

    >>> round(float(prefill_time(  # 70B, 8192 tokens on 16 TPU v5e at 40 % of peak
    ...     flop=2 * 70e9 * 8192, passes=1, weight_bytes_per_pass=140e9, kv_bytes=0,
    ...     memory_bandwidth=16 * 8.1e11, peak_compute=16 * 1.97e14,
    ...     bandwidth_efficiency=0.8, compute_efficiency=0.4,
    ...     layers=80, time_per_layer=0, communication_time=0,
    ... )), 2)
    0.91
    """
    sustained = prefill_floor(
        flop=flop,
        passes=passes,
        weight_bytes_per_pass=weight_bytes_per_pass,
        kv_bytes=kv_bytes,
        memory_bandwidth=bandwidth_efficiency * memory_bandwidth,
        peak_compute=compute_efficiency * peak_compute,
    )
    return sustained + passes * layers * time_per_layer + communication_time


def compute_bound_tokens(
    *,
    bytes_per_pass: Bytes,
    flop_per_token: Count,
    memory_bandwidth: BytesPerSecond,
    peak_compute: FlopPerSecond,
) -> Count:
    """Tokens from which on a pass takes longer to compute than to read.

    *bytes_per_pass* are the weights that a pass reads, all experts with many tokens, and the
    cache that it reads back; *flop_per_token* are of what one token meets. Of a dense model
    without its cache, that is the critical batch size.

    >>> round(compute_bound_tokens(  # 671B in FP8 of which a token meets 37B, on H100
    ...     bytes_per_pass=671e9, flop_per_token=2 * 37e9,
    ...     memory_bandwidth=3.35e12, peak_compute=1979e12,
    ... ))
    5357
    """
    return ridge_point(peak_compute, memory_bandwidth) * bytes_per_pass / flop_per_token
