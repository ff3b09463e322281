"""Errors that were found in other calculators of inference, and that ours must not make.

Each test says what the other tool gives, as reviews of their code and output in 2026 noted it.
How a wrong figure comes about is our reckoning, which the test repeats where it is arithmetic.
"""

import numpy as np
import pytest

from reportlib import cases, params
from reportlib.calculations.collectives import all_reduce_time, ring_all_reduce_time
from reportlib.calculations.decode import (
    critical_batch_size,
    decode_step_floor,
    decode_step_sum,
    decode_step_time,
    read_time,
    whole_step_critical_batch_size,
)
from reportlib.calculations.experts import most_distinct_experts
from reportlib.calculations.prefill import attended_pairs
from reportlib.calculations.roofline import ridge_point
from reportlib.calculations.speculation import (
    round_time,
    speculative_speedup,
    tokens_per_round,
    verify_tokens,
)
from reportlib.calculations.splitting import kv_copies
from reportlib.calculations.transformer import (
    distinct_experts,
    kept_tokens,
    latent_attention_flop,
    linear_state_bytes,
)
from reportlib.cases.engines import engine
from reportlib.cases.models import kv_cache_bytes_per_token, prompt_flop
from reportlib.cases.predictions import Case
from reportlib.cases.supply import output_energy
from reportlib.predict import predict
from reportlib.units import Unit

PARAMS = params.load(params.DEFAULT_ROOT)
MODELS, CHIPS = PARAMS.models, PARAMS.chips
LLAMA_70B, LLAMA_405B = MODELS["llama-3-70b"], MODELS["llama-3.1-405b"]
DEEPSEEK, MIXTRAL = MODELS["deepseek-v3"], MODELS["mixtral-8x7b"]
GPT_OSS = MODELS["gpt-oss-120b"]
H100, H200 = CHIPS["h100-sxm5"], CHIPS["h200-sxm"]
BF16 = 2  # bytes
GIB = 2**30


def case(model=LLAMA_70B, chip=H100, weight_format="bf16", **work):
    """Return a case, by default of Llama 3 70B in BF16 on H100."""
    return Case(model=model, chip=chip, weight_format=cases.format_named(weight_format), **work)


# Parameters and weights


def test_untied_models_count_both_embeddings():
    # llm-analysis and vllm-sr-sim: 69.50e9, with one of two
    count = cases.parameters(LLAMA_70B)

    assert count.total - count.by_class["embedding"] == pytest.approx(69.503e9, rel=1e-5)
    assert count.total == 70_553_706_496


def test_weights_include_embedding_and_head():
    # LLM-Viewer: 803 GB, without both
    count = cases.parameters(LLAMA_405B)

    assert BF16 * (count.resident - count.by_class["head"]) == pytest.approx(803e9, rel=1e-3)
    assert case(LLAMA_405B).weight_bytes == pytest.approx(811.7e9, rel=1e-4)


def test_every_model_has_its_own_number_of_kv_heads():
    # Epoch: 410.1e9 and 1,032,192 B a token, with 16 KV heads instead of 8
    (attention,) = LLAMA_405B.architecture.attention
    eight_more = 126 * 16_384 * 8 * 2 * 128

    assert attention.kv_heads == 8
    assert cases.parameters(LLAMA_405B).total + eight_more == pytest.approx(410.1e9, rel=1e-4)
    assert cases.parameters(LLAMA_405B).total == pytest.approx(405.85e9, rel=1e-4)
    assert kv_cache_bytes_per_token(LLAMA_405B) == 1_032_192 / 2


def test_experts_have_their_own_size_and_attention_its_low_rank():
    # GenZ: 6.2e12, 9.2 times too many; llm-flops: 672.1e9, with attention taken as dense
    assert cases.parameters(DEEPSEEK).total == pytest.approx(671.026e9, rel=1e-6)


def test_tokens_meet_only_their_active_experts():
    # llm-analysis loses the number of active experts when it imports a config: 46.7e9
    count = cases.parameters(MIXTRAL)

    assert count.total == pytest.approx(46.70e9, rel=1e-3)
    assert count.active + count.by_class["embedding"] == pytest.approx(12.88e9, rel=1e-3)


def test_blocks_may_be_of_any_width():
    # llm-analysis refuses all but 3.5 times the hidden size
    widths = {
        model.architecture.feed_forward.size / model.architecture.hidden_size
        for model in MODELS.values()
        if model.architecture.feed_forward
    }

    assert {3.5} < widths
    assert all(cases.parameters(model).total > 0 for model in MODELS.values())


def test_copies_of_kv_heads_are_no_parameters():
    # llm-analysis counts more parameters where chips outnumber KV heads
    assert kv_copies(8, chips=16) == 2
    assert case(chips=16).weight_bytes == case(chips=1).weight_bytes


def test_weights_caches_and_arithmetic_have_a_precision_each():
    # GenZ: one number of bits for all three
    narrow = case(weight_format="w4a16")

    assert narrow.weight_bytes < 0.3 * case().weight_bytes
    assert narrow.kv_cache_bytes == case().kv_cache_bytes
    assert narrow.peak_compute == H100.peak_compute["bf16"].value
    assert case(kv_precision="fp8").weight_bytes == case().weight_bytes
    assert case(kv_precision="fp8").kv_cache_bytes == case().kv_cache_bytes / 2


@pytest.mark.parametrize(("name", "stored"), [("nvfp4", 0.5625), ("mxfp4", 0.53125)])
def test_scales_weigh_too(name, stored):
    # aiconfigurator took 0.5 bytes
    assert cases.format_named(name).bytes_per_value["routed"] == stored


def test_quantized_caches_shrink_by_their_bits():
    # iaexplore: 0.15 of a cache in BF16, whatever the format
    plain = kv_cache_bytes_per_token(LLAMA_70B)

    assert kv_cache_bytes_per_token(LLAMA_70B, "fp8") == plain / 2
    assert kv_cache_bytes_per_token(LLAMA_70B, "fp4") == pytest.approx(0.266 * plain, rel=2e-3)


# KV caches

LATENT_ERRORS = {  # bytes of a token of DeepSeek-V3: how they come about
    "levynoam, as 128 heads with keys and values": (3_997_696, 61 * 2 * 128 * 128 * BF16),
    "vllm-sr-sim, as the hidden size twice": (1_748_992, 61 * 2 * 7168 * BF16),
    "levynoam, two latents and no rotary key": (124_928, 61 * 2 * 512 * BF16),
    "Epoch, without rotary key and three layers": (59_392, 58 * 512 * BF16),
    "GenZ, as two heads of 56": (27_328, 61 * 2 * 2 * 56 * BF16),
}


@pytest.mark.parametrize(("theirs", "error"), LATENT_ERRORS.values(), ids=LATENT_ERRORS)
def test_kv_is_stored_once_per_latent_not_per_head(theirs, error):
    assert theirs == error
    assert kv_cache_bytes_per_token(DEEPSEEK) == 61 * (512 + 64) * BF16 == 70_272


def test_windows_cap_only_their_layers():
    # llm-cal and llm-flops cap all layers: 4,608 B a token at 2048 tokens
    ours = cases.kv_cache_bytes(GPT_OSS, 2048) / 2048
    theirs = kv_cache_bytes_per_token(GPT_OSS) * kept_tokens(2048, window=128) / 2048

    assert theirs == 4_608
    assert ours == 39_168


def test_keys_and_values_are_two_and_of_kv_heads():
    # EleutherAI's --infer has no values and all 64 heads: 4 times as much
    heads_only = 80 * 64 * 128 * BF16

    assert heads_only == 4 * kv_cache_bytes_per_token(LLAMA_70B)


def test_heads_of_a_group_share_a_read():
    # LLM-Viewer's flash mode reads as many as there are query heads: 16 times as much
    (attention,) = LLAMA_405B.architecture.attention
    theirs = cases.kv_cache_bytes(LLAMA_405B, 2048) * attention.heads / attention.kv_heads

    assert theirs == 16 * cases.kv_read_bytes(LLAMA_405B, 2048)


def test_a_cache_is_read_once_a_step():
    # llm-analysis charges it twice
    few, many = (case(context_length=tokens, batch_size=64) for tokens in (2048, 4096))
    cache = 64 * 2048 * 327_680

    assert many.decode_floor - few.decode_floor == pytest.approx(
        read_time(cache, H100.memory_bandwidth.value)
    )


def test_every_rank_has_its_own_copy_of_a_latent():
    # ridgepoint pools it over ranks
    alone = cases.kv_cache_bytes(DEEPSEEK, 8192)

    assert cases.kv_cache_bytes(DEEPSEEK, 8192, chips=8) == 8 * alone
    assert cases.kv_cache_bytes(LLAMA_70B, 8192, chips=8) == cases.kv_cache_bytes(LLAMA_70B, 8192)


def test_states_are_written_back():
    # no tool: a state that is only read would be half of what a step moves
    kimi = MODELS["kimi-k3"]
    state = 69 * linear_state_bytes(
        heads=96,
        key_head_dim=128,
        value_head_dim=128,
        bytes_per_value=4,
        convolution=4,
        channels=36_864,
        bytes_per_channel=2,
    )

    assert cases.kv_read_bytes(kimi, 0) == 2 * state == 2 * cases.kv_cache_bytes(kimi, 0)


# Arithmetic


def test_attention_is_over_the_whole_context():
    # llm-analysis: of one token
    assert cases.attention_flop(LLAMA_70B, 8192) == 8192 * cases.attention_flop(LLAMA_70B, 1)


def test_latent_attention_works_on_latents():
    # no tool: taken as 128 heads of 128, a token of the cache would cost 4 · 128 · 128 FLOP
    ours = latent_attention_flop(heads=128, kv_rank=512, rope_head_dim=64, tokens=1)

    assert cases.attention_flop(DEEPSEEK, 1) == 61 * ours
    assert ours == 4.25 * (4 * 128 * 128)


def test_the_head_multiplies_and_adds():
    # LLM-Viewer: one FLOP a parameter of the head
    count = cases.parameters(LLAMA_70B)
    head = count.by_class["head"]

    assert cases.flop_per_token(LLAMA_70B, 0) == 2 * (count.resident - head) + 2 * head


def test_the_embedding_is_looked_up():
    # GenZ multiplies by it, llm-analysis reads all of it for each token
    count = cases.parameters(LLAMA_70B)
    without = BF16 * (count.total - count.by_class["embedding"])

    assert cases.flop_per_token(LLAMA_70B, 0) == without
    assert cases.read_weight_bytes(LLAMA_70B, cases.uniform("bf16"), tokens=1) == without


# Prefill


def test_tokens_attend_only_to_those_before_them():
    # LLM-Viewer: 2048 · 2048 pairs
    pairs = attended_pairs(new_tokens=2048, cached_tokens=0, ratio=1, most_attended=float("inf"))

    assert pairs == 2048 * 2049 / 2


def test_scores_stay_on_chip():
    # LLM-Viewer's flash mode writes them to memory: 80 · 64 · 32,768² values
    short, long = (case(input_length=tokens).prompts for tokens in (2048, 32_768))
    moved = [prompt["passes"] * prompt["weight_bytes_per_pass"] for prompt in (short, long)]

    assert moved[0] == moved[1]
    assert short["kv_bytes"] <= 2048 * 327_680
    assert long["kv_bytes"] <= 32_768 * 327_680 < 0.01 * 80 * 64 * 32_768**2 * BF16


def test_the_head_is_needed_for_the_last_token_only():
    # for all 2048 tokens: 1.5 % more
    count = cases.parameters(LLAMA_70B)
    head = count.by_class["head"]
    attention = 80 * 32_768 * 2048 * 2049 / 2

    assert prompt_flop(LLAMA_70B, 2048) == pytest.approx(
        2 * (count.active - head) * 2048 + 2 * head + attention, rel=1e-12
    )


# Experts


@pytest.mark.parametrize("tokens", [2, 8, 32])
def test_experts_are_read_as_tokens_choose_them(tokens):
    # llm-analysis reads all at any batch; GenZ, llm-flops and ridgepoint those of one token
    count = cases.parameters(DEEPSEEK)

    assert count.active < count.read(tokens) < count.all_read
    assert count.read(1) == pytest.approx(count.active)
    assert count.read(10_000) == pytest.approx(count.all_read)


def test_shares_of_experts_are_no_whole_numbers():
    # Epoch: 256 // 9 = 28 times fewer; and llm-cal takes 8/256 of the whole model
    count = cases.parameters(DEEPSEEK)

    assert count.active - count.resident == count.routed * 8 / 256
    assert count.active > 1.7 * count.total * 8 / 256


def test_no_kernel_is_faster_than_memory_once_experts_are_counted():
    # TileOPs, before PR 2127: 5.98 TB/s on H200, of all 256 experts where 170 were read
    peak = H200.memory_bandwidth.value
    tokens = 34  # that read 170

    read = distinct_experts(experts=256, active_experts=8, tokens=tokens)

    assert read == pytest.approx(170, rel=0.02)
    assert 5.98e12 * read / 256 < peak < 5.98e12


def test_the_bound_of_no_collision_is_no_floor():
    # aiconfigurator: 26.86 ms at the "speed of light", where it measured 26.31 ms
    work = case(DEEPSEEK, weight_format="fp8-blocks", batch_size=32, chips=8)
    evenly = cases.read_weight_bytes(DEEPSEEK, work.weight_format, tokens=32)
    most = most_distinct_experts(experts=256, active_experts=8, tokens=32)

    assert most == 256
    assert work.decode_floor < read_time(evenly, work.memory_bandwidth) < 26.31e-3


def test_a_few_experts_that_all_choose_break_no_floor():
    # a floor of even routing is above what skewed routing takes
    work = case(DEEPSEEK, weight_format="fp8-blocks", batch_size=32, chips=8)

    assert work.decode_floor < work.decode_time(engine(PARAMS, "vLLM", H100))
    assert work.decode_floor == pytest.approx(
        read_time(
            cases.read_weight_bytes(DEEPSEEK, work.weight_format, tokens=1)
            + 32 * cases.kv_read_bytes(DEEPSEEK, 1024),
            work.memory_bandwidth,
        )
    )


# Time

IDEAL = {
    "weight_efficiency": 1,
    "expert_efficiency": 1,
    "kv_efficiency": 1,
    "compute_efficiency": 1,
    "fixed_time": 0,
    "communication_time": 0,
    "host_time": 0,
}
RATES = {"memory_bandwidth": 1, "peak_compute": 1}


def test_one_part_does_not_wait_for_memory_while_another_waits_for_arithmetic():
    # Epoch and servcalc: the greater of all memory and all arithmetic, 20 s
    matrices, caches = {"weight_bytes": 5, "matmul_flop": 20}, {"kv_bytes": 15}
    bound = {"weight_bytes": 5, "flop": 20, **caches, **RATES}

    time = decode_step_time(
        **matrices, **caches, expert_bytes=0, attention_flop=0, **IDEAL, **RATES
    )

    assert decode_step_floor(**bound) == 20
    assert decode_step_floor(**bound) < time == 35 < decode_step_sum(**bound)


def test_layers_cost_time_however_small():
    # llm-analysis, GenZ, LLM-Viewer, levynoam, llm-flops, llm-cal and ridgepoint: nothing
    small = case(MODELS["llama-3.2-1b"], batch_size=1)
    reached = engine(PARAMS, "vLLM", H100).constants

    assert reached.layer_time > 0
    assert small.decode_time(engine(PARAMS, "vLLM", H100)) > (
        small.decode_floor + small.model.architecture.layers * reached.layer_time
    )


def test_the_time_of_a_layer_is_fitted_to_measurements():
    # aiconfigurator: 3 · 3 µs a layer, by its own comment not measured
    fitted = [row for row in PARAMS.calibration if row.quantity == "layer_time"]

    assert {row.engine_class for row in fitted} == set(PARAMS.engines.classes)
    assert all(row.rows for row in fitted)
    assert all(row.low <= row.value <= row.high for row in fitted)


def test_no_factor_corrects_the_whole():
    # aiconfigurator: 1.08 for decoding, 1.10 for prefill
    time = decode_step_time(
        weight_bytes=8,
        expert_bytes=0,
        kv_bytes=2,
        matmul_flop=3,
        attention_flop=1,
        **IDEAL,
        **RATES,
    )

    assert time == decode_step_floor(weight_bytes=8, kv_bytes=2, flop=4, **RATES) == 10


# Chips


@pytest.mark.parametrize(
    ("chip", "precision", "sparse"),
    [
        ("h100-sxm5", "bf16", 1979e12),
        ("h100-sxm5", "fp8", 3958e12),
        ("h200-sxm", "bf16", 1979e12),
        ("gb200", "bf16", 5e15),
        ("b200", "bf16", 4.5e15),
        ("a100-sxm-80gb", "bf16", 624e12),
    ],
)
def test_sparse_rates_are_not_entered(chip, precision, sparse):
    # GenZ's roofs are those that data sheets print "with sparsity"
    assert CHIPS[chip].peak_compute[precision].value == pytest.approx(sparse / 2, rel=1e-3)


def test_bandwidths_are_decimal():
    # GenZ takes GB/s for GiB/s: 7.4 % more; iaexplore divides GiB by GB/s
    assert H100.memory_bandwidth.value == Unit("B/s").parse("3.35 TB/s") == 3.35e12
    assert Unit("B").parse("80 GiB") == 80 * GIB > 1.07 * Unit("B").parse("80 GB")


def test_the_ridge_is_of_dense_rates_and_decimal_bandwidths():
    # GenZ: sparse rates or GiB/s, by which it would be 591 or 275 FLOP/B
    ridge = ridge_point(H100.peak_compute["bf16"].value, H100.memory_bandwidth.value)

    assert ridge == pytest.approx(295, rel=2e-3)


@pytest.mark.parametrize(
    ("chip", "precision", "wider"),
    [("h100-sxm5", "fp4", "fp8"), ("a100-sxm-80gb", "fp8", "bf16")],
)
def test_a_precision_that_a_chip_lacks_is_widened(chip, precision, wider):
    # LLM-Viewer: KeyError
    assert cases.peak_compute(CHIPS[chip], precision) == CHIPS[chip].peak_compute[wider].value


# Exchanges


def test_links_are_one_way():
    # llm-flops: 900 GB/s, which is the sum of both directions
    assert H100.scale_up.bandwidth.value == 900e9
    assert H100.scale_up.bandwidth.one_way == 450e9


def test_twice_the_chips_are_not_twice_as_fast():
    # ridgepoint and llm-flops: 8 times as fast on 8 chips; llm-cal: with the square of chips
    reached = engine(PARAMS, "vLLM", H100)
    one, eight = (case(chips=chips).decode_time(reached) for chips in (1, 8))

    assert one / 8 < eight < one


def test_exchanges_of_nothing_take_time():
    # llm-analysis, and aiconfigurator at its "speed of light": none
    small = {"message_bytes": 1, "chips": 8, "link_bandwidth": 315e9, "latency": 3.1e-6}

    assert all_reduce_time(**small, direct=1, in_switch=0) >= 3.1e-6
    assert engine(PARAMS, "vLLM", H100).constants.collective_latency > 0


def test_small_messages_take_no_ring():
    # GenZ and LLMCompass: rings only; measured on 8 H100 in one kernel, 3.6 µs
    small = {"message_bytes": 8192, "chips": 8, "link_bandwidth": 315e9, "latency": 3.1e-6}

    assert ring_all_reduce_time(**small) > 10 * 3.6e-6
    assert all_reduce_time(**small, direct=1, in_switch=0) == pytest.approx(3.6e-6, rel=0.12)


def test_no_latency_is_a_placeholder():
    # LLMCompass: 150 µs for a link of a TPU
    latencies = [row for row in PARAMS.calibration if row.quantity == "collective_latency"]

    assert {row.engine_class for row in latencies} == set(PARAMS.engines.classes)
    assert max(row.high * row.scale for row in latencies) < 150e-6
    assert any(row.rows for row in latencies)  # others stand at their prior


# Capacity


def test_capacities_are_those_of_the_chip():
    # 80e9 or 80 GiB for any chip; aiconfigurator: 141 GiB for H200, of which 150.75 GB are there
    assert H200.memory_capacity.value == 141e9 < 141 * GIB
    assert case(chip=H100).chips_needed == 2
    assert case(chip=CHIPS["mi300x"]).chips_needed == 1


@pytest.mark.parametrize("chips", [4, 8])
def test_chips_share_caches(chips):
    # vllm-sr-sim: each chip keeps whole ones
    room = chips * 0.9 * H100.memory_capacity.value - case().weight_bytes
    sequence = cases.kv_cache_bytes(LLAMA_70B, 8192)

    assert case(chips=chips, longest_context=8192).max_batch_size == room // sequence


# What none of them has


def test_beyond_a_context_no_batch_is_bound_by_arithmetic():
    # all quote 295 sequences on H100, whatever the context
    chip = {
        "peak_compute": H100.peak_compute["bf16"].value,
        "memory_bandwidth": H100.memory_bandwidth.value,
    }

    def batch(context):
        return whole_step_critical_batch_size(
            weight_bytes=BF16 * cases.parameters(LLAMA_70B).resident,
            flop_per_sequence=cases.flop_per_token(LLAMA_70B, context),
            kv_bytes_per_sequence=cases.kv_read_bytes(LLAMA_70B, context),
            **chip,
        )

    quoted = critical_batch_size(bytes_per_parameter=BF16, **chip)
    longest = cases.critical_context_length(LLAMA_70B, H100, "bf16")
    assert quoted == pytest.approx(295, rel=2e-3)
    assert batch(0) == pytest.approx(quoted)
    assert longest == pytest.approx(1477, rel=2e-3)
    assert quoted < batch(0.9 * longest) < np.inf == batch(1.1 * longest)


def test_verifying_reads_more_experts():
    # workingset and aiconfigurator divide a step by the tokens; GenZ verifies with 8 experts
    count = cases.parameters(DEEPSEEK)
    step, verify = (count.read(tokens) for tokens in (8, verify_tokens(8, drafts=3)))
    gained = tokens_per_round(0.8, drafts=3)

    speedup = speculative_speedup(
        tokens_per_round=gained,
        step_time=step,
        round_time=round_time(verify_time=verify, drafts=3, draft_time=0),
    )

    assert gained == pytest.approx(2.952)
    assert verify / step == pytest.approx(2.66, rel=1e-3)
    assert 1 < speedup < 1.2 < gained


def test_energy_depends_on_the_chip():
    # ecologits, in an old release: by active parameters alone
    work = {
        "batch_size": 32,
        "context_length": 2048,
        "achieved_bandwidth": 0.6,
        "achieved_compute": 0.5,
        "power_usage_effectiveness": 1.2,
        "host_power": 500,
        "idle_share": 0.1,
        "decode_activity": 0.5,
    }
    energies = [output_energy(LLAMA_70B, CHIPS[chip], **work) for chip in ("h100-sxm5", "h200-sxm")]

    assert energies[0] > 1.2 * energies[1]


def test_a_case_that_does_not_fit_is_not_timed():
    # aiconfigurator, in its static mode: a latency for what it flags as out of memory
    given = {"chip": "h100-sxm5", "model": "llama-3.1-405b", "engine": "vLLM"}

    alone, sixteen = (predict(PARAMS, given | {"tensor_parallel": n}) for n in ("1", "16"))

    assert not alone.problem
    assert alone.fits is False
    assert alone.decode_step_time is alone.tokens_per_second is alone.prefill_time is None
    assert alone.bound == "capacity"
    assert sixteen.fits is True
    assert sixteen.decode_step_time > 0
