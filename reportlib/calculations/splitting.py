"""What each chip holds of a model that is split over several, and how far more chips help.

Tensor parallelism gives each chip a share of every matrix; heads go to chips whole, so that
chips beyond the number of KV heads hold copies of caches [@vllm-kv-head-replication]. A latent
cache counts as one KV head: each chip keeps all of it [@deepseek-v2, section 2.1]. Expert
parallelism gives each rank whole experts, pipeline parallelism each stage whole layers, data
parallelism each replica a whole model and its own sequences [@pope-2022].

Left out: layers, experts and vocabularies that do not divide evenly, contexts that are split
over chips, and stages of unequal length.
"""

import numpy as np

from reportlib.units import Bytes, BytesPerSecond, Count, Seconds


def splits_evenly(*, heads: Count, kv_heads: Count, chips: Count) -> Count:
    """Whether engines split attention over so many chips: 1 if they do, 0 if they refuse.

    *chips* divides the heads, and divides the KV heads or is divided by them
    [@vllm-kv-head-replication].

    >>> [float(splits_evenly(heads=64, kv_heads=8, chips=chips)) for chips in (4, 16, 6)]
    [1.0, 1.0, 0.0]
    """
    left_over = np.maximum(heads % chips, np.minimum(kv_heads % chips, chips % kv_heads))
    return 1 - np.sign(left_over)


def heads_share(heads: Count, chips: Count) -> Count:
    """Share of heads that the busiest chip computes, whole ones: 1/chips where it divides heads.

    Times *chips*: what padding to equal numbers of heads makes of the work and the weights.

    >>> float(heads_share(heads=40, chips=16))  # 3 of 40
    0.075
    """
    return np.ceil(heads / chips) / heads


def kv_share(kv_heads: Count, chips: Count) -> Count:
    """Share of each KV cache that a chip holds and reads: at least one head.

    1 for latent attention, whose *kv_heads* are 1.

    >>> [float(kv_share(kv_heads=8, chips=chips)) for chips in (1, 4, 8, 16)]
    [1.0, 0.25, 0.125, 0.125]
    """
    return heads_share(kv_heads, chips)


def kv_copies(kv_heads: Count, chips: Count) -> Count:
    """Number of copies of each KV cache that all chips together hold.

    >>> float(kv_copies(kv_heads=8, chips=16)), float(kv_copies(kv_heads=1, chips=8))
    (2.0, 8.0)
    """
    return chips * kv_share(kv_heads, chips)


def weight_bytes_per_chip(
    *,
    split_bytes: Bytes,
    chips: Count,
    kv_bytes: Bytes,
    kv_heads: Count,
    expert_bytes: Bytes,
    expert_ranks: Count,
    copied_bytes: Bytes,
) -> Bytes:
    """Memory for the weights of one chip.

    *split_bytes* are split over *chips*: all but the rest here. *kv_bytes*, the key and value
    matrices, follow the KV heads. *expert_bytes*, all routed experts, are spread over
    *expert_ranks* whole or over as many chips in slices. *copied_bytes* are on every chip: norms,
    routers, the matrices into a latent, and attention where it is data-parallel.

    >>> float(weight_bytes_per_chip(  # Llama 3 70B in BF16 on 16 chips: KV heads are held twice
    ...     split_bytes=138.4e9, chips=16, kv_bytes=2.7e9, kv_heads=8, expert_bytes=0,
    ...     expert_ranks=1, copied_bytes=2.6e6,
    ... )) / 1e9
    8.9901
    """
    return (
        split_bytes / chips
        + kv_bytes * kv_share(kv_heads, chips)
        + expert_bytes / expert_ranks
        + copied_bytes
    )


def usable_capacity(*, memory_capacity: Bytes, usable_share: Count, reserved_bytes: Bytes) -> Bytes:
    """Memory of one chip that is left for weights and caches.

    *usable_share* of the whole capacity is what engines are set to take [@kwon-2023];
    *reserved_bytes* of it go to the runtime, its buffers and activations.

    >>> usable_capacity(memory_capacity=80e9, usable_share=0.9, reserved_bytes=4e9)
    68000000000.0
    """
    return memory_capacity * usable_share - reserved_bytes


def split_batch_size(
    *,
    usable_capacity: Bytes,
    weight_bytes_per_chip: Bytes,
    kv_bytes_per_sequence: Bytes,
    kv_share: Count,
) -> Count:
    """Number of sequences whose caches fit beside the weights of each chip; 0 if these do not.

    More chips than KV heads hold more of them only as far as each has fewer weights.

    >>> float(split_batch_size(  # (68 - 17.6) / (10.7 / 8) on each of 8 chips
    ...     usable_capacity=68e9, weight_bytes_per_chip=17.6e9, kv_bytes_per_sequence=10.7e9,
    ...     kv_share=1 / 8,
    ... ))
    37.0
    """
    room = np.maximum(usable_capacity - weight_bytes_per_chip, 0)
    return np.floor(room / (kv_bytes_per_sequence * kv_share))


def split_context_length(
    *,
    usable_capacity: Bytes,
    weight_bytes_per_chip: Bytes,
    batch_size: Count,
    kv_bytes_per_token: Bytes,
    kv_share: Count,
) -> Count:
    """Number of tokens that each of *batch_size* sequences can keep; 0 if weights do not fit.

    For caches that grow by *kv_bytes_per_token* with every token: full attention in all layers.

    >>> float(split_context_length(  # Llama 3 70B in BF16, 8 chips
    ...     usable_capacity=68e9, weight_bytes_per_chip=17.6e9, batch_size=32,
    ...     kv_bytes_per_token=327_680, kv_share=1 / 8,
    ... ))
    38452.0
    """
    room = np.maximum(usable_capacity - weight_bytes_per_chip, 0)
    return np.floor(room / (batch_size * kv_bytes_per_token * kv_share))


def replicas(chips: Count, chips_per_replica: Count) -> Count:
    """Number of whole copies of the model that *chips* serve side by side.

    Each has its own batch: throughput grows with them, the time of a step does not change.

    >>> float(replicas(72, chips_per_replica=16))
    4.0
    """
    return np.floor(chips / chips_per_replica)


def pipeline_step_time(
    *, stage_time: Seconds, stages: Count, micro_batches: Count, transfer_time: Seconds
) -> Seconds:
    """Time of a decode step of all *micro_batches* in a pipeline: between a sequence's tokens.

    *stage_time* is that of one micro-batch in one stage. Its next token starts when the last one
    has left the last stage: fewer micro-batches than *stages* leave stages idle, more wait for
    the first. *transfer_time*, from stage to stage, overlaps with other micro-batches. No
    pipeline makes a token faster than one chip that had the memory; it adds the transfers.

    >>> [float(pipeline_step_time(  # 4 · 5 + 3 · 1 ms, then 8 · 5 ms
    ...     stage_time=5, stages=4, micro_batches=micro_batches, transfer_time=1
    ... )) for micro_batches in (1, 8)]
    [23.0, 40.0]
    """
    through = stages * stage_time + (stages - 1) * transfer_time
    return np.maximum(through, micro_batches * stage_time)


def pipeline_bubble(stages: Count, micro_batches: Count) -> Count:
    """Share of time in which stages idle while *micro_batches* pass through once, as in prefill.

    The pipeline fills and drains: (micro_batches + stages - 1) times a stage's time for
    micro_batches of work [@gpipe]. Transfers are left out.

    >>> pipeline_bubble(stages=4, micro_batches=9)
    0.25
    """
    return (stages - 1) / (micro_batches + stages - 1)


def fixed_step_time(
    *, layers: Count, layer_time: Seconds, all_reduces: Count, latency: Seconds
) -> Seconds:
    """Part of a decode step that splitting does not shorten.

    *layer_time*, of launching and synchronizing each layer's kernels, and the *latency* of
    *all_reduces* in each layer: 2, after attention and after the feed-forward layer
    [@pope-2022]; 0 on one chip.

    >>> round(fixed_step_time(  # 80 · (40.6 + 2 · 2.4) µs
    ...     layers=80, layer_time=40.6e-6, all_reduces=2, latency=2.4e-6
    ... ) * 1e3, 2)
    3.63
    """
    return layers * (layer_time + all_reduces * latency)


def balanced_chips(
    *, bytes_read: Bytes, memory_bandwidth: BytesPerSecond, fixed_step_time: Seconds
) -> Count:
    """Number of chips at which reading takes as long as all that splitting does not shorten.

    Twice as many are a third faster, no number is more than twice as fast (see
    doubling_speed_up).

    >>> round(balanced_chips(  # Llama 3 70B in BF16 on H100 SXM: 41.5 / 3.63 ms
    ...     bytes_read=139e9, memory_bandwidth=3.35e12, fixed_step_time=3.63e-3
    ... ), 1)
    11.4
    """
    return bytes_read / memory_bandwidth / fixed_step_time


def doubling_speed_up(chips: Count, balanced_chips: Count) -> Count:
    """How many times faster a step is on twice as many *chips*, from 2 down to 1.

    >>> [round(doubling_speed_up(chips, balanced_chips=11), 2) for chips in (1, 11, 44)]
    [1.85, 1.33, 1.11]
    """
    return (balanced_chips + chips) / (balanced_chips / 2 + chips)
