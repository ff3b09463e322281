"""Charts of decode steps: their parts, the roofline, and when memory is the slower."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from reportlib.exhibits.charts.parts import (
    HEIGHT,
    REFLOWS,
    ROW,
    chip_dashes,
    color_channel,
    end_names,
    names,
    order,
    tip,
)
from reportlib.exhibits.scales import LogScale, named
from reportlib.exhibits.theme import (
    BATCHES,
    BOUND,
    INK,
    MUTED,
    ON_LIGHT,
    PAPER,
    WIDTH,
    WORK,
    vendor_colors,
)
from reportlib.units import show

LARGE = 10  # from which on a ratio is printed whole


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


def critical_batch_sizes(table: pd.DataFrame, *, cast: Sequence[str]) -> Any:
    """Batch size from which on decoding is compute-bound, against context, a line a chip.

    Of the *cast* in their vendors' colours and with names; the others, if any of it is there, grey.
    """
    field_x, field_y = "context_length", "batch_size"
    table = table.assign(**{field_y: table[field_y].round(1)})
    x_scale = LogScale.over(table[field_x], (0.2, 0.02))
    y_scale = LogScale.over(table[field_y], (0.14, 0.05))
    x = x_scale.axis(alt.X, field_x, "Context length (tokens, logarithmic)")
    y = y_scale.axis(alt.Y, field_y, "Critical batch size (logarithmic)")
    shown = pd.concat([table[table["chip"] == chip] for chip in cast])
    shown = table if shown.empty else shown
    others = table.loc[~table["chip"].isin(shown["chip"]), ["chip", field_x, field_y]]
    color = color_channel(vendor_colors(shown["vendor"]), "vendor")
    at: dict[str, Any] = {"x": x, "y": y, "detail": "chip:N"}
    at["tooltip"] = [
        tip("chip:N", "Chip"),
        tip(f"{field_x}:Q", "Context (tokens)", ",.0f"),
        tip(f"{field_y}:Q", "Critical batch size", ",.0f"),
    ]
    grey = alt.Chart(others).mark_line(
        strokeWidth=1, color=MUTED, opacity=0.45, interpolate="monotone"
    )
    lines = alt.Chart(shown).mark_line(strokeWidth=2.5, interpolate="monotone")
    dashes = chip_dashes(shown, legend=False)
    return alt.layer(
        grey.encode(**at),
        lines.encode(**at, color=color, strokeDash=dashes),
        end_names(shown, "chip", x, y, y_scale=y_scale, color=color, first=True),
    ).properties(width=WIDTH, height=HEIGHT)


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
