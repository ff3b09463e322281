"""The calculations reproduce numbers that other people have published.

Dimensions of models are those of the config.json that their makers publish on Hugging Face.
"""

import pytest

from reportlib import cases, params
from reportlib.calculations.capacity import chips_needed, leftover_batch_size, memory_sweep_time
from reportlib.calculations.decode import (
    critical_batch_size,
    critical_context_length,
    decode_step_floor,
    multiply_time,
    read_time,
    tokens_per_second,
)
from reportlib.calculations.precision import BYTES_PER_VALUE
from reportlib.calculations.roofline import arithmetic_intensity, ridge_point
from reportlib.calculations.stacks import annual_growth, stack_bandwidth
from reportlib.calculations.transformer import (
    distinct_experts,
    embedding_parameters,
    feed_forward_parameters,
    gate_parameters,
    grouped_query_attention_flop,
    grouped_query_attention_parameters,
    grouped_query_kv_values_per_token,
    kept_tokens,
    kv_cache_bytes,
    latent_attention_flop,
    latent_attention_parameters,
    latent_kv_values_per_token,
    matmul_flop,
    norm_parameters,
    router_parameters,
)

GIB = 2**30
MODELS = params.load(params.DEFAULT_ROOT).models


def total(model):
    """Return the parameters of a model that is entered."""
    return cases.parameters(MODELS[model]).total


def active(model):
    """Return the parameters of a model that multiply each token."""
    return cases.parameters(MODELS[model]).active


def stored(model):
    """Return what a model keeps of 131,072 tokens in BF16."""
    return float(cases.kv_cache_bytes(MODELS[model], 131_072))


def read(model):
    """Return what a step at 131,072 tokens moves of it."""
    return float(cases.kv_read_bytes(MODELS[model], 131_072))


def grouped_query_model(
    *,
    hidden_size,
    layers,
    heads,
    kv_heads,
    head_dim,
    vocabulary,
    feed_forward,
    embeddings=2,
    norms_per_layer=2,
    biases=0,
    norms=0,
    sinks=0,
):
    """Return the parameters of a model all of whose layers have the same shape."""
    attention = grouped_query_attention_parameters(
        hidden_size=hidden_size,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        value_head_dim=head_dim,
        keys_as_values=0,
        biases=biases,
        output_biases=biases,
        norms=norms,
        sinks=sinks,
    )
    norm = norm_parameters(hidden_size, biases=0)
    return (
        layers * (attention + feed_forward + norms_per_layer * norm)
        + norm
        + embeddings * embedding_parameters(hidden_size=hidden_size, vocabulary=vocabulary)
    )


def gated(hidden_size, size):
    """Return the parameters of a feed-forward layer with three matrices."""
    return feed_forward_parameters(hidden_size=hidden_size, size=size, gated=1, biases=0)


def experts(hidden_size, size, number, routed):
    """Return the parameters of *number* of the *routed* experts, and their router."""
    router = router_parameters(hidden_size=hidden_size, experts=routed, biases=0)
    return number * gated(hidden_size, size) + router


def latent_model(*, layers, dense_layers, heads, routed, number, vocabulary, embeddings):
    """Return the parameters of DeepSeek-V3 or Kimi K2, which differ in these dimensions only.

    *number* of the *routed* experts of a layer are counted, and one shared expert.
    """
    hidden_size = 7168
    attention = latent_attention_parameters(
        hidden_size=hidden_size,
        heads=heads,
        query_rank=1536,
        kv_rank=512,
        nope_head_dim=128,
        rope_head_dim=64,
        value_head_dim=128,
    )
    norm = norm_parameters(hidden_size, biases=0)
    routers = router_parameters(hidden_size=hidden_size, experts=routed, biases=1)
    return (
        layers * (attention + 2 * norm)
        + norm
        + dense_layers * gated(hidden_size, 18432)
        + (layers - dense_layers) * (routers + (number + 1) * gated(hidden_size, 2048))
        + embeddings * embedding_parameters(hidden_size=hidden_size, vocabulary=vocabulary)
    )


def llama_3(layers, hidden_size, heads, size, embeddings=2):
    """Return the parameters of a Llama 3 or 3.1 model."""
    return grouped_query_model(
        hidden_size=hidden_size,
        layers=layers,
        heads=heads,
        kv_heads=8,
        head_dim=128,
        vocabulary=128_256,
        feed_forward=gated(hidden_size, size),
        embeddings=embeddings,
    )


LLAMA_8B = {"layers": 32, "hidden_size": 4096, "heads": 32, "size": 14336}
LLAMA_70B = {"layers": 80, "hidden_size": 8192, "heads": 64, "size": 28672}
LLAMA_405B = {"layers": 126, "hidden_size": 16384, "heads": 128, "size": 53248}

LLAMA_2_13B = grouped_query_model(
    hidden_size=5120,
    layers=40,
    heads=40,
    kv_heads=40,
    head_dim=128,
    vocabulary=32_000,
    feed_forward=gated(5120, 13824),
)
GPT_3 = (
    96
    * (
        grouped_query_attention_parameters(
            hidden_size=12288,
            heads=96,
            kv_heads=96,
            head_dim=128,
            value_head_dim=128,
            keys_as_values=0,
            biases=1,
            output_biases=1,
            norms=0,
            sinks=0,
        )
        + feed_forward_parameters(hidden_size=12288, size=49152, gated=0, biases=1)
        + 2 * norm_parameters(12288, biases=1)
    )
    + norm_parameters(12288, biases=1)
    + embedding_parameters(hidden_size=12288, vocabulary=50_257)
    + embedding_parameters(hidden_size=12288, vocabulary=2048)  # positions
)
GEMMA_3_27B = {
    "hidden_size": 5376,
    "layers": 62,
    "heads": 32,
    "kv_heads": 16,
    "head_dim": 128,
    "vocabulary": 262_144,
    "feed_forward": gated(5376, 21504),
    "norms_per_layer": 4,  # before and after both attention and feed-forward
    "norms": 1,
}
QWEN_3_32B = {
    "hidden_size": 5120,
    "layers": 64,
    "heads": 64,
    "kv_heads": 8,
    "head_dim": 128,
    "vocabulary": 151_936,
    "feed_forward": gated(5120, 25600),
    "norms": 1,
}


def mixtral(number):
    """Return the parameters of Mixtral 8x7B with *number* of its experts."""
    return grouped_query_model(
        hidden_size=4096,
        layers=32,
        heads=32,
        kv_heads=8,
        head_dim=128,
        vocabulary=32_000,
        feed_forward=experts(4096, 14336, number, routed=8),
    )


def qwen_3_235b(number, embeddings=2):
    """Return the parameters of Qwen3-235B-A22B with *number* of its experts."""
    return grouped_query_model(
        hidden_size=4096,
        layers=94,
        heads=64,
        kv_heads=4,
        head_dim=128,
        vocabulary=151_936,
        feed_forward=experts(4096, 1536, number, routed=128),
        embeddings=embeddings,
        norms=1,
    )


def gpt_oss_experts(number, routed):
    """Return the parameters of *number* experts of one gpt-oss layer, and their router."""
    expert = feed_forward_parameters(hidden_size=2880, size=2880, gated=1, biases=1)
    return number * expert + router_parameters(hidden_size=2880, experts=routed, biases=1)


def gpt_oss(*, layers, number, routed, embeddings=2):
    """Return the parameters of a gpt-oss model with *number* of its experts."""
    return grouped_query_model(
        hidden_size=2880,
        layers=layers,
        heads=64,
        kv_heads=8,
        head_dim=64,
        vocabulary=201_088,
        feed_forward=gpt_oss_experts(number, routed),
        embeddings=embeddings,
        biases=1,
        sinks=1,
    )


GPT_OSS_120B = gpt_oss(layers=36, number=128, routed=128)
# The model card quantizes the matrices of the experts, and nothing else, to MXFP4.
GPT_OSS_120B_MXFP4 = 36 * 128 * gated(2880, 2880)

DEEPSEEK_V3 = {"layers": 61, "dense_layers": 3, "heads": 128, "routed": 256, "vocabulary": 129_280}
KIMI_K2 = {"layers": 61, "dense_layers": 1, "heads": 64, "routed": 384, "vocabulary": 163_840}


def full_cache_bytes(layers, values, *, tokens, bytes_per_value=BYTES_PER_VALUE["bf16"]):
    """Return the cache of layers that keep all tokens, and nothing else."""
    return kv_cache_bytes(
        layers=layers,
        window_tokens=0,
        entries=tokens,
        values_per_entry=values,
        bytes_per_value=bytes_per_value,
        index_key_bytes=0,
        state_bytes=0,
    )


def kv_bytes(layers, kv_heads, *, tokens=1, bytes_per_value=BYTES_PER_VALUE["bf16"], head_dim=128):
    """Return the KV cache of *tokens* tokens with grouped-query attention."""
    return full_cache_bytes(
        layers,
        grouped_query_kv_values_per_token(
            kv_heads=kv_heads, head_dim=head_dim, value_head_dim=head_dim
        ),
        tokens=tokens,
        bytes_per_value=bytes_per_value,
    )


def latent_kv_bytes(layers, *, tokens=1):
    """Return the KV cache of *tokens* tokens of DeepSeek-V3 or Kimi K2 in BF16."""
    return full_cache_bytes(
        layers, latent_kv_values_per_token(kv_rank=512, rope_head_dim=64), tokens=tokens
    )


def llama_2_13b_step(batch, kv_heads=40):
    """Return the decode step of LLaMA 2 13B on 8 TPU v5e at 8192 tokens of context."""
    return decode_step_floor(
        weight_bytes=2 * LLAMA_2_13B,
        kv_bytes=batch * kv_bytes(40, kv_heads, tokens=8192),
        flop=matmul_flop(LLAMA_2_13B, batch),
        memory_bandwidth=8 * 8.2e11,
        peak_compute=8 * 1.97e14,
    )


TPU_V5E = {"peak_compute": 1.97e14, "memory_bandwidth": 8.2e11}

BOOK = "https://jax-ml.github.io/scaling-book"
GPT_OSS_CARD = "https://arxiv.org/abs/2508.10925, table 1"
ISCA = "https://arxiv.org/abs/2505.09343, table 1"
VLLM_MEMORY = (
    "https://github.com/llm-d-incubation/llm-d-planner/blob/"
    "e50305af90f0812e77e1827f3bc740fe75b76370/docs/empirical-vllm-memory-results.md: measured"
)
STRIX_HALO = (
    "https://github.com/kyuz0/amd-strix-halo-toolboxes/blob/"
    "d1a34bee0900be574fc31be9dcdc02a925581889/docs/results.json, parameters of the GGUF file"
)
NEMO_K3 = (
    "https://docs.nvidia.com/nemo/automodel/model-coverage/large-language-models/"
    "moonshotai/kimi-k3.md"
)
AI_AND_MEMORY_WALL = "https://arxiv.org/abs/2403.14123, figure 1"

# What: ours, theirs, relative tolerance, source.
PUBLISHED = {
    # Parameters
    "Llama 3 70B": (
        llama_3(**LLAMA_70B),
        70_553_706_496,
        0,
        "https://huggingface.co/api/models/meta-llama/Llama-3.3-70B-Instruct: safetensors.total",
    ),
    "Llama 3.1 8B": (
        llama_3(**LLAMA_8B),
        8_030_261_248,
        0,
        "https://huggingface.co/api/models/meta-llama/Llama-3.1-8B: safetensors.total",
    ),
    "Llama 3.1 405B": (
        llama_3(**LLAMA_405B),
        405_853_388_800,
        0,
        "https://huggingface.co/api/models/meta-llama/Llama-3.1-405B: safetensors.total",
    ),
    "LLaMA 2 13B": (LLAMA_2_13B, 13e9, 0.01, f"{BOOK}/inference"),
    "GPT-3 175B": (GPT_3, 174.6e9, 0.001, "https://arxiv.org/abs/2005.14165, table D.1"),
    "Gemma 3 27B": (
        grouped_query_model(**GEMMA_3_27B, embeddings=1),
        1_416e6 + 25_600e6,
        0.001,
        "https://arxiv.org/abs/2503.19786, table 1: embedding and non-embedding",
    ),
    "Gemma 3 27B without embedding": (
        grouped_query_model(**GEMMA_3_27B, embeddings=0),
        25_600e6,
        0.001,
        "https://arxiv.org/abs/2503.19786, table 1",
    ),
    "Qwen3 32B": (
        grouped_query_model(**QWEN_3_32B),
        32.8e9,
        0.002,
        "https://huggingface.co/Qwen/Qwen3-32B",
    ),
    "Qwen3 32B without embeddings": (
        grouped_query_model(**QWEN_3_32B, embeddings=0),
        31.2e9,
        0.002,
        "https://huggingface.co/Qwen/Qwen3-32B",
    ),
    "Qwen3 235B": (
        qwen_3_235b(128),
        235_093_634_560,
        0,
        "https://huggingface.co/api/models/Qwen/Qwen3-235B-A22B: safetensors.total",
    ),
    "Qwen3 235B without embeddings": (
        qwen_3_235b(128, embeddings=0),
        234e9,
        0.001,
        "https://huggingface.co/Qwen/Qwen3-235B-A22B",
    ),
    "Qwen3 235B, active": (
        qwen_3_235b(8),
        22e9,
        0.01,
        "https://huggingface.co/Qwen/Qwen3-235B-A22B",
    ),
    "Mixtral 8x7B": (
        mixtral(8),
        46_702_792_704,
        0,
        "https://huggingface.co/api/models/mistralai/Mixtral-8x7B-v0.1: safetensors.total",
    ),
    "Mixtral 8x7B, active": (
        mixtral(2),
        12.9e9,
        0.002,
        "https://mistral.ai/news/mixtral-of-experts",
    ),
    "gpt-oss-120b": (
        GPT_OSS_120B,
        116_829_156_672,
        0,
        "https://ollama.com/library/gpt-oss:120b: general.parameter_count",
    ),
    "gpt-oss-120b, experts and routers": (
        36 * gpt_oss_experts(128, routed=128),
        114.71e9,
        0.0001,
        GPT_OSS_CARD,
    ),
    "gpt-oss-120b, active, without input embedding": (
        gpt_oss(layers=36, number=4, routed=128, embeddings=1),
        5.13e9,
        0.001,
        GPT_OSS_CARD,
    ),
    "gpt-oss-20b": (gpt_oss(layers=24, number=32, routed=32), 20.91e9, 0.0005, GPT_OSS_CARD),
    "gpt-oss-20b, active, without input embedding": (
        gpt_oss(layers=24, number=4, routed=32, embeddings=1),
        3.61e9,
        0.001,
        GPT_OSS_CARD,
    ),
    "DeepSeek-V3 without MTP": (
        latent_model(**DEEPSEEK_V3, number=256, embeddings=2),
        671_026_419_200,
        0,
        "https://huggingface.co/deepseek-ai/DeepSeek-V3: tensors but for layer 61 and scales",
    ),
    "DeepSeek-V3, active, without input embedding": (
        latent_model(**DEEPSEEK_V3, number=8, embeddings=1),
        36.6e9,
        0.001,
        "https://github.com/deepseek-ai/DeepSeek-V3, README_WEIGHTS.md",
    ),
    "Kimi K2": (
        latent_model(**KIMI_K2, number=384, embeddings=2),
        1_026_408_232_448,
        0,
        "https://huggingface.co/moonshotai/Kimi-K2-Instruct: tensors but for scales",
    ),
    # Parameters of models of other kinds, from the dimensions entered
    "Nemotron 3 Super (Mamba 2, latent experts)": (
        total("nemotron-3-super-120b-a12b"),
        120.67e9,
        0.0001,
        f"{STRIX_HALO}: NVIDIA-Nemotron-3-Super-120B-A12B",
    ),
    "Nemotron 3 Ultra": (
        total("nemotron-3-ultra-550b-a55b"),
        549.3e9,
        0.0001,
        "https://github.com/WandLZhang/tpu-mech-interp: 549.3B in the served stack",
    ),
    "Nemotron 3 Nano": (
        total("nemotron-3-nano-30b-a3b"),
        31.6e9,
        0.001,
        "https://github.com/NVIDIA-NeMo/Nemotron, README.md",
    ),
    "Qwen3.5 122B (gated delta net)": (
        total("qwen3.5-122b-a10b"),
        122.11e9,
        0.0001,
        f"{STRIX_HALO}: Qwen3.5-122B-A10B",
    ),
    "Qwen3.5 35B": (total("qwen3.5-35b-a3b"), 34.66e9, 0.0001, f"{STRIX_HALO}: Qwen3.6-35B-A3B"),
    "Qwen3.5 27B and a layer of multi-token prediction": (
        total("qwen3.5-27b")
        # A full layer with its output gate, dense block and norms; 2 h² join its two inputs
        + grouped_query_attention_parameters(
            hidden_size=5120,
            heads=24,
            kv_heads=4,
            head_dim=256,
            value_head_dim=256,
            keys_as_values=0,
            biases=0,
            output_biases=0,
            norms=1,
            sinks=0,
        )
        + gate_parameters(hidden_size=5120, gates=24 * 256)
        + gated(5120, 17408)
        + 2 * 5120**2,
        27.32e9,
        0.0002,
        f"{STRIX_HALO}: Qwen3.6-27B",
    ),
    "Gemma 4 26B (experts beside a dense block)": (
        total("gemma-4-26b-a4b"),
        25.23e9,
        0.0002,
        f"{STRIX_HALO}: gemma-4-26B-A4B",
    ),
    "Gemma 4 31B": (total("gemma-4-31b"), 30.7e9, 0.0002, f"{STRIX_HALO}: gemma-4-31B"),
    "MiniMax-M2.5": (total("minimax-m2.5"), 228.69e9, 0.0001, f"{STRIX_HALO}: MiniMax-M2.7"),
    "BLOOM": (
        total("bloom-176b"),
        176.25e9,
        0.0001,
        "https://arxiv.org/abs/2211.05100, table 3: 176,247M",
    ),
    "Kimi K3, active (KDA, gated latent attention, latent experts)": (
        active("kimi-k3"),
        104e9,
        0.005,
        NEMO_K3,
    ),
    "Kimi K3": (total("kimi-k3"), 2.8e12, 0.01, NEMO_K3),
    "DeepSeek-V4-Pro, active (compressed attention)": (
        active("deepseek-v4-pro"),
        49e9,
        0.005,
        "https://huggingface.co/deepseek-ai/DeepSeek-V4-Pro",
    ),
    "DeepSeek-V4-Flash": (
        total("deepseek-v4-flash"),
        284e9,
        0.002,
        "https://huggingface.co/deepseek-ai/DeepSeek-V4-Flash",
    ),
    "GLM-5": (total("glm-5"), 744e9, 0.001, "https://github.com/zai-org/GLM-5, README.md"),
    "MiniMax-Text-01 (lightning attention)": (
        total("minimax-text-01"),
        456e9,
        0.001,
        "https://github.com/MiniMax-AI/MiniMax-01, README.md",
    ),
    "MiniMax-Text-01, active, without output head": (
        active("minimax-text-01") - embedding_parameters(hidden_size=6144, vocabulary=200_064),
        45.9e9,
        0.001,
        "https://github.com/MiniMax-AI/MiniMax-01, README.md",
    ),
    # Weights, bytes
    "gpt-oss-120b, checkpoint": (
        BYTES_PER_VALUE["fp4"] * GPT_OSS_120B_MXFP4
        + BYTES_PER_VALUE["bf16"] * (GPT_OSS_120B - GPT_OSS_120B_MXFP4),
        60.8 * GIB,
        0.001,
        GPT_OSS_CARD,
    ),
    "Llama 3.1 8B, BF16": (
        BYTES_PER_VALUE["bf16"] * llama_3(**LLAMA_8B),
        14.99 * GIB,
        0.003,
        VLLM_MEMORY,
    ),
    "Qwen3 32B, BF16": (
        BYTES_PER_VALUE["bf16"] * grouped_query_model(**QWEN_3_32B),
        61.03 * GIB,
        0.001,
        VLLM_MEMORY,
    ),
    # KV caches, bytes
    "KV per token, LLaMA-3.1 405B": (kv_bytes(126, 8), 516.096e3, 0, ISCA),
    "KV per token, Qwen-2.5 72B (and Llama 3 70B)": (kv_bytes(80, 8), 327.68e3, 0, ISCA),
    "KV per token, DeepSeek-V3 (and Kimi K2)": (latent_kv_bytes(61), 70.272e3, 0, ISCA),
    "KV per token, Llama 3 70B, int8": (
        kv_bytes(80, 8, bytes_per_value=BYTES_PER_VALUE["int8"]),
        160 * 2**10,
        0,
        f"{BOOK}/applied-inference: 160 kiB",
    ),
    "KV per token, Mistral Small 3.2 24B": (
        kv_bytes(40, 8),
        28.20 * GIB / 184_832,
        0.001,
        f"{VLLM_MEMORY}, 28.20 GiB hold 184,832 tokens",
    ),
    "KV of 8192 tokens, LLaMA 2 13B": (
        kv_bytes(40, 40, tokens=8192),
        6.7e9,
        0.005,
        f"{BOOK}/inference",
    ),
    "KV of 32,768 tokens, Llama 3 70B, int8": (
        kv_bytes(80, 8, tokens=32_768, bytes_per_value=BYTES_PER_VALUE["int8"]),
        5.3e9,
        0.015,
        f"{BOOK}/applied-inference",
    ),
    # Rooflines
    "ridge point, TPU v5e": (ridge_point(**TPU_V5E), 240, 0.002, f"{BOOK}/inference"),
    "critical batch, TPU v5e, BF16": (
        critical_batch_size(bytes_per_parameter=BYTES_PER_VALUE["bf16"], **TPU_V5E),
        240,
        0.002,
        f"{BOOK}/inference",
    ),
    "critical batch, TPU v5e, int8 weights and BF16 arithmetic": (
        critical_batch_size(bytes_per_parameter=BYTES_PER_VALUE["int8"], **TPU_V5E),
        120,
        0.002,
        f"{BOOK}/inference",
    ),
    "intensity of DeepSeek-V3's attention, FLOP/B": (
        arithmetic_intensity(
            latent_attention_flop(heads=128, kv_rank=512, rope_head_dim=64, tokens=1),
            latent_kv_bytes(layers=1),
        ),
        128 * (576 + 512) / 576,  # heads times (d_k + d_v) / d_k
        1e-9,
        "https://github.com/deepseek-ai/FlashMLA, docs/20250422-new-kernel-deep-dive.md",
    ),
    "intensity of multi-head attention in BF16, FLOP/B": (
        arithmetic_intensity(
            grouped_query_attention_flop(heads=40, head_dim=128, value_head_dim=128, tokens=8192),
            kv_bytes(1, 40, tokens=8192),
        ),
        1,
        0,
        f"{BOOK}/inference: S T / (S + T), about 1 for T = 1",
    ),
    # Decode steps, seconds
    **{
        f"step of LLaMA 2 13B, batch {batch}": (
            llama_2_13b_step(batch),
            milliseconds / 1e3,
            0.005,
            f"{BOOK}/inference (its GiB are GB)",
        )
        for batch, milliseconds in {
            1: 4.98,
            8: 12.13,
            16: 20.30,
            32: 36.65,
            64: 69.33,
            240: 249.09,
        }.items()
    },
    "step of LLaMA 2 13B with 8 KV heads, batch 240": (
        llama_2_13b_step(240, kv_heads=8),
        52.99e-3,
        0.005,
        f"{BOOK}/inference",
    ),
    "tokens per second of LLaMA 2 13B, batch 240": (
        tokens_per_second(240, llama_2_13b_step(240)),
        963.53,
        0.005,
        f"{BOOK}/inference",
    ),
    "step of 30B in int8 on 16 TPU v5e, batch 4": (
        decode_step_floor(
            weight_bytes=30e9,
            kv_bytes=4 * 819e6,
            flop=matmul_flop(30e9, tokens=4),
            memory_bandwidth=16 * 8.1e11,
            peak_compute=16 * 1.97e14,
        ),
        2.5e-3,
        0.03,
        f"{BOOK}/inference: prints 2.5, its formula gives 2.57",
    ),
    "step of 30B in int8 on 16 TPU v5e, batch 256, reading caches before multiplying": (
        read_time(256 * 819e6, memory_bandwidth=16 * 8.1e11)
        + multiply_time(matmul_flop(30e9, tokens=256), peak_compute=16 * 1.97e14),
        21e-3,
        0.005,
        f"{BOOK}/inference",
    ),
    "step of Llama 3 70B in int8 on 8 TPU v5e, batch 32": (
        decode_step_floor(
            weight_bytes=BYTES_PER_VALUE["int8"] * llama_3(**LLAMA_70B),
            kv_bytes=32 * kv_bytes(80, 8, tokens=8192, bytes_per_value=BYTES_PER_VALUE["int8"]),
            flop=matmul_flop(llama_3(**LLAMA_70B, embeddings=1), tokens=32),
            memory_bandwidth=8 * 8.1e11,
            peak_compute=8 * 1.97e14,
        ),
        17e-3,
        0.035,
        f"{BOOK}/applied-inference: 112e9 / (8 · 8.1e11), from rounded sizes",
    ),
    "prefill of 8192 tokens, 70B on 16 TPU v5e at 40 % of peak": (
        multiply_time(matmul_flop(70e9, tokens=8192), peak_compute=16 * 1.97e14 * 0.4),
        0.91,
        0.001,
        f"{BOOK}/applied-inference",
    ),
    # Capacity
    "sweep of TPU v5e": (
        memory_sweep_time(16e9, memory_bandwidth=8.2e11),
        19e-3,
        0.03,
        f"{BOOK}/applied-inference: prints 19, its formula gives 19.5",
    ),
    "TPU v5e for 240 caches of 32,768 tokens and 70 GB of weights": (
        chips_needed(
            bytes_needed=70e9 + 240 * 162e3 * 32_768, memory_capacity=16e9, usable_share=1
        ),
        86,
        0.02,
        f"{BOOK}/applied-inference: from 1.3 TB, rounded up",
    ),
    "caches of 8k tokens beside 70B in BF16 on 16 TPU v5e": (
        leftover_batch_size(
            chips=16,
            memory_capacity=16e9,
            usable_share=1,
            weight_bytes=140e9,
            kv_bytes_per_sequence=kv_bytes(80, 8, tokens=8192),
        ),
        43,
        0,
        f"{BOOK}/applied-inference",
    ),
    # Stacks and growth
    "bandwidth of an HBM2 stack, B/s": (
        stack_bandwidth(stacks=1, interface_width=1024, data_rate_per_pin=2.4e9 / 8),
        307e9,
        0.001,
        "JEDEC JESD235B",
    ),
    "bandwidth of an HBM3 stack, B/s": (
        stack_bandwidth(stacks=1, interface_width=1024, data_rate_per_pin=6.4e9 / 8),
        819e9,
        0.001,
        "JEDEC JESD238",
    ),
    "bandwidth of an HBM4 stack, B/s": (
        stack_bandwidth(stacks=1, interface_width=2048, data_rate_per_pin=8e9 / 8),
        2e12,
        0.03,
        "JEDEC JESD270-4: up to 2 TB/s",
    ),
    "growth of peak compute per two years": (
        (1 + annual_growth(first=1, last=60_000, years=20)) ** 2,
        3.0,
        0.01,
        AI_AND_MEMORY_WALL,
    ),
    "growth of DRAM bandwidth per two years": (
        (1 + annual_growth(first=1, last=100, years=20)) ** 2,
        1.6,
        0.02,
        AI_AND_MEMORY_WALL,
    ),
}

H100 = {"peak_compute": 989e12, "memory_bandwidth": 3.35e12}
H200 = {"peak_compute": 989e12, "memory_bandwidth": 4.8e12}
B200 = {"peak_compute": 2250e12, "memory_bandwidth": 8e12}


def llama_3_critical_context(chip, model):
    """Return the context from which Llama 3 in BF16 is memory-bound at every batch."""
    return critical_context_length(
        # The input embedding is looked up, not multiplied by.
        matmul_flop_per_token=matmul_flop(llama_3(**model, embeddings=1), tokens=1),
        attention_flop_per_position=model["layers"]
        * grouped_query_attention_flop(
            heads=model["heads"], head_dim=128, value_head_dim=128, tokens=1
        ),
        kv_bytes_per_position=kv_bytes(model["layers"], 8),
        **chip,
    )


# We know of no publication with these digits. Theirs is our formula, worked apart from the code:
# it guards against slips and changes, not against a wrong formula.
WORKED_BY_HAND = {
    # 2 · 69.503e9 / (327,680 · 989/3.35 - 4 · 80 · 64 · 128)
    "critical context of Llama 3 70B on H100": (
        llama_3_critical_context(H100, LLAMA_70B),
        1477,
        0.001,
    ),
    "critical context of Llama 3 70B on H200": (
        llama_3_critical_context(H200, LLAMA_70B),
        2142,
        0.001,
    ),
    "critical context of Llama 3 70B on B200": (
        llama_3_critical_context(B200, LLAMA_70B),
        1552,
        0.001,
    ),
    # 2 · 403.75e9 / (516,096 · 989/3.35 - 4 · 126 · 128 · 128)
    "critical context of Llama 3.1 405B on H100": (
        llama_3_critical_context(H100, LLAMA_405B),
        5604,
        0.001,
    ),
    # 2 · 7.505e9 / (131,072 · 989/3.35 - 4 · 32 · 32 · 128)
    "critical context of Llama 3.1 8B on H100": (
        llama_3_critical_context(H100, LLAMA_8B),
        393,
        0.001,
    ),
    "DeepSeek-V3, active": (latent_model(**DEEPSEEK_V3, number=8, embeddings=2), 37.55e9, 1e-3),
    "Mixtral 8x7B, active": (mixtral(2), 12.880e9, 1e-4),
    # 2 · 32 · 8 · 128 values of 2 bytes
    "KV per token, Mixtral 8x7B": (kv_bytes(32, 8), 131_072, 0),
    "KV of 131,072 tokens, Llama 3 70B": (kv_bytes(80, 8, tokens=131_072), 42.95e9, 0.001),
    "KV of 131,072 tokens, DeepSeek-V3": (latent_kv_bytes(61, tokens=131_072), 9.21e9, 0.001),
    # 18 layers keep all tokens, 18 keep the last 128
    "KV of 131,072 tokens, gpt-oss-120b": (
        sum(
            kv_bytes(18, 8, tokens=kept_tokens(131_072, window), head_dim=64)
            for window in (128, float("inf"))
        ),
        4.84e9,
        0.001,
    ),
    "FLOP of DeepSeek-V3's attention per layer and position": (
        latent_attention_flop(heads=128, kv_rank=512, rope_head_dim=64, tokens=1),
        278_528,
        0,
    ),
    # Attention, its compressor, index and index compressor; experts; norms and streams; embeddings
    "DeepSeek-V4-Pro": (
        total("deepseek-v4-pro"),
        61 * (299_894_912 + 2 * 7168 + 1_376_310 + 385 * 66_060_288 + 384 * 7169)
        + 31 * 7_406_080
        + 30 * (14_684_672 + 13_041_664 + 3_671_168)
        + (2 * 129_280 + 1) * 7168,
        0,
    ),
    # FLOP of attention: states alone where there is no context, then 2048 of all tokens and keys
    "FLOP of states, Kimi K3": (
        cases.attention_flop(MODELS["kimi-k3"], 0),
        69 * 3 * 2 * 96 * 128**2,
        0,
    ),
    "FLOP of states, Nemotron 3 Super": (
        cases.attention_flop(MODELS["nemotron-3-super-120b-a12b"], 0),
        40 * 2 * 2 * 128 * 64 * 128,
        0,
    ),
    "FLOP of attention, DeepSeek-V3.2": (
        cases.attention_flop(MODELS["deepseek-v3.2"], 131_072),
        61 * (2048 * 278_528 + 131_072 * 2 * 64 * 128),
        0,
    ),
    # Kept of 131,072 tokens, and moved in a step, of the models entered
    # 61 layers · (1152 + 132) B; of each layer 132 B of all keys and 1152 B of 2048 entries
    "kept, DeepSeek-V3.2": (stored("deepseek-v3.2"), 10.27e9, 0.001),
    "read, DeepSeek-V3.2": (read("deepseek-v3.2"), 1.20e9, 0.001),
    # The same with an index of 21 layers of 78: 78 · 1152 + 21 · 132 B
    "kept, GLM-5.2": (stored("glm-5.2"), 131_072 * 92_628, 0),
    "read, GLM-5.2": (read("glm-5.2"), 131_072 * 21 * 132 + 78 * 2048 * 1152, 0),
    # 61 windows of 128, 31 · 1024 blocks, 30 · 32,768 blocks with a key of 68 B; read: 30 · 1024
    "kept, DeepSeek-V4-Pro": (
        stored("deepseek-v4-pro"),
        (61 * 128 + 31 * 1024 + 30 * 32_768) * 1024 + 30 * 32_768 * 68,
        0,
    ),
    "read, DeepSeek-V4-Pro": (
        read("deepseek-v4-pro"),
        (61 * 128 + 31 * 1024 + 30 * 1024) * 1024 + 30 * 32_768 * 68,
        0,
    ),
    # 24 · 1152 B a token; 69 · 96 heads · 128² · 4 B of state, and 69 · 3 · 36,864 · 2 B
    "kept, Kimi K3": (stored("kimi-k3"), 4.073e9, 0.001),
    "read, Kimi K3": (read("kimi-k3"), 3.624e9 + 2 * 0.4494e9, 0.001),
    # 15 · 2048 B a token; 45 · (64 · 128² · 4 + 3 · 12,288 · 2) B of state
    "kept, Qwen3.5 397B": (stored("qwen3.5-397b-a17b"), 4.22e9, 0.001),
    "read, Qwen3.5 397B": (read("qwen3.5-397b-a17b"), 4.0265e9 + 2 * 0.1921e9, 0.001),
    "kept and read, MiMo-V2-Flash": (stored("mimo-v2-flash"), 3.05e9, 0.002),
    "kept and read, Gemma 4 26B": (stored("gemma-4-26b-a4b"), 2.89e9, 0.002),
    "kept and read, gpt-oss-120b": (read("gpt-oss-120b"), 4.84e9, 0.001),
    # 48 · (256 · 64 · 128 · 4 + 3 · 18,432 · 2) B of state, 12 · 1024 B a token
    "kept, Nemotron 3 Ultra": (
        stored("nemotron-3-ultra-550b-a55b"),
        48 * (8 * 2**20 + 110_592) + 12 * 1024 * 131_072,
        0,
    ),
    # 57 layers read 2048 of their tokens and a key of 256 B of each, 3 layers all
    "read, MiniMax-M3": (
        read("minimax-m3"),
        3 * 2048 * 131_072 + 57 * (2048 * 2048 + 256 * 131_072),
        0,
    ),
    # 80/3.35, 288/22, 432/19.6 ms; 44 GB at 21 PB/s
    "sweep of H100": (memory_sweep_time(80e9, memory_bandwidth=3.35e12), 23.9e-3, 0.002),
    "sweep of Rubin": (memory_sweep_time(288e9, memory_bandwidth=22e12), 13.1e-3, 0.002),
    "sweep of MI455X as previewed": (
        memory_sweep_time(432e9, memory_bandwidth=19.6e12),
        22.0e-3,
        0.002,
    ),
    "sweep of WSE-3": (memory_sweep_time(44e9, memory_bandwidth=21e15), 2.1e-6, 0.003),
    # 256 · (1 - (31/32)^tokens); 384 · (1 - (63/64)^32); 896 · (1 - (55/56)^32)
    "experts of DeepSeek-V3 read by 8 tokens": (
        distinct_experts(experts=256, active_experts=8, tokens=8),
        57.4,
        0.001,
    ),
    "experts of DeepSeek-V3 read by 32 tokens": (
        distinct_experts(experts=256, active_experts=8, tokens=32),
        163.3,
        0.001,
    ),
    "experts of DeepSeek-V3 read by 128 tokens": (
        distinct_experts(experts=256, active_experts=8, tokens=128),
        251.6,
        0.001,
    ),
    "6 of 384 experts read by 32 tokens": (
        distinct_experts(experts=384, active_experts=6, tokens=32),
        152.0,
        0.001,
    ),
    "16 of 896 experts read by 32 tokens": (
        distinct_experts(experts=896, active_experts=16, tokens=32),
        392.6,
        0.001,
    ),
    "critical batch of H100": (critical_batch_size(bytes_per_parameter=2, **H100), 295, 0.001),
    "critical batch of H200": (critical_batch_size(bytes_per_parameter=2, **H200), 206, 0.001),
    "critical batch of B200": (critical_batch_size(bytes_per_parameter=2, **B200), 281, 0.001),
}


@pytest.mark.parametrize(("ours", "theirs", "within", "source"), PUBLISHED.values(), ids=PUBLISHED)
def test_published(ours, theirs, within, source):
    assert source
    assert ours == pytest.approx(theirs, rel=within, abs=0)


@pytest.mark.parametrize(("ours", "theirs", "within"), WORKED_BY_HAND.values(), ids=WORKED_BY_HAND)
def test_worked_by_hand(ours, theirs, within):
    assert ours == pytest.approx(theirs, rel=within, abs=0)
