"""Charts of training beside inference: memory's share of the time, and what it holds."""

import math
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from reportlib.exhibits.charts.parts import HEIGHT, color_channel, order, tip, up_to
from reportlib.exhibits.scales import LogScale, spread
from reportlib.exhibits.theme import HELD, INK, WIDTH, WORK
from reportlib.units import show

LINEAR = LogScale(1.0, math.e)  # of exponentials of shares, on which names are spread
HALF = 0.5
DECODE_DASHES = ([1, 0], [6, 3], [2, 2])


def memory_shares(table: pd.DataFrame) -> Any:
    """Share of memory in the time of a step, against its tokens, a line a kind of work."""
    table = table.assign(label=[f"{100 * share:.0f} %" for share in table["memory_share"]])
    x_scale = LogScale.over(table["tokens"], (0.01, 0.33))
    x = x_scale.axis(alt.X, "tokens", "Tokens of a step (logarithmic)")
    x = up_to(x, table["tokens"].max())
    y = alt.Y(
        "memory_share:Q",
        title="Memory’s share of the time",
        scale=alt.Scale(domain=[0, 1], nice=False),
        axis=alt.Axis(labelExpr="format(100 * datum.value, 'd') + ' %'", tickCount=5),
    )
    color = color_channel(WORK, "kind")
    works = order(table, "work")
    kinds = [table.loc[table["work"] == work, "kind"].iloc[0] for work in works]
    dashes = [DECODE_DASHES[kinds[:n].count(kind) % 3] for n, kind in enumerate(kinds)]
    lines = (
        alt.Chart(table)
        .mark_line(strokeWidth=2.5)
        .encode(
            x=x,
            y=y,
            color=color,
            strokeDash=alt.StrokeDash(
                "work:N", scale=alt.Scale(domain=works, range=dashes), legend=None
            ),
            tooltip=[
                tip("work:N", "Work"),
                tip("tokens:Q", "Tokens", ",.0f"),
                tip("label:N", "Memory’s share"),
            ],
        )
    )
    ends = table.loc[table.groupby("work")["tokens"].idxmax()]
    heights = spread(np.exp(ends["memory_share"]), LINEAR, HEIGHT)
    text = (
        alt.Chart(ends.assign(memory_share=np.log(heights)))
        .mark_text(align="left", dx=8, dy=-5)  # not on the axis
        .encode(x=x, y=y, text="work:N", color=color)
    )
    half = alt.Chart(pd.DataFrame({"memory_share": [HALF][: len(table)]}))
    rule = half.mark_rule(color=INK, strokeDash=[4, 3]).encode(y=y)
    return alt.layer(rule, lines, text).properties(width=WIDTH, height=HEIGHT)


def memory_held(table: pd.DataFrame) -> Any:
    """Bytes that each situation holds for a parameter, as bars of parts from nought."""
    table = table.assign(
        held=[show(held, "B") for held in table["held_bytes"]],
        each=[show(held, "B") for held in table["bytes_per_parameter"]],
        place=[list(HELD).index(part) for part in table["part"]],
    )
    ends = table.drop_duplicates("situation")
    ends = ends.assign(
        label=[
            f"{each:.3g} B, {show(total, 'B')}"
            for each, total in zip(ends["total_per_parameter"], ends["total_bytes"], strict=True)
        ]
    )
    top = max([1e-9, *ends["total_per_parameter"]])
    x = alt.X(
        "bytes_per_parameter:Q",
        title="Bytes for each parameter",
        stack="zero",
        scale=alt.Scale(domain=[0, 1.3 * top], nice=False),
        axis=alt.Axis(tickCount=6),
    )
    parts = {part: color for part, color in HELD.items() if part in set(table["part"])}
    y = alt.Y("situation:N", sort=order(table, "situation"), title=None)
    bars = (
        alt.Chart(table)
        .mark_bar(height=20)
        .encode(
            x=x,
            y=y,
            order="place:Q",
            color=color_channel(parts, "part", title=""),
            tooltip=[
                tip("situation:N", "Memory of"),
                tip("part:N", "Part"),
                tip("each:N", "For each parameter"),
                tip("held:N", "In all"),
                tip("chips_needed:Q", "Chips for the whole", ",.0f"),
            ],
        )
    )
    text = (
        alt.Chart(ends)
        .mark_text(align="left", dx=6)
        .encode(x=alt.X("total_per_parameter:Q"), y=y, text="label:N")
    )
    return alt.layer(bars, text).properties(width=WIDTH, height=alt.Step(34))
