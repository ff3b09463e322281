"""Tables of the method: every calculation of the report, as its own code describes it."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, get_type_hints

import pandas as pd

from reportlib import calculations
from reportlib.units import Unit

CITATION = re.compile(r" ?\[@([a-z0-9.-]+)[^\]]*\]")
EMPHASIS = re.compile(r"\*(\w+)\*")  # of an argument, in docstrings


def modules() -> Iterator[ModuleType]:
    """Yield the modules of calculations that have any."""
    for found in pkgutil.iter_modules(calculations.__path__):
        module = importlib.import_module(f"{calculations.__name__}.{found.name}")
        if _functions(module):
            yield module


def formulas() -> pd.DataFrame:
    """Every calculation: its name, what it is, the unit of its result and the sources it names."""
    rows = [
        {
            "name": f"`{module.__name__.rpartition('.')[2]}.{name}`",
            "what": EMPHASIS.sub(r"\1", CITATION.sub("", _first_line(function))),
            "unit": _unit(function),
            "source": " ".join(f"[@{key}]" for key in _sources(function)),
        }
        for module in modules()
        for name, function in _functions(module).items()
    ]
    return pd.DataFrame(rows)


def _functions(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the public functions that *module* defines, in their order."""
    return {
        name: function
        for name, function in vars(module).items()
        if inspect.isfunction(function)
        and function.__module__ == module.__name__
        and not name.startswith("_")
    }


def _first_line(of: Any) -> str:
    return (inspect.getdoc(of) or "").partition("\n")[0]


def _sources(of: Any) -> list[str]:
    """Return the keys of the sources that the documentation of *of* cites, each once."""
    return list(dict.fromkeys(CITATION.findall(inspect.getdoc(of) or "")))


def _unit(function: Callable[..., Any]) -> str:
    """Return the unit of what *function* returns; a plain number has none."""
    result = get_type_hints(function, include_extras=True)["return"]
    symbols = [unit.symbol for unit in result.__metadata__ if isinstance(unit, Unit)]
    return symbols[0] or "number"
