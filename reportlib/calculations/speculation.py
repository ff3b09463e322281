"""What it gains to guess tokens and verify the guesses at once.

A round drafts some tokens with something cheap, then verifies them in one pass of the model that
serves, which keeps the guesses before the first miss and adds one token of its own: the output is
distributed as without drafts [@leviathan-2023] [@chen-2023]. While decoding is bound by reading
weights, verifying some tokens takes hardly longer than one step. It does take longer with large
batches, where arithmetic binds, and with experts, of which more tokens need more: the time of the
pass is that of a step over verify_tokens tokens that reads each sequence's KV cache once.

Assumes that guesses are right independently of each other and equally often. Left out: trees of
drafts, and the memory of the draft model and its cache.
"""

import numpy as np

from reportlib.units import Count, Seconds


def tokens_per_round(acceptance: Count, drafts: Count) -> Count:
    """Expected tokens that one sequence gains in a round of *drafts* guesses.

    One token of the model itself, and one for each guess before the first miss:
    1 + a + … + a^drafts for an *acceptance* of a [@leviathan-2023, equation 1].

    >>> round(float(tokens_per_round(0.8, drafts=3)), 3), float(tokens_per_round(1, drafts=3))
    (2.952, 4.0)
    """
    certain = np.equal(acceptance, 1)  # 1 where the sum is not a quotient, else 0
    return (1 - acceptance ** (drafts + 1) + certain * (drafts + 1)) / (1 - acceptance + certain)


def verify_tokens(batch_size: Count, drafts: Count) -> Count:
    """Tokens that a verifying pass computes: of each sequence its last one and the guesses.

    What distinct_experts and matmul_flop take for *tokens*; KV caches are read once a sequence.

    >>> verify_tokens(8, drafts=3)
    32
    """
    return batch_size * (drafts + 1)


def round_time(*, verify_time: Seconds, drafts: Count, draft_time: Seconds) -> Seconds:
    """Time of a round: *drafts* guesses one after another, then one pass that verifies them.

    Divided by tokens_per_round it is the time per output token.

    >>> round_time(verify_time=25, drafts=3, draft_time=1)
    28
    """
    return verify_time + drafts * draft_time


def speculative_speedup(
    *, tokens_per_round: Count, step_time: Seconds, round_time: Seconds
) -> Count:
    """How many times faster rounds yield tokens than steps of *step_time* that yield one each.

    Below 1 drafts do not pay: a round must yield round_time/step_time tokens
    [@leviathan-2023, theorem 3.8, for a verifying pass as long as a step].

    >>> round(speculative_speedup(tokens_per_round=2.952, step_time=20, round_time=23), 2)
    2.57
    """
    return tokens_per_round * step_time / round_time


def speculative_flop_ratio(
    *, tokens_per_round: Count, drafts: Count, draft_flop_ratio: Count
) -> Count:
    """How many times more FLOP a token costs with drafts [@leviathan-2023, theorem 3.11].

    *draft_flop_ratio* is that of a token of the draft model to one of the verifying model.
    Arithmetic-bound decoding slows down by this.

    >>> round(speculative_flop_ratio(tokens_per_round=2.952, drafts=3, draft_flop_ratio=0), 2)
    1.36
    """
    return (drafts + 1 + drafts * draft_flop_ratio) / tokens_per_round
