"""How many experts a step reads, and how unevenly ranks that share them are loaded.

Which experts tokens pick is not known beforehand. Uniform and independent picks
(transformer.distinct_experts) lie between two bounds: no two tokens pick the same expert, or
picks follow Zipf's law, a few experts being favourites of all tokens. *tokens* are those of a
step over all ranks, and with speculative decoding all that are verified.

Left out: copies of favourite experts, routing limited to some nodes, and likeness among the
tokens of a sequence, which lowers the number of experts as skew does.
"""

import numpy as np

from reportlib.units import Count

# Gauss-Legendre quadrature over (-1, 1); 16 nodes give four digits of the integrals below.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
NEWTON_STEPS = 6  # enough for ten digits while skew is at most 2.5


def most_distinct_experts(*, experts: Count, active_experts: Count, tokens: Count) -> Count:
    """Largest number of routed experts of one layer that a step can read: no two tokens share.

    >>> float(most_distinct_experts(experts=256, active_experts=8, tokens=8))  # DeepSeek-V3
    64.0
    """
    return np.minimum(active_experts * tokens, experts)


def skewed_distinct_experts(
    *, experts: Count, active_experts: Count, tokens: Count, skew: Count
) -> Count:
    """Expected number of routed experts of one layer that a step reads if some are favourites.

    The r-th most popular expert has a weight of r^-skew, and each token draws *active_experts*
    different ones by weight: a *skew* of 0 is uniform, 1 is Zipf's law. Draws of different
    experts are a race of exponential clocks, stopped when as many have rung, so that a token
    misses an expert with probability exp(-time · weight). Sums over experts are integrals over
    the logarithm of their rank; all within 1 % of simulated draws, 2 % for 8 experts.

    >>> [round(float(skewed_distinct_experts(  # DeepSeek-V3
    ...     experts=256, active_experts=8, tokens=32, skew=skew
    ... ))) for skew in (0, 0.5, 1)]
    [163, 148, 106]
    """
    log_span = np.expand_dims(np.log(2 * experts + 1), -1)  # from rank 1/2 to experts + 1/2
    rank = np.exp(log_span * (NODES + 1) / 2) / 2
    share = rank * log_span * WEIGHTS / 2
    weight = rank ** -np.expand_dims(skew, -1)
    picks = np.minimum(active_experts, 0.999 * experts)  # no clock stops when all have rung
    total = np.sum(share, axis=-1)
    log_missed = np.log(1 - picks / total)  # all but linear in time, and linear if uniform
    time = -log_missed * total / np.einsum("...i,...i", share, weight)
    for _ in range(NEWTON_STEPS):
        missed = share * np.exp(-np.expand_dims(time, -1) * weight)
        all_missed = np.sum(missed, axis=-1)
        early = np.log(all_missed / total) - log_missed
        time = time + early * all_missed / np.einsum("...i,...i", missed, weight)
    missed_by_all = np.exp(-np.expand_dims(tokens * time, -1) * weight)
    return total - np.einsum("...i,...i", share, missed_by_all)


def coverage_tokens(*, experts: Count, active_experts: Count, share: Count) -> Count:
    """Number of tokens of which a step is expected to read a *share* of all experts.

    For uniform routing.

    >>> round(float(coverage_tokens(experts=256, active_experts=8, share=0.95)), 1)  # DeepSeek-V3
    94.4
    """
    smallest = np.finfo(float).tiny
    missed_by_one = np.maximum(1 - active_experts / experts, smallest)
    return np.maximum(1, np.log(np.maximum(1 - share, smallest)) / np.log(missed_by_one))


def busiest_rank_experts(
    *, experts: Count, active_experts: Count, tokens: Count, ranks: Count
) -> Count:
    """Expected number of routed experts of one layer that the busiest of *ranks* reads.

    All wait for it. Each rank holds experts/ranks, and routing is uniform. Experts are taken to
    be read independently of each other, and ranks' numbers of them to be normal: within 5 % of
    simulated draws.

    >>> round(float(busiest_rank_experts(  # DeepSeek-V3 on 8 ranks; the mean is 20.4
    ...     experts=256, active_experts=8, tokens=32, ranks=8
    ... )), 1)
    24.3
    """
    held = experts / ranks
    missed = np.maximum(1 - active_experts / experts, 0) ** tokens
    spread = np.sqrt(held * missed * (1 - missed))
    return np.minimum(held, held * (1 - missed) + _highest_of(ranks) * spread)


def busiest_rank_tokens(
    *, experts: Count, active_experts: Count, tokens: Count, ranks: Count
) -> Count:
    """Expected number of tokens that the busiest of *ranks* gets, once for each of their experts.

    The mean is tokens · active_experts/ranks. Each rank holds experts/ranks, and routing is
    uniform. Numbers have their exact variance and covariance, and lean to the right as those of
    rare events do.

    >>> round(float(busiest_rank_tokens(  # DeepSeek-V3 on 32 ranks, a token each: 8 on average
    ...     experts=256, active_experts=8, tokens=32, ranks=32
    ... )), 1)
    14.3
    """
    mean = tokens * active_experts / ranks
    unpicked = np.maximum(experts - active_experts, 0) / np.maximum(experts - 1, 1)
    highest = _highest_of(ranks)
    lean = np.maximum(highest**2 - 1, 0) / 6 * np.maximum(1 - 2 * active_experts / experts, 0)
    return mean + highest * np.sqrt(mean * unpicked) + lean


def _highest_of(ranks: Count) -> Count:
    """Expected maximum of so many independent standard normal variables; 0 for one.

    A fit, within 2 % of the integral up to 256.

    >>> round(float(_highest_of(8)), 2)  # 1.42
    1.43
    """
    return np.log(ranks) / (1.13 + 0.155 * np.log(ranks))


def tokens_per_expert(*, active_experts: Count, tokens: Count, distinct_experts: Count) -> Count:
    """Mean number of tokens that an expert works on, of those that are read at all.

    >>> round(tokens_per_expert(active_experts=8, tokens=32, distinct_experts=163.3), 2)
    1.57
    """
    return active_experts * tokens / distinct_experts


def padding_factor(tokens_per_expert: Count, tile: Count) -> Count:
    """How many times as much an expert's matrices are multiplied by as it has tokens.

    Kernels fill up to whole tiles of 16 to 128 tokens. For experts that all have the mean number:
    uneven ones need up to half a tile more each.

    >>> float(padding_factor(1.6, tile=16))
    10.0
    """
    return np.ceil(tokens_per_expert / tile) * tile / tokens_per_expert


def expert_critical_batch_size(
    *, critical_batch_size: Count, experts: Count, active_experts: Count
) -> Count:
    """Batch size at which multiplying by expert weights takes as long as reading them.

    Each expert then works on the *critical_batch_size* of a linear layer (see
    decode.critical_batch_size), and all experts are read.

    >>> expert_critical_batch_size(critical_batch_size=295, experts=256, active_experts=8)
    9440.0
    """
    return critical_batch_size * experts / active_experts
