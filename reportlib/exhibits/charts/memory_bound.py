"""Charts of decode steps: their parts, the roofline, and when memory is the slower."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from reportlib.exhibits.charts.parts import (
    HEIGHT,
    LABEL_ROOM,
    REFLOWS,
    ROW,
    color_channel,
    end_names,
    lines,
    names,
    order,
    tip,
)
from reportlib.exhibits.scales import LogScale, named
from reportlib.exhibits.theme import (
    BATCHES,
    BOUND,
    INK,
    ON_LIGHT,
    PAPER,
    PARTS,
    WIDTH,
    WORK,
)
from reportlib.units import show

LARGE = 10  # from which on a ratio is printed whole


def step_parts(table: pd.DataFrame) -> alt.LayerChart:
    """Time of the three parts of a decode step as dots."""
    table = table.assign(label=[show(time, "s") for time in table["time"]])
    scale = LogScale.over(table["time"], (0.08, LABEL_ROOM))
    base = alt.Chart(table).encode(
        x=scale.axis(alt.X, "time", "Time of one decode step (logarithmic)", "s"),
        y=alt.Y("part:N", sort=list(PARTS), title=None),
        tooltip=[tip("part:N", "Part"), tip("label:N", "Time")],
    )
    dots = base.mark_circle(size=150, opacity=1).encode(color=color_channel(PARTS, "part"))
    text = base.mark_text(align="left", dx=12).encode(text="label:N")
    return (dots + text).properties(width=WIDTH, height=alt.Step(32), usermeta=REFLOWS)


def transport_ratios(table: pd.DataFrame) -> alt.LayerChart:
    """How many times longer memory takes than arithmetic: a row a model, a dot a batch size."""
    sizes = sorted(table["batch_size"].unique())
    table = table.assign(
        batch=[f"{size:,.0f}" for size in table["batch_size"]],
        label=[f"{ratio:,.3g}" for ratio in table["transport_ratio"]],
    )
    colors = dict(zip([f"{size:,.0f}" for size in sizes], BATCHES, strict=False))
    scale = LogScale.over([*table["transport_ratio"], 1.0])
    title = "Memory time over arithmetic time (logarithmic)"
    equal = alt.Chart(pd.DataFrame({"x": [1.0]})).mark_rule(color=INK, strokeDash=[4, 3])
    dots = (
        alt.Chart(table)
        .mark_circle(size=110, opacity=1)
        .encode(
            x=scale.axis(alt.X, "transport_ratio", title),
            y=alt.Y("model:N", sort=order(table, "model"), title=None),
            color=color_channel(colors, "batch", title="Batch size"),
            tooltip=[
                tip("model:N", "Model"),
                tip("batch:N", "Batch size"),
                tip("label:N", "Memory over arithmetic"),
            ],
        )
    )
    line = equal.encode(x=scale.axis(alt.X, "x", title))
    return (line + dots).properties(width=WIDTH, height=alt.Step(ROW), usermeta=REFLOWS)


def batch_costs(table: pd.DataFrame) -> alt.LayerChart:
    """Time per token of the three parts against batch size, named at their left ends."""
    table = table.assign(label=[show(time, "s") for time in table["time_per_token"]])
    x_scale = LogScale.over(table["batch_size"], (0.2, 0.02))
    y_scale = LogScale.over(table["time_per_token"])
    x = x_scale.axis(alt.X, "batch_size", "Batch size (logarithmic)")
    y = y_scale.axis(alt.Y, "time_per_token", "Time per token (logarithmic)", "s")
    color = color_channel(PARTS, "part")
    lines = (
        alt.Chart(table)
        .mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=40))
        .encode(
            x=x,
            y=y,
            color=color,
            tooltip=[
                tip("part:N", "Part"),
                tip("batch_size:Q", "Batch size", ",.0f"),
                tip("label:N", "Time per token"),
            ],
        )
    )
    names = end_names(table, "part", x, y, y_scale=y_scale, color=color, first=True)
    return (lines + names).properties(width=WIDTH, height=HEIGHT)


def roofline(points: pd.DataFrame, roof: pd.DataFrame, *, chip: str) -> Any:
    """The roof of a chip, and the work of decoding and prefill below it."""
    x_scale = LogScale.over(roof["arithmetic_intensity"], (0.1, 0.04))
    y_scale = LogScale.over(roof["attainable_compute"], (0.16, 0.14))
    field_x, field_y = "arithmetic_intensity", "attainable_compute"
    points = named(
        points, "case", x=(field_x, x_scale), y=(field_y, y_scale), size=(WIDTH, HEIGHT), avoid=roof
    )
    points["rate"] = [show(rate, "FLOP/s") for rate in points[field_y]]
    x = x_scale.axis(alt.X, field_x, "Arithmetic intensity (FLOP/B, logarithmic)")
    y = y_scale.axis(alt.Y, field_y, f"Attainable on {chip} (logarithmic)", "FLOP/s")
    line = alt.Chart(roof).mark_line(color=INK, strokeWidth=2).encode(x=x, y=y)
    dots = (
        alt.Chart(points)
        .mark_circle(size=120, opacity=1)
        .encode(
            x=x,
            y=y,
            color=color_channel(WORK, "kind"),
            tooltip=[
                tip("case:N", "Work"),
                tip(f"{field_x}:Q", "FLOP/B", ".3r"),
                tip("rate:N", "Attainable"),
            ],
        )
    )
    return alt.layer(line, dots, *names(points, "case", x, y)).properties(
        width=WIDTH, height=HEIGHT
    )


def critical_batch_sizes(table: pd.DataFrame, *, cast: Sequence[str]) -> alt.LayerChart:
    """Batch size from which on decoding is compute-bound, against context, a line a chip."""
    x_scale = LogScale.over(table["context_length"], (0.2, 0.02))
    y_scale = LogScale.over(table["batch_size"], (0.14, 0.05))
    x = x_scale.axis(alt.X, "context_length", "Context length (tokens, logarithmic)")
    y = y_scale.axis(alt.Y, "batch_size", "Critical batch size (logarithmic)")
    return lines(table, x, y, y_scale, cast=cast, quantity="Critical batch size", first=True)


def full_batches(table: pd.DataFrame) -> alt.LayerChart:
    """Memory time over arithmetic time as a grid of models and lengths of requests."""
    lengths = sorted(table["request_length"].unique())
    table = table.assign(
        length=[f"{length:,.0f}" for length in table["request_length"]],
        said=[f"{ratio:.2g}" if ratio < LARGE else f"{ratio:.0f}"
              for ratio in table["transport_ratio"]],
        logarithm=np.log10(table["transport_ratio"]),
        users=[f"{users:,.0f}" for users in table["batch_size"]],
    )  # fmt: skip
    base = alt.Chart(table).encode(
        x=alt.X(
            "length:N",
            sort=[f"{length:,.0f}" for length in lengths],
            title="Tokens of a request, half of them written",
            axis=alt.Axis(orient="top", labelAngle=0, domain=False, ticks=False),
        ),
        y=alt.Y("model:N", sort=order(table, "model"), title=None,
                axis=alt.Axis(domain=False, ticks=False)),
        tooltip=[
            tip("model:N", "Model"),
            tip("length:N", "Tokens of a request"),
            tip("users:N", "Users at a time"),
            tip("said:N", "Memory over arithmetic"),
        ],
    )  # fmt: skip
    color = alt.Scale(domain=[-1, 0, 1], range=list(BOUND), clamp=True, interpolate="lab")
    cells = base.mark_rect(stroke=PAPER).encode(
        color=alt.Color("logarithm:Q", scale=color, legend=None)
    )
    text = base.mark_text(fontSize=11).encode(text="said:N", color=alt.value(ON_LIGHT))
    return (cells + text).properties(width=WIDTH, height=alt.Step(24), usermeta=REFLOWS)
