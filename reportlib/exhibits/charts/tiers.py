"""Charts of memories from SRAM to flash, of what a slower one costs, and of which chips use which.

A family of memories has a colour; what one unit of a memory is has a shape.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from reportlib.exhibits.charts.parts import (
    HEIGHT,
    REFLOWS,
    ROW,
    color_channel,
    names,
    tip,
    up_to,
)
from reportlib.exhibits.scales import LogScale, named, spread
from reportlib.exhibits.theme import FAMILIES, INK, MUTED, PAPER, PARTS, WIDTH
from reportlib.exhibits.words import USUAL, count, usual
from reportlib.units import show

SHAPES = {
    "stack": "circle",
    "chip": "square",
    "module": "diamond",
    "bus": "triangle-up",
    "drive": "triangle-down",
    "array": "cross",
}
TALL = HEIGHT + 150
PERCENT = 100
READINGS_WIDTH = 280  # px of a panel
NAMES_BEHIND = 0.46  # share of an axis that names of ways behind lines take


def units(table: pd.DataFrame, *, sweep_times: Sequence[float]) -> Any:
    """Capacity against bandwidth of one unit of each memory; hollow where it is not what ships."""
    columns = ["name", "family", "device", "capacity", "capacity_cite", "capacity_is"]
    table = table[[*columns, "bandwidth", "bandwidth_cite"]].dropna(
        subset=["capacity", "bandwidth"]
    )
    table = table.assign(
        hollow=table["capacity_is"] != "of parts",
        holds=[
            f"{show(size, 'B')}, {what}"
            for size, what in zip(table["capacity"], table["capacity_is"], strict=True)
        ],
        delivers=[show(rate, "B/s") for rate in table["bandwidth"]],
    )
    tooltip = [
        tip("name:N", "Memory"),
        tip("device:N", "One unit is a"),
        tip("holds:N", "Capacity"),
        tip("capacity_cite:N", "Source"),
        tip("delivers:N", "Bandwidth"),
        tip("bandwidth_cite:N", "Source"),
    ]
    return _capacity_bandwidth(
        table, "name", ("capacity", "bandwidth"), sweep_times=sweep_times, tooltip=tooltip
    )


def kinds(table: pd.DataFrame, *, sweep_times: Sequence[float], cast: Sequence[str]) -> Any:
    """Capacity against bandwidth of chips by the kind of their memory; hollow: announced only."""
    table = table.assign(
        hollow=table["status"].isin(["announced", "cancelled"]),
        holds=[show(size, "B", 4) for size in table["memory_capacity"]],
        delivers=[show(rate, "B/s", 4) for rate in table["memory_bandwidth"]],
    )
    tooltip = [
        tip("chip:N", "Chip"),
        tip("memory_kind:N", "Memory"),
        tip("holds:N", "Capacity"),
        tip("memory_capacity_cite:N", "Source"),
        tip("delivers:N", "Bandwidth"),
        tip("memory_bandwidth_cite:N", "Source"),
    ]
    return _capacity_bandwidth(
        table,
        "chip",
        ("memory_capacity", "memory_bandwidth"),
        sweep_times=sweep_times,
        tooltip=tooltip,
        first=cast,
    )


def _capacity_bandwidth(
    table: pd.DataFrame,
    name: str,
    fields: tuple[str, str],
    *,
    sweep_times: Sequence[float],
    tooltip: list[alt.Tooltip],
    first: Sequence[str] | None = None,
) -> Any:
    """Points in the colours of their families, with lines of equal sweep time."""
    x_scale = LogScale.over(table[fields[0]], (0.06, 0.1))
    y_scale = LogScale.over(table[fields[1]])
    x = x_scale.axis(alt.X, fields[0], "Capacity (logarithmic)", "B")
    y = y_scale.axis(alt.Y, fields[1], "Bandwidth (logarithmic)", "B/s")
    points = [
        (size, size / time, show(time, "s"))
        for time in sweep_times
        for size in np.geomspace(x_scale.low, x_scale.high, 60)
        if y_scale.low <= size / time <= y_scale.high
    ]
    guides = pd.DataFrame(points, columns=[*fields, "time"])
    tops = guides.loc[guides.groupby("time")[fields[0]].idxmax()]
    lines = alt.Chart(guides).mark_line(strokeDash=[2, 4], color=MUTED, strokeWidth=1, opacity=0.7)
    times = alt.Chart(tops).mark_text(align="right", dx=-4, dy=15, fontSize=11, color=MUTED)
    return alt.layer(
        lines.encode(x=x, y=y, detail="time:N"),
        times.encode(x=x, y=y, text="time:N"),
        *_named_points(table, name, (x, x_scale), (y, y_scale), tooltip=tooltip, first=first),
    ).properties(width=WIDTH, height=TALL, usermeta=REFLOWS)


def _named_points(
    table: pd.DataFrame,
    name: str,
    x: tuple[alt.X, LogScale],
    y: tuple[alt.Y, LogScale],
    *,
    tooltip: list[alt.Tooltip],
    first: Sequence[str] | None = None,
) -> list[alt.Chart]:
    """Points in the colours of their families and the shapes of their devices.

    All are named, or those of *first* for whose names there is room.
    """
    fields = [channel["shorthand"].removesuffix(":Q") for channel, _ in (x, y)]
    told = table[[name, *fields]]
    if first is not None:
        told = told.assign(**{name: told[name].where(told[name].isin(first), "")})
    placed = named(
        told,
        name,
        x=(fields[0], x[1]),
        y=(fields[1], y[1]),
        size=(WIDTH, TALL),
        first=None if first is None else (),
    )
    colors = {f: FAMILIES[f] for f in FAMILIES if f in set(table["family"])}
    base = alt.Chart(table).encode(
        x=x[0], y=y[0], color=color_channel(colors, "family", title=""), tooltip=tooltip
    )
    if "device" in table:
        shapes = {d: SHAPES[d] for d in SHAPES if d in set(table["device"])}
        base = base.encode(
            shape=alt.Shape(
                "device:N",
                scale=alt.Scale(domain=list(shapes), range=list(shapes.values())),
                legend=alt.Legend(
                    title=None,
                    orient="top",
                    columns=len(shapes),
                    symbolStrokeColor=MUTED,
                    symbolFillColor=MUTED,
                ),
            )
        )
    solid = base.transform_filter("!datum.hollow").mark_point(size=110, filled=True, opacity=1)
    hollow = base.transform_filter("datum.hollow").mark_point(
        size=80, strokeWidth=2, fill=PAPER, opacity=1
    )
    return [solid, hollow, *names(placed[placed[name] != ""], name, x[0], y[0])]


def costs(tables: Mapping[str, pd.DataFrame], *, titles: Mapping[str, str]) -> alt.HConcatChart:
    """Readings of figures, by the unit of each, a panel each with the same rows of technologies.

    A technology's own reading is filled and labelled, others are hollow, and ranges are lines.
    """
    both = pd.concat(tables.values())
    rows = {t: f for f in FAMILIES for t in sorted(both.loc[both["family"] == f, "technology"])}
    return alt.hconcat(
        *(
            _readings(table, unit, titles[unit], rows, labels=number == 0)
            for number, (unit, table) in enumerate(tables.items())
        )
    )


def _readings(
    table: pd.DataFrame, unit: str, title: str, rows: Mapping[str, str], *, labels: bool
) -> Any:
    """A panel: the readings of one figure, in *rows* of technologies with their families."""
    table = table.assign(
        own=table["of"] == table["technology"],
        label=[usual(value, unit) for value in table["value"]],
        number=[count(value * USUAL[unit]) for value in table["value"]],
        **{end: table[end] * USUAL[unit] for end in ("value", "low", "high")},
    ).sort_values("own")  # on top of others
    scale = LogScale.over([*table["low"], *table["high"]], (0.08, 0.08))
    x, low = (
        scale.axis(alt.X, end, f"{title}, {unit} (log)", length=READINGS_WIDTH)
        for end in ("value", "low")
    )
    colors = {family: FAMILIES[family] for family in rows.values()}
    color_scale = alt.Scale(domain=list(colors), range=list(colors.values()))
    base = alt.Chart(table).encode(
        y=alt.Y(
            "technology:N",
            title=None,
            scale=alt.Scale(domain=list(rows)),
            axis=alt.Axis(labels=labels, ticks=labels, grid=True),
        )
    )
    color = color_channel(colors, "family")
    spans = base.mark_rule(strokeWidth=2).encode(x=low, x2="high:Q", color=color)
    dots = base.mark_point(size=80, strokeWidth=2, opacity=1).encode(
        x=x,
        color=color,
        fill=alt.condition(
            "datum.own", alt.Fill("family:N", scale=color_scale, legend=None), alt.value(PAPER)
        ),
        tooltip=[
            tip("technology:N", "Memory"),
            tip("of:N", "Of"),
            tip("label:N", title),
            tip("value_cite:N", "Source"),
        ],
    )
    text = base.transform_filter("datum.own").mark_text(dy=-13).encode(x=x, text="number:N")
    return alt.layer(spans, dots, text).properties(width=READINGS_WIDTH, height=alt.Step(ROW + 9))


def slow_downs(table: pd.DataFrame) -> Any:
    """How many times longer reads take, against the share of bytes in a slower memory."""
    table = table.assign(percent=table["slow_share"] * PERCENT)
    x_scale = LogScale.over(table["percent"], (0.0, NAMES_BEHIND))
    y_scale = LogScale.over([*table["one_after_other"], *table["at_once"], 1.0], (0.02, 0.05))
    title = "Share of bytes in the slower memory, % (logarithmic)"
    x = up_to(x_scale.axis(alt.X, "percent", title), PERCENT)
    title = "Times as long as from its own memory (logarithmic)"
    y = y_scale.axis(alt.Y, "one_after_other", title)
    base = alt.Chart(table).encode(x=x, detail="tier:N", tooltip=[
        tip("tier:N", "The rest from"),
        tip("percent:Q", "Share, %", ",.3~r"),
        tip("one_after_other:Q", "Times, one after the other", ",.3~r"),
        tip("at_once:Q", "Times, both at once", ",.3~r"),
    ])  # fmt: skip
    solid = base.mark_line(strokeWidth=2, color=PARTS["read weights"]).encode(y=y)
    dashed = base.mark_line(strokeWidth=1.5, strokeDash=[4, 3], color=PARTS["read weights"]).encode(
        y=y_scale.axis(alt.Y, "at_once", title)
    )
    behind = _names_behind(table, "tier", (x, "percent"), (y, "one_after_other", y_scale))
    return alt.layer(dashed, solid, behind).properties(
        width=WIDTH, height=HEIGHT + 40, usermeta=REFLOWS
    )


def fetch_times(table: pd.DataFrame, *, recomputed: str) -> Any:
    """Time to get a KV cache against context: fetched, a line a memory, or *recomputed*."""
    x_scale = LogScale.over(table["context_length"], (0.0, NAMES_BEHIND))
    y_scale = LogScale.over(table["time"])
    x = x_scale.axis(alt.X, "context_length", "Context (tokens, logarithmic)")
    x = up_to(x, table["context_length"].max())
    y = y_scale.axis(alt.Y, "time", "Time (logarithmic)", "s")
    table = table.assign(
        label=[show(time, "s") for time in table["time"]], anew=table["way"] == recomputed
    )
    color = alt.condition(
        "datum.anew", alt.value(PARTS["multiply"]), alt.value(PARTS["read weights"])
    )
    lines = alt.Chart(table).mark_line().encode(
        x=x,
        y=y,
        detail="way:N",
        color=color,
        strokeWidth=alt.condition("datum.anew", alt.value(3.5), alt.value(1.8)),
        tooltip=[
            tip("way:N", "Way"),
            tip("context_length:Q", "Context (tokens)", ",.0f"),
            tip("label:N", "Time"),
        ],
    )  # fmt: skip
    behind = _names_behind(table, "way", (x, "context_length"), (y, "time", y_scale))
    return alt.layer(lines, behind).properties(width=WIDTH, height=HEIGHT + 40, usermeta=REFLOWS)


def _names_behind(
    table: pd.DataFrame,
    name: str,
    x: tuple[alt.X, str],
    y: tuple[alt.Y, str, LogScale],
) -> alt.Chart:
    """The names of lines behind their last points, in ink, none over another."""
    ends = table.loc[table.groupby(name)[x[1]].idxmax(), [name, x[1], y[1]]]
    ends = ends.assign(**{y[1]: spread(ends[y[1]], y[2], HEIGHT + 40)})
    text = alt.Chart(ends).mark_text(align="left", dx=8, color=INK)
    return text.encode(x=x[0], y=y[0], text=f"{name}:N")
