"""Charts of pages: of one chip, of one model, and of two chips side by side."""

from collections.abc import Collection
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from reportlib.exhibits.charts.parts import (
    HEIGHT,
    KIND_MARKS,
    REFLOWS,
    chip_dashes,
    hollow,
    marked,
    names,
    of_chips,
    order,
    panels,
    tip,
    up_to,
)
from reportlib.exhibits.scales import LogScale, named
from reportlib.exhibits.theme import INK, MUTED, WIDTH, vendor_colors
from reportlib.exhibits.words import count
from reportlib.units import show

LINE_NAMES = 0.24  # share of an axis that names behind lines take
STEPS = 80  # along a line that names keep off
NEAR = 3  # peers that are named
FARTHER = 1.7  # times, from a large dot to its name
LOW_ROW = 19  # px of a row where rows are many
LONG_LABELS = 0.4  # share of an axis that they take where it is narrow


def roofline(points: pd.DataFrame, roof: pd.DataFrame, *, chip: str) -> Any:
    """The roof of a chip, and the work of models below it: a colour a kind, a shape a model."""
    field_x, field_y = "arithmetic_intensity", "attainable_compute"
    x_scale = LogScale.over(roof[field_x], (0.02, 0.02))
    y_scale = LogScale.over(roof[field_y], (0.05, 0.16))
    x = x_scale.axis(alt.X, field_x, "Arithmetic intensity (FLOP/B, logarithmic)")
    y = y_scale.axis(alt.Y, field_y, f"Attainable on {chip} (logarithmic)", "FLOP/s")
    kinds, models = order(points, "work"), order(points, "model")
    middle = points.sort_values(field_x).groupby("work", sort=False)
    labels = pd.DataFrame(middle.nth(len(models) // 2))
    labels = named(
        labels,
        "work",
        x=(field_x, x_scale),
        y=(field_y, y_scale),
        size=(WIDTH, HEIGHT),
        avoid=_along(roof, field_x, field_y),
    )
    points = points[["model", "work", field_x, field_y]].assign(
        told=[show(rate, "FLOP/s") for rate in points[field_y]]
    )
    line = alt.Chart(roof).mark_line(color=INK, strokeWidth=2).encode(x=x, y=y)
    colors = [color for color, _ in KIND_MARKS[: len(kinds)]]
    dots = (
        alt.Chart(points)
        .mark_point(size=75, strokeWidth=2, opacity=1)
        .encode(
            x=x,
            y=y,
            color=alt.Color("work:N", scale=alt.Scale(domain=kinds, range=colors), legend=None),
            shape=marked(alt.Shape, "model", models, models),
            tooltip=[
                tip("model:N", "Model"),
                tip("work:N", "Work"),
                tip(f"{field_x}:Q", "FLOP/B", ".3r"),
                tip("told:N", "Attainable"),
            ],
        )
    )
    texts = names(labels[["work", field_x, field_y, "dx", "dy", "align"]], "work", x, y)
    return alt.layer(line, dots, *texts).properties(width=WIDTH, height=HEIGHT)


def _along(line: pd.DataFrame, field_x: str, field_y: str) -> pd.DataFrame:
    """Return points on a line between its bends, on logarithmic axes."""
    logs = np.log(line[[field_x, field_y]].to_numpy(dtype=float))
    steps = np.linspace(logs[0, 0], logs[-1, 0], STEPS)
    heights = np.interp(steps, logs[:, 0], logs[:, 1])
    return pd.DataFrame({field_x: np.exp(steps), field_y: np.exp(heights)})


def plane(table: pd.DataFrame, *, cast: Collection[str]) -> Any:
    """Capacity against bandwidth: the first chip in its vendor's colour, its peers in grey.

    It, the NEAR that follow and the *cast* have their names.
    """
    field_x, field_y = "memory_capacity", "memory_bandwidth"
    x_scale, y_scale = LogScale.over(table[field_x], (0.05, 0.12)), LogScale.over(table[field_y])
    has_name = table["chip"].isin([*table["chip"].iloc[: NEAR + 1], *cast])
    told = named(
        table.loc[has_name, ["chip", field_x, field_y]],
        "chip",
        x=(field_x, x_scale),
        y=(field_y, y_scale),
        size=(WIDTH, HEIGHT),
        avoid=table[~has_name],
    )
    table = table[["chip", "vendor", "status", field_x, field_y]].copy()
    table["told"] = [
        f"{show(size, 'B', 4)} at {show(rate, 'B/s', 4)}"
        for size, rate in zip(table[field_x], table[field_y], strict=True)
    ]
    color = vendor_colors(table["vendor"])[table["vendor"].iloc[0]]
    x = x_scale.axis(alt.X, field_x, "Memory capacity (logarithmic)", "B")
    y = y_scale.axis(alt.Y, field_y, "Memory bandwidth (logarithmic)", "B/s")
    tips = [tip("chip:N", "Chip"), tip("told:N", "Memory")]
    shown = table[["chip", "status", field_x, field_y, "told"]]
    others = alt.Chart(shown.iloc[1:]).mark_point(size=60, strokeWidth=1.5, opacity=1, color=MUTED)
    own = alt.Chart(shown.iloc[:1]).mark_point(size=190, strokeWidth=3, opacity=1, color=color)
    grey, full = (hollow(alt.value(paint)) for paint in (MUTED, color))
    return alt.layer(
        others.encode(x=x, y=y, fill=grey, tooltip=tips),
        own.encode(x=x, y=y, fill=full, tooltip=tips),
        *names(told.iloc[1:], "chip", x, y),
        *_bold(names(told.iloc[:1].assign(dx=told["dx"] * FARTHER), "chip", x, y)),
    ).properties(width=WIDTH, height=HEIGHT)


def _bold(layers: list[alt.Chart]) -> list[alt.Chart]:
    for layer in layers:
        layer.mark.fontWeight = "bold"
    return layers


def caches(table: pd.DataFrame, *, model: str) -> Any:
    """KV cache of a sequence against its context: a line a model, that of *model* strong."""
    field_x, field_y = "context_length", "kv_cache_bytes"
    x_scale = LogScale.over(table[field_x], (0.02, LINE_NAMES))
    y_scale = LogScale.over(table[field_y])
    x = x_scale.axis(alt.X, field_x, "Context length (tokens, logarithmic)")
    y = y_scale.axis(alt.Y, field_y, "KV cache of one sequence (logarithmic)", "B")
    table = table.assign(told=[show(size, "B") for size in table[field_y]])
    ends = table.loc[table.groupby("model", sort=False)[field_x].idxmax()]
    ends = named(
        ends, "model", x=(field_x, x_scale), y=(field_y, y_scale), size=(WIDTH, HEIGHT), avoid=table
    )
    strong = alt.datum.model == model
    color = alt.when(strong).then(alt.value(KIND_MARKS[0][0])).otherwise(alt.value(MUTED))
    base = alt.Chart(table).encode(
        x=x,
        y=y,
        detail="model:N",
        color=color,
        tooltip=[
            tip("model:N", "Model"),
            tip(f"{field_x}:Q", "Context (tokens)", ",.0f"),
            tip("told:N", "KV cache"),
        ],
    )
    width = alt.when(strong).then(alt.value(3)).otherwise(alt.value(1.5))
    texts = names(ends[["model", field_x, field_y, "dx", "dy", "align"]], "model", x, y)
    return alt.layer(
        base.mark_line().encode(strokeWidth=width),
        base.mark_point(size=20, filled=True, opacity=1),
        *texts,
    ).properties(width=WIDTH, height=HEIGHT)


def speeds(table: pd.DataFrame) -> Any:
    """Ceiling of one user's speed, a row a chip, with the number of chips that it takes."""
    table = table[["chip", "vendor", "status", "chips", "speed"]].assign(
        told=[
            f"{count(speed)} on {chips:,.0f}"
            for speed, chips in zip(table["speed"], table["chips"], strict=True)
        ]
    )
    colors = vendor_colors(table["vendor"])
    paint = alt.Scale(domain=list(colors), range=list(colors.values()))
    scale = LogScale.over(table["speed"], (0.05, LONG_LABELS))
    x = scale.axis(alt.X, "speed", "Tokens/s of one user at most (logarithmic)")
    base = alt.Chart(table).encode(
        x=up_to(x, table["speed"].max()),
        y=alt.Y("chip:N", sort=order(table, "chip", "speed")[::-1], title=None),
        tooltip=[
            tip("chip:N", "Chip"),
            tip("vendor:N", "Vendor"),
            tip("chips:Q", "Chips", ",.0f"),
            tip("speed:Q", "Tokens/s at most", ",.3~r"),
        ],
    )
    dots = base.mark_point(size=80, strokeWidth=2, opacity=1).encode(
        color=alt.Color("vendor:N", scale=paint, legend=None),
        fill=hollow(alt.Fill("vendor:N", scale=paint, legend=None)),
    )
    text = base.mark_text(align="left", dx=9).encode(text="told:N")
    return alt.layer(dots, text).properties(width=WIDTH, height=alt.Step(LOW_ROW), usermeta=REFLOWS)


def rates(table: pd.DataFrame) -> Any:
    """Output per chip against users at a time, a panel a model, a line a chip."""
    x_scale, y_scale = LogScale.over(table["users"]), LogScale.over(table["rate"])
    chips = order(table, "chip")
    colors, _ = of_chips(table, chips)
    dash = chip_dashes(table, legend=True)
    scale, legend = alt.Scale(domain=chips, range=colors), _strokes()
    sizes = sorted(set(table["users"]))
    table = table.drop(columns="vendor").assign(told=[count(rate) for rate in table["rate"]])
    base = alt.Chart(table).encode(
        x=alt.X(
            "users:Q",
            title="Users at a time (log)",
            scale=alt.Scale(type="log", domain=[x_scale.low, x_scale.high], nice=False),
            axis=alt.Axis(values=sizes, format=",.0f"),
        ),
        y=y_scale.axis(alt.Y, "rate", "Tokens/s per chip at most (log)"),
        color=alt.Color("chip:N", scale=scale, legend=legend),
        tooltip=[
            tip("chip:N", "Chip"),
            tip("users:Q", "Users", ",.0f"),
            tip("told:N", "Tokens/s per chip"),
            tip("chips:Q", "Chips", ",.0f"),
        ],
    )
    lines = base.mark_line(strokeWidth=2).encode(strokeDash=dash)
    dots = base.mark_point(size=45, strokeWidth=2, opacity=1).encode(
        fill=hollow(alt.Fill("chip:N", scale=scale, legend=legend))
    )
    return panels(alt.layer(lines, dots, data=table), table, height=200)


def _strokes() -> alt.Legend:
    """A legend of lines, not of dots."""
    return alt.Legend(title=None, orient="top", symbolType="stroke", symbolStrokeWidth=2.5)
