"""Prompts, streams of requests and drafts reproduce numbers that others published or measured."""

import numpy as np
import pytest

from reportlib import cases, params
from reportlib.calculations.prefill import (
    attended_pairs,
    balanced_prompt_length,
    compute_bound_tokens,
    prefill_time,
    prompt_attention_flop,
    prompt_matmul_flop,
)
from reportlib.calculations.serving import (
    disaggregated_sequences_per_chip_second,
    kv_transfer_time,
    prefill_chips_per_decode_chip,
    queueing_time,
    sequences_per_second,
    time_per_sequence,
)
from reportlib.calculations.speculation import (
    round_time,
    speculative_flop_ratio,
    speculative_speedup,
    tokens_per_round,
    verify_tokens,
)
from reportlib.calculations.transformer import (
    distinct_experts,
    embedding_parameters,
    grouped_query_attention_flop,
    matmul_flop,
)

NOW = params.load(params.DEFAULT_ROOT)
INFINITE = float("inf")


def head(model):
    """Return the parameters of the output head."""
    of = NOW.models[model].architecture
    return embedding_parameters(hidden_size=of.hidden_size, vocabulary=of.vocabulary)


def attention(model, new_tokens, cached_tokens=0):
    """Return the FLOP of attention over a prompt, of all layers."""
    tokens = {"new_tokens": new_tokens, "cached_tokens": cached_tokens}
    return sum(
        prompt_attention_flop(
            layers=group.layers,
            pairs=attended_pairs(**tokens, ratio=group.ratio, most_attended=group.top_k)
            + attended_pairs(**tokens, ratio=1, most_attended=group.window),
            flop_per_pair=group.flop_per_entry,
            index_pairs=attended_pairs(**tokens, ratio=group.ratio, most_attended=INFINITE),
            flop_per_index_pair=group.index_flop_per_key,
            new_tokens=new_tokens,
            state_flop_per_token=group.state_flop,
        )
        for group in cases.layer_groups(NOW.models[model])
    )


def prompt(model, new_tokens, cached_tokens=0):
    """Return the FLOP of a prompt."""
    return attention(model, new_tokens, cached_tokens) + prompt_matmul_flop(
        parameters=cases.parameters(NOW.models[model]).active,
        output_parameters=head(model),
        new_tokens=new_tokens,
    )


def book_decode(batch_size, replicas=1, steps=512):
    """Return the sequences per second of decoding alone, in steps of 19 ms."""
    time = time_per_sequence(prefill_time=0, steps=steps, step_time=0.019, batch_size=batch_size)
    return sequences_per_second(time, replicas)


def speedup(acceptance, drafts, cost=0.0):
    """Return the speed-up where verifying takes as long as a step, and a draft *cost* of it."""
    return speculative_speedup(
        tokens_per_round=tokens_per_round(acceptance, drafts),
        step_time=1,
        round_time=round_time(verify_time=1, drafts=drafts, draft_time=cost),
    )


def flop_ratio(acceptance, drafts):
    """Return how much more arithmetic a token takes with drafts that are for nothing."""
    return speculative_flop_ratio(
        tokens_per_round=tokens_per_round(acceptance, drafts), drafts=drafts, draft_flop_ratio=0
    )


BOOK = "https://jax-ml.github.io/scaling-book"
LEVIATHAN = "https://arxiv.org/abs/2211.17192"
DISTSERVE = "https://arxiv.org/abs/2401.09670, section 3"

# Acceptance, drafts, how many times the FLOP, how many times as fast.
LEVIATHAN_TABLE_1 = [
    (0.6, 2, 1.53, 1.96),
    (0.7, 3, 1.58, 2.53),
    (0.8, 2, 1.23, 2.44),
    (0.8, 5, 1.63, 3.69),
    (0.9, 2, 1.11, 2.71),
    (0.9, 10, 1.60, 6.86),
]

# What: ours, theirs, relative tolerance, source.
PUBLISHED = {
    # Prompts
    "prefill of 8192 tokens, 70B on 16 TPU v5e at 40 % of peak, s": (
        prefill_time(
            flop=matmul_flop(70e9, tokens=8192),
            passes=1,
            weight_bytes_per_pass=140e9,
            kv_bytes=0,
            memory_bandwidth=16 * 8.1e11,
            peak_compute=16 * 1.97e14,
            bandwidth_efficiency=1,
            compute_efficiency=0.4,
            layers=80,
            time_per_layer=0,
            communication_time=0,
        ),
        0.91,
        0.001,
        f"{BOOK}/applied-inference",
    ),
    "tokens from which a prompt is compute-bound on TPU v5e in BF16": (
        compute_bound_tokens(
            bytes_per_pass=140e9,
            flop_per_token=matmul_flop(70e9, tokens=1),
            memory_bandwidth=8.2e11,
            peak_compute=1.97e14,
        ),
        240,
        0.002,
        f"{BOOK}/inference",
    ),
    # Streams of requests
    "sequences per second, batch of 43": (
        book_decode(43),
        4.42,
        0.001,
        f"{BOOK}/applied-inference",
    ),
    **{
        f"sequences per second and chip of {chips}": (
            book_decode(43, replicas=1 / chips),
            rate,
            0.025,
            f"{BOOK}/applied-inference: rounded down",
        )
        for chips, rate in {16: 0.27, 8: 0.55, 4: 1.11}.items()
    },
    "tokens that leave the cache per step": (
        book_decode(32, steps=4096) * 0.019 * (8192 + 4096),
        96,
        1e-9,
        f"{BOOK}/applied-inference",
    ),
    "prefill servers per server that decodes": (
        prefill_chips_per_decode_chip(
            prefills_per_chip_second=1 / 0.91, decodes_per_chip_second=book_decode(32)
        ),
        3,
        0.005,
        f"{BOOK}/applied-inference",
    ),
    "transfer of OPT-66B's cache of 512 tokens in the time between 10 requests a second, s": (
        kv_transfer_time(1.13e9, link_bandwidth=90e9 / 8),
        1 / 10,
        0.005,
        f"{DISTSERVE}.3: 1.13 GB, 10 requests per second, 90 Gbit/s",
    ),
    "queue before two stages that each take half of 0.2 s, at 4 requests per second": (
        queueing_time(4, service_time=0.2 / 2),
        4 * 0.2**2 / (4 * (2 - 4 * 0.2)),
        1e-9,
        f"{DISTSERVE}.1, equation 2",
    ),
    # Drafts
    **{
        f"speed-up, {drafts} drafts accepted at {acceptance}, for nothing": (
            speedup(acceptance, drafts),
            faster,
            0.003,
            f"{LEVIATHAN}, table 1",
        )
        for acceptance, drafts, _, faster in LEVIATHAN_TABLE_1
    },
    **{
        f"FLOP, {drafts} drafts accepted at {acceptance}": (
            flop_ratio(acceptance, drafts),
            more,
            0.004,
            f"{LEVIATHAN}, table 1",
        )
        for acceptance, drafts, more, _ in LEVIATHAN_TABLE_1
    },
    **{
        f"speed-up, {drafts} drafts accepted at {acceptance} that cost {cost}": (
            speedup(acceptance, drafts, cost),
            faster,
            0.04,
            f"{LEVIATHAN}, table 4: two digits, and acceptance to two",
        )
        for acceptance, drafts, cost, faster in [
            (0.75, 7, 0.02, 3.2),
            (0.80, 7, 0.04, 3.3),
            (0.82, 7, 0.11, 2.5),
            (0.62, 7, 0.02, 2.3),
            (0.68, 5, 0.04, 2.4),
            (0.71, 3, 0.11, 2.0),
            (0.65, 5, 0.02, 2.4),
            (0.73, 5, 0.04, 2.6),
            (0.74, 3, 0.11, 2.0),
            (0.53, 5, 0.02, 1.9),
            (0.55, 3, 0.04, 1.8),
            (0.56, 3, 0.11, 1.6),
        ]
    },
    "speed-up of bigrams": (speedup(0.2, 3), 1.25, 0.002, f"{LEVIATHAN}, section 3.6"),
}

# We know of no publication with these digits. Theirs is our formula, worked apart from the code.
WORKED_BY_HAND = {
    # 2 · (69.503e9 - 1.051e9) · S + 80 · 2 · 64 · 256 · S (S + 1) / 2 + 2 · 1.051e9
    "prompt of 2048 tokens, Llama 3 70B, PFLOP": (prompt("llama-3-70b", 2048), 0.286e15, 0.001),
    "prompt of 32,768 tokens, Llama 3 70B": (prompt("llama-3-70b", 32_768), 5.89e15, 0.001),
    "prompt of 131,072 tokens, Llama 3 70B": (prompt("llama-3-70b", 131_072), 40.5e15, 0.001),
    **{
        f"share of attention in {tokens:,} tokens, Llama 3 70B": (
            attention("llama-3-70b", tokens) / prompt("llama-3-70b", tokens),
            share,
            0.015,
        )
        for tokens, share in {2048: 0.019, 32_768: 0.239, 131_072: 0.557}.items()
    },
    # 2 · 136.9e9 / (80 · 2 · 64 · 256)
    "balanced length of Llama 3 70B": (
        balanced_prompt_length(
            matmul_flop_per_token=matmul_flop(
                cases.parameters(NOW.models["llama-3-70b"]).active - head("llama-3-70b"), tokens=1
            ),
            attention_flop_per_pair=80
            * grouped_query_attention_flop(heads=64, head_dim=128, value_head_dim=128, tokens=1),
        ),
        104_450,
        1e-4,
    ),
    # 61 layers: 2048 of all entries, but all of the first 2048, and all keys of an index
    "attention over 131,072 tokens, DeepSeek-V3.2": (
        attention("deepseek-v3.2", 131_072),
        61
        * (
            (2048 * 2049 / 2 + 2048 * (131_072 - 2048)) * 278_528
            + 131_072 * 131_073 / 2 * 2 * 64 * 128
        ),
        1e-12,
    ),
    # 18 layers attend to all, 18 to 128: 64 heads of 2 · 64 values
    "attention over 131,072 tokens, gpt-oss-120b": (
        attention("gpt-oss-120b", 131_072),
        18 * 2 * 64 * 128 * (131_072 * 131_073 / 2 + 128 * 131_072 - 128 * 127 / 2),
        1e-12,
    ),
    # 1 + 0.8 + 0.64 + 0.512
    "tokens of a round of 3 drafts accepted at 0.8": (tokens_per_round(0.8, 3), 2.952, 1e-9),
    # 1 / (0.5 + 500 · 0.032 / 32)
    "sequences per second and chip": (
        disaggregated_sequences_per_chip_second(
            prefills_per_chip_second=1 / 0.5, decodes_per_chip_second=32 / (500 * 0.032)
        ),
        1,
        1e-9,
    ),
    # 256 · (1 - (31/32)^32), from 57.4 for 8 tokens
    "experts of DeepSeek-V3 that verify 3 drafts of 8 sequences": (
        distinct_experts(experts=256, active_experts=8, tokens=verify_tokens(8, drafts=3)),
        163.3,
        0.001,
    ),
}


@pytest.mark.parametrize(("ours", "theirs", "within", "source"), PUBLISHED.values(), ids=PUBLISHED)
def test_published(ours, theirs, within, source):
    assert source
    assert ours == pytest.approx(theirs, rel=within, abs=0)


@pytest.mark.parametrize(("ours", "theirs", "within"), WORKED_BY_HAND.values(), ids=WORKED_BY_HAND)
def test_worked_by_hand(ours, theirs, within):
    assert ours == pytest.approx(theirs, rel=within, abs=0)


@pytest.mark.parametrize(("acceptance", "best"), [(0.6, 4), (0.8, 8), (0.9, 13)])
def test_more_drafts_pay_up_to_a_number(acceptance, best):
    numbers = np.arange(50)

    assert speedup(acceptance, numbers, cost=0.05).argmax() == best


@pytest.mark.parametrize("cached_tokens", [0, 5000])
@pytest.mark.parametrize("model", NOW.models)
def test_a_prompt_costs_what_its_tokens_would_one_by_one_but_for_the_head(model, cached_tokens):
    contexts = cached_tokens + np.arange(1.0, 10_001)
    one_by_one = matmul_flop(cases.parameters(NOW.models[model]).active, tokens=len(contexts))
    one_by_one += (cases.attention_flop(NOW.models[model], contexts) + 0 * contexts).sum()

    saved = matmul_flop(head(model), tokens=len(contexts) - 1)

    assert prompt(model, len(contexts), cached_tokens) == pytest.approx(one_by_one - saved)


def best_case(row):
    """Return the least time to multiply a prompt, or a batch of them, at any rate of the chip."""
    rate = max(number.value for number in NOW.chips[row.chip].peak_compute.values())
    prompts = row.batch_size if "whole batch" in row.note else 1
    return prompts * prompt(row.model, row.input_length) / (row.chips * rate)


def taken(row):
    """Return the time of a prompt that was measured, or its rate."""
    return row.si_value if row.metric == "time_to_first_token" else row.input_length / row.si_value


def test_no_prompt_was_read_faster_than_chips_multiply():
    measured = {
        row.id: (best_case(row), taken(row))
        for row in NOW.measurements
        if row.metric in {"time_to_first_token", "prefill_tokens_per_second"}
        if row.model and row.chip and row.chips and row.input_length
        if NOW.chips[row.chip].peak_compute
    }

    # 64 prompts of 512 tokens on 2 chips, in less time than 8 take
    impossible = {"M1590", "M1680"}
    assert len(measured) > 400
    assert {name for name, (least, time) in measured.items() if time < least} == impossible
