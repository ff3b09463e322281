"""Charts: a table in, an Altair chart out. Nothing is calculated here but where things stand.

A module a subject, named as that of the tables. `pages`, on which no section depends, is not
imported here.
"""

from reportlib.exhibits.charts import (
    capacity,
    chips,
    contest,
    findings,
    levers,
    memory_bound,
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
    "findings",
    "levers",
    "memory_bound",
    "outlook",
    "reality",
    "supply",
    "tiers",
    "training",
    "what_if",
]
