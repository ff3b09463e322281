"""What a number costs in memory, by the format that it is stored in, scales included.

Left out: scales of a whole tensor or of a channel, which are below a thousandth, and that a model
named by its format is rarely stored in it throughout: embeddings, norms and routers, often
attention too, stay in BF16. Callers who know the parts of a model cost them one by one.
"""

from collections.abc import Mapping

from reportlib.units import Bytes

BITS_PER_BYTE = 8
MXFP4_BLOCK = 32  # values that share one scale of 8 bits [@ocp-mx]
NVFP4_BLOCK = 16  # values that share one scale of 8 bits [@nvidia-nvfp4]
FP8_BLOCK = 128 * 128  # values that share one scale of 32 bits [@deepseek-v3]

BYTES_PER_VALUE: Mapping[str, Bytes] = {
    "bf16": 2,
    "fp8": 1,
    "int8": 1,
    "fp4": (4 + 8 / MXFP4_BLOCK) / BITS_PER_BYTE,  # 0.53125
}
"""Bytes per weight or cached value of each precision; "fp4" is MXFP4."""

STORED_BYTES_PER_VALUE: Mapping[str, Bytes] = {
    "fp32": 4,
    "bf16": 2,  # and FP16
    "fp8": 1,
    "fp8-blocks": 1 + 4 / FP8_BLOCK,
    "int8": 1,
    "mxfp4": BYTES_PER_VALUE["fp4"],
    "nvfp4": (4 + 8 / NVFP4_BLOCK) / BITS_PER_BYTE,
    # Integers in groups along a row, each with a scale of 16 bits; in files of GPTQ and AWQ also
    # with a zero point of 4 [@gptq-layout], in those of MLX with a bias of 16 [@mlx-quantize].
    "int4-g128": (4 + 16 / 128) / BITS_PER_BYTE,
    "int4-g32": (4 + 16 / 32) / BITS_PER_BYTE,
    "gptq-g128": (4 + (16 + 4) / 128) / BITS_PER_BYTE,
    **{
        f"mlx-{bits}-g{group}": (bits + (16 + 16) / group) / BITS_PER_BYTE
        for bits in (2, 3, 4, 5, 6, 8)
        for group in (32, 64, 128)
    },
    # Blocks of GGUF files: bytes of a block over the values in it [@ggml-blocks].
    "q4_0": 18 / 32,
    "q4_1": 20 / 32,
    "q5_0": 22 / 32,
    "q5_1": 24 / 32,
    "q8_0": 34 / 32,
    "iq4_nl": 18 / 32,
    "q2_k": 84 / 256,
    "q3_k": 110 / 256,
    "q4_k": 144 / 256,
    "q5_k": 176 / 256,
    "q6_k": 210 / 256,
    "iq4_xs": 136 / 256,
}
"""Bytes per weight in each way of storing it."""
