"""The numbers we did not compute, each with the place it came from."""

from reportlib.params.architecture import Architecture
from reportlib.params.evidence import MarketPoint, Measurement, MemoryTechnology
from reportlib.params.load import DEFAULT_ROOT, Params, default_root, load, problem
from reportlib.params.places import ParamsError, Problem
from reportlib.params.readings import Cited, Reading, Source, numbers
from reportlib.params.records import Chip, Claim, Claims, Model, Precision, Report
from reportlib.params.scenarios import Scenario, Scenarios
from reportlib.params.supply import Supply

__all__ = [
    "DEFAULT_ROOT",
    "Architecture",
    "Chip",
    "Cited",
    "Claim",
    "Claims",
    "MarketPoint",
    "Measurement",
    "MemoryTechnology",
    "Model",
    "Params",
    "ParamsError",
    "Precision",
    "Problem",
    "Reading",
    "Report",
    "Scenario",
    "Scenarios",
    "Source",
    "Supply",
    "default_root",
    "load",
    "numbers",
    "problem",
]
