"""The parameters of sections: what a notebook declares, and what params give it."""

import ast
import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Gt, Le
from pydantic import FiniteFloat, PositiveInt, TypeAdapter, ValidationError

from reportlib.params import Precision, Report

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
Number = Annotated[FiniteFloat, Gt(0)]  # sections are told of quantities, and none may be 0
TYPES = {
    "str": str, "int": PositiveInt, "float": Number, "bool": bool,
    "list[str]": list[str], "list[int]": list[PositiveInt], "list[float]": list[Number],
}  # fmt: skip
SPECIAL = {"precision": Precision, "usable_share": Annotated[FiniteFloat, Gt(0), Le(1)]}


def parameters(report: Report, section: str) -> dict[str, Any]:
    """Return what *section* is run with: what *report* gives it, and else its notebook's own."""
    given = report.sections[section] or {}
    found = {}
    for name, (kind, default) in _declared(section).items():
        text = given.get(name, default)
        of_type: Any = SPECIAL.get(name) or TYPES[kind]
        try:
            found[name] = TypeAdapter(of_type).validate_python(text)
        except ValidationError:
            msg = f"report.yaml: sections.{section}.{name}: {text!r} is not {kind}"
            raise ValueError(msg) from None
    return found


@cache
def _declared(section: str) -> dict[str, tuple[str, Any]]:
    """Return the type and the default of each parameter of a notebook."""
    text = (NOTEBOOKS / f"{section}.ipynb").read_text(encoding="utf-8")
    cells = [c for c in json.loads(text)["cells"] if "parameters" in c["metadata"].get("tags", [])]
    lines = (line for cell in cells for line in ast.parse("".join(cell["source"])).body)
    return {
        line.target.id: (ast.unparse(line.annotation), ast.literal_eval(line.value))
        for line in lines
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value
    }
