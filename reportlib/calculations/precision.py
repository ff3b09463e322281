"""What a number costs in memory, by the format that it is stored in.

Left out: the scales of FP8 and INT8, which are per tensor or per block of some 128 by 128 weights
and so below a thousandth [@deepseek-v3], and that a model named by its format is rarely stored
in it throughout: embeddings, norms and routers, often attention too, stay in BF16. Callers who
know the parts of a model cost them one by one.
"""

from collections.abc import Mapping

from reportlib.units import Bytes

BITS_PER_BYTE = 8
MXFP4_BLOCK = 32  # values that share one scale of 8 bits [@ocp-mx]

BYTES_PER_VALUE: Mapping[str, Bytes] = {
    "bf16": 2,
    "fp8": 1,
    "int8": 1,
    "fp4": (4 + 8 / MXFP4_BLOCK) / BITS_PER_BYTE,  # 0.53125
}
"""Bytes per weight or cached value of each precision; "fp4" is MXFP4."""
