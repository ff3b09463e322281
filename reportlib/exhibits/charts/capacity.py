"""Charts of what fits, how many users, how fast, and of two chips against each other."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from reportlib.exhibits.charts.parts import (
    LABEL_ROOM,
    PANEL,
    REFLOWS,
    ROW,
    cast_rows,
    chip_dashes,
    drawn,
    lines,
    of_chips,
    order,
    panels,
    tip,
    vendor_marks,
)
from reportlib.exhibits.scales import LogScale
from reportlib.exhibits.theme import (
    DIVERGING,
    MUTED,
    ON_DARK,
    ON_LIGHT,
    PAPER,
    SEQUENTIAL,
    WIDTH,
)
from reportlib.units import show

MANY, FEW = 1000, 18  # a number too long for a cell, and columns that leave cells wide


def concurrency(table: pd.DataFrame, *, cast: Sequence[str]) -> alt.LayerChart:
    """Users that fit against context, a line a chip."""
    x_scale = LogScale.over(table["context_length"], (0.02, 0.2))
    y_scale = LogScale.over(table["max_batch_size"])
    x = x_scale.axis(alt.X, "context_length", "Context length (tokens, logarithmic)")
    y = y_scale.axis(alt.Y, "max_batch_size", "Users at a time (logarithmic)")
    return lines(table, x, y, y_scale, cast=cast, quantity="Users at a time", first=False)


def fits(table: pd.DataFrame) -> alt.LayerChart:
    """Chips needed for the weights, as a grid of models and chips."""
    table = table.assign(
        shown=[show(n, digits=2) if n >= MANY else f"{n:.0f}" for n in table["chips_needed"]],
        logarithm=np.log2(table["chips_needed"]).clip(upper=7),
    )
    base = alt.Chart(table).encode(
        x=alt.X(
            "chip:N",
            sort=order(table, "chip", "memory_capacity"),
            title=None,
            axis=alt.Axis(orient="top", labelAngle=-40, grid=False, domain=False, ticks=False),
        ),
        y=alt.Y(
            "model:N",
            sort=order(table, "model", "weight_bytes"),
            title=None,
            axis=alt.Axis(domain=False, ticks=False),
        ),
        tooltip=[tip("model:N", "Model"), tip("chip:N", "Chip"), tip("shown:N", "Chips")],
    )
    cells = base.mark_rect(stroke=PAPER).encode(
        color=alt.Color(
            "logarithm:Q", scale=alt.Scale(domain=[0, 7], range=list(SEQUENTIAL)), legend=None
        )
    )
    crowded = table["chip"].nunique() > FEW
    text = base.mark_text(fontSize=9 if crowded else 11).encode(
        text="shown:N",
        color=alt.condition("datum.logarithm > 4.5", alt.value(ON_DARK), alt.value(ON_LIGHT)),
    )
    return (cells + text).properties(width=WIDTH, height=alt.Step(26))


def sweep_times(table: pd.DataFrame) -> alt.LayerChart:
    """Memory sweep time by chip, on a logarithmic axis."""
    table = drawn(table).assign(label=[show(time, "s") for time in table["memory_sweep_time"]])
    scale = LogScale.over(table["memory_sweep_time"], (0.05, LABEL_ROOM))
    base = alt.Chart(table).encode(
        x=scale.axis(alt.X, "memory_sweep_time", "Memory sweep time (logarithmic)", "s"),
        y=alt.Y("chip:N", sort=order(table, "chip", "memory_sweep_time"), title=None),
        tooltip=[
            tip("chip:N", "Chip"),
            tip("memory_kind:N", "Memory"),
            tip("label:N", "Sweep time"),
        ],
    )
    text = base.mark_text(align="left", dx=10).encode(text="label:N")
    chart = vendor_marks(base, table) + text
    return chart.properties(width=WIDTH, height=alt.Step(ROW), usermeta=REFLOWS)


def frontiers(table: pd.DataFrame, *, cast: Sequence[str]) -> alt.FacetChart:
    """Speed per user against throughput per chip, a panel a model, a line a chip."""
    chosen = alt.selection_point(name="chosen", fields=["chip"], bind="legend")
    x_scale = LogScale.over(table["tokens_per_second_per_user"])
    y_scale = LogScale.over(table["tokens_per_second_per_chip"])
    base = alt.Chart(table).encode(
        x=x_scale.axis(
            alt.X, "tokens_per_second_per_user", "Tokens/s per user (log)", length=PANEL
        ),
        y=y_scale.axis(alt.Y, "tokens_per_second_per_chip", "Tokens/s per chip (log)"),
        order="batch_size:Q",
        detail="chip:N",
        tooltip=[
            tip("chip:N", "Chip"),
            tip("batch_size:Q", "Batch size", ",.0f"),
            tip("tokens_per_second_per_user:Q", "Tokens/s per user", ",.3~r"),
            tip("tokens_per_second_per_chip:Q", "Tokens/s per chip", ",.3~r"),
        ],
    )
    shown = cast_rows(table, cast)
    chips = order(shown, "chip")
    lines = base.mark_line(strokeWidth=2.5).encode(
        color=alt.Color(
            "chip:N",
            scale=alt.Scale(domain=chips, range=of_chips(shown, chips)[0]),
            legend=alt.Legend(title=None, orient="top", symbolType="stroke", symbolStrokeWidth=2.5),
        ),
        strokeDash=chip_dashes(shown, legend=True),
        opacity=alt.condition(chosen, alt.value(1), alt.value(0.15)),
    )
    is_cast = alt.FieldOneOfPredicate("chip", chips)
    others = base.transform_filter(~is_cast)
    layers = alt.layer(
        others.mark_line(strokeWidth=1, color=MUTED, opacity=0.45),
        lines.transform_filter(is_cast).add_params(chosen),
        data=table,
    )
    return panels(layers, table, height=220)


def head_to_head(table: pd.DataFrame, *, first: str, second: str) -> alt.FacetChart:
    """Which of two chips serves more tokens per chip, over wanted speed and context."""
    table = table.assign(
        wanted=[f"{speed:,.0f}" for speed in table["wanted_speed"]],
        context=[f"{length:,.0f}" for length in table["context_length"]],
        logarithm=np.log2(table["ratio"].clip(1 / 8, 8)).fillna(0),
        shown=[_ratio(value) for value in table["ratio"]],
        meaning=[_winner(value, first, second) for value in table["ratio"]],
    )
    base = alt.Chart(table).encode(
        x=alt.X(
            "wanted:N",
            sort=order(table, "wanted", "wanted_speed"),
            title="Tokens/s for each user",
            axis=alt.Axis(labelAngle=0, domain=False, ticks=False),
        ),
        y=alt.Y(
            "context:N",
            sort=order(table, "context", "context_length")[::-1],
            title="Context (tokens)",
            axis=alt.Axis(domain=False, ticks=False),
        ),
        tooltip=[
            tip("wanted:N", "Tokens/s per user"),
            tip("context:N", "Context"),
            tip("meaning:N", "Per chip"),
        ],
    )
    cells = base.mark_rect(stroke=PAPER).encode(
        color=alt.Color(
            "logarithm:Q",
            scale=alt.Scale(
                domain=[-1, 0, 1], range=list(DIVERGING), clamp=True, interpolate="lab"
            ),
            legend=None,
        )
    )
    text = base.mark_text(fontSize=10).encode(text="shown:N", color=alt.value(ON_LIGHT))
    return (
        (cells + text)
        .properties(width=165, height=112)
        .facet(
            column=alt.Column("model:N", title=None, sort=order(table, "model")),
            row=alt.Row(
                "edition:N",
                title=None,
                sort=order(table, "edition"),
                header=alt.Header(labelOrient="left", labelAngle=-90),
            ),
        )
    )


def _ratio(value: float) -> str:
    if np.isnan(value):
        return "–"
    return "only" if value in (0, np.inf) else f"{value:.2f}"


def _winner(value: float, first: str, second: str) -> str:
    """Say in words what a ratio of two chips means."""
    if np.isnan(value):
        return "neither is fast enough"
    if value in (0, np.inf):
        return f"only {first if value else second} is fast enough"
    return f"{first} serves {value:.2f} times as much as {second}"
