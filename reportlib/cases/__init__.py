"""A model on a chip: records in, arguments and results of the calculations out.

The one place where the fields of a record meet the arguments of a formula. Context lengths and
batch sizes may be arrays; a quantity that the records do not have is NaN and stays NaN.
"""

from reportlib.cases.formats import FORMATS, Format, TensorClass, format_named, uniform
from reportlib.cases.models import (
    KV_PRECISION,
    LayerGroup,
    Parameters,
    attention_flop,
    flop_per_token,
    kv_cache_bytes,
    kv_cache_growth,
    kv_read_bytes,
    layer_groups,
    parameters,
    read_weight_bytes,
    stored_weight_bytes,
    weight_bytes,
)
from reportlib.cases.steps import (
    WIDER,
    Step,
    chips_needed,
    critical_context_length,
    keeps_weights_on_chip,
    peak_compute,
    reference_chip,
    step,
)

__all__ = [
    "FORMATS",
    "KV_PRECISION",
    "WIDER",
    "Format",
    "LayerGroup",
    "Parameters",
    "Step",
    "TensorClass",
    "attention_flop",
    "chips_needed",
    "critical_context_length",
    "flop_per_token",
    "format_named",
    "keeps_weights_on_chip",
    "kv_cache_bytes",
    "kv_cache_growth",
    "kv_read_bytes",
    "layer_groups",
    "parameters",
    "peak_compute",
    "read_weight_bytes",
    "reference_chip",
    "step",
    "stored_weight_bytes",
    "uniform",
    "weight_bytes",
]
