"""Charts: a table in, an Altair chart out. Nothing is calculated here but where things stand."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from reportlib.exhibits.scales import LogScale, named, spread
from reportlib.exhibits.theme import (
    BATCHES,
    DASHES,
    DIVERGING,
    FURTHER_VENDORS,
    INK,
    MUTED,
    ON_DARK,
    ON_LIGHT,
    PAPER,
    PARTS,
    SEQUENTIAL,
    VENDORS,
    WIDTH,
    WORK,
    vendor_colors,
)
from reportlib.units import show

HEIGHT = 270
PANEL = 180  # px of a panel beside others
ROW = 22  # px of a row of dots with their names
REFLOWS = {"reflows": True}  # readable at the width of a phone; others scroll in their frame
LEGEND_COLUMNS = 3  # of a long legend, to fit a phone
MANY, FEW = 1000, 18  # a number too long for a cell, and columns that leave cells wide
LABEL_ROOM = 0.16  # share of an axis that names beside points take
LETTERS, LETTERED_ROW = 21, 34  # of a line of a long name beside an axis; px of its row
MILLI = 1e3  # ms of a second
KIND_MARKS = (
    ("#0072b2", "circle"),
    ("#d55e00", "triangle-up"),
    ("#009e73", "square"),
    ("#b0578d", "diamond"),
)


def step_parts(table: pd.DataFrame) -> alt.LayerChart:
    """Time of the three parts of a decode step as dots."""
    table = table.assign(label=[show(time, "s") for time in table["time"]])
    scale = LogScale.over(table["time"], (0.08, LABEL_ROOM))
    base = alt.Chart(table).encode(
        x=scale.axis(alt.X, "time", "Time of one decode step (logarithmic)", "s"),
        y=alt.Y("part:N", sort=list(PARTS), title=None),
        tooltip=[_tip("part:N", "Part"), _tip("label:N", "Time")],
    )
    dots = base.mark_circle(size=150, opacity=1).encode(color=_colors(PARTS, "part"))
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
            y=alt.Y("model:N", sort=_order(table, "model"), title=None),
            color=_colors(colors, "batch", title="Batch size"),
            tooltip=[
                _tip("model:N", "Model"),
                _tip("batch:N", "Batch size"),
                _tip("label:N", "Memory over arithmetic"),
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
    color = _colors(PARTS, "part")
    lines = (
        alt.Chart(table)
        .mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=40))
        .encode(
            x=x,
            y=y,
            color=color,
            tooltip=[
                _tip("part:N", "Part"),
                _tip("batch_size:Q", "Batch size", ",.0f"),
                _tip("label:N", "Time per token"),
            ],
        )
    )
    names = _end_names(table, "part", x, y, y_scale=y_scale, color=color, first=True)
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
            color=_colors(WORK, "kind"),
            tooltip=[
                _tip("case:N", "Work"),
                _tip(f"{field_x}:Q", "FLOP/B", ".3r"),
                _tip("rate:N", "Attainable"),
            ],
        )
    )
    return alt.layer(line, dots, *_names(points, "case", x, y)).properties(
        width=WIDTH, height=HEIGHT
    )


def critical_batch_sizes(table: pd.DataFrame, *, cast: Sequence[str]) -> alt.LayerChart:
    """Batch size from which on decoding is compute-bound, against context, a line a chip."""
    x_scale = LogScale.over(table["context_length"], (0.2, 0.02))
    y_scale = LogScale.over(table["batch_size"], (0.14, 0.05))
    x = x_scale.axis(alt.X, "context_length", "Context length (tokens, logarithmic)")
    y = y_scale.axis(alt.Y, "batch_size", "Critical batch size (logarithmic)")
    return _lines(table, x, y, y_scale, cast=cast, quantity="Critical batch size", first=True)


def concurrency(table: pd.DataFrame, *, cast: Sequence[str]) -> alt.LayerChart:
    """Users that fit against context, a line a chip."""
    x_scale = LogScale.over(table["context_length"], (0.02, 0.2))
    y_scale = LogScale.over(table["max_batch_size"])
    x = x_scale.axis(alt.X, "context_length", "Context length (tokens, logarithmic)")
    y = y_scale.axis(alt.Y, "max_batch_size", "Users at a time (logarithmic)")
    return _lines(table, x, y, y_scale, cast=cast, quantity="Users at a time", first=False)


def fits(table: pd.DataFrame) -> alt.LayerChart:
    """Chips needed for the weights, as a grid of models and chips."""
    table = table.assign(
        shown=[show(n, digits=2) if n >= MANY else f"{n:.0f}" for n in table["chips_needed"]],
        logarithm=np.log2(table["chips_needed"]).clip(upper=7),
    )
    base = alt.Chart(table).encode(
        x=alt.X(
            "chip:N",
            sort=_order(table, "chip", "memory_capacity"),
            title=None,
            axis=alt.Axis(orient="top", labelAngle=-40, grid=False, domain=False, ticks=False),
        ),
        y=alt.Y(
            "model:N",
            sort=_order(table, "model", "weight_bytes"),
            title=None,
            axis=alt.Axis(domain=False, ticks=False),
        ),
        tooltip=[_tip("model:N", "Model"), _tip("chip:N", "Chip"), _tip("shown:N", "Chips")],
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
    table = _drawn(table).assign(label=[show(time, "s") for time in table["memory_sweep_time"]])
    scale = LogScale.over(table["memory_sweep_time"], (0.05, LABEL_ROOM))
    base = alt.Chart(table).encode(
        x=scale.axis(alt.X, "memory_sweep_time", "Memory sweep time (logarithmic)", "s"),
        y=alt.Y("chip:N", sort=_order(table, "chip", "memory_sweep_time"), title=None),
        tooltip=[
            _tip("chip:N", "Chip"),
            _tip("memory_kind:N", "Memory"),
            _tip("label:N", "Sweep time"),
        ],
    )
    text = base.mark_text(align="left", dx=10).encode(text="label:N")
    chart = _vendor_marks(base, table) + text
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
            _tip("chip:N", "Chip"),
            _tip("batch_size:Q", "Batch size", ",.0f"),
            _tip("tokens_per_second_per_user:Q", "Tokens/s per user", ",.3~r"),
            _tip("tokens_per_second_per_chip:Q", "Tokens/s per chip", ",.3~r"),
        ],
    )
    shown = _cast(table, cast)
    chips = _order(shown, "chip")
    lines = base.mark_line(strokeWidth=2.5).encode(
        color=alt.Color(
            "chip:N",
            scale=alt.Scale(domain=chips, range=_of_chips(shown, chips)[0]),
            legend=alt.Legend(title=None, orient="top", symbolType="stroke", symbolStrokeWidth=2.5),
        ),
        strokeDash=_chip_dashes(shown, legend=True),
        opacity=alt.condition(chosen, alt.value(1), alt.value(0.15)),
    )
    is_cast = alt.FieldOneOfPredicate("chip", chips)
    others = base.transform_filter(~is_cast)
    layers = alt.layer(
        others.mark_line(strokeWidth=1, color=MUTED, opacity=0.45),
        lines.transform_filter(is_cast).add_params(chosen),
        data=table,
    )
    return _panels(layers, table, height=220)


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
            sort=_order(table, "wanted", "wanted_speed"),
            title="Tokens/s for each user",
            axis=alt.Axis(labelAngle=0, domain=False, ticks=False),
        ),
        y=alt.Y(
            "context:N",
            sort=_order(table, "context", "context_length")[::-1],
            title="Context (tokens)",
            axis=alt.Axis(domain=False, ticks=False),
        ),
        tooltip=[
            _tip("wanted:N", "Tokens/s per user"),
            _tip("context:N", "Context"),
            _tip("meaning:N", "Per chip"),
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
            column=alt.Column("model:N", title=None, sort=_order(table, "model")),
            row=alt.Row(
                "edition:N",
                title=None,
                sort=_order(table, "edition"),
                header=alt.Header(labelOrient="left", labelAngle=-90),
            ),
        )
    )


def capacity_bandwidth(
    table: pd.DataFrame, *, sweep_times: Sequence[float], cast: Sequence[str]
) -> Any:
    """Capacity against bandwidth, with lines of equal sweep time; *cast* is named in any case."""
    height = HEIGHT + 80
    field_x, field_y = "memory_capacity", "memory_bandwidth"
    x_scale = LogScale.over(table[field_x], (0.05, 0.09))
    y_scale = LogScale.over(table[field_y])
    table = _drawn(table)
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
            _tip("chip:N", "Chip"),
            _tip("memory_kind:N", "Memory"),
            _tip("capacity:N", "Capacity"),
            _tip("bandwidth:N", "Bandwidth"),
        ],
    )
    return alt.layer(
        lines, times, _vendor_marks(base, table), *_names(table, "chip", x, y)
    ).properties(width=WIDTH, height=height)


def generations(table: pd.DataFrame, *, names: Mapping[str, str]) -> alt.FacetChart:
    """Compute, bandwidth and capacity of dated HBM chips over time, a panel each."""
    table = _drawn(table).assign(
        quantity=[names[quantity] for quantity in table["quantity"]],
        label=[f"{multiple:.3g}" for multiple in table["multiple"]],
    )
    base = alt.Chart(table).encode(
        x=alt.X("since:T", title="Figures since", axis=alt.Axis(format="%Y", tickCount="year")),
        y=LogScale.over(table["multiple"]).axis(alt.Y, "multiple", "Multiple of the first (log)"),
        tooltip=[
            _tip("chip:N", "Chip"),
            _tip("since:T", "Figures since", "%Y-%m"),
            _tip("label:N", "Multiple of the first"),
        ],
    )
    dots = _vendor_marks(base, table)
    order = list(names.values())
    return dots.properties(width=190, height=220).facet(
        alt.Facet("quantity:N", title=None, sort=order)
    )


def decode_ceilings(table: pd.DataFrame) -> alt.FacetChart:
    """The ceiling on one user's speed, a panel a model, a row a chip."""
    table = _drawn(table.dropna(subset=["tokens_per_second_per_user"]))
    pairs = zip(table["tokens_per_second_per_user"], table["chips_needed"], strict=True)
    table = table.assign(label=[f"{speed:,.0f} on {chips:,.0f}" for speed, chips in pairs])
    scale = LogScale.over(table["tokens_per_second_per_user"], (0.05, 0.5))
    base = alt.Chart(table).encode(
        x=scale.axis(alt.X, "tokens_per_second_per_user", "Tokens/s per user (log)", length=PANEL),
        y=alt.Y(
            "chip:N",
            sort=_order(table, "chip", "tokens_per_second_per_user")[::-1],
            title=None,
        ),
        tooltip=[
            _tip("model:N", "Model"),
            _tip("chip:N", "Chip"),
            _tip("chips_needed:Q", "Chips", ",.0f"),
            _tip("tokens_per_second_per_user:Q", "Tokens/s per user, at most", ",.3~r"),
        ],
    )
    text = base.mark_text(align="left", dx=9, fontSize=10.5).encode(text="label:N")
    return _panels(
        alt.layer(_vendor_marks(base, table), text, data=table), table, height=alt.Step(ROW)
    )


def predicted_measured(table: pd.DataFrame, *, factor: float, kinds: Sequence[str]) -> Any:
    """Predicted against measured times, with the diagonal and a *factor* to both sides of it.

    *kinds* are all that the column regime may hold. Field names are short and what many points
    share is told once: there are hundreds of them.
    """
    times = table[["without_chip", "time"]].to_numpy(dtype=float) * MILLI
    scale = LogScale.over(times.flatten())
    about = {"c": "chip", "o": "model", "e": "engine", "s": "source"}
    alike = table.groupby(list(about.values()), sort=False)
    points = pd.DataFrame(
        {"k": alike.ngroup(), "r": table["regime"], "p": times[:, 0], "m": times[:, 1]}
    )
    shared = alike.size().reset_index().rename(columns={v: k for k, v in about.items()})
    shared = shared.assign(k=range(len(shared)))[["k", *about]]
    marks = [kind for kind in kinds if kind in set(points["r"])]
    x = scale.axis(alt.X, "p", "Expected, ms (logarithmic)")
    y = scale.axis(alt.Y, "m", "Measured, ms (logarithmic)")
    ends = [(scale.low, f) for f in (1, factor, 1 / factor)] if len(table) else []
    guides = pd.DataFrame(
        [(p, p * f, f) for low, f in ends for p in (low, scale.high)], columns=["p", "m", "f"]
    )
    lines = alt.Chart(guides).mark_line(color=INK, strokeWidth=1, clip=True)
    dots = (
        alt.Chart(points)
        .mark_point(size=26, strokeWidth=1.2, opacity=1, aria=False)
        .encode(
            x=x,
            y=y,
            color=_marked(alt.Color, "r", marks, kinds),
            shape=_marked(alt.Shape, "r", marks, kinds),
            tooltip=[
                _tip("c:N", "Chip"),
                _tip("o:N", "Model"),
                _tip("e:N", "Engine"),
                _tip("s:N", "Source"),
                _tip("p:Q", "Expected (ms)", ",.3~r"),
                _tip("m:Q", "Measured (ms)", ",.3~r"),
            ],
        )
        .transform_lookup(
            lookup="k", from_=alt.LookupData(data=shared, key="k", fields=list(about))
        )
    )
    solid, dashed = (lines.transform_filter(f"datum.f {is_} 1") for is_ in ("==", "!="))
    return alt.layer(
        solid.encode(x=x, y=y, detail="f:N"),
        dashed.mark_line(color=INK, strokeWidth=1, strokeDash=[5, 4], clip=True).encode(
            x=x, y=y, detail="f:N"
        ),
        dots,
    ).properties(width=WIDTH, height=HEIGHT + 150, usermeta=REFLOWS)


def ceiling_shares(table: pd.DataFrame, *, kinds: Sequence[str]) -> Any:
    """Share of the ceiling: the middle four fifths as a line, the median, and the most."""
    table = table.rename(columns={"engine_class": "engine"}).assign(
        label=[f"{100 * share:.0f} %" for share in table["median"]],
        highest=[f"{100 * share:.0f} %" for share in table["most"]],
    )
    shown = [kind for kind in kinds if kind in set(table["timed"])]
    lines = {name: textwrap.wrap(name, LETTERS) for name in table["engine"]}
    base = alt.Chart(table).encode(
        y=alt.Y(
            "engine:N",
            sort=_order(table, "engine", "most")[::-1],
            title=None,
            axis=alt.Axis(
                labelExpr=f"{json.dumps(lines)}[datum.label]",
                labelBaseline={
                    "condition": {"test": f"length(datum.label) > {LETTERS}", "value": "bottom"},
                    "value": "middle",
                },
                labelLimit=0,
                tickBand="extent",
                ticks=False,
                grid=True,
            ),
        ),
        yOffset=alt.YOffset("timed:N", sort=shown, scale=alt.Scale(paddingOuter=0.5)),
        color=_marked(alt.Color, "timed", shown, kinds),
        tooltip=[
            _tip("engine:N", "Engine"),
            _tip("timed:N", "Timed"),
            _tip("rows:Q", "Measurements"),
            _tip("label:N", "Median"),
            _tip("highest:N", "Most"),
        ],
    )
    top = max([1.0, *table["most"]])
    x: dict[str, Any] = {
        "scale": alt.Scale(domain=[0, top], nice=False),
        "axis": alt.Axis(labelExpr="format(100 * datum.value, 'd') + ' %'", tickCount=6),
        "title": "Share of the ceiling",
    }
    ceiling = alt.Chart(pd.DataFrame({"p10": [1.0][: len(table)]})).mark_rule(color=INK)
    span = base.mark_rule(strokeWidth=2, aria=False).encode(x=alt.X("p10:Q", **x), x2="p90:Q")
    median = base.mark_point(size=45, filled=True, opacity=1, aria=False).encode(
        x=alt.X("median:Q", **x), shape=_marked(alt.Shape, "timed", shown, kinds)
    )
    most = base.mark_tick(thickness=2, size=8, aria=False).encode(x=alt.X("most:Q", **x))
    line = ceiling.encode(x=alt.X("p10:Q", **x))
    return alt.layer(line, span, median, most).properties(
        width=WIDTH, height=alt.Step(LETTERED_ROW, **{"for": "position"}), usermeta=REFLOWS
    )


def _marked(channel: Any, field: str, shown: Sequence[str], kinds: Sequence[str]) -> Any:
    """A colour or a shape for each of *shown*, the same whatever else of *kinds* is shown."""
    part = 0 if channel is alt.Color else 1
    values = [KIND_MARKS[kinds.index(kind) % len(KIND_MARKS)][part] for kind in shown]
    return channel(
        f"{field}:N",
        scale=alt.Scale(domain=list(shown), range=values),
        legend=alt.Legend(title=None, orient="top", columns=2),
    )


def _drawn(table: pd.DataFrame) -> pd.DataFrame:
    """Return what a chart of chips needs: no citations, and vendors that a legend can tell apart.

    Where more vendors without a colour of their own come than there are further colours, they
    share one.
    """
    further = set(table["vendor"]) - set(VENDORS)
    shared = further if len(further) > len(FURTHER_VENDORS) else set()
    names = ["other vendors" if vendor in shared else vendor for vendor in table["vendor"]]
    return table[[c for c in table if not str(c).endswith("_cite")]].assign(vendor=names)


def _panels(chart: Any, table: pd.DataFrame, *, height: Any) -> alt.FacetChart:
    """Return *chart* as a row of panels, one a model."""
    facet = alt.Facet("model:N", title=None, sort=_order(table, "model"))
    return chart.properties(width=PANEL, height=height).facet(facet)


def _cast(table: pd.DataFrame, cast: Sequence[str]) -> pd.DataFrame:
    """Return the rows of the chips of *cast*, in its order, or all where none of them is there."""
    rows = [table[table["chip"] == chip] for chip in cast]
    shown = pd.concat(rows) if rows else table
    return table if shown.empty else shown


def _lines(
    table: pd.DataFrame,
    x: alt.X,
    y: alt.Y,
    y_scale: LogScale,
    *,
    cast: Sequence[str],
    quantity: str,
    first: bool,
) -> Any:
    """One line a chip: of the *cast* in its vendor's colour and named at an end, others in grey."""
    field_x, field_y = (channel["shorthand"].removesuffix(":Q") for channel in (x, y))
    shown = _cast(table, cast)
    color = _colors(vendor_colors(shown["vendor"]), "vendor")
    tooltip = [
        _tip("chip:N", "Chip"),
        _tip(f"{field_x}:Q", "Context (tokens)", ",.0f"),
        _tip(f"{field_y}:Q", quantity, ",.0f"),
    ]
    others = table[~table["chip"].isin(shown["chip"])]
    grey = alt.Chart(others).mark_line(strokeWidth=1, color=MUTED, opacity=0.45)
    lines = alt.Chart(shown).mark_line(strokeWidth=2.5)
    names = _end_names(shown, "chip", x, y, y_scale=y_scale, color=color, first=first)
    return alt.layer(
        grey.encode(x=x, y=y, detail="chip:N", tooltip=tooltip),
        lines.encode(
            x=x,
            y=y,
            color=color,
            strokeDash=_chip_dashes(shown, legend=False),
            detail="chip:N",
            tooltip=tooltip,
        ),
        names,
    ).properties(width=WIDTH, height=HEIGHT)


def _end_names(
    table: pd.DataFrame,
    name: str,
    x: alt.X,
    y: alt.Y,
    *,
    y_scale: LogScale,
    color: alt.Color,
    first: bool,
) -> alt.Chart:
    """The names of lines before their first points, or behind their last, none over another."""
    field_x, field_y = (channel["shorthand"].removesuffix(":Q") for channel in (x, y))
    groups = table.groupby(name)[field_x]
    ends = table.loc[groups.idxmin() if first else groups.idxmax()]
    ends = ends.assign(**{field_y: spread(ends[field_y], y_scale, HEIGHT)})
    text = alt.Chart(ends)
    text = text.mark_text(align="right", dx=-9) if first else text.mark_text(align="left", dx=9)
    return text.encode(x=x, y=y, text=f"{name}:N", color=color)


def _names(table: pd.DataFrame, name: str, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Names of points, a layer for each place that scales.named gave."""
    layers = []
    for _, rows in table[table["align"] != ""].groupby(["dx", "dy", "align"]):
        place = rows.iloc[0]
        text = alt.Chart(rows).mark_text(
            align=place["align"], dx=place["dx"], dy=place["dy"], baseline="middle"
        )
        layers.append(text.encode(x=x, y=y, text=f"{name}:N"))
    return layers


def _vendor_marks(base: alt.Chart, table: pd.DataFrame) -> alt.Chart:
    """Dots in the vendor's colour, hollow for chips that are announced only."""
    colors = vendor_colors(table["vendor"])
    scale = alt.Scale(domain=list(colors), range=list(colors.values()))
    return base.mark_point(size=90, strokeWidth=2, opacity=1).encode(
        color=_colors(colors, "vendor", title=""),
        fill=alt.condition(
            alt.FieldOneOfPredicate("status", ["announced", "cancelled"]),
            alt.value(PAPER),
            alt.Fill("vendor:N", scale=scale),
        ),
    )


def _of_chips(table: pd.DataFrame, chips: list[str]) -> tuple[list[str], list[list[int]]]:
    """Return a colour and a dash pattern for each chip: the vendor's, and solid for its first."""
    vendor = dict(zip(table["chip"], table["vendor"], strict=True))
    colors = vendor_colors(table["vendor"])
    seen: dict[str, int] = {}
    dashes = []
    for chip in chips:
        position = seen.get(vendor[chip], 0)
        seen[vendor[chip]] = position + 1
        dashes.append(list(DASHES[position % len(DASHES)]))
    return [colors[vendor[chip]] for chip in chips], dashes


def _chip_dashes(table: pd.DataFrame, *, legend: bool) -> alt.StrokeDash:
    chips = _order(table, "chip")
    scale = alt.Scale(domain=chips, range=_of_chips(table, chips)[1])
    return alt.StrokeDash("chip:N", scale=scale, legend=alt.Undefined if legend else None)


def _colors(colors: Mapping[str, str], field: str, *, title: str | None = None) -> alt.Color:
    """A colour for each value of *field*; a legend where *title* is given and there is a choice."""
    columns = LEGEND_COLUMNS if len(colors) > LEGEND_COLUMNS + 1 else len(colors)
    legend = alt.Legend(title=title or None, orient="top", columns=columns)
    scale = alt.Scale(domain=list(colors), range=list(colors.values()))
    shown = legend if title is not None and len(colors) > 1 else None
    return alt.Color(f"{field}:N", scale=scale, legend=shown)


def _order(table: pd.DataFrame, name: str, by: str = "") -> list[str]:
    """Return the values of a column as they come, or by the largest *by* that each has."""
    if by:
        return list(table.groupby(name)[by].max().sort_values(kind="stable").index)
    return list(dict.fromkeys(table[name]))


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


def _tip(field: str, title: str, form: str = "") -> alt.Tooltip:
    return alt.Tooltip(field, title=title, format=form or alt.Undefined)
