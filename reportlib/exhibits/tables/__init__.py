"""Tidy tables: records and calculations in, DataFrames of SI floats out.

One row per case, one column per quantity, named as in the glossary. A number that the records
do not have is NaN. Columns that end in ``_cite`` hold the source and the marks of their number.
A module a subject, named as that of the charts. `editions` is not imported here: it is made of
findings, and these of the other tables. Nor is `pages`, on which no section depends.
"""

from reportlib.exhibits.tables import (
    capacity,
    chips,
    contest,
    levers,
    memory_bound,
    method,
    numbers,
    outlook,
    reality,
    supply,
    tiers,
    training,
    what_if,
)

__all__ = [
    "capacity",
    "chips",
    "contest",
    "levers",
    "memory_bound",
    "method",
    "numbers",
    "outlook",
    "reality",
    "supply",
    "tiers",
    "training",
    "what_if",
]
