"""Tables of every number, as its source prints it, and of how sure they are."""

from itertools import groupby
from typing import Any

import pandas as pd

from reportlib.exhibits.tables.parts import MARKDOWN, cite


def numbers_of(frame: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Every number that stands, of each record of a *kind*, in one cell: as printed, with marks.

    *frame* is that of `frames.numbers`. Numbers that follow one another and share a source and
    marks are cited once.
    """
    standing = frame[(frame["kind"] == kind) & frame["until"].isna()]
    rows = [
        {
            "name": name,
            "numbers": "; ".join(
                ", ".join(map(_as_printed, run)) + citation
                for citation, run in groupby(numbers.itertuples(), key=cite)
            ),
        }
        for (_, name), numbers in standing.groupby(["id", "name"], sort=False)
    ]
    return pd.DataFrame(rows, columns=["name", "numbers"])


def _as_printed(row: Any) -> str:
    """Return a number of `frames.numbers` in words: what it is, as printed, and of what."""
    words = row.quantity.removeprefix("architecture.").replace(".", " ").replace("_", " ")
    basis = f" ({row.basis})" if row.basis else ""
    return MARKDOWN.sub(r"\\\g<0>", f"{words} {row.text}{basis}")


def coverage(frame: pd.DataFrame) -> pd.DataFrame:
    """How many numbers stand, by kind of record and by how sure they are."""
    standing = frame[frame["until"].isna()]
    counts = [pd.crosstab(standing["kind"], standing[by]) for by in ("confidence", "verification")]
    return pd.concat(counts, axis=1).reset_index()
