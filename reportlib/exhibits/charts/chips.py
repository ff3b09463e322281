"""Charts of all chips: what they have, how they grew, how fast one user is served."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from reportlib.exhibits.charts.parts import (
    HEIGHT,
    PANEL,
    ROW,
    drawn,
    hollow,
    marked,
    names,
    order,
    panels,
    tip,
    vendor_marks,
    zoom,
)
from reportlib.exhibits.scales import LogScale, named
from reportlib.exhibits.theme import INK, MUTED, WIDTH
from reportlib.units import show


def capacity_bandwidth(
    table: pd.DataFrame, *, sweep_times: Sequence[float], cast: Sequence[str]
) -> Any:
    """Capacity against bandwidth, with lines of equal sweep time; *cast* is named in any case."""
    height = HEIGHT + 130
    field_x, field_y = "memory_capacity", "memory_bandwidth"
    x_scale = LogScale.over(table[field_x], (0.05, 0.09))
    y_scale = LogScale.over(table[field_y])
    cited = ["memory_capacity_cite", "memory_bandwidth_cite"]
    table = drawn(table, cited)
    table = named(
        table[["chip", "vendor", "status", "memory_kind", field_x, field_y, *cited]],
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
    ends = [
        (time, max(x_scale.low, y_scale.low * time), min(x_scale.high, y_scale.high * time))
        for time in sweep_times
    ]
    points = [
        (capacity, capacity / time, time, show(time, "s"))
        for time, low, high in ends
        for capacity in (low, high)
        if low < high
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
            tip("memory_capacity_cite:N", "Source"),
            tip("bandwidth:N", "Bandwidth"),
            tip("memory_bandwidth_cite:N", "Source"),
        ],
    )
    dots = vendor_marks(base, table).add_params(zoom())
    layers = [lines, times, dots, *names(table, "chip", x, y)]
    for layer in layers:
        layer.mark.clip = True
    return alt.layer(*layers).properties(width=WIDTH, height=height)


def generations(
    table: pd.DataFrame, trends: pd.DataFrame, *, names: Mapping[str, str]
) -> alt.FacetChart:
    """Compute, bandwidth and capacity of dated HBM chips over time, a panel each, with trends."""
    table = drawn(table).assign(
        label=[f"{multiple:.3g}" for multiple in table["multiple"]], role="chip"
    )
    text = [f"{100 * growth:.0f} % a year" if growth > 0 else "" for growth in trends["growth"]]
    ends = drawn(trends).assign(label=text, role="trend")
    rows = pd.concat([table, ends])[["chip", "vendor", "status", "quantity", "since", "multiple",
                                     "label", "role"]]  # fmt: skip
    rows = rows.assign(quantity=[names[quantity] for quantity in rows["quantity"]])
    scale = LogScale.over(rows["multiple"], (0.05, 0.16))
    base = alt.Chart(rows).encode(
        x=alt.X("since:T", title="Figures since", axis=alt.Axis(format="%Y", tickCount="year")),
        y=scale.axis(alt.Y, "multiple", "Multiple of the first (log)"),
    )
    chips = base.transform_filter("datum.role == 'chip'").encode(
        tooltip=[
            tip("chip:N", "Chip"),
            tip("since:T", "Figures since", "%Y-%m"),
            tip("label:N", "Multiple of the first"),
        ]
    )
    trend = base.transform_filter("datum.role == 'trend'")
    line = trend.mark_line(color=INK, strokeWidth=1.5, strokeDash=[5, 3])
    rate = trend.transform_filter("datum.multiple > 1").mark_text(
        align="right", dx=6, dy=-15, fontWeight="bold"
    )
    layers = alt.layer(line, vendor_marks(chips, table), rate.encode(text="label:N"), data=rows)
    return layers.properties(width=190, height=220).facet(
        alt.Facet("quantity:N", title=None, sort=list(names.values()))
    )


def ridge_points(table: pd.DataFrame, *, names: Mapping[str, str]) -> alt.FacetChart:
    """Ridge points of dated HBM chips over time, a panel a rate; some ends are named."""
    cited = ["peak_compute_cite", "memory_bandwidth_cite"]
    table = drawn(table, cited).assign(
        panel=[names[rate] for rate in table["rate"]],
        end=_ends(table),
        label=[f"{ridge:,.0f} FLOP/B" for ridge in table["ridge_point"]],
        format=[precision.upper() for precision in table["precision"]],
    )
    scale = LogScale.over(table["ridge_point"], (0.05, 0.16))
    base = alt.Chart(table).encode(
        x=alt.X("since:T", title="Figures since", axis=alt.Axis(format="%Y", tickCount="year")),
        y=scale.axis(alt.Y, "ridge_point", "Compute over bandwidth (FLOP/B, log)"),
        tooltip=[
            tip("chip:N", "Chip"),
            tip("format:N", "Compute in"),
            tip("label:N", "Ridge point"),
            tip("since:T", "Figures since", "%Y-%m"),
            tip("peak_compute_cite:N", "Source of compute"),
            tip("memory_bandwidth_cite:N", "Source of bandwidth"),
        ],
    )
    places: dict[str, tuple[Any, int]] = {
        "first": ("left", -6),
        "last": ("right", 6),
        "most": ("center", 0),
    }
    text = [
        base.transform_filter(f"datum.end == '{end}'")
        .mark_text(align=align, dx=dx, dy=-14)
        .encode(text="chip:N")
        for end, (align, dx) in places.items()
    ]
    return (
        alt.layer(vendor_marks(base, table), *text, data=table)
        .properties(width=290, height=220)
        .facet(alt.Facet("panel:N", title=None, sort=list(names.values())))
    )


def _ends(table: pd.DataFrame) -> list[str]:
    """Say of each row whether it is the first, the last or the highest of its rate."""
    ends: dict[Any, str] = {}
    for _, rows in table.groupby("rate"):
        ends[rows["ridge_point"].idxmax()] = "most"
        ends[rows.index[0]] = "first"
        ends[rows.index[-1]] = "last"
    return [ends.get(row, "") for row in table.index]


def predictions(table: pd.DataFrame) -> alt.FacetChart:
    """One user's speed: the ceiling as a tick, the expected speed as a dot in its band."""
    expected = table["expected"].notna()
    table = drawn(table).assign(
        label=[
            (f"{row.expected:,.0f} of " if known else "")
            + f"{row.ceiling:,.0f} on {row.chips:,.0f}"
            for row, known in zip(table.itertuples(), expected, strict=True)
        ],
        band=[
            f"{row.low:,.3g} to {row.high:,.3g}" if known else "–"
            for row, known in zip(table.itertuples(), expected, strict=True)
        ],
        middle=[f"{value:,.3g}" if value > 0 else "–" for value in table["expected"]],
    )
    ends = [*table["ceiling"], *table["low"].dropna()]
    scale = LogScale.over(ends, (0.05, 0.3))
    title = "Tokens/s for one user (logarithmic)"
    base = alt.Chart(table).encode(
        y=alt.Y("chip:N", sort=order(table, "chip", "ceiling")[::-1], title=None),
        tooltip=[
            tip("model:N", "Model"),
            tip("chip:N", "Chip"),
            tip("chips:Q", "Chips", ",.0f"),
            tip("ceiling:Q", "At most", ",.3~r"),
            tip("middle:N", "Expected"),
            tip("band:N", "Four in five between"),
            tip("measurements:Q", "Measurements of the chip"),
        ],
    )
    known = base.transform_filter("isValid(datum.expected)")
    x = scale.axis(alt.X, "ceiling", title)
    ceiling = base.mark_tick(color=INK, thickness=2.5, size=16).encode(x=x)
    band = known.mark_rule(strokeWidth=2, color=MUTED).encode(
        x=scale.axis(alt.X, "low", title), x2="high:Q"
    )
    dots = vendor_marks(known.encode(x=scale.axis(alt.X, "expected", title)), table)
    text = base.mark_text(align="left", dx=8).encode(x=x, text="label:N")
    return (
        alt.layer(band, dots, ceiling, text, data=table)
        .properties(width=WIDTH - 160, height=alt.Step(ROW))
        .facet(alt.Facet("model:N", title=None, sort=order(table, "model")), columns=1)
    )


def ranged(table: pd.DataFrame, *, unit: str, title: str) -> alt.FacetChart:
    """What tokens of input and output take on each chip: the median in its band, a panel a model.

    *unit* is that of the numbers; a tooltip shows a price where there is one.
    """
    priced = [] if table["price"].isna().all() else ["price_cite"]
    table = drawn(table, [*priced, "power_cite"]).assign(
        middle=[f"{value:,.3g} {unit}" for value in table["mid"]],
        band=[
            f"{low:,.3g} to {high:,.3g} {unit}"
            for low, high in zip(table["low"], table["high"], strict=True)
        ],
        priced=[
            f"{price:,.0f} USD ({basis})" if basis else "–"
            for price, basis in zip(table["price"], table["basis"], strict=True)
        ],
        rated=[show(power, "W") for power in table["power"]],
    )
    table = table.drop(columns=["price", "basis", "power", "vendor"])
    kinds = order(table, "kind")
    chips = order(table[table["kind"].isin(kinds[:1])], "chip", "mid")
    scale = LogScale.over([*table["low"], *table["high"]])
    base = alt.Chart(table).encode(
        y=alt.Y("chip:N", sort=chips, title=None),
        color=marked(alt.Color, "kind", kinds, kinds),
        tooltip=[
            tip("model:N", "Model"),
            tip("chip:N", "Chip"),
            tip("kind:N", "Tokens of"),
            tip("middle:N", "Median"),
            tip("band:N", "P10 to P90"),
            *([tip("priced:N", "Price"), tip("price_cite:N", "Source")] if priced else []),
            tip("rated:N", "Rated power"),
            tip("power_cite:N", "Source of the power"),
        ],
    )
    low, mid = (scale.axis(alt.X, end, title, length=PANEL) for end in ("low", "mid"))
    band = base.mark_rule(strokeWidth=2).encode(x=low, x2="high:Q")
    dots = base.mark_point(size=50, strokeWidth=2, opacity=1).encode(
        x=mid,
        shape=marked(alt.Shape, "kind", kinds, kinds),
        fill=hollow(marked(alt.Fill, "kind", kinds, kinds)),
    )
    return panels(alt.layer(band, dots, data=table), table, height=alt.Step(ROW))
