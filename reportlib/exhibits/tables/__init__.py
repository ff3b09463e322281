"""Tidy tables: records and calculations in, DataFrames of SI floats out.

One row per case, one column per quantity, named as in the glossary. A number that the records
do not have is NaN. Columns that end in ``_cite`` hold the source and the marks of their number.
A module a subject, named as that of the charts.
"""

from reportlib.exhibits.tables import (
    capacity,
    chips,
    contest,
    memory_bound,
    method,
    numbers,
    outlook,
    reality,
    training,
    what_if,
)

__all__ = [
    "capacity",
    "chips",
    "contest",
    "memory_bound",
    "method",
    "numbers",
    "outlook",
    "reality",
    "training",
    "what_if",
]
