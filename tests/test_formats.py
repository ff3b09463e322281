"""Checkpoints take what their weight formats say, and a step reads no more of them than there is.

Sizes are those that others print of their files, or that an engine took for weights.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportlib import cases, params
from reportlib.calculations.precision import BYTES_PER_VALUE, STORED_BYTES_PER_VALUE

GB, GIB = 1e9, 2**30
MODELS = params.load(params.DEFAULT_ROOT).models
every_model = pytest.mark.parametrize("identifier", MODELS)
every_format = pytest.mark.parametrize("name", cases.FORMATS)

VLLM_MEMORY = (
    "https://github.com/llm-d-incubation/llm-d-planner/blob/"
    "e50305af90f0812e77e1827f3bc740fe75b76370/docs/empirical-vllm-memory-results.md: measured"
)
GPT_OSS_CARD = "https://arxiv.org/abs/2508.10925, table 1"
R1 = "tensorrt-llm-deepseek-r1-throughput"

# Model, format as printed, size, relative tolerance, key of the source or its address.
SIZES = [
    # Files of llama.cpp
    ("llama-2-7b", "F16", 12.55 * GIB, 0.001, "llama-cpp-apple-silicon"),
    ("llama-2-7b", "Q8_0", 6.67 * GIB, 0.001, "llama-cpp-apple-silicon"),
    ("llama-2-7b", "Q4_0", 3.56 * GIB, 0.001, "llama-cpp-apple-silicon"),
    ("llama-3-8b", "F16", 14.96 * GIB, 0.001, "xiongjiedai-gpu-benchmarks"),
    ("llama-3-8b", "Q4_K_M", 4.58 * GIB, 0.002, "xiongjiedai-gpu-benchmarks"),
    ("llama-3-70b", "F16", 131.42 * GIB, 0.001, "xiongjiedai-gpu-benchmarks"),
    ("llama-3-70b", "Q4_K_M", 39.59 * GIB, 0.001, "xiongjiedai-gpu-benchmarks"),
    ("llama-3.1-8b", "Q8_0", 7.95 * GIB, 0.001, "devquasar-llama-bench"),
    ("llama-3.1-8b", "Q4_K_M", 4.58 * GIB, 0.002, "normiebench-3"),
    ("llama-3.2-3b", "Q4_K_M", 1.87 * GIB, 0.002, "geerling-ai-benchmarks"),  # tied embedding
    ("qwen2.5-7b", "Q8_0", 7.54 * GIB, 0.001, "llama-cpp-dgx-spark"),
    ("qwen3-30b-a3b", "Q8_0", 30.25 * GIB, 0.001, "llama-cpp-dgx-spark"),
    ("gpt-oss-20b", "MXFP4 gguf", 11.27 * GIB, 0.003, "llama-cpp-gpt-oss"),
    ("gpt-oss-120b", "MXFP4 gguf", 59.02 * GIB, 0.003, "llama-cpp-gpt-oss"),
    ("qwen3.5-35b-a3b", "BF16", 64.6 * GIB, 0.001, "kyuz0-strix-halo"),
    ("gemma-4-26b-a4b", "BF16", 47.02 * GIB, 0.001, "kyuz0-strix-halo"),
    ("gemma-4-31b", "BF16", 57.18 * GIB, 0.001, "kyuz0-strix-halo"),
    ("gemma-4-31b", "Q4_K_XL", 17.46 * GIB, 0.01, "kyuz0-strix-halo"),
    # Dynamic files of experts and of 8 bits, which keep other tensors back than their names say
    ("gemma-4-26b-a4b", "Q4_K_XL", 15.9 * GIB, 0.1, "kyuz0-strix-halo"),
    ("qwen3.5-35b-a3b", "Q4_K_XL", 21.27 * GIB, 0.08, "kyuz0-strix-halo"),
    ("qwen3.5-122b-a10b", "Q5_K_XL", 85.6 * GIB, 0.06, "kyuz0-strix-halo"),
    ("nemotron-3-super-120b-a12b", "Q4_K_XL", 78.02 * GIB, 0.13, "kyuz0-strix-halo"),
    ("minimax-m2.5", "Q3_K_S", 87.2 * GIB, 0.06, "kyuz0-strix-halo"),
    ("gemma-4-26b-a4b", "Q8_K_XL", 25.94 * GIB, 0.04, "kyuz0-strix-halo"),
    ("gemma-4-31b", "Q8_K_XL", 32.6 * GIB, 0.07, "kyuz0-strix-halo"),
    ("qwen3.5-35b-a3b", "Q8_K_XL", 35.8 * GIB, 0.05, "kyuz0-strix-halo"),
    *(
        ("llama-3.1-8b", name, size * GIB, 0.002, "llama-quantize-sizes")
        for name, size in {
            "IQ4_XS": 4.17, "IQ4_NL": 4.38, "Q2_K": 2.95, "Q3_K_S": 3.41, "Q3_K_L": 4.02,
            "Q4_K_S": 4.36, "Q4_K_M": 4.58, "Q5_K_S": 5.21, "Q5_K_M": 5.33, "Q6_K": 6.14,
            "Q8_0": 7.95, "F16": 14.96,
        }.items()
    ),
    # Safetensors
    ("gpt-oss-20b", "mxfp4", 12.8 * GIB, 0.004, GPT_OSS_CARD),
    ("gpt-oss-120b", "mxfp4", 60.8 * GIB, 0.002, GPT_OSS_CARD),
    # Printed as 640 GB, which is what 685 billion parameters take in GiB: with the module for
    # multi-token prediction, which the entry leaves out.
    ("deepseek-r1", "fp8 blocks", 640 * GIB, 0.025, R1),
    ("deepseek-r1", "nvfp4-mlp", 400 * GB, 0.01, R1),
    # Weights in the memory of an engine; gpt-oss is larger there than in its file
    ("llama-3.1-8b", "bf16", 14.99 * GIB, 0.003, VLLM_MEMORY),
    ("qwen3-32b", "bf16", 61.03 * GIB, 0.001, VLLM_MEMORY),
    ("qwen3-32b", "bf16", 2 * 30.59 * GIB, 0.003, VLLM_MEMORY),
    ("llama-3.3-70b", "FP8", 2 * 33.88 * GIB, 0.002, VLLM_MEMORY),
    ("gpt-oss-20b", "mxfp4", 13.47 * GIB, 0.06, VLLM_MEMORY),
    ("gpt-oss-120b", "mxfp4", 64.38 * GIB, 0.06, VLLM_MEMORY),
]  # fmt: skip

# Bits per weight that llama.cpp printed in 2023 [llama-quantize-bits]; Q2_K was another mixture.
BITS = {
    "Q3_K_S": (3.50, 3.48, 3.47),
    "Q3_K_M": (3.91, 3.89, 3.85),
    "Q3_K_L": (4.27, 4.26, 4.19),
    "Q4_K_S": (4.58, 4.56, 4.53),
    "Q4_K_M": (4.84, 4.83, 4.80),
    "Q5_K_S": (5.52, 5.51, 5.50),
    "Q5_K_M": (5.68, 5.67, 5.65),
    "Q6_K": (6.56, 6.56, 6.56),
}


def stored(identifier, name):
    """Return the bytes of a model's weights in a format."""
    return float(cases.stored_weight_bytes(MODELS[identifier], cases.format_named(name)))


@pytest.mark.parametrize(("identifier", "name", "size", "tolerance", "source"), SIZES)
def test_a_checkpoint_takes_what_others_print(identifier, name, size, tolerance, source):
    assert stored(identifier, name) == pytest.approx(size, rel=tolerance, abs=0), source


@pytest.mark.parametrize("name", BITS)
def test_a_mixture_has_the_bits_that_llama_cpp_prints(name):
    models = ("llama-2-7b", "llama-2-13b", "llama-2-70b")
    bits = [8 * stored(m, name) / cases.parameters(MODELS[m]).total for m in models]

    assert bits == pytest.approx(BITS[name], rel=0.01, abs=0)


@pytest.mark.parametrize(
    ("stored", "bits"),
    [
        # Bits per value that the comments of ggml-common.h [ggml-blocks] state.
        ("q2_k", 2.625),
        ("q3_k", 3.4375),
        ("q4_k", 4.5),
        ("q5_k", 5.5),
        ("q6_k", 6.5625),
        # The OCP's and NVIDIA's blocks, one scale of 8 bits for 32 and for 16 values.
        ("mxfp4", 4.25),
        ("nvfp4", 4.5),
        ("gptq-g128", 4.15625),
        ("mlx-4-g64", 4.5),
    ],
)
def test_blocks_have_the_bits_that_their_makers_state(stored, bits):
    assert 8 * STORED_BYTES_PER_VALUE[stored] == bits


@pytest.mark.parametrize(
    ("text", "name", "math"),
    [
        ("bfloat16", "bf16", "bf16"),
        ("F16", "bf16", "bf16"),
        ("e4m3", "fp8", "fp8"),
        ("FP8", "fp8", "fp8"),
        ("fp8 (model repo default)", "fp8", "fp8"),
        ("W8A8", "int8", "int8"),
        ("w4a16", "int4", "bf16"),
        ("AWQ", "gptq", "bf16"),
        ("fp4", "nvfp4", "fp4"),
        ("MXFP4", "mxfp4", "bf16"),
        ("MXFP4_MOE", "mxfp4-gguf", "bf16"),
        ("mlx q4 g32", "mlx-q4-g32", "bf16"),
        ("MLX-4bit", "mlx-q4", "bf16"),
        ("Q4_K_M", "q4_k_m", "bf16"),
        ("q4-k-m", "q4_k_m", "bf16"),
        ("i1-Q4_K_M", "q4_k_m", "bf16"),
        ("UD-Q4_K_XL", "q4_k_m", "bf16"),
        ("Q4_K_M (GGUF/Ollama default)", "q4_k_m", "bf16"),
    ],
)
def test_formats_have_many_names(text, name, math):
    found = cases.format_named(text)

    assert (found.name, found.math) == (name, math)


@every_format
def test_a_format_is_found_by_its_own_name(name):
    found = cases.format_named(name)

    assert found is cases.FORMATS[name]
    assert found.math in cases.WIDER


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"'Q4_K_N' is not a weight format \(write q4_k_m\?") as no:
        cases.format_named("Q4_K_N")

    assert all(name in str(no.value) for name in cases.FORMATS)


@pytest.mark.parametrize("text", ["", "not stated", "~~"])
def test_what_is_like_no_name_is_refused_without_a_hint(text):
    with pytest.raises(ValueError, match=r"is not a weight format \(known: bf16, "):
        cases.format_named(text)


@every_model
@pytest.mark.parametrize("precision", BYTES_PER_VALUE)
def test_one_precision_throughout_is_what_the_report_assumes(identifier, precision):
    model, uniform = MODELS[identifier], cases.uniform(precision)
    read = cases.parameters(model).read(32) * BYTES_PER_VALUE[precision]

    assert cases.stored_weight_bytes(model, uniform) == cases.weight_bytes(model, precision)
    assert cases.read_weight_bytes(model, uniform, 32) == pytest.approx(float(read))


@pytest.mark.parametrize("identifier", ["deepseek-v3", "llama-2-7b", "llama-3.2-3b", "opt-175b"])
@every_format
def test_a_step_reads_more_with_more_tokens_and_at_most_all_but_the_embedding(identifier, name):
    model, weight_format = MODELS[identifier], cases.FORMATS[name]
    read = cases.read_weight_bytes(model, weight_format, np.array([1, 8, 64, 1e6]))
    embedding = (
        cases.parameters(model).by_class["embedding"] * weight_format.bytes_per_value["embedding"]
    )
    whole = cases.stored_weight_bytes(model, weight_format) - embedding

    assert np.broadcast_to(read, 4).shape == (4,)
    assert (np.diff(np.broadcast_to(read, 4)) >= 0).all()
    assert np.broadcast_to(read, 4)[-1] == pytest.approx(float(whole))


@every_model
def test_more_bits_in_the_name_are_more_bytes(identifier):
    names = ("q2_k", "q3_k_s", "q3_k_m", "q3_k_l", "q4_k_s", "q4_k_m", "q5_k_s", "q5_k_m", "q6_k")
    sizes = [stored(identifier, name) for name in (*names, "q8_0", "bf16")]

    assert (np.diff(sizes) > 0).all()


def test_a_file_of_narrow_experts_keeps_what_every_token_meets_wide():
    count = cases.parameters(MODELS["gpt-oss-120b"])
    narrow = cases.format_named("mxfp4")
    share = count.routed / count.total

    assert share == pytest.approx(0.98, abs=0.01)
    assert narrow.bytes_per_value["attention"] == narrow.bytes_per_value["head"] == 2
    assert (
        stored("gpt-oss-120b", "mxfp4") == count.routed * 17 / 32 + (count.total - count.routed) * 2
    )


@given(bits=st.floats(1, 32), name=st.sampled_from(sorted(cases.FORMATS)))
@pytest.mark.parametrize("identifier", ["deepseek-v3", "llama-3.2-3b"])
def test_measured_bits_scale_what_is_stored_and_read_alike(identifier, bits, name):
    model, weight_format = MODELS[identifier], cases.FORMATS[name]
    stated = {"model": model, "weight_format": weight_format}
    measured = cases.stored_weight_bytes(**stated, bits_per_weight=bits)
    read = [cases.read_weight_bytes(**stated, tokens=4, bits_per_weight=b) for b in (bits, None)]

    assert measured == pytest.approx(bits * cases.parameters(model).total / 8)
    assert float(read[0]) / measured == pytest.approx(float(read[1]) / stored(identifier, name))
