"""Training: laws of its steps, counts that others published, and what its tables say."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportlib import cases, params
from reportlib.calculations.training import (
    OPTIMIZER_BYTES,
    activation_bytes,
    break_even_tokens,
    training_flop,
    training_state_bytes,
    training_traffic,
)
from reportlib.calculations.transformer import matmul_flop
from reportlib.exhibits.tables import training as tables

NOW = params.load(params.DEFAULT_ROOT)
MODEL, CHIP = NOW.models["llama-3-70b"], NOW.chips["h100-sxm5"]
MIXED = {"weight_bytes": 2, "gradient_bytes": 2, "optimizer_bytes": OPTIMIZER_BYTES}
BF16 = {"precision": "bf16", "sequence_length": 8192}

amounts = st.floats(1e3, 1e12)
sizes = st.fixed_dictionaries(
    dict.fromkeys(
        ("read_bytes", "weight_bytes", "gradient_bytes", "optimizer_bytes", "activation_bytes"),
        amounts,
    )
)


def trained(parameters, tokens):
    """Return the FLOP of a run, attention left out."""
    return training_flop(matmul_flop(parameters, tokens), recomputed_share=0)


PUBLISHED = {
    # Recalled, and as others quote the papers: see the notes of the sources.
    "FLOP of GPT-3": (trained(175e9, 300e9), 3.14e23, 0.01, "table D.1 of the paper"),
    "FLOP of Llama 3.1 405B": (trained(405e9, 15.6e12), 3.8e25, 0.01, "The Llama 3 herd"),
    "states of 7.5 billion": (training_state_bytes(parameters=7.5e9, **MIXED), 120e9, 0, "ZeRO"),
    "states of GPT-2, at least": (training_state_bytes(parameters=1.5e9, **MIXED), 24e9, 0, "ZeRO"),
}


@pytest.mark.parametrize(("ours", "theirs", "within", "source"), PUBLISHED.values(), ids=PUBLISHED)
def test_published(ours, theirs, within, source):
    assert source
    assert ours == pytest.approx(theirs, rel=within, abs=0)


def test_runs_reach_a_share_of_the_peak_that_is_possible():
    # Papers state 38 to 43 % for Llama 3.1 405B; chip hours include restarts.
    shares = {
        name: cases.reached_share(NOW, model)
        for name, model in NOW.models.items()
        if model.training
    }

    assert shares["llama-3.1-405b"] == pytest.approx(0.38, abs=0.06)
    assert all(0.1 < share < 0.6 for share in shares.values())


def test_a_model_of_which_no_run_is_known_has_no_share_of_a_peak():
    model = MODEL.model_copy(update={"training": None})
    elsewhere = replace(NOW, chips={})

    assert np.isnan(cases.run_flop(model))
    assert np.isnan(cases.reached_share(NOW, model))
    assert np.isnan(cases.reached_share(elsewhere, MODEL))


@given(flop=amounts, share=st.floats(0, 1))
def test_going_backwards_takes_twice_and_checkpointing_once_more_at_most(flop, share):
    assert 3 * flop <= training_flop(flop, share) <= 4 * flop * (1 + 1e-9)


@given(of=sizes, passes=st.integers(1, 64), share=st.floats(0, 1))
def test_more_passes_and_what_is_computed_anew_only_add_traffic(of, passes, share):
    once = training_traffic(**of, passes=1, recomputed_share=0)

    assert training_traffic(**of, passes=passes, recomputed_share=share) >= once
    assert once >= 2 * of["optimizer_bytes"] + of["weight_bytes"]


@given(tokens=amounts, parameters=amounts)
def test_a_model_breaks_even_after_three_times_the_tokens_of_its_run(tokens, parameters):
    run = trained(parameters, tokens)

    assert break_even_tokens(run, matmul_flop(parameters, 1)) == pytest.approx(3 * tokens)


@given(tokens=st.integers(1, 10**6), layers=st.integers(1, 200))
def test_activations_grow_with_tokens_and_layers(tokens, layers):
    one = activation_bytes(tokens=1, layers=1, hidden_size=64, bytes_per_value=34)

    assert activation_bytes(
        tokens=tokens, layers=layers, hidden_size=64, bytes_per_value=34
    ) == pytest.approx(one * tokens * layers)


def test_a_step_takes_six_flop_a_parameter_and_token_and_those_of_attention():
    tokens = 65_536
    step = tables.training_step(MODEL, tokens, 1)  # sequences of one token

    assert step.flop == pytest.approx(6 * cases.parameters(MODEL).active * tokens, rel=1e-4)
    assert tables.training_step(MODEL, tokens, 8192).flop > step.flop


def test_checkpointing_saves_memory_and_costs_arithmetic():
    kept = cases.TrainingStep(MODEL, 8192, 8192)
    anew = replace(kept, recomputed=True)

    assert anew.memory_bytes < kept.memory_bytes
    assert anew.flop == pytest.approx(kept.flop * 4 / 3)


def test_parts_of_the_memory_are_its_whole():
    held = tables.memory_held(MODEL, CHIP, batch_sizes=[1, 32], usable_share=0.9, **BF16)
    whole = held.groupby("situation")["held_bytes"].sum()

    assert len(whole) == 4
    assert (whole == held.groupby("situation")["total_bytes"].first()).all()
    first = held["situation"].iloc[0]
    step = cases.TrainingStep(MODEL, 8192, 8192)
    assert whole[first] == pytest.approx(step.memory_bytes)


def test_more_tokens_in_a_step_make_memory_matter_less():
    shares = tables.memory_shares(
        MODEL, CHIP, context_lengths=[1024, 8192], tokens=[2.0**n for n in range(18)], **BF16
    )
    enough = tables.balanced_tokens(shares)

    for _, rows in shares.groupby("work"):
        assert rows["memory_share"].is_monotonic_decreasing
    assert enough["prefill"] == pytest.approx(295, rel=0.05)  # the ridge point: a FLOP a byte
    assert enough["training"] > enough["prefill"]
    assert np.isinf(enough["decode at 8,192 of context"])


@pytest.mark.parametrize(("share", "tokens"), [([0.4, 0.2], 1.0), ([0.9, 0.1], 10.0)])
def test_the_balance_is_found_between_two_numbers_of_tokens(share, tokens):
    shares = pd.DataFrame({"work": "x", "tokens": [1.0, 100.0], "memory_share": share})

    assert tables.balanced_tokens(shares)["x"] == pytest.approx(tokens)


def test_a_user_waits_longer_for_the_answer_than_chips_work_for_it():
    case = cases.Case(MODEL, CHIP, cases.uniform("bf16"), batch_size=32, chips=8)
    grid = tables.requests(case, None, input_lengths=[128, 8192], output_lengths=[32, 2048])
    waits, works = (
        grid[grid["view"] == view]["decode_share"].to_numpy()
        for view in (tables.WAITING, tables.WORKING)
    )

    assert (waits > works).all()


def test_requests_that_memory_does_not_hold_have_no_times():
    case = cases.Case(MODEL, CHIP, cases.uniform("bf16"), batch_size=32)
    grid = tables.requests(case, None, input_lengths=[128], output_lengths=[32])

    assert grid["decode_share"].isna().all()
