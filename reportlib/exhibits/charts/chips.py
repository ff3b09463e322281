"""Charts of all chips: what they have, how they grew, how fast one user is served."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from reportlib.exhibits.charts.parts import (
    HEIGHT,
    PANEL,
    ROW,
    drawn,
    names,
    order,
    panels,
    tip,
    vendor_marks,
)
from reportlib.exhibits.scales import LogScale, named
from reportlib.exhibits.theme import (
    MUTED,
    WIDTH,
)
from reportlib.units import show


def capacity_bandwidth(
    table: pd.DataFrame, *, sweep_times: Sequence[float], cast: Sequence[str]
) -> Any:
    """Capacity against bandwidth, with lines of equal sweep time; *cast* is named in any case."""
    height = HEIGHT + 80
    field_x, field_y = "memory_capacity", "memory_bandwidth"
    x_scale = LogScale.over(table[field_x], (0.05, 0.09))
    y_scale = LogScale.over(table[field_y])
    table = drawn(table)
    table = named(
        table,
        "chip",
        x=(field_x, x_scale),
        y=(field_y, y_scale),
        size=(WIDTH, height),
        first=cast,
    )
    table["capacity"] = [show(value, "B", 4) for value in table[field_x]]
    table["bandwidth"] = [show(value, "B/s", 4) for value in table[field_y]]
    x = x_scale.axis(alt.X, field_x, "Memory capacity (logarithmic)", "B")
    y = y_scale.axis(alt.Y, field_y, "Memory bandwidth (logarithmic)", "B/s")
    points = [
        (capacity, capacity / time, time, show(time, "s"))
        for time in sweep_times
        for capacity in np.geomspace(x_scale.low, x_scale.high, 120)
        if y_scale.low <= capacity / time <= y_scale.high
    ]
    guides = pd.DataFrame(points, columns=[field_x, field_y, "time", "label"])
    tops = guides.loc[guides.groupby("time")[field_x].idxmax()]
    lines = (
        alt.Chart(guides)
        .mark_line(strokeDash=[2, 4], color=MUTED, strokeWidth=1, opacity=0.7)
        .encode(x=x, y=y, detail="time:N")
    )
    times = (
        alt.Chart(tops)
        .mark_text(align="right", dx=-4, dy=9, fontSize=11, color=MUTED)
        .encode(x=x, y=y, text="label:N")
    )
    base = alt.Chart(table).encode(
        x=x,
        y=y,
        tooltip=[
            tip("chip:N", "Chip"),
            tip("memory_kind:N", "Memory"),
            tip("capacity:N", "Capacity"),
            tip("bandwidth:N", "Bandwidth"),
        ],
    )
    return alt.layer(
        lines, times, vendor_marks(base, table), *names(table, "chip", x, y)
    ).properties(width=WIDTH, height=height)


def generations(table: pd.DataFrame, *, names: Mapping[str, str]) -> alt.FacetChart:
    """Compute, bandwidth and capacity of dated HBM chips over time, a panel each."""
    table = drawn(table).assign(
        quantity=[names[quantity] for quantity in table["quantity"]],
        label=[f"{multiple:.3g}" for multiple in table["multiple"]],
    )
    base = alt.Chart(table).encode(
        x=alt.X("since:T", title="Figures since", axis=alt.Axis(format="%Y", tickCount="year")),
        y=LogScale.over(table["multiple"]).axis(alt.Y, "multiple", "Multiple of the first (log)"),
        tooltip=[
            tip("chip:N", "Chip"),
            tip("since:T", "Figures since", "%Y-%m"),
            tip("label:N", "Multiple of the first"),
        ],
    )
    dots = vendor_marks(base, table)
    order = list(names.values())
    return dots.properties(width=190, height=220).facet(
        alt.Facet("quantity:N", title=None, sort=order)
    )


def decode_ceilings(table: pd.DataFrame) -> alt.FacetChart:
    """The ceiling on one user's speed, a panel a model, a row a chip."""
    table = drawn(table.dropna(subset=["tokens_per_second_per_user"]))
    pairs = zip(table["tokens_per_second_per_user"], table["chips_needed"], strict=True)
    table = table.assign(label=[f"{speed:,.0f} on {chips:,.0f}" for speed, chips in pairs])
    scale = LogScale.over(table["tokens_per_second_per_user"], (0.05, 0.5))
    base = alt.Chart(table).encode(
        x=scale.axis(alt.X, "tokens_per_second_per_user", "Tokens/s per user (log)", length=PANEL),
        y=alt.Y(
            "chip:N",
            sort=order(table, "chip", "tokens_per_second_per_user")[::-1],
            title=None,
        ),
        tooltip=[
            tip("model:N", "Model"),
            tip("chip:N", "Chip"),
            tip("chips_needed:Q", "Chips", ",.0f"),
            tip("tokens_per_second_per_user:Q", "Tokens/s per user, at most", ",.3~r"),
        ],
    )
    text = base.mark_text(align="left", dx=9, fontSize=10.5).encode(text="label:N")
    return panels(
        alt.layer(vendor_marks(base, table), text, data=table), table, height=alt.Step(ROW)
    )
