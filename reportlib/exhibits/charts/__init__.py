"""Charts: a table in, an Altair chart out. Nothing is calculated here but where things stand.

A module a subject, named as that of the tables.
"""

from reportlib.exhibits.charts import (
    capacity,
    chips,
    contest,
    findings,
    levers,
    memory_bound,
    outlook,
    pages,
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
    "findings",
    "levers",
    "memory_bound",
    "outlook",
    "pages",
    "reality",
    "supply",
    "tiers",
    "training",
    "what_if",
]
