"""A config.json becomes a model file that loads, with the parameters of the published weights."""

import pytest

from reportlib import cases
from reportlib.params import Model, places
from reportlib.params.from_config import model_from_config, model_text

LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "attention_bias": False,
    "bos_token_id": 128000,
    "hidden_act": "silu",
    "hidden_size": 8192,
    "intermediate_size": 28672,
    "max_position_embeddings": 131072,
    "num_attention_heads": 64,
    "num_hidden_layers": 80,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {"factor": 8.0},
    "rope_theta": 500000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.43.0",
    "vocab_size": 128256,
}
DEEPSEEK = {
    "model_type": "deepseek_v3",
    "first_k_dense_replace": 3,
    "hidden_size": 7168,
    "intermediate_size": 18432,
    "kv_lora_rank": 512,
    "max_position_embeddings": 163840,
    "moe_intermediate_size": 2048,
    "moe_layer_freq": 1,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_attention_heads": 128,
    "num_experts_per_tok": 8,
    "num_hidden_layers": 61,
    "num_key_value_heads": 128,
    "num_nextn_predict_layers": 1,
    "q_lora_rank": 1536,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "quantization_config": {"quant_method": "fp8"},
    "topk_method": "noaux_tc",
    "v_head_dim": 128,
    "vocab_size": 129280,
}
DEEPSEEK_V4 = {
    "model_type": "deepseek_v4",
    "compress_ratios": [128, 128, *[4, 128] * 29, 4, 0],
    "expert_dtype": "fp4",
    "hc_mult": 4,
    "hc_sinkhorn_iters": 20,
    "head_dim": 512,
    "hidden_size": 7168,
    "index_head_dim": 128,
    "index_n_heads": 64,
    "index_topk": 1024,
    "max_position_embeddings": 1048576,
    "moe_intermediate_size": 3072,
    "n_routed_experts": 384,
    "n_shared_experts": 1,
    "num_attention_heads": 128,
    "num_experts_per_tok": 6,
    "num_hash_layers": 3,
    "num_hidden_layers": 61,
    "num_key_value_heads": 1,
    "o_groups": 16,
    "o_lora_rank": 1024,
    "q_lora_rank": 1536,
    "qk_rope_head_dim": 64,
    "sliding_window": 128,
    "topk_method": "noaux_tc",
    "vocab_size": 129280,
}
GPT_OSS = {
    "model_type": "gpt_oss",
    "attention_bias": True,
    "experts_per_token": 4,
    "head_dim": 64,
    "hidden_size": 2880,
    "initial_context_length": 4096,
    "intermediate_size": 2880,
    "layer_types": ["sliding_attention", "full_attention"] * 18,
    "max_position_embeddings": 131072,
    "num_attention_heads": 64,
    "num_experts_per_tok": 4,
    "num_hidden_layers": 36,
    "num_key_value_heads": 8,
    "num_local_experts": 128,
    "quantization_config": {"quant_method": "mxfp4"},
    "sliding_window": 128,
    "swiglu_limit": 7.0,
    "tie_word_embeddings": False,
    "vocab_size": 201088,
}
GEMMA_4 = {
    "model_type": "gemma4",
    "text_config": {
        "model_type": "gemma4_text",
        "attention_k_eq_v": True,
        "enable_moe_block": True,
        "global_head_dim": 512,
        "head_dim": 256,
        "hidden_size": 2816,
        "intermediate_size": 2112,
        "layer_types": [*["sliding_attention"] * 5, "full_attention"] * 5,
        "max_position_embeddings": 262144,
        "moe_intermediate_size": 704,
        "num_attention_heads": 16,
        "num_experts": 128,
        "num_global_key_value_heads": 2,
        "num_hidden_layers": 30,
        "num_key_value_heads": 8,
        "sliding_window": 1024,
        "tie_word_embeddings": True,
        "top_k_experts": 8,
        "vocab_size": 262144,
    },
    "vision_config": {"hidden_size": 1152, "num_hidden_layers": 27},
}
GEMMA_3 = {
    "model_type": "gemma3_text",
    "head_dim": 128,
    "hidden_size": 5376,
    "intermediate_size": 21504,
    "max_position_embeddings": 131072,
    "num_attention_heads": 32,
    "num_hidden_layers": 62,
    "num_key_value_heads": 16,
    "query_pre_attn_scalar": 168,
    "sliding_window": 1024,
    "sliding_window_pattern": 6,
    "vocab_size": 262144,
}
GEMMA_2 = {
    "model_type": "gemma2",
    "attn_logit_softcapping": 50.0,
    "head_dim": 128,
    "hidden_size": 4608,
    "intermediate_size": 36864,
    "max_position_embeddings": 8192,
    "num_attention_heads": 32,
    "num_hidden_layers": 46,
    "num_key_value_heads": 16,
    "sliding_window": 4096,
    "vocab_size": 256000,
}
QWEN_3_5 = {
    "model_type": "qwen3_5_moe",
    "text_config": {
        "model_type": "qwen3_5_moe_text",
        "attn_output_gate": True,
        "full_attention_interval": 4,
        "head_dim": 256,
        "hidden_size": 3072,
        "layer_types": [*["linear_attention"] * 3, "full_attention"] * 12,
        "linear_conv_kernel_dim": 4,
        "linear_key_head_dim": 128,
        "linear_num_key_heads": 16,
        "linear_num_value_heads": 64,
        "linear_value_head_dim": 128,
        "max_position_embeddings": 262144,
        "mlp_only_layers": [],
        "moe_intermediate_size": 1024,
        "mtp_num_hidden_layers": 1,
        "num_attention_heads": 32,
        "num_experts": 256,
        "num_experts_per_tok": 8,
        "num_hidden_layers": 48,
        "num_key_value_heads": 2,
        "shared_expert_intermediate_size": 1024,
        "vocab_size": 248320,
    },
    "tie_word_embeddings": False,
}
NEMOTRON = {
    "model_type": "nemotron_h",
    "conv_kernel": 4,
    "expand": 2,
    "head_dim": 128,
    "hidden_size": 4096,
    "hybrid_override_pattern": (
        "MEMEMEM*EMEMEMEM*EMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEM*EMEMEMEME"
    ),
    "intermediate_size": 2688,
    "mamba_head_dim": 64,
    "mamba_num_heads": 128,
    "max_position_embeddings": 262144,
    "mlp_hidden_act": "relu2",
    "moe_intermediate_size": 2688,
    "moe_latent_size": 1024,
    "moe_shared_expert_intermediate_size": 5376,
    "n_groups": 8,
    "n_routed_experts": 512,
    "n_shared_experts": 1,
    "num_attention_heads": 32,
    "num_experts_per_tok": 22,
    "num_hidden_layers": 88,
    "num_key_value_heads": 2,
    "ssm_state_size": 128,
    "tie_word_embeddings": False,
    "use_conv_bias": True,
    "vocab_size": 131072,
}
KIMI_K3 = {
    "model_type": "kimi_k3",
    "text_config": {
        "model_type": "kimi_linear",
        "attn_res_block_size": 12,
        "first_k_dense_replace": 1,
        "hidden_size": 7168,
        "intermediate_size": 33792,
        "kv_lora_rank": 512,
        "latent_moe_use_norm": True,
        "linear_attn_config": {
            "head_dim": 128,
            "num_heads": 96,
            "short_conv_kernel_size": 4,
            "use_full_rank_gate": True,
            "kda_layers": list(range(69)),
            "full_attn_layers": list(range(24)),
        },
        "max_position_embeddings": 1048576,
        "mla_use_nope": True,
        "mla_use_output_gate": True,
        "moe_intermediate_size": 3072,
        "num_attention_heads": 96,
        "num_experts": 896,
        "num_experts_per_token": 16,
        "num_hidden_layers": 93,
        "num_key_value_heads": 96,
        "num_shared_experts": 2,
        "q_lora_rank": 1536,
        "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64,
        "routed_expert_hidden_size": 3584,
        "v_head_dim": 128,
        "vocab_size": 163840,
    },
}
LLAMA_4 = {
    "model_type": "llama4",
    "text_config": {
        "model_type": "llama4_text",
        "attention_chunk_size": 8192,
        "head_dim": 128,
        "hidden_size": 5120,
        "interleave_moe_layer_step": 2,
        "intermediate_size": 8192,
        "intermediate_size_mlp": 16384,
        "max_position_embeddings": 1048576,
        "num_attention_heads": 40,
        "num_experts_per_tok": 1,
        "num_hidden_layers": 48,
        "num_key_value_heads": 8,
        "num_local_experts": 128,
        "use_qk_norm": True,
        "vocab_size": 202048,
    },
}
MIXTRAL = {
    "model_type": "mixtral",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "max_position_embeddings": 32768,
    "num_attention_heads": 32,
    "num_experts_per_tok": 2,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "num_local_experts": 8,
    "sliding_window": None,
    "vocab_size": 32000,
}
MISTRAL = {
    "model_type": "mistral",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "max_position_embeddings": 32768,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "sliding_window": 4096,
    "vocab_size": 32000,
}
QWEN_2 = {
    "model_type": "qwen2",
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "max_position_embeddings": 131072,
    "max_window_layers": 28,
    "num_attention_heads": 28,
    "num_hidden_layers": 28,
    "num_key_value_heads": 4,
    "sliding_window": 131072,
    "tie_word_embeddings": False,
    "use_sliding_window": False,
    "vocab_size": 152064,
}
QWEN_3 = {
    "model_type": "qwen3_moe",
    "decoder_sparse_step": 1,
    "head_dim": 128,
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "max_position_embeddings": 40960,
    "max_window_layers": 94,
    "mlp_only_layers": [],
    "moe_intermediate_size": 1536,
    "norm_topk_prob": True,
    "num_attention_heads": 64,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "num_hidden_layers": 94,
    "num_key_value_heads": 4,
    "tie_word_embeddings": False,
    "use_sliding_window": False,
    "vocab_size": 151936,
}
GLM = {
    "model_type": "glm4_moe",
    "attention_bias": True,
    "first_k_dense_replace": 3,
    "head_dim": 128,
    "hidden_size": 5120,
    "intermediate_size": 12288,
    "max_position_embeddings": 131072,
    "moe_intermediate_size": 1536,
    "n_routed_experts": 160,
    "n_shared_experts": 1,
    "num_attention_heads": 96,
    "num_experts_per_tok": 8,
    "num_hidden_layers": 92,
    "num_key_value_heads": 8,
    "use_qk_norm": True,
    "vocab_size": 151552,
}
GLM_5 = DEEPSEEK | {
    "model_type": "glm_moe_dsa",
    "hidden_size": 6144,
    "index_head_dim": 128,
    "index_n_heads": 32,
    "index_skip_topk_offset": 3,
    "index_topk": 2048,
    "index_topk_freq": 4,
    "intermediate_size": 12288,
    "max_position_embeddings": 1048576,
    "num_attention_heads": 64,
    "num_hidden_layers": 78,
    "q_lora_rank": 2048,
    "qk_nope_head_dim": 192,
    "quantization_config": None,
    "v_head_dim": 256,
    "vocab_size": 154880,
}
MINIMAX = {
    "model_type": "minimax_m2",
    "attn_type_list": [1] * 62,
    "head_dim": 128,
    "hidden_size": 3072,
    "intermediate_size": 1536,
    "max_position_embeddings": 196608,
    "num_attention_heads": 48,
    "num_experts_per_tok": 8,
    "num_hidden_layers": 62,
    "num_key_value_heads": 8,
    "num_local_experts": 256,
    "quantization_config": {"quant_method": "fp8"},
    "shared_intermediate_size": 0,
    "use_qk_norm": True,
    "use_routing_bias": True,
    "vocab_size": 200064,
}
MINIMAX_M3 = {
    "model_type": "minimax_m3_vl",
    "text_config": {
        "dense_intermediate_size": 12288,
        "head_dim": 128,
        "hidden_size": 6144,
        "intermediate_size": 3072,
        "max_position_embeddings": 1048576,
        "moe_layer_freq": [0] * 3 + [1] * 57,
        "n_shared_experts": 1,
        "num_attention_heads": 64,
        "num_experts_per_tok": 4,
        "num_hidden_layers": 60,
        "num_key_value_heads": 4,
        "num_local_experts": 128,
        "shared_intermediate_size": 3072,
        "sparse_attention_config": {
            "sparse_attention_freq": [0] * 3 + [1] * 57,
            "sparse_block_size": 128,
            "sparse_index_dim": 128,
            "sparse_num_index_heads": 4,
            "sparse_topk_blocks": 16,
        },
        "use_qk_norm": True,
        "use_routing_bias": True,
        "vocab_size": 200064,
    },
}
PHI = {
    "model_type": "phi3",
    "attention_bias": False,
    "embd_pdrop": 0.0,
    "hidden_size": 5120,
    "intermediate_size": 17920,
    "max_position_embeddings": 16384,
    "num_attention_heads": 40,
    "num_hidden_layers": 40,
    "num_key_value_heads": 10,
    "original_max_position_embeddings": 16384,
    "sliding_window": None,
    "vocab_size": 100352,
}
MIMO = {
    "model_type": "mimo_v2_flash",
    "add_swa_attention_sink_bias": True,
    "head_dim": 192,
    "hidden_size": 4096,
    "hybrid_layer_pattern": [0, *[1] * 4, *[0, *[1] * 5] * 7, 0],
    "intermediate_size": 16384,
    "max_position_embeddings": 262144,
    "moe_intermediate_size": 2048,
    "moe_layer_freq": [0] + [1] * 47,
    "n_routed_experts": 256,
    "num_attention_heads": 64,
    "num_experts_per_tok": 8,
    "num_hidden_layers": 48,
    "num_key_value_heads": 4,
    "sliding_window": 128,
    "swa_head_dim": 192,
    "swa_num_attention_heads": 64,
    "swa_num_key_value_heads": 8,
    "swa_v_head_dim": 128,
    "topk_method": "noaux_tc",
    "v_head_dim": 128,
    "vocab_size": 152576,
}

# Parameters as published: exact where weights or converted files have been counted.
PUBLISHED = {
    "Llama": (LLAMA, 70_553_706_496, 0),
    "DeepSeek-V3": (DEEPSEEK, 671_026_419_200, 0),
    "DeepSeek-V4": (DEEPSEEK_V4, 1.573e12, 1e-4),
    "gpt-oss": (GPT_OSS, 116_829_156_672, 0),
    "Gemma 2": (GEMMA_2, 27.23e9, 2e-4),
    "Gemma 3": (GEMMA_3, 1_416e6 + 25_600e6, 1e-3),
    "Gemma 4": (GEMMA_4, 25.23e9, 2e-4),
    "Qwen2.5": (QWEN_2, 7_615_616_512, 0),
    "Qwen3": (QWEN_3, 235_093_634_560, 0),
    "Qwen3.5": (QWEN_3_5, 122.11e9, 1e-4),
    "Nemotron 3": (NEMOTRON, 120.67e9, 1e-4),
    "Kimi K3": (KIMI_K3, 2.8e12, 0.01),
    "Llama 4": (LLAMA_4, 400.7e9, 1e-4),
    "Mixtral": (MIXTRAL, 46_702_792_704, 0),
    "Mistral": (MISTRAL, 7_241_732_096, 0),
    "GLM-4.5": (GLM, 352.8e9, 1e-4),
    "GLM-5.2": (GLM_5, 743.4e9, 1e-4),
    "MiniMax-M2": (MINIMAX, 228.69e9, 1e-4),
    "MiniMax-M3": (MINIMAX_M3, 426.2e9, 1e-3),
    "Phi-4": (PHI, 14_659_507_200, 0),
    "MiMo": (MIMO, 309e9, 1e-3),
}


def converted(config):
    return model_from_config(config, name="A model", developer="Somebody", source="somewhere")


def loaded(text, tmp_path):
    path = tmp_path / "model.yaml"
    path.write_text(text, encoding="utf-8")
    document = places.Document(path, "model.yaml")
    assert document.problems == []
    return Model.model_validate(document.data)


@pytest.mark.parametrize(("config", "parameters", "within"), PUBLISHED.values(), ids=PUBLISHED)
def test_a_config_gives_a_model_of_the_published_size(config, parameters, within, tmp_path):
    text, _ = converted(config)
    model = loaded(text, tmp_path)

    assert cases.parameters(model).total == pytest.approx(parameters, rel=within, abs=0)
    assert model.architecture.source == "somewhere"
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("config", [c for c, _, _ in PUBLISHED.values()], ids=PUBLISHED)
def test_nothing_of_a_known_config_stays_unread(config):
    _, doubts = converted(config)
    allowed = ("parameters, released", "index.key_bytes", "experts_per_token", "initial_context")

    assert [doubt for doubt in doubts if not doubt.startswith(allowed)] == []


@pytest.mark.parametrize(
    ("config", "kept", "read"),
    [
        (LLAMA, 42.95e9, 42.95e9),
        (DEEPSEEK, 9.211e9, 9.211e9),
        (GLM_5, 12.14e9, 0.5473e9),
        (GPT_OSS, 4.837e9, 4.837e9),
        (GEMMA_4, 2.894e9, 2.894e9),
        (KIMI_K3, 4.073e9, 4.523e9),
        (MIMO, 3.045e9, 3.045e9),
        (MISTRAL, 0.5369e9, 0.5369e9),
        (MINIMAX_M3, 18.02e9, 2.957e9),
    ],
)
def test_a_config_gives_what_a_model_keeps_and_reads(config, kept, read, tmp_path):
    model = loaded(converted(config)[0], tmp_path)

    assert float(cases.kv_cache_bytes(model, 131_072)) == pytest.approx(kept, rel=1e-3)
    assert float(cases.kv_read_bytes(model, 131_072)) == pytest.approx(read, rel=1e-3)


def test_precision_is_that_of_the_weights(tmp_path):
    precisions = {
        name: loaded(converted(config)[0], tmp_path).native_precision
        for name, (config, _, _) in PUBLISHED.items()
    }

    assert {n for n, p in precisions.items() if p == "fp8"} == {"DeepSeek-V3", "MiniMax-M2"}
    assert {n for n, p in precisions.items() if p == "fp4"} == {"DeepSeek-V4", "gpt-oss"}


def test_an_interval_says_which_layers_are_full():
    text = QWEN_3_5["text_config"]
    config = QWEN_3_5 | {"text_config": {k: v for k, v in text.items() if k != "layer_types"}}

    assert converted(config) == converted(QWEN_3_5)


def test_a_key_that_may_matter_is_told():
    _, doubts = converted(LLAMA | {"num_recurrent_memories": 3, "use_something": False})

    assert doubts[0] == "num_recurrent_memories: not known here; does it change a dimension?"
    assert not any("something" in doubt for doubt in doubts)


def test_what_is_missing_is_told_and_left_out():
    text, doubts = converted({k: v for k, v in LLAMA.items() if k != "vocab_size"})

    assert "vocab_size: not in the config; add what it would say" in doubts
    assert "vocabulary" not in text


def test_a_window_of_unknown_layers_is_told():
    _, doubts = converted(LLAMA | {"model_type": "unheard_of", "sliding_window": 4096})

    assert any(doubt.startswith("sliding_window: which layers slide") for doubt in doubts)


def test_an_unknown_quantization_is_told():
    _, doubts = converted(LLAMA | {"quantization_config": {"quant_method": "awq"}})

    assert any("awq" in doubt for doubt in doubts)


def test_text_is_quoted_and_folded_where_it_must_be(tmp_path):
    note = "a: b, " + "words " * 30
    text = model_text({"name": "A", "note": note.strip(), "of": {"value": "1,000 B", "note": "x"}})
    path = tmp_path / "text.yaml"
    path.write_text(text, encoding="utf-8")

    assert places.Document(path, "text.yaml").data == {
        "name": "A",
        "note": note.strip(),
        "of": {"value": "1,000 B", "note": "x"},
    }
    assert max(map(len, text.splitlines())) <= 100
