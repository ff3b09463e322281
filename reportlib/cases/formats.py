"""Weight formats: how checkpoints that a name stands for store each class of tensors.

`format_named("Q4_K_M")` is a Format: bytes per value of each class of tensors in
`bytes_per_value`, and in `math` the precision of the rates of a chip at which it multiplies
(`cases.peak_compute(chip, format.math)`). `cases.stored_weight_bytes(model, format)` is what the
file of a model takes, `cases.read_weight_bytes(model, format, tokens)` what a step over so many
tokens reads of it; both take *bits_per_weight* where the mean is known. `uniform(precision)` is
one precision throughout, as the report's sections assume: `format_named("fp8")` differs from
`uniform("fp8")`, because files keep embeddings, head, router and norms in BF16.

Names are those of checkpoints and files, whatever their case, hyphens and underscores; text in
brackets and the prefixes UD- and i1- of GGUF files do not count. What llama.cpp prints of Llama 2
and of Llama 3.1 8B comes out within 1 % [@llama-quantize-bits] [@llama-quantize-sizes], but for
Q2_K of 2023, which kept more. Left out: that one maker keeps other tensors back than the next under
the same name; biases and gains within attention and experts; blocks without a gate, whose matrix
outwards is half of them; and rows that blocks do not divide, for which files take wider types.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Literal, get_args

from reportlib.calculations.precision import BYTES_PER_VALUE, STORED_BYTES_PER_VALUE
from reportlib.params import Precision
from reportlib.units import Bytes, Count

TensorClass = Literal[
    "embedding",  # what is looked up; a table that is also the head counts as the head
    "head",
    "attention",  # with linear mixers
    "feed_forward",  # dense blocks
    "shared",  # experts that all tokens meet, and projections around the routed ones
    "routed",
    "router",
    "other",  # norms and residual streams
]
CLASSES: tuple[TensorClass, ...] = get_args(TensorClass)
MATRICES: tuple[TensorClass, ...] = ("attention", "feed_forward", "shared", "routed")


@dataclass(frozen=True, eq=False)
class Format:
    """How a checkpoint stores each class of tensors, and in what it multiplies."""

    name: str
    math: Precision
    bytes_per_value: Mapping[TensorClass, Bytes]

    def bytes_of(self, parameters: Mapping[TensorClass, Count]) -> Bytes:
        """Memory of *parameters* of each class."""
        return sum(self.bytes_per_value[kind] * count for kind, count in parameters.items())


@cache
def uniform(precision: Precision) -> Format:
    """All tensors in *precision*, and multiplied in it."""
    return Format(precision, precision, dict.fromkeys(CLASSES, BYTES_PER_VALUE[precision]))


def _checkpoint(
    name: str,
    math: Precision,
    stored: str,
    classes: tuple[TensorClass, ...] = MATRICES,
    **others: str,
) -> Format:
    """Return a format with *classes* in the type *stored*, *others* in theirs, the rest in BF16.

    Files of FP8, INT8, INT4 and NVFP4 take in the linear layers of blocks but neither head nor
    router [@llm-compressor-fp8] [@llm-compressor-nvfp4].
    """
    types = dict.fromkeys(CLASSES, "bf16") | dict.fromkeys(classes, stored) | others
    return Format(name, math, {kind: STORED_BYTES_PER_VALUE[types[kind]] for kind in CLASSES})


# Share of the attention that is the matrix of values or of outputs, where four heads share keys
# and values (as many keys as values, queries as outputs: 1 in 10 and 4 in 10), and share of a
# gated feed-forward block or expert that is its matrix outwards.
SHARES: Mapping[str, Count] = {"values": 1 / 10, "outputs": 4 / 10, "down": 1 / 3}

# Type of most tensors, then tensors that a share of layers keeps in another type
# [@llama-quantize]; use_more_bits() there is true for half of the layers. The types of output
# heads are below.
Mixture = tuple[str, Mapping[str, tuple[str, Count]]]
MIXTURES: Mapping[str, Mixture] = {
    "q2_k": ("q2_k", {"values": ("q4_k", 1), "outputs": ("q3_k", 1), "down": ("q3_k", 1)}),
    "q3_k_s": ("q3_k", {}),
    "q3_k_m": ("q3_k", {"values": ("q4_k", 1), "outputs": ("q4_k", 1), "down": ("q4_k", 1)}),
    "q3_k_l": ("q3_k", {"values": ("q5_k", 1), "outputs": ("q5_k", 1), "down": ("q5_k", 1)}),
    "q4_k_s": ("q4_k", {"values": ("q5_k", 1 / 8), "down": ("q5_k", 1 / 8)}),
    "q4_k_m": ("q4_k", {"values": ("q6_k", 1 / 2), "down": ("q6_k", 1 / 2)}),
    "q5_k_s": ("q5_k", {}),
    "q5_k_m": ("q5_k", {"values": ("q6_k", 1 / 2), "down": ("q6_k", 1 / 2)}),
    "q6_k": ("q6_k", {}),
    "iq4_xs": ("iq4_xs", {"values": ("q5_k", 1), "down": ("q5_k", 1 / 8)}),
    "iq4_nl": ("iq4_nl", {"values": ("q5_k", 1), "down": ("q5_k", 1 / 8)}),
    "q4_0": ("q4_0", {}),
    "q4_1": ("q4_1", {}),
    "q5_0": ("q5_0", {}),
    "q5_1": ("q5_1", {}),
    "q8_0": ("q8_0", {}),
}


def _gguf(name: str, base: str, more: Mapping[str, tuple[str, Count]]) -> Format:
    """Return the format of a GGUF file: mean bytes of the types that its tensors are in.

    The head, and an embedding tied to it, is Q6_K unless all is Q8_0; router and norms stay FP32
    [@llama-quantize].
    """
    stored = STORED_BYTES_PER_VALUE

    def mean(*tensors: str) -> Bytes:
        added = (
            SHARES[tensor] * layers * (stored[kind] - stored[base])
            for tensor, (kind, layers) in more.items()
            if tensor in tensors
        )
        return stored[base] + sum(added)

    return Format(
        name,
        "bf16",
        {
            "embedding": stored[base],
            "head": stored["q8_0" if base == "q8_0" else "q6_k"],
            "attention": mean("values", "outputs"),
            **dict.fromkeys(("feed_forward", "shared", "routed"), mean("down")),
            "router": stored["fp32"],
            "other": stored["fp32"],
        },
    )


FORMATS: Mapping[str, Format] = {
    known.name: known
    for known in (
        _checkpoint("bf16", "bf16", "bf16"),
        _checkpoint("fp8", "fp8", "fp8"),
        _checkpoint("fp8-blocks", "fp8", "fp8-blocks"),  # as DeepSeek-V3 [@deepseek-v3]
        _checkpoint("int8", "int8", "int8"),
        _checkpoint("w8a16", "bf16", "int8"),
        _checkpoint("int4", "bf16", "int4-g128"),
        _checkpoint("int4-g32", "bf16", "int4-g32"),
        _checkpoint("gptq", "bf16", "gptq-g128"),
        _checkpoint("nvfp4", "fp4", "nvfp4"),
        # As NVIDIA's DeepSeek-R1, called NVFP4, too [@tensorrt-llm-deepseek-r1-throughput].
        _checkpoint("nvfp4-mlp", "fp4", "nvfp4", ("feed_forward", "shared", "routed")),
        # As gpt-oss, for which BF16 activations are advised [@gpt-oss-readme].
        _checkpoint("mxfp4", "bf16", "mxfp4", ("routed",)),
        # As DeepSeek-V4 [@vllm-deepseek-v4].
        _checkpoint("mxfp4-fp8", "fp8", "fp8-blocks", routed="mxfp4"),
        # MXFP4_MOE of llama.cpp [@llama-quantize].
        _checkpoint(
            "mxfp4-gguf",
            "bf16",
            "q8_0",
            (*MATRICES, "embedding", "head"),
            routed="mxfp4",
            router="fp32",
            other="fp32",
        ),
        # MLX takes in every linear layer, routers too, and embeddings [@mlx-nn-quantize].
        *(
            _checkpoint(
                f"mlx-q{bits}{suffix}",
                "bf16",
                f"mlx-{bits}-g{group}",
                (*MATRICES, "embedding", "head", "router"),
            )
            for bits in (2, 3, 4, 5, 6, 8)
            for group, suffix in ((64, ""), (32, "-g32"), (128, "-g128"))
        ),
        *(_gguf(name, base, more) for name, (base, more) in MIXTURES.items()),
    )
}
ALIASES: Mapping[str, str] = {
    "bfloat16": "bf16",
    "fp16": "bf16",
    "f16": "bf16",
    "float16": "bf16",
    "half": "bf16",
    "e4m3": "fp8",
    "fp8-e4m3": "fp8",
    "float8": "fp8",
    "fp8-dynamic": "fp8",
    "w8a8-fp8": "fp8",
    "fp8-block": "fp8-blocks",
    "w8a8": "int8",
    "w8a8-int8": "int8",
    "int8-weight-only": "w8a16",
    "w4a16": "int4",
    "int4-g128": "int4",
    "awq": "gptq",
    "awq-int4": "gptq",
    "gptq-int4": "gptq",
    "fp4": "nvfp4",
    "nvfp4-moe": "nvfp4-mlp",
    "mxfp4-moe": "mxfp4-gguf",
    "gguf-mxfp4": "mxfp4-gguf",
    "q3_k": "q3_k_m",
    "q4_k": "q4_k_m",
    "q5_k": "q5_k_m",
    # Dynamic files keep other tensors back: those measured are larger by 1 to 14 %, and by 4 to
    # 25 % in 8 bits [@kyuz0-strix-halo]. Give bits_per_weight where the size is known.
    "q2_k_xl": "q2_k",
    "q3_k_xl": "q3_k_l",
    "q4_k_xl": "q4_k_m",
    "q5_k_xl": "q5_k_m",
    "q6_k_xl": "q6_k",
    "q8_k_xl": "q8_0",
    **{f"mlx-{bits}bit": f"mlx-q{bits}" for bits in (2, 3, 4, 5, 6, 8)},
}


def _key(text: str) -> str:
    """Return what counts in the name of a format: letters and digits."""
    plain = re.sub(r"\([^)]*\)", "", text.casefold()).strip()
    return re.sub(r"[^a-z0-9]", "", re.sub(r"^(ud|i1)[-_]", "", plain))


_KEYS = {_key(name): name for name in FORMATS} | {_key(a): name for a, name in ALIASES.items()}


def format_named(text: str) -> Format:
    """Weight format that checkpoints call *text*.

    Raises ValueError with the nearest name, and all of them, where there is none of this name.

    >>> format_named("UD-Q4_K_M").name, format_named("w4a16").math
    ('q4_k_m', 'bf16')
    """
    key = _key(text)
    if key not in _KEYS:
        near = get_close_matches(key, _KEYS, n=1, cutoff=0.5)
        hint = f"write {_KEYS[near[0]]}? " if near else ""
        msg = f"{text!r} is not a weight format ({hint}known: {', '.join(FORMATS)})"
        raise ValueError(msg)
    return FORMATS[_KEYS[key]]


def format_or_bits(text: str, bits_per_weight: Count | None) -> Format:
    """Weight format that checkpoints call *text*, or any format where the mean bits are known.

    Raises ValueError where neither tells.

    >>> format_or_bits("EXL2", bits_per_weight=4.25).name
    'bf16'
    """
    try:
        return format_named(text)
    except ValueError:
        if bits_per_weight is None:
            raise
        return uniform("bf16")
