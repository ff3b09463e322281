"""Units at the edges: text becomes an SI float on the way in, and text again on the way out.

Between the edges every number is a plain float in the unit that its type names. The registry
knows only the units of this report, so ``3.35 Tb/s`` is an error and not, as in Pint's full
registry, 3.35 terabarn per second. FLOP counts and tokens are numbers, without a dimension.
"""

import math
import re
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any

import pint
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

PREFIXES = {"E": 1e18, "P": 1e15, "T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "": 1.0}
SMALL_PREFIXES = {"m": 1e-3, "µ": 1e-6, "n": 1e-9, "p": 1e-12}
BINARY_PREFIXES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
WORDS = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}

registry: pint.UnitRegistry[float] = pint.UnitRegistry(None)
for prefix, scale in (PREFIXES | SMALL_PREFIXES | BINARY_PREFIXES).items():
    if prefix:
        registry.define(f"{prefix}- = {scale!r}")
for definition in (
    "s = [time]",
    "B = [information]",
    "bit = B / 8",
    "W = [power]",
    "J = W * s",
    "V = [potential]",
    "USD = [currency]",
    "FLOP = []",
    "OP = FLOP",
    "token = []",
    "h = 3600 * s",
    "day = 24 * h",
    "year = 365.25 * day",
    "month = year / 12",
    "Wh = W * h",
    "m = [length]",
    "m2 = m ** 2",
    *(f"{prefix}m2 = {prefix}m ** 2" for prefix in ("m", "µ", "k")),  # not a thousandth of m2
    "percent = 0.01",
    *(f"{word} = {value!r}" for word, value in WORDS.items()),
):
    registry.define(definition)

# A number, then a unit: nothing that Pint could take for a formula to evaluate.
QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?)"
    r"\s*(?P<unit>[A-Za-zµ%]+2?(?:/[A-Za-z]+2?)?)?"
)


DECIMAL_COMMA = re.compile(r"[0-9]+,(?![0-9]{3}(?![0-9]))[0-9]+")
BITS = re.compile(r"[kMGTPE]?b(?:ps|/s)")
EXAMPLES = defaultdict(
    lambda: "80 GB",
    {
        "B/s": "3.35 TB/s", "FLOP/s": "989 TFLOP/s", "W": "700 W", "USD": "1,599 USD", "s": "3 ms",
        "V": "1.1 V", "J/B": "4 pJ/bit", "USD/B": "6 USD/GB",
        "J": "0.5 pJ", "m": "300 mm", "B/m2": "0.2 Gbit/mm2", "1/s": "10 thousand/month",
        "USD/s": "3 USD/h", "USD/J": "0.09 USD/kWh",
    },
)  # fmt: skip


@dataclass(frozen=True)
class Unit:
    """The unit of an annotated float; Pydantic reads such a field from text like ``3.35 TB/s``."""

    symbol: str

    def parse(self, text: str) -> float:
        """Return *text* as a positive number of this unit, or raise ValueError saying why not.

        >>> Unit("B/s").parse("3.35 TB/s"), Unit("B").parse("192 GiB"), Unit("").parse("70 billion")
        (3350000000000.0, 206158430208.0, 70000000000.0)
        """
        match = QUANTITY.fullmatch(text.strip())
        unit = (match["unit"] or "") if match else ""
        value = math.nan
        if match:
            with suppress(pint.PintError):
                value = float(match["number"].replace(",", "")) * _factor(unit, self.symbol)
        if math.isnan(value):
            wanted = f"a quantity in {self.symbol}" if self.symbol else "a plain number"
            msg = f"{text!r} is not {wanted} ({self._hint(text, unit)})"
            raise ValueError(msg)
        if not (math.isfinite(value) and value > 0):
            msg = f"{text!r} is not a positive, finite quantity (leave the field out if unknown)"
            raise ValueError(msg)
        return value

    def _hint(self, text: str, unit: str) -> str:
        """Say what to write instead of *text*: the nearest spelling of a unit that would do."""
        number = text.strip().removesuffix(unit).strip() or "1"
        if DECIMAL_COMMA.match(text.strip()):
            return f"write {text.strip().replace(',', '.', 1)}, with a point"
        if not self.symbol:
            return "write digits, as in 80, 671e9 or 671 billion"
        spellings = [p + self.symbol for p in PREFIXES | BINARY_PREFIXES]
        wrong = unit.replace("b", "B").replace("ps", "/s").replace("FLOPS", "FLOP/s")
        near = next((s for s in spellings if s.lower() == wrong.lower()), None)
        near = near or next(iter(get_close_matches(wrong, spellings, n=1)), None)
        if near and BITS.fullmatch(unit) and self.symbol == "B/s":
            return f"bits or bytes? Write {number} {near.replace('B', 'bit')} or {number} {near}"
        return f"write {number} {near}?" if near and unit else f"as in {EXAMPLES[self.symbol]}"

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        """Accept text only: a bare number has no unit to check."""
        return core_schema.no_info_after_validator_function(self.parse, core_schema.str_schema())


@cache
def _factor(unit: str, wanted: str) -> float:
    """Return how many *wanted* one *unit* is; no unit of ours has another zero than its base."""
    quantity = registry.Quantity(1.0, unit.replace("%", "percent"))
    return float(quantity.m_as(wanted or "dimensionless"))


Count = Annotated[float, Unit("")]
Bytes = Annotated[float, Unit("B")]
BytesPerSecond = Annotated[float, Unit("B/s")]
FlopPerSecond = Annotated[float, Unit("FLOP/s")]
FlopPerByte = Annotated[float, Unit("FLOP/B")]
PerSecond = Annotated[float, Unit("1/s")]
Seconds = Annotated[float, Unit("s")]
Watts = Annotated[float, Unit("W")]
Volts = Annotated[float, Unit("V")]
JoulesPerByte = Annotated[float, Unit("J/B")]  # often written in pJ/bit
Dollars = Annotated[float, Unit("USD")]
DollarsPerByte = Annotated[float, Unit("USD/B")]
DollarsPerSecond = Annotated[float, Unit("USD/s")]  # often written in USD/h
DollarsPerJoule = Annotated[float, Unit("USD/J")]  # often written in USD/kWh
Joules = Annotated[float, Unit("J")]
PerJoule = Annotated[float, Unit("1/J")]
Metres = Annotated[float, Unit("m")]
SquareMetres = Annotated[float, Unit("m2")]
BytesPerSquareMetre = Annotated[float, Unit("B/m2")]  # often written in Gbit/mm2


def show(value: float, unit: str = "", digits: int = 3) -> str:
    r"""Format a number of *unit* with the SI prefix that suits it, and a no-break space.

    >>> show(3.35e12, "B/s"), show(0.0239, "s"), show(999.9e9, "B"), show(1097, "s")
    ('3.35\xa0TB/s', '23.9\xa0ms', '1\xa0TB', '1,100\xa0s')
    """
    rounded = float(f"{value:.{digits}g}")
    scales = PREFIXES | SMALL_PREFIXES
    if unit in {"s", "USD"}:  # nobody writes ks or kUSD
        scales = {"": 1.0} | (SMALL_PREFIXES if unit == "s" else {})
    prefix = next((p for p, scale in scales.items() if abs(rounded) >= scale), "")
    number = f"{rounded / scales[prefix]:.{digits}g}"
    if "e" in number:  # three digits of 1234 without a prefix: 1.23e+03
        number = f"{float(number):,.0f}"
    return f"{number}\N{NO-BREAK SPACE}{prefix}{unit}".rstrip()
