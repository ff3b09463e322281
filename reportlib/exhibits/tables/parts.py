"""What tables have in common: citations with their marks, and numbers that may be missing."""

import re
from typing import Any

import numpy as np

from reportlib import cases
from reportlib.params import Chip, Params, Reading

MARKS = {
    "derived": "d", "reported": "r", "estimated": "e", "assumed": "a", "relayed": "q",
    "recalled": "m",
}  # fmt: skip

MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#|@$^~]")  # what would be more than a letter there


def cite(number: Any) -> str:
    """Return the citation of *number*, if there is one, and in superscript how sure it is."""
    if number is None:
        return ""
    sure = (getattr(number, "confidence", "stated"), number.verification)
    marks = "".join(MARKS.get(word, "") for word in sure)
    return f"\N{NO-BREAK SPACE}[@{number.source}]" + (f"^{marks}^" if marks else "")


def number(reading: Reading[Any] | None) -> float:
    """Return the value of *reading*, NaN where there is none."""
    return np.nan if reading is None else float(reading.value)


def link_bandwidth(chip: Chip) -> float:
    """Return the rate of *chip*'s scale-up link in one direction, NaN where none is known."""
    link = chip.scale_up and chip.scale_up.bandwidth
    return link.one_way if link else np.nan


def status(chip: Chip) -> str | None:
    """Return "shipping", "announced" or "cancelled", where a source says so."""
    return chip.status.value if chip.status else None


def known_engine(numbers: Params, chip: Chip, name: str | None = None) -> cases.Engine | None:
    """Return the class of the engine *name* on *chip*, the default for None.

    None where its constants are not known: times are then bounds.
    """
    try:
        return cases.engine(numbers, name, chip)
    except LookupError:
        return None
