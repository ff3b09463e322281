"""A model on a chip: records in, arguments and results of the calculations out.

The one place where the fields of a record meet the arguments of a formula. Context lengths and
batch sizes may be arrays; a quantity that the records do not have is NaN and stays NaN.
"""

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
    "KV_PRECISION",
    "WIDER",
    "LayerGroup",
    "Parameters",
    "Step",
    "attention_flop",
    "chips_needed",
    "critical_context_length",
    "flop_per_token",
    "keeps_weights_on_chip",
    "kv_cache_bytes",
    "kv_cache_growth",
    "kv_read_bytes",
    "layer_groups",
    "parameters",
    "peak_compute",
    "reference_chip",
    "step",
    "weight_bytes",
]
