"""Formulas of named inputs, as Vega writes them: what a page computes is what Python computes.

Our calculations are plain arithmetic, so they take an Expression where they take a number, and
return one that a chart evaluates in the reader's browser. Nothing is simplified: two numbers are
calculated by Python, anything else is written down.
"""

import json
import math
import operator
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from reportlib.exhibits import words
from reportlib.units import show

LARGE = 100  # from which on words.count prints whole numbers
LONG = 999.5  # seconds, from which on units.show has no prefix
FORMS: Mapping[Any, str] = {
    np.add: "({} + {})",
    np.subtract: "({} - {})",
    np.multiply: "({} * {})",
    np.divide: "({} / {})",
    np.power: "pow({}, {})",
    np.minimum: "min({}, {})",
    np.maximum: "max({}, {})",
    np.floor: "floor({})",
    np.ceil: "ceil({})",
    np.log2: "(log({}) / LN2)",
    np.isnan: "isNaN({})",
    np.less: "({} < {})",
    np.less_equal: "({} <= {})",
    np.greater: "({} > {})",
    np.greater_equal: "({} >= {})",
    np.equal: "({} == {})",
}


class Expression(np.lib.mixins.NDArrayOperatorsMixin):
    """A formula of Vega's, from the text of it.

    >>> (np.maximum(Expression("a"), 2) / 4 >= Expression("b")).text
    '((max(a, 2) / 4) >= b)'
    """

    def __init__(self, text: str) -> None:
        """Take *text* for a formula or for the name of an input."""
        self.text = text

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **_: Any) -> Any:
        """Write down what NumPy would calculate; what has no form raises TypeError."""
        if method != "__call__" or ufunc not in FORMS:
            return NotImplemented
        return Expression(FORMS[ufunc].format(*map(written, inputs)))

    def __bool__(self) -> bool:
        """Refuse to branch: what holds is known in the browser only (see choose)."""
        msg = f"whether {self.text} holds depends on its inputs"
        raise TypeError(msg)


def written(value: Any) -> str:
    """Return a number, a text or an Expression as Vega reads it.

    >>> written(2.5), written("a"), written(float("inf")), written([1, Expression("a")])
    ('2.5', '"a"', '(1 / 0)', '[1, a]')
    """
    if isinstance(value, Expression):
        return value.text
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Sequence):
        return f"[{', '.join(map(written, value))}]"
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "(1 / 0)" if value > 0 else "(-1 / 0)"
    number = float(value)
    return str(int(number)) if number.is_integer() else repr(number)


def item(values: Sequence[Any], position: Expression) -> Expression:
    """The one of *values* that stands at *position*."""
    return Expression(f"{written(values)}[{position.text}]")


def choose(condition: Any, yes: Any, no: Any) -> Any:
    """*yes* where *condition* holds, else *no*.

    >>> choose(2 > 1, "more", "less"), choose(Expression("a") > 1, "more", "less").text
    ('more', '((a > 1) ? "more" : "less")')
    """
    if isinstance(condition, Expression):
        return Expression(f"({condition.text} ? {written(yes)} : {written(no)})")
    return yes if condition else no


def joined(*parts: Any) -> Any:
    """Texts one after another."""
    return reduce(operator.add, parts)


def quantity(value: Any, unit: str) -> Any:
    r"""Text of a quantity as units.show prints it: d3 has the same digits and prefixes.

    >>> quantity(0.0239, "s")
    '23.9\xa0ms'
    """
    if not isinstance(value, Expression):
        return show(float(value), unit)
    v = value.text
    prefixed = rf"replace(format({v}, '.3~s'), regexp('[a-zA-Zµ]?$'), '\u00a0$&')"
    if unit == "s":  # nobody writes ks
        prefixed = rf"({v} >= {LONG} ? format({v}, ',.3r') + '\u00a0' : {prefixed})"
    return Expression(f"({prefixed} + {written(unit)})")


def number(value: Any) -> Any:
    """Text of a number of things as words.count prints it, from a ten-thousandth on.

    >>> number(1476.4), number(0.1274)
    ('1,476', '0.127')
    """
    if not isinstance(value, Expression):
        return words.count(float(value))
    v = value.text
    return Expression(f"({v} >= {LARGE} ? format({v}, ',.0f') : format({v}, '.3~g'))")
