"""Charts of memories from SRAM to flash, of what a slower one costs, and of which chips use which.

A family of memories has a colour; what one unit of a memory is has a shape.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from reportlib.exhibits.charts.parts import HEIGHT, REFLOWS, ROW, color_channel, names, order, tip
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


def readings(table: pd.DataFrame, *, unit: str, title: str) -> Any:
    """Readings of a figure, a row a technology: its own filled, others hollow, ranges as lines."""
    table = table.assign(
        own=table["of"] == table["technology"],
        label=[usual(value, unit) for value in table["value"]],
        **{end: table[end] * USUAL[unit] for end in ("value", "low", "high")},
    )
    scale = LogScale.over([*table["low"], *table["high"]], (0.05, 0.3))
    rows = [t for f in FAMILIES for t in order(table[table["family"] == f], "technology")]
    y = alt.Y("technology:N", sort=rows, title=None)
    x = scale.axis(alt.X, "value", f"{title}, {unit} (logarithmic)")
    colors = {f: FAMILIES[f] for f in FAMILIES if f in set(table["family"])}
    color_scale = alt.Scale(domain=list(colors), range=list(colors.values()))
    color = color_channel(colors, "family")
    base = alt.Chart(table).encode(y=y)
    spans = base.mark_rule(strokeWidth=2).encode(
        x=scale.axis(alt.X, "low", f"{title}, {unit} (logarithmic)"), x2="high:Q", color=color
    )
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
    labels = pd.DataFrame(
        [
            {"technology": technology, "value": of["high"].max(), "label": _own_and_others(of)}
            for technology, of in table.groupby("technology")
        ],
        columns=["technology", "value", "label"],
    )
    text = alt.Chart(labels).mark_text(align="left", dx=10).encode(x=x, y=y, text="label:N")
    return alt.layer(spans, dots, text).properties(
        width=WIDTH, height=alt.Step(ROW + 4), usermeta=REFLOWS
    )


def _own_and_others(readings: pd.DataFrame) -> str:
    """Return the reading of a technology in words, and between which the others lie."""
    own = "".join(count(value) for value in readings.loc[readings["own"], "value"])
    others = readings.loc[~readings["own"], "value"]
    ends = " to ".join(
        dict.fromkeys(count(value) for value in sorted(others)[:: len(others) - 1 or 1])
    )
    return "; ".join(part for part in (own, f"others {ends}" if ends else "") if part)


def prices(table: pd.DataFrame) -> Any:
    """Price of capacity against price of bandwidth, a point a memory that has both."""
    columns = ["name", "family", "device", "price", "price_cite", "bandwidth_price"]
    table = table[columns].dropna(subset=["price", "bandwidth_price"])
    table = table.assign(
        hollow=False,
        gigabyte=table["price"] * USUAL["USD/GB"],
        price_label=[usual(price, "USD/GB") for price in table["price"]],
        bandwidth_label=[show(price, "USD") for price in table["bandwidth_price"]],
    )
    x_scale = LogScale.over(table["gigabyte"], (0.05, 0.06))
    y_scale = LogScale.over(table["bandwidth_price"], (0.08, 0.08))
    x = x_scale.axis(alt.X, "gigabyte", "Price of capacity, USD/GB (logarithmic)")
    y = y_scale.axis(alt.Y, "bandwidth_price", "Price of 1 TB/s, USD (logarithmic)")
    tooltip = [
        tip("name:N", "Memory"),
        tip("device:N", "One unit is a"),
        tip("price_label:N", "A gigabyte"),
        tip("bandwidth_label:N", "A terabyte per second"),
        tip("price_cite:N", "Source of the price"),
    ]
    points = _named_points(table, "name", (x, x_scale), (y, y_scale), tooltip=tooltip)
    return alt.layer(*points).properties(width=WIDTH, height=TALL, usermeta=REFLOWS)


def slow_downs(table: pd.DataFrame) -> Any:
    """How many times longer reads take, against the share of bytes in a slower memory."""
    table = table.assign(percent=table["slow_share"] * PERCENT)
    x_scale = LogScale.over(table["percent"], (0.0, NAMES_BEHIND))
    y_scale = LogScale.over([*table["one_after_other"], *table["at_once"], 1.0], (0.02, 0.05))
    title = "Share of bytes in the slower memory, % (logarithmic)"
    x = _up_to(x_scale.axis(alt.X, "percent", title), PERCENT)
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
    x = _up_to(x, table["context_length"].max())
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


def _up_to(channel: alt.X, most: float) -> alt.X:
    """Return *channel* without ticks above *most*, where names stand."""
    axis = channel["axis"]
    axis["values"] = [value for value in axis["values"] if value <= most]
    return channel


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


def break_even(table: pd.DataFrame, *, rates: Mapping[str, float]) -> Any:
    """Rate above which fetching a cache is faster, a row a model, with lines of known *rates*."""
    table = table.assign(
        label=[show(rate, "B/s") for rate in table["bandwidth"]],
        cache=[show(size, "B") for size in table["kv_cache_bytes"]],
        anew=[show(time, "s") for time in table["prefill_time"]],
    )
    scale = LogScale.over([*table["bandwidth"], *rates.values()], (0.15, 0.03))
    x = scale.axis(alt.X, "bandwidth", "Rate from which fetching is faster (logarithmic)", "B/s")
    base = alt.Chart(table).encode(
        x=x,
        y=alt.Y("model:N", sort=order(table, "model", "bandwidth"), title=None),
        tooltip=[
            tip("model:N", "Model"),
            tip("cache:N", "KV cache"),
            tip("anew:N", "Computed in"),
            tip("label:N", "Fetching is faster above"),
        ],
    )
    dots = base.mark_point(size=80, filled=True, opacity=1, color=PARTS["multiply"])
    text = base.mark_text(align="right", dx=-10).encode(text="label:N")
    known = pd.DataFrame({"bandwidth": rates.values(), "way": rates.keys()})
    rules = alt.Chart(known).mark_rule(color=MUTED, strokeDash=[4, 3]).encode(x=x)
    heads = alt.Chart(known).mark_text(angle=270, align="right", dx=-4, dy=-6, fontSize=11)
    tops = heads.encode(x=x, y=alt.value(0), text="way:N", color=alt.value(MUTED))
    return alt.layer(rules, tops, dots, text).properties(
        width=WIDTH, height=alt.Step(ROW), usermeta=REFLOWS
    )
