"""Records meet formulas without loss: sizes, traffic and rates of the models and chips entered."""

import math
from dataclasses import replace

import numpy as np
import pytest

from reportlib import cases, params

NUMBERS = params.load(params.DEFAULT_ROOT)
H100 = NUMBERS.chips["h100-sxm5"]

every_model = pytest.mark.parametrize("identifier", NUMBERS.models)


@pytest.mark.parametrize(
    ("identifier", "total", "kv_bytes"),
    [
        # Exact totals of the published weights; KV bytes per token in FP16.
        ("llama-3-70b", 70_553_706_496, 327_680),
        ("llama-3.1-405b", 405_853_388_800, 516_096),
        ("deepseek-v3", 671_026_419_200, 70_272),
        ("gpt-oss-120b", 116_829_156_672, 73_728),
        ("mixtral-8x7b", 46_702_792_704, 131_072),
        ("kimi-k2", 1_026_408_232_448, 70_272),
    ],
)
def test_sizes_of_the_models_entered(identifier, total, kv_bytes):
    model = NUMBERS.models[identifier]

    assert cases.parameters(model).total == total
    assert cases.kv_cache_bytes(model, 1) == kv_bytes


@pytest.mark.parametrize(
    ("identifier", "growth"),
    [
        ("llama-3-70b", 327_680),
        ("gpt-oss-120b", 36_864),  # of half its layers; the others slide
        ("deepseek-v3.2", 61 * (1152 + 132)),  # with a key of the index
        ("deepseek-v4-pro", 31 * 8 + 30 * (1024 + 68) / 4),  # a block of 128 or of 4 tokens
        ("kimi-k3", 24 * 1152),  # of its layers with a cache; the others keep a state
        ("nemotron-3-super-120b-a12b", 8192),
        ("mistral-7b", 0),  # all of its layers slide
    ],
)
def test_a_further_token_of_a_long_context_adds_as_much_as_layers_keep_of_it(identifier, growth):
    model = NUMBERS.models[identifier]
    long = 2**17  # whole blocks of compressed tokens
    later, earlier = (cases.kv_cache_bytes(model, length) for length in (2 * long, long))

    assert cases.kv_cache_growth(model) == growth
    assert float(later - earlier) / long == growth


@every_model
def test_a_cache_grows_and_a_step_reads_no_more_of_it_than_there_is(identifier):
    model = NUMBERS.models[identifier]
    contexts = np.array([1, 100, 1000, 4096, 8192, 131_072, 1_000_000])
    states = sum(group.layers * group.state_bytes for group in cases.layer_groups(model))
    stored, read = cases.kv_cache_bytes(model, contexts), cases.kv_read_bytes(model, contexts)

    assert stored.shape == read.shape == contexts.shape
    assert (np.diff(stored) >= 0).all()
    assert (np.diff(read) >= 0).all()
    assert (read - 2 * states <= stored - states).all()  # states are written back, too
    assert (np.diff(cases.attention_flop(model, contexts)) >= 0).all()


@every_model
def test_layers_are_all_told(identifier):
    of = NUMBERS.models[identifier].architecture
    mixers = sum(group.layers for group in cases.layer_groups(NUMBERS.models[identifier]))

    assert mixers + of.dense_layers + of.expert_layers >= of.layers
    assert mixers <= of.layers


@pytest.mark.parametrize(
    ("identifier", "has_one"),
    [
        ("llama-3-70b", True),
        ("deepseek-v3", True),
        ("gpt-oss-120b", False),
        ("deepseek-v3.2", False),
        ("deepseek-v4-pro", False),
        ("kimi-k3", False),
        ("mistral-7b", False),
    ],
)
def test_a_critical_context_needs_reads_in_proportion_to_the_context(identifier, has_one):
    critical = cases.critical_context_length(NUMBERS.models[identifier], H100, "bf16")

    assert math.isnan(critical) != has_one


@every_model
def test_a_large_batch_reads_every_expert_and_one_user_the_active_ones(identifier):
    count = cases.parameters(NUMBERS.models[identifier])

    assert float(count.read(1)) == pytest.approx(count.active)
    assert float(count.read(1e6)) == pytest.approx(count.resident + count.routed)
    assert count.active <= count.total


@every_model
def test_classes_of_tensors_add_up_to_what_a_token_meets(identifier):
    model = NUMBERS.models[identifier]
    count = cases.parameters(model)

    assert all(of >= 0 for of in count.by_class.values())
    assert float(sum(count.active_by_class.values())) == pytest.approx(float(count.active))
    assert float(sum(count.read_by_class(7).values())) == pytest.approx(float(count.read(7)))
    assert (count.by_class["embedding"] == 0) == (
        model.architecture.tied_embeddings and not model.architecture.learned_positions
    )


def test_most_of_a_model_of_experts_is_experts():
    # "97 % of the weights in the DeepSeek R1 model are from MoE layers", says NVIDIA.
    of = cases.parameters(NUMBERS.models["deepseek-r1"]).by_class

    assert (of["routed"] + of["shared"]) / sum(of.values()) == pytest.approx(0.97, abs=0.01)


def test_a_window_bounds_the_cache_of_its_layers_only():
    model = NUMBERS.models["gpt-oss-120b"]  # every other layer slides over 128 tokens
    per_token = cases.kv_cache_bytes(model, 1)

    assert cases.kv_cache_bytes(model, 128) == 128 * per_token
    assert cases.kv_cache_bytes(model, 1128) == 128 * per_token + 1000 * per_token / 2


def test_steps_of_many_batches_and_contexts_at_once():
    model = NUMBERS.models["deepseek-v3"]
    batch_sizes, contexts = np.array([1, 32]), np.array([[1024], [8192], [131_072]])
    steps = cases.step(
        model, H100, precision="fp8", batch_size=batch_sizes, context_length=contexts
    )
    single = cases.step(model, H100, precision="fp8", batch_size=32, context_length=8192)

    assert steps.floor.shape == (3, 2)
    assert steps.floor[1, 1] == pytest.approx(float(single.floor))


def test_a_chip_multiplies_narrow_weights_at_the_next_wider_rate_it_has():
    a100 = NUMBERS.chips["a100-sxm-80gb"]  # no FP8 and no FP4

    assert cases.peak_compute(a100, "fp4") == a100.peak_compute["bf16"].value


def test_a_rate_that_is_not_published_stays_missing():
    only_fp8 = H100.model_copy(update={"peak_compute": {"fp8": H100.peak_compute["fp8"]}})
    step = cases.step(
        NUMBERS.models["llama-3-8b"], only_fp8, precision="bf16", batch_size=1, context_length=1
    )

    assert math.isnan(cases.peak_compute(only_fp8, "bf16"))
    assert math.isnan(step.multiply_time)
    assert step.weights_time > 0


def test_the_reference_chip_is_the_next_that_can_do_the_arithmetic():
    only_fp8 = H100.model_copy(update={"peak_compute": {"fp8": H100.peak_compute["fp8"]}})
    some = replace(NUMBERS, chips={**NUMBERS.chips, "h100-sxm5": only_fp8})
    alone = replace(NUMBERS, chips={"h100-sxm5": only_fp8})

    assert cases.reference_chip(NUMBERS, "h100-sxm5", "bf16") == (H100, "bf16")
    assert cases.reference_chip(some, "h100-sxm5", "bf16")[0].name == "Rubin R200"
    assert cases.reference_chip(alone, "h100-sxm5", "bf16") == (only_fp8, "fp8")
