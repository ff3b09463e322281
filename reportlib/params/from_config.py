"""A model file from the config.json that its makers publish on Hugging Face.

What a key does not say is not guessed: it is left out and told, for a person to look up.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from textwrap import wrap
from typing import Any

WIDTH = 100  # columns of a line
KEY_BYTES_DSA = 4  # of scale for each 128 values of an index key, which are FP8
KEY_VALUES_A_SCALE = 128

# Keys that do not change what a decoder stores, reads or multiplies.
IGNORED_PARTS = (
    "rope", "rotary", "token_i", "dropout", "initializer", "dtype", "version", "_eps", "epsilon",
    "aux_loss", "vision", "image", "video", "audio", "softcap", "alpha", "beta", "scal", "nextn",
    "mtp", "jitter",
)  # fmt: skip
IGNORED = {
    "activation", "architectures", "attention_value_scale", "auto_map", "cache_implementation",
    "chunk_size", "eh_proj", "ep_size", "expand", "expert_dtype", "hc_sinkhorn_iters", "hidden_act",
    "hidden_activation", "id2label", "label2id", "latent_moe_use_norm", "mamba_hidden_act",
    "max_window_layers", "model_type", "moe_renormalize", "moe_router_activation_func", "n_group",
    "name_or_path", "norm_topk_prob", "num_expert_group", "num_hash_layers", "num_logits_to_keep",
    "output_attentions", "output_hidden_states", "output_router_logits", "qk_head_dim",
    "qk_norm_type", "query_pre_attn_scalar", "residual_in_fp32", "return_dict", "scoring_func",
    "swiglu_limit", "text_config", "time_step_floor", "time_step_limit", "time_step_max",
    "time_step_min", "topk_group", "topk_method", "transformers", "use_bidirectional_attention",
    "use_cache", "use_gemma_norm", "use_mamba_kernels", "use_routing_bias", "_name_or_path",
    "original_max_position_embeddings", "problem_type", "is_encoder_decoder", "seq_aux",
    "pretraining_tp", "embd_pdrop", "resid_pdrop", "mamba_ssm_cache_dtype", "index_topk_pattern",
    "index_share_for_mtp_iteration",
}  # fmt: skip
FAMILIES = (  # whose configs were tried
    "deepseek", "gemma", "glm", "gpt_oss", "kimi", "llama", "mimo", "minimax", "mistral", "mixtral",
    "nemotron", "phi", "qwen", "step",
)  # fmt: skip
NORMED = ("qwen3", "gemma3", "gemma4")  # families whose queries and keys always have norms
FOUR_NORMS = ("gemma2", "gemma3", "gemma4")
PRECISIONS = {"fp8": "fp8", "mxfp4": "fp4"}


class _Config:
    """A config.json, what was read of it, and what could not be."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Take the text part of a multimodal config over its own keys."""
        text = config.get("text_config")
        self.data = dict(config) | (dict(text) if isinstance(text, Mapping) else {})
        self.family = str(self.data.get("model_type", ""))
        self.seen: set[str] = set()
        self.doubts: list[str] = []

    def get(self, *names: str) -> Any:
        """Return the first of *names* that has a value; all of them count as read."""
        self.seen.update(names)
        return next((self.data[n] for n in names if self.data.get(n) is not None), None)

    def need(self, *names: str) -> Any:
        """Return the first of *names* that has a value, or report that none has."""
        value = self.get(*names)
        if value is None:
            self.doubts.append(f"{names[0]}: not in the config; add what it would say")
        return value

    def flag(self, *names: str) -> bool:
        """Return whether the first of *names* that is there is true."""
        return bool(self.get(*names))

    def unread(self) -> list[str]:
        """Return the keys with a value that nobody read and that may matter."""
        return sorted(
            key
            for key, value in self.data.items()
            if key not in self.seen | IGNORED
            and value not in (None, False, [], {}, 0)
            and not any(part in key for part in IGNORED_PARTS)
        )


def model_from_config(
    config: dict[str, Any], *, name: str, developer: str, source: str
) -> tuple[str, list[str]]:
    """Return the text of a model file, and in plain words what the config does not say.

    *source* is the key of the config in ``params/sources.yaml``.
    """
    of = _Config(config)
    if not of.family.startswith(FAMILIES):
        assumed = "gated blocks without biases and full attention are assumed"
        of.doubts.append(f"model_type {of.family or '(none)'}: not known here; {assumed}")
    mixers = _mixers(of)
    architecture: dict[str, Any] = {
        "source": source,
        "layers": _layers(of),
        "hidden_size": of.need("hidden_size"),
        "vocabulary": of.need("vocab_size"),
        "tied_embeddings": _tied(of) or None,
        "norms_per_layer": _norms_per_layer(of),
        "residual_streams": of.get("hc_mult"),
        "attention": mixers[0] if len(mixers) == 1 else mixers,
        **_blocks(of),
        "context_length": of.need("max_position_embeddings"),
    }
    if len(mixers) == 1:
        mixers[0].pop("layers", None)
    model = {
        "name": name,
        "developer": developer,
        "architecture": {k: v for k, v in architecture.items() if v is not None},
        "native_precision": _precision(of),
    }
    of.doubts += [f"{key}: not known here; does it change a dimension?" for key in of.unread()]
    of.doubts.append("parameters, released: not in a config; add what the makers state")
    return model_text({k: v for k, v in model.items() if v is not None}), of.doubts


def _layers(of: _Config) -> Any:
    kinds = of.get("layers_block_type")
    return of.get("num_hidden_layers") or (len(kinds) if kinds else of.need("num_hidden_layers"))


def _tied(of: _Config) -> bool:
    tied = of.get("tie_word_embeddings")
    return of.family.startswith("gemma") if tied is None else bool(tied)


def _norms_per_layer(of: _Config) -> int | None:
    if of.get("hybrid_override_pattern", "layers_block_type"):
        return 1  # a layer is a mixer or a block, each after one norm
    if of.flag("enable_moe_block"):
        return 7  # Gemma 4: both blocks have their own, and share two
    if of.get("attn_res_block_size"):
        return 6  # two norms, and a norm and a weight a channel for each of two residuals
    return 4 if of.family.startswith(FOUR_NORMS) else None


def _precision(of: _Config) -> str | None:
    quantization = of.get("quantization_config") or {}
    method = quantization.get("quant_method")
    if of.get("expert_dtype") == "fp4":
        return "fp4"
    if method and method not in PRECISIONS:
        of.doubts.append(f"quantization_config: {method} is not known here; add native_precision")
    return PRECISIONS.get(str(method))


# Mixers


def _mixers(of: _Config) -> list[dict[str, Any]]:
    """Return the groups of layers that mix alike, those of most layers last."""
    if of.get("compress_ratios"):
        return _compressed(of)
    if of.get("hybrid_override_pattern", "layers_block_type"):
        return _hybrid(of)
    if of.get("kv_lora_rank"):
        return _latent(of)
    return _grouped_layers(of, list(of.get("layer_types") or []))


def _grouped_layers(of: _Config, kinds: list[str]) -> list[dict[str, Any]]:
    """Return layers of grouped-query attention, and others between them."""
    every = of.get("full_attention_interval")
    if not kinds and every and of.get("linear_num_value_heads"):
        layers = _layers(of) or 0
        kinds = [
            "full_attention" if (n + 1) % every == 0 else "linear_attention" for n in range(layers)
        ]
    if "linear_attention" in kinds:
        return _counted(
            (kinds.count("full_attention"), _grouped(of)),
            (kinds.count("linear_attention"), _delta_net(of)),
        )
    pattern = of.get("attn_type_list")
    if pattern:  # MiniMax-Text-01: 1 is softmax, 0 is lightning
        lightning = {
            "kind": "lightning",
            "heads": of.need("num_attention_heads"),
            "head_dim": _head_dim(of),
        }
        return _counted((sum(map(bool, pattern)), _grouped(of)), (pattern.count(0), lightning))
    if of.get("sparse_attention_config"):
        return _block_sparse(of)
    return _sliding(of, kinds)


def _counted(*groups: tuple[int, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"layers": layers, **group} for layers, group in groups if layers]


def _head_dim(of: _Config) -> Any:
    given, hidden, heads = of.get("head_dim"), of.get("hidden_size"), of.get("num_attention_heads")
    return given or (hidden // heads if hidden and heads else of.need("head_dim"))


def _grouped(of: _Config, **other: Any) -> dict[str, Any]:
    """Return grouped-query attention; *other* dimensions go before those of the config."""
    heads = of.need("num_attention_heads")
    own = {
        "kind": "gqa",
        "heads": heads,
        "kv_heads": of.get("num_key_value_heads", "num_attention_groups") or heads,
        "head_dim": _head_dim(of),
        "value_head_dim": of.get("v_head_dim"),
        "biases": _biases(of),
        "norms": _has_norms(of) or None,
        "sinks": True if of.family == "gpt_oss" else None,
        "gate": _gate(of),
    }
    mixed = own | {key: value for key, value in other.items() if value is not None}
    if mixed["value_head_dim"] == mixed["head_dim"]:
        mixed["value_head_dim"] = None
    return {key: value for key, value in mixed.items() if value is not None}


def _biases(of: _Config) -> str | None:
    if of.family in {"qwen2", "qwen2_moe"}:
        return "qkv"
    if not of.flag("attention_bias", "qkv_bias"):
        return None
    return "qkv" if of.family.startswith("glm") else "all"


def _has_norms(of: _Config) -> bool:
    used = of.flag("use_qk_norm")  # Llama 4's have no gains
    return of.family.startswith(NORMED) or (used and not of.family.startswith("llama4"))


def _gate(of: _Config) -> str | None:
    if of.flag("use_head_wise_attn_gate"):
        return "head"
    return "value" if of.flag("attn_output_gate") or of.family == "qwen3_next" else None


def _sliding(of: _Config, kinds: list[str]) -> list[dict[str, Any]]:
    """Return grouped-query attention, full and of a sliding window."""
    layers = _layers(of) or 0
    window = of.get("sliding_window", "sliding_window_size", "attention_chunk_size")
    if of.get("use_sliding_window") is False:
        window = None
    slide = _sliding_layers(of, kinds, layers) if window else 0
    if slide is None:
        of.doubts.append("sliding_window: which layers slide is not in the config; split attention")
        slide = 0
    full: dict[str, Any] = {}
    other: dict[str, Any] = {}
    if of.get("swa_num_key_value_heads"):  # MiMo
        other = {
            "heads": of.get("swa_num_attention_heads"),
            "kv_heads": of.get("swa_num_key_value_heads"),
            "head_dim": of.get("swa_head_dim"),
            "value_head_dim": of.get("swa_v_head_dim"),
            "sinks": of.flag("add_swa_attention_sink_bias") or None,
        }
        full = {"sinks": of.flag("add_full_attention_sink_bias") or None}
    setting = of.get("attention_other_setting")
    if setting:  # Step
        other = {
            "heads": setting.get("num_attention_heads"),
            "kv_heads": setting.get("num_attention_groups"),
            "head_dim": setting.get("head_dim"),
        }
    if of.get("global_head_dim"):  # Gemma 4
        full = {
            "kv_heads": of.get("num_global_key_value_heads"),
            "head_dim": of.get("global_head_dim"),
            "keys_as_values": of.flag("attention_k_eq_v") or None,
        }
    return _counted(
        (layers - slide, _grouped(of, **full)), (slide, _grouped(of, **other, window=window))
    )


def _sliding_layers(of: _Config, kinds: list[str], layers: int) -> int | None:
    """Return how many layers slide; None where the config does not say."""
    marks = of.get("hybrid_layer_pattern") or of.get("no_rope_layers")
    every = of.get("sliding_window_pattern", "_sliding_window_pattern", "no_rope_layer_interval")
    if kinds:
        return sum(kind != "full_attention" for kind in kinds[:layers])
    if marks:
        return sum(map(bool, marks[:layers]))
    if every:
        return layers - layers // int(every)
    if of.family.startswith("llama4"):
        return layers - layers // 4  # the default of its code: every fourth looks back at all
    if of.family in {"gemma2", "gpt_oss"}:
        return layers // 2  # they alternate
    return layers if of.family in {"mistral", "mixtral", "phi3", "qwen2", "qwen3"} else None


def _latent(of: _Config) -> list[dict[str, Any]]:
    own = {
        "kind": "mla",
        "heads": of.need("num_attention_heads"),
        "query_rank": of.get("q_lora_rank"),
        "kv_rank": of.get("kv_lora_rank"),
        "nope_head_dim": of.need("qk_nope_head_dim"),
        "rope_head_dim": of.need("qk_rope_head_dim"),
        "value_head_dim": of.need("v_head_dim"),
        "gate": of.flag("mla_use_output_gate") or None,
    }
    of.get("num_key_value_heads", "head_dim", "mla_use_nope")  # said by the ranks
    own = {key: value for key, value in own.items() if value is not None}
    layers = _layers(of) or 0
    linear = of.get("linear_attn_config")
    if linear:
        kda = {
            "kind": "kda",
            "heads": linear["num_heads"],
            "head_dim": linear["head_dim"],
            "convolution": linear["short_conv_kernel_size"],
            "gate_rank": None if linear.get("use_full_rank_gate") else linear["head_dim"],
        }
        kda = {key: value for key, value in kda.items() if value is not None}
        linear_layers = len(linear["kda_layers"])
        return _counted((layers - linear_layers, own), (linear_layers, kda))
    top_k = of.get("index_topk")
    if not top_k:
        return _counted((layers, own))
    index = {"top_k": top_k, **_index_keys(of)}
    asking = _indexed_layers(of, layers)
    return _counted(
        (asking, {**own, "index": index}), (layers - asking, {**own, "index": {"top_k": top_k}})
    )


def _index_keys(of: _Config) -> dict[str, Any]:
    """Return the keys of DeepSeek's index, which its kernels keep in FP8 with a scale."""
    head_dim = of.need("index_head_dim") or 0
    scales = KEY_BYTES_DSA * -(-head_dim // KEY_VALUES_A_SCALE)
    of.doubts.append("index.key_bytes: not in the config; FP8 keys with FP32 scales assumed")
    return {
        "heads": of.need("index_n_heads"),
        "head_dim": head_dim,
        "key_bytes": head_dim + scales,
    }


def _indexed_layers(of: _Config, layers: int) -> int:
    """Return how many layers have an index of their own."""
    kinds, every = of.get("indexer_types"), of.get("index_topk_freq") or 1
    offset = of.get("index_skip_topk_offset") or 1
    if kinds:
        return list(kinds[:layers]).count("full")
    return sum(max(layer - offset + 1, 0) % every == 0 for layer in range(layers))


def _block_sparse(of: _Config) -> list[dict[str, Any]]:
    """Return MiniMax-M3's attention, in which some layers choose blocks of tokens."""
    layers, sparse = _layers(of) or 0, of.get("sparse_attention_config")
    choosing = sum(map(bool, (sparse.get("sparse_attention_freq") or [])[:layers]))
    if not choosing:
        of.doubts.append("sparse_attention_config: no layer of it is sparse; check")
    head_dim = sparse["sparse_index_dim"]
    index = {
        "top_k": sparse["sparse_topk_blocks"] * sparse["sparse_block_size"],
        "heads": sparse["sparse_num_index_heads"],
        "head_dim": head_dim,
        "key_bytes": 2 * head_dim,
    }
    of.doubts.append("index.key_bytes: not in the config; BF16 keys assumed")
    return _counted((layers - choosing, _grouped(of)), (choosing, {**_grouped(of), "index": index}))


def _compressed(of: _Config) -> list[dict[str, Any]]:
    own = {
        "kind": "compressed",
        "heads": of.need("num_attention_heads"),
        "head_dim": of.need("head_dim"),
        "query_rank": of.need("q_lora_rank"),
        "output_groups": of.need("o_groups"),
        "output_rank": of.need("o_lora_rank"),
        "window": of.need("sliding_window"),
    }
    of.get("num_key_value_heads")
    index = {"top_k": of.need("index_topk"), **_index_keys(of)}
    ratios = Counter(of.get("compress_ratios")[: _layers(of)])  # the last are for prediction
    groups = []
    for ratio, layers in sorted(ratios.items(), reverse=True):
        group = {**own, **({"ratio": ratio} if ratio else {})}
        if ratio == 4:  # noqa: PLR2004 - the only ratio at which DeepSeek-V4 chooses
            group["index"] = index
        groups.append((layers, group))
    return _counted(*groups)


def _delta_net(of: _Config) -> dict[str, Any]:
    return {
        "kind": "gated-delta-net",
        "key_heads": of.need("linear_num_key_heads"),
        "key_head_dim": of.need("linear_key_head_dim"),
        "value_heads": of.need("linear_num_value_heads"),
        "value_head_dim": of.need("linear_value_head_dim"),
        "convolution": of.need("linear_conv_kernel_dim"),
    }


SYMBOLS = {
    "M": "mamba", "E": "moe", "*": "attention", "-": "mlp",
    "linear_attention": "mamba", "full_attention": "attention",
}  # fmt: skip


def _hybrid_layers(of: _Config) -> Counter[str]:
    """Count the layers of each kind of Nemotron-H."""
    kinds = of.get("layers_block_type") or of.get("hybrid_override_pattern")
    return Counter(SYMBOLS.get(kind, kind) for kind in kinds)


def _hybrid(of: _Config) -> list[dict[str, Any]]:
    layers = _hybrid_layers(of)
    mamba = {
        "kind": "mamba2",
        "heads": of.need("mamba_num_heads"),
        "head_dim": of.need("mamba_head_dim"),
        "state_size": of.need("ssm_state_size"),
        "groups": of.need("n_groups"),
        "convolution": of.need("conv_kernel"),
    }
    of.get("use_conv_bias", "mamba_proj_bias", "use_bias", "mlp_bias", "norm_before_gate")
    return _counted((layers["attention"], _grouped(of)), (layers["mamba"], mamba))


# Blocks


def _blocks(of: _Config) -> dict[str, Any]:
    """Return feed_forward and experts, with the number of their layers where they share."""
    layers = _layers(of) or 0
    experts = _experts(of)
    sizes = ("dense_intermediate_size", "intermediate_size_mlp", "intermediate_size")
    size = of.get(*sizes)
    ungated = of.get("mlp_hidden_act") == "relu2" or None
    dense = {"size": size, "gated": False if ungated else None}
    dense = {key: value for key, value in dense.items() if value is not None}
    if not experts:
        if size is None:
            of.need("intermediate_size")
        return {"feed_forward": dense}
    if of.get("hybrid_override_pattern", "layers_block_type"):
        kinds = _hybrid_layers(of)
        blocks = {"experts": {"layers": kinds["moe"], **experts}}
        return blocks | (
            {"feed_forward": {"layers": kinds["mlp"], **dense}} if kinds["mlp"] else {}
        )
    if of.flag("enable_moe_block"):
        return {
            "feed_forward": {"layers": layers, **dense},
            "experts": {"layers": layers, **experts},
        }
    dense_layers = _dense_layers(of, layers)
    if not dense_layers:
        return {"experts": experts}
    return {"feed_forward": {"layers": dense_layers, **dense}, "experts": experts}


def _experts(of: _Config) -> dict[str, Any]:
    count = of.get("n_routed_experts", "num_local_experts", "num_experts", "moe_num_experts")
    if not count:
        return {}
    size = of.get("moe_intermediate_size") or of.need("intermediate_size")
    shared_size = of.get(
        "moe_shared_expert_intermediate_size", "shared_expert_intermediate_size",
        "share_expert_dim", "shared_intermediate_size",
    )  # fmt: skip
    shared = of.get("n_shared_experts", "num_shared_experts") or int(bool(shared_size))
    if of.family.startswith("llama4"):
        shared = 1  # its code always has one
    active = ("num_experts_per_tok", "num_experts_per_token", "moe_top_k", "top_k_experts")
    experts = {
        "count": count,
        "active": of.need(*active),
        "size": size,
        "gated": False if of.get("mlp_hidden_act") == "relu2" else None,
        "hidden_size": of.get("routed_expert_hidden_size", "moe_latent_size"),
        "shared": shared or None,
        "shared_size": shared_size if shared and shared_size != size else None,
        "biases": True if of.family == "gpt_oss" else None,
        "router_bias": _router_bias(of) or None,
    }
    return {key: value for key, value in experts.items() if value is not None}


def _router_bias(of: _Config) -> bool:
    return (
        of.get("topk_method") == "noaux_tc"
        or of.flag("use_routing_bias", "use_moe_router_bias")
        or of.family.startswith(("gpt_oss", "glm", "kimi", "nemotron"))
    )


def _dense_layers(of: _Config, layers: int) -> int:
    """Return how many layers have a dense block in place of experts."""
    kinds, marks = of.get("mlp_layer_types"), of.get("moe_layer_freq")
    enumerated, every = of.get("moe_layers_enum"), of.get("interleave_moe_layer_step")
    only, step = of.get("mlp_only_layers"), of.get("decoder_sparse_step") or 1
    first = of.get("first_k_dense_replace") or 0
    if kinds:
        return list(kinds[:layers]).count("dense")
    if isinstance(marks, list):
        return sum(not mark for mark in marks[:layers])
    if enumerated:
        return layers - len(str(enumerated).split(","))
    if every:
        return layers - layers // int(every)
    return int(first) + len(only or []) + (layers - layers // int(step))


# Text


def model_text(model: Mapping[str, Any]) -> str:
    """Return *model* as the text of a file under ``params/models``.

    >>> print(model_text({"name": "A", "attention": {"kind": "gqa", "heads": 8}}), end="")
    name: A
    attention: {kind: gqa, heads: 8}
    """
    return "".join(f"{line}\n" for line in _lines(model, 0, top=True))


def _lines(fields: Mapping[str, Any], indent: int, *, top: bool = False) -> Iterable[str]:
    pad = " " * indent
    for key, value in fields.items():
        whole = f"{pad}{key}: {_flow(value)}"
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield f"{pad}{key}:"
            for item in value:
                yield from _item(item, indent + 2)
        elif isinstance(value, Mapping) and (
            len(whole) > WIDTH or (top and key == "architecture") or not _fits_flow(value)
        ):
            yield f"{pad}{key}:"
            yield from _lines(value, indent + 2)
        elif isinstance(value, str) and len(whole) > WIDTH:
            yield f"{pad}{key}: >-"
            text = wrap(value, WIDTH - indent - 2, break_long_words=False, break_on_hyphens=False)
            yield from (f"{pad}  {line}" for line in text)
        else:
            yield whole


def _item(item: Mapping[str, Any], indent: int) -> Iterable[str]:
    pad = " " * indent
    line = f"{pad}- {_flow(item)}"
    if len(line) <= WIDTH and _fits_flow(item):
        yield line
        return
    first, *rest = _lines(item, indent + 2)
    yield f"{pad}- {first.lstrip()}"
    yield from rest


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(child)}" for key, child in value.items()) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    marked = text[:1] in "\"'&*#@`%[{!|>?-" or ": " in text or " #" in text or text.endswith(":")
    return json.dumps(text, ensure_ascii=False) if marked or not text else text


def _fits_flow(value: Mapping[str, Any]) -> bool:
    """Return whether nothing in *value* would have to be quoted between braces."""
    texts = [child for child in value.values() if isinstance(child, str)]
    inner = [child for child in value.values() if isinstance(child, Mapping)]
    return not any(c in text for text in texts for c in ",[]{}") and all(map(_fits_flow, inner))
