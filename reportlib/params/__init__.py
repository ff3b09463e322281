"""The numbers we did not compute, each with the place it came from."""

from reportlib.params.load import DEFAULT_ROOT, Params, load, problem
from reportlib.params.places import ParamsError, Problem
from reportlib.params.records import (
    Architecture,
    Chip,
    Cited,
    Claim,
    Claims,
    Model,
    Precision,
    Reading,
    Report,
    Source,
    numbers,
)

__all__ = [
    "DEFAULT_ROOT",
    "Architecture",
    "Chip",
    "Cited",
    "Claim",
    "Claims",
    "Model",
    "Params",
    "ParamsError",
    "Precision",
    "Problem",
    "Reading",
    "Report",
    "Source",
    "load",
    "numbers",
    "problem",
]
