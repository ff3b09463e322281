"""Charts of what fits, for how many users, how fast, and of what splitting a model costs."""

import altair as alt
import pandas as pd

from reportlib.exhibits.charts.parts import (
    LABEL_ROOM,
    PANEL,
    REFLOWS,
    ROW,
    chip_dashes,
    drawn,
    of_chips,
    order,
    panels,
    tip,
    vendor_marks,
)
from reportlib.exhibits.scales import LogScale
from reportlib.exhibits.theme import (
    INK,
    MUTED,
    ON_DARK,
    ON_LIGHT,
    PAPER,
    SEQUENTIAL,
    WIDTH,
)
from reportlib.units import show

MANY, FEW = 1000, 18  # a number too long for a cell, and columns that leave cells wide
DARK, DARKEST = 24, 128  # chips: from which on numbers are white, and colours are the same


def fits(table: pd.DataFrame) -> alt.LayerChart:
    """Chips needed for the weights, as a grid of models and chips."""
    chips, models = order(table, "chip", "memory_capacity"), order(table, "model", "weight_bytes")
    crowded = len(chips) > FEW
    field = "chips_needed:Q"
    base = alt.Chart(table[["model", "chip", "chips_needed"]]).encode(
        x=alt.X(
            "chip:N",
            sort=chips,
            title=None,
            axis=alt.Axis(orient="top", labelAngle=-60, grid=False, domain=False, ticks=False),
        ),
        y=alt.Y("model:N", sort=models, title=None, axis=alt.Axis(domain=False, ticks=False)),
        tooltip=[tip("model:N", "Model"), tip("chip:N", "Chip"), tip(field, "Chips", ",.0f")],
    )
    shades = alt.Scale(type="log", domain=[1, DARKEST], range=list(SEQUENTIAL), clamp=True)
    cells = base.mark_rect(stroke=PAPER).encode(color=alt.Color(field, scale=shades, legend=None))
    told = alt.ExprRef(f"format(datum.chips_needed, datum.chips_needed < {MANY} ? 'd' : '.2~s')")
    text = base.mark_text(fontSize=9 if crowded else 11, text=told).encode(
        color=alt.when(alt.datum.chips_needed > DARK)
        .then(alt.value(ON_DARK))
        .otherwise(alt.value(ON_LIGHT))
    )
    return (cells + text).properties(width=WIDTH, height=alt.Step(26))


def chips_for_users(table: pd.DataFrame) -> alt.FacetChart:
    """Chips needed for the weights and, further right, for users' caches too: a panel a model."""
    table = drawn(table, cited=("memory_capacity_cite",)).assign(
        label=[f"{count:,.0f}" for count in table["for_users"]],
        capacity=[show(size, "B") for size in table["memory_capacity"]],
        caches=[show(size, "B") for size in table["kv_bytes"]],
    )
    scale = LogScale.over([*table["for_weights"], *table["for_users"]], (0.06, 0.22))
    x = scale.axis(alt.X, "for_users", "Chips (log)", length=PANEL)
    base = alt.Chart(table).encode(
        x=x,
        y=alt.Y("chip:N", sort=order(table, "chip", "memory_capacity"), title=None),
        tooltip=[
            tip("chip:N", "Chip"),
            tip("capacity:N", "Capacity"),
            tip("memory_capacity_cite:N", "Source"),
            tip("for_weights:Q", "Chips for the weights", ",.0f"),
            tip("caches:N", "Caches of all users"),
            tip("for_users:Q", "Chips with the caches", ",.0f"),
        ],
    )
    lines = base.mark_rule(strokeWidth=2).encode(x2="for_weights:Q")
    weights = base.mark_tick(thickness=3, size=13, color=INK).encode(
        x=scale.axis(alt.X, "for_weights", "Chips (log)", length=PANEL)
    )
    text = base.mark_text(align="left", dx=10).encode(text="label:N")
    layers = alt.layer(lines, weights, vendor_marks(base, table), text, data=table)
    return panels(layers, table, height=alt.Step(ROW))


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


def frontiers(table: pd.DataFrame) -> alt.FacetChart:
    """Speed per user against throughput per chip, a panel a model, a line a chip."""
    chosen = alt.selection_point(name="chosen", fields=["chip"], bind="legend")
    x_scale = LogScale.over(table["tokens_per_second_per_user"])
    y_scale = LogScale.over(table["tokens_per_second_per_chip"])
    chips = order(table, "chip")
    lines = (
        alt.Chart(table.drop(columns="vendor"))
        .mark_line(strokeWidth=2.5, interpolate="monotone")
        .encode(
            x=x_scale.axis(
                alt.X, "tokens_per_second_per_user", "Tokens/s per user (log)", length=PANEL
            ),
            y=y_scale.axis(alt.Y, "tokens_per_second_per_chip", "Tokens/s per chip (log)"),
            order=alt.Order("tokens_per_second_per_user:Q"),
            color=alt.Color(
                "chip:N",
                scale=alt.Scale(domain=chips, range=of_chips(table, chips)[0]),
                legend=alt.Legend(
                    title=None, orient="top", symbolType="stroke", symbolStrokeWidth=2.5
                ),
            ),
            strokeDash=chip_dashes(table, legend=True),
            opacity=alt.when(chosen).then(alt.value(1)).otherwise(alt.value(0.15)),
            tooltip=[
                tip("chip:N", "Chip"),
                tip("chips:Q", "Chips", ",.0f"),
                tip("batch_size:Q", "Batch size", ",.0f"),
                tip("tokens_per_second_per_user:Q", "Tokens/s per user", ",.3~r"),
                tip("tokens_per_second_per_chip:Q", "Tokens/s per chip", ",.3~r"),
            ],
        )
        .add_params(chosen)
    )
    return panels(lines, table, height=220)


def splitting(table: pd.DataFrame) -> alt.FacetChart:
    """Share of a step that exchanges take against the number of chips, a panel a batch.

    A band shows what is not known of the first chip's; a diamond, where twice as many chips are
    no more than a third faster.
    """
    table = table.assign(
        users=[f"{size:,.0f} user{'s' if size > 1 else ''}" for size in table["batch_size"]],
        link=[show(rate, "B/s") if rate > 0 else "PCIe" for rate in table["link_bandwidth"]],
        speed=[f"{speed:,.3g}" for speed in table["tokens_per_second_per_user"]],
    )
    table["linked"] = table["chip"] + ", " + table["link"]
    chips, linked = order(table, "chip"), order(table, "linked")
    colors, dashes = of_chips(table, chips)
    sizes = order(table, "users")
    x_scale = LogScale.over(table["chips"])
    x = alt.X(
        "chips:Q",
        title="Chips that share a model (log)",
        scale=alt.Scale(type="log", base=2, domain=[x_scale.low, x_scale.high], nice=False),
        axis=alt.Axis(values=sorted(set(table["chips"])), format=",.0f"),
    )
    share = alt.Axis(format=".0%", tickCount=5)
    top = float(table["high"].max()) if len(table) else 1.0
    y_scale = alt.Scale(domain=[0, min(1.0, top * 1.05) or 1.0], nice=False)
    y = alt.Y("share:Q", title="Share of a step", scale=y_scale, axis=share)
    color = alt.Color(
        "linked:N",
        scale=alt.Scale(domain=linked, range=colors),
        legend=alt.Legend(
            title=None,
            orient="top",
            columns=2,
            labelLimit=0,
            symbolType="stroke",
            symbolStrokeWidth=2.5,
        ),
    )
    dash = alt.StrokeDash("linked:N", scale=alt.Scale(domain=linked, range=dashes))
    base = alt.Chart(table).encode(
        x=x,
        y=y,
        color=color,
        tooltip=[
            tip("chip:N", "Chip"),
            tip("chips:Q", "Chips", ",.0f"),
            tip("share:Q", "Share of a step", ".0%"),
            tip("low:Q", "at quick exchanges", ".0%"),
            tip("high:Q", "at slow exchanges", ".0%"),
            tip("speed:N", "Tokens/s per user"),
            tip("kv_copies:Q", "Copies of each cache", ",.0f"),
            tip("link:N", "Links, one way"),
            tip("link_bandwidth_cite:N", "Source"),
        ],
    )
    first = alt.FieldEqualPredicate(field="chip", equal=chips[0] if chips else "")
    band = alt.Chart(table).transform_filter(first).mark_area(opacity=0.2, color=MUTED)
    layers = alt.layer(
        band.encode(
            x=x, y=alt.Y("low:Q", scale=y_scale, title="Share of a step", axis=share), y2="high:Q"
        ),
        base.mark_line(strokeWidth=2.2).encode(strokeDash=dash),
        base.mark_point(size=22, filled=True, opacity=1),
        base.transform_filter("datum.balances").mark_point(
            shape="diamond", size=110, filled=True, opacity=1
        ),
        data=table,
    )
    return layers.properties(width=PANEL + 110, height=240).facet(
        facet=alt.Facet("users:N", title=None, sort=sizes)
    )
