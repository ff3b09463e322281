"""Numbers as words of a sentence, so that the sentence stays true when the numbers change."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from reportlib.params import Reading
from reportlib.units import show

NBSP = "\N{NO-BREAK SPACE}"
USUAL = {"USD/GB": 1e9, "pJ/bit": 1e12 / 8}  # of an SI unit, in one that people use instead
SAME = 0.005  # a difference below half a per cent is none


def percent(share: float, digits: int = 0) -> str:
    r"""Return a share in per cent.

    >>> percent(0.791)
    '79\xa0%'
    """
    return f"{100 * share:,.{digits}f}{NBSP}%"


def count(number: float) -> str:
    """Return a number of things, rounded to three digits and grouped.

    >>> count(1476.4), count(0.1274)
    ('1,476', '0.127')
    """
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"  # noqa: PLR2004


def powers(number: float) -> str:
    r"""Return a large number by its power of ten, as Markdown.

    >>> powers(3.14e23)
    '3.14\xa0×\xa010^23^'
    """
    digits, power = f"{number:.2e}".split("e")
    return f"{digits}{NBSP}×{NBSP}10^{int(power)}^"


def ratio(number: float) -> str:
    r"""Return how many times something is something else, large numbers in words.

    >>> ratio(24.83), ratio(523_636_364)
    ('24.8', '524\xa0million')
    """
    million = 1e6
    return count(number) if number < million else f"{count(number / million)}{NBSP}million"


def counted(number: float, thing: str) -> str:
    """Return a number of things with their name, in the plural but for one.

    >>> counted(1, "chip"), counted(1804, "chip")
    ('1 chip', '1,804 chips')
    """
    return f"{count(number)} {thing}" + ("" if number == 1 else "s")


def having(number: int) -> str:
    """Return how many of some things have something, with the verb.

    >>> having(0), having(1), having(4)
    ('none has', '1 has', '4 have')
    """
    return {0: "none has", 1: "1 has"}.get(number, f"{number:,} have")


def span(low: float, high: float, unit: str) -> str:
    r"""Return what a quantity spans, "%" for a share; a dash where it is not known.

    >>> span(80e9, 432e9, "B"), span(8, 8, ""), span(0.3, 0.611, "%")
    ('80\xa0GB to 432\xa0GB', '8', '30\xa0% to 61\xa0%')
    """
    if math.isnan(low):
        return "–"
    words: dict[str, Callable[[float], str]] = {"%": percent, "": count}
    ends = (words[unit](end) if unit in words else show(end, unit) for end in (low, high))
    return " to ".join(dict.fromkeys(ends))


def some(words: Sequence[str], most: int = 4) -> str:
    """Return words as an enumeration that ends with the number of those left out.

    >>> some(["A", "B", "C"], most=3), some(["A", "B", "C", "D"], most=3)
    ('A, B and C', 'A, B and 2 more')
    """
    few = list(words)
    return listed(few if len(few) <= most else [*few[: most - 1], f"{len(few) - most + 1} more"])


def usual(number: float, unit: str) -> str:
    r"""Return a number of SI units in a unit that people use instead.

    >>> usual(15.6e-9, "USD/GB"), usual(32e-12, "pJ/bit")
    ('15.6\xa0USD/GB', '4\xa0pJ/bit')
    """
    return f"{count(number * USUAL[unit])}{NBSP}{unit}"


def compared(ratio: float, more: str = "more", less: str = "less") -> str:
    r"""Return how much more or less something is than something else.

    >>> compared(1.5), compared(0.89), compared(1.001)
    ('50\xa0% more', '11\xa0% less', 'as much')
    """
    if abs(ratio - 1) < SAME:
        return "as much"
    return f"{percent(abs(ratio - 1))} {more if ratio > 1 else less}"


def listed(words: Iterable[str]) -> str:
    """Return words as an enumeration.

    >>> listed(["A", "B", "C"]), listed([])
    ('A, B and C', 'none')
    """
    *most, last = list(words) or ["none"]
    return f"{', '.join(most)} and {last}" if most else last


def of_all(holds: Any, things: str) -> str:
    """Return in how many of all cases something holds.

    >>> of_all([True, True], "models"), of_all([True, False], "models")
    ('all 2 models', '1 of 2 models')
    >>> of_all([True], "kinds of work"), of_all([False], "models"), of_all([], "models")
    ('the only kind of work', 'no model', 'no models')
    """
    held, total = sum(map(bool, holds)), len(holds)
    if not total:
        return f"no {things}"
    if total == 1:
        first, *rest = things.split(" ")
        return " ".join(["the only" if held else "no", first.removesuffix("s"), *rest])
    if held == total:
        return f"all {total:,} {things}"
    return f"{f'{held:,}' if held else 'none'} of {total:,} {things}"


def source(reading: Reading[Any]) -> str:
    """Return the citation of a number, with a no-break space before it."""
    return f"{NBSP}[@{reading.source}]"


def noted(*readings: Reading[Any]) -> str:
    """Return what has to be said about numbers: a sentence for each that has a note.

    With the number as its source prints it.
    """
    notes = [f"On {reading.text}: {reading.note}." for reading in readings if reading.note]
    return " ".join(notes)
