"""Levers do what they can and no more; experts and full batches have the shares they should."""

from dataclasses import replace

import pytest
from test_golden import CHIP, GUESSING, HEADLINE, MODEL, MODELS, NUMBERS, WORKS

from reportlib import cases
from reportlib.exhibits.tables import levers, memory_bound

ALL = levers.levers(MODELS, MODEL, WORKS, GUESSING)
ONE = {"one": WORKS["one"]}


def factor(lever, setting="one", table=ALL):
    (value,) = table[(table["lever"] == lever) & (table["setting"] == setting)]["factor"]
    return value


def guessing(**changes):
    table = levers.levers(HEADLINE, MODEL, ONE, replace(GUESSING, **changes))
    return factor("Speculative decoding", table=table)


@pytest.mark.parametrize(
    ("lever", "most"),
    [("Weights in FP8", 2), ("Weights in FP4", 2 / 0.53125), ("KV cache in FP8", 2),
     ("Batching", 64), ("Grouped queries", 64 / 8), ("Speculative decoding", 4)],
)  # fmt: skip
def test_no_lever_does_more_than_it_can(lever, most):
    factors = ALL[ALL["lever"] == lever]["factor"]

    assert 1 < factors.max() <= most


def test_weights_matter_to_one_user_and_caches_to_many_at_long_contexts():
    assert factor("Weights in FP8") > 1.9
    assert factor("Weights in FP8", "long") < 1.1
    assert factor("KV cache in FP8", "long") > 1.9
    assert factor("KV cache in FP8") < 1.1


def test_every_lever_is_shown_by_a_model_that_has_it():
    assert set(levers.OF_MODELS) < set(ALL["lever"])
    assert set(ALL[ALL["lever"] == "Sliding window"]["model"]) == {"Gemma 3 27B"}


def test_a_latent_stands_for_keys_and_values_of_all_heads():
    model = NUMBERS.models["deepseek-v3"]
    work = WORKS["long"]
    full = levers.OF_MODELS["Latent attention"](model, work)

    # 128 heads with keys of 128 + 64 and values of 128, against 512 + 64 [@deepseek-v3].
    assert full.kv_bytes / work.step(model).kv_bytes == pytest.approx(128 * 320 / 576)
    assert full.weight_bytes == work.step(model).weight_bytes


def test_experts_stand_for_a_dense_model_of_their_size():
    model = NUMBERS.models["deepseek-v3"]
    work, read = WORKS["one"], cases.parameters(model).all_read
    dense = levers.OF_MODELS["Mixture of experts"](model, work)

    assert dense.weight_bytes == 2 * read
    attention = cases.attention_flop(model, work.context_length)
    assert dense.flop == pytest.approx(2 * read + attention)


def test_guesses_that_are_always_right_and_free_yield_themselves():
    assert guessing(acceptance=1, draft_share=0) == pytest.approx(4)
    assert guessing(acceptance=0, draft_share=0) == pytest.approx(1)
    assert guessing(acceptance=0) == pytest.approx(1 / 1.15)


def test_guesses_pay_less_where_more_tokens_need_more_experts():
    mixture = NUMBERS.models["deepseek-v3"]
    table = levers.levers([mixture], mixture, WORKS, GUESSING)

    assert factor("Speculative decoding", table=table) < 0.8 * guessing()


def test_experts_read_lie_between_their_bounds():
    table = levers.expert_coverage(MODELS, [1, 8, 64])
    first = table[table["tokens"] == 1]

    assert (table["fewest_read"] <= table["experts_read"] * 1.01).all()
    assert (table["experts_read"] <= table["most_read"] * (1 + 1e-9)).all()
    share = first["active_experts"] / first["experts"]
    assert first["experts_read"].to_numpy() == pytest.approx(share.to_numpy())


def test_no_experts_make_an_empty_table():
    table = levers.expert_coverage([MODEL], [1, 8])

    assert table.empty
    assert set(levers.EXPECTED) < set(table.columns)


def test_short_requests_of_a_dense_model_are_bound_by_arithmetic_and_long_ones_are_not():
    table = memory_bound.full_batches(
        [MODEL], CHIP, precision="bf16", replica=8, request_lengths=[512, 32_768]
    )
    assert table["transport_ratio"].iloc[0] < 0.5
    assert table["transport_ratio"].iloc[1] > 5


def test_a_request_that_does_not_fit_has_no_row():
    table = memory_bound.full_batches(
        [MODEL], CHIP, precision="bf16", replica=1, request_lengths=[512]
    )
    assert table.empty


def test_offline_runs_use_the_arithmetic_that_they_print():
    table = memory_bound.offline(NUMBERS)
    row = table[(table["model"] == "Llama 2 70B") & (table["chips"] == 16)].iloc[0]

    # 62,351.6 tokens/s on 16 chips, 2 · 68.7 billion FLOP each, of 1,979 TFLOP/s.
    assert (row["chip"], row["compute_share"]) == (
        "H100 SXM5", pytest.approx(62351.6 / 16 * 2 * 68.7e9 / 1979e12, rel=0.01)
    )  # fmt: skip


def test_curves_keep_their_ends():
    curve = [(1.0, 1.0), (1.01, 1.01), (1.02, 1.02), (1.03, 9.0), (1.04, 9.1)]

    assert memory_bound._telling(curve) == [curve[0], curve[3], curve[4]]  # noqa: SLF001
    assert memory_bound._telling([]) == []  # noqa: SLF001
