"""Charts of demand over supply by scenario and year, and of the memory market's own history."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from reportlib.exhibits.charts.parts import (
    HEIGHT,
    KIND_MARKS,
    PANEL,
    REFLOWS,
    color_channel,
    end_names,
    order,
    tip,
)
from reportlib.exhibits.scales import LogScale
from reportlib.exhibits.theme import DIVERGING, INK, MUTED, ON_LIGHT, PAPER, SUPPLIERS, WIDTH
from reportlib.exhibits.words import count

YEARS = 4  # between labels of a narrow axis
NAME_ROOM = 0.46  # share of an axis of years that names behind lines take
TALL_ROW = 36  # px of a row whose name has two lines
WIDEST = 3.0  # doublings from 1, at which a colour is as strong as can be
CELL = 34  # px
LEAST, MOST, OUTSIDE = 0.1, 10.0, ("<0.1", ">10")  # that cells of a map tell apart


def courses(table: pd.DataFrame) -> Any:
    """Demand over supply: a line a scenario, a band of four fifths of draws, and the 1."""
    names = order(table, "scenario")
    title = "Demand over supply, today = 1 (logarithmic)"
    ends = zip(table["pace_low"], table["pace_high"], strict=True)
    table = table.assign(told=[f"{count(low)} to {count(high)}" for low, high in ends])
    scale = LogScale.over([*table["pace_low"], *table["pace_high"]])
    first, last = int(table["year"].min()), int(table["year"].max())
    x = alt.X(
        "year:Q",
        title=None,
        scale=alt.Scale(domain=[first, last + NAME_ROOM * (last - first)], nice=False),
        axis=alt.Axis(values=[*range(first, last + 1)], format="d", grid=False, labelFlush=False),
    )
    y = scale.axis(alt.Y, "pace", title)
    marks = {name: KIND_MARKS[place % len(KIND_MARKS)][0] for place, name in enumerate(names)}
    colors = color_channel(marks, "scenario")
    fills = alt.Fill("scenario:N", scale=colors["scale"], legend=None)
    base = alt.Chart(table).encode(x=x, detail="scenario:N")
    band = base.mark_area(opacity=0.12, aria=False).encode(
        y=scale.axis(alt.Y, "pace_low", title), y2="pace_high:Q", fill=fills
    )
    lines = base.mark_line(strokeWidth=2.5, aria=False).encode(y=y, color=colors)
    dots = base.mark_point(size=45, filled=True, opacity=1).encode(
        y=y,
        color=colors,
        tooltip=[
            tip("scenario:N", "Scenario"),
            tip("year:Q", "Year", "d"),
            tip("pace:Q", "Median", ",.3~r"),
            tip("told:N", "Four fifths of draws"),
        ],
    )
    even = alt.Chart(pd.DataFrame({"year": [first, last], "pace": 1.0})).mark_line(
        color=INK, strokeWidth=1
    )
    text = end_names(table, "scenario", x, y, y_scale=scale, color=colors, first=False)
    return alt.layer(band, even.encode(x=x, y=y), lines, dots, text).properties(
        width=WIDTH, height=HEIGHT + 40, usermeta=REFLOWS
    )


def movers(table: pd.DataFrame) -> Any:
    """What the result is at both ends of each input; hollow at the low end of the input."""
    scale = LogScale.over([*table["at_low"], *table["at_high"], 1.0])
    title = "Pace (logarithmic)"
    lines = {name: [name, ends] for name, ends in zip(table["input"], table["range"], strict=True)}
    base = alt.Chart(table).encode(
        y=alt.Y("input:N", sort=order(table, "input"), title=None, axis=_banded(lines)),
        tooltip=[
            tip("input:N", "Input"),
            tip("range:N", "Range"),
            tip("at_low:Q", "At its low end", ",.3~r"),
            tip("at_high:Q", "At its high end", ",.3~r"),
        ],
    )
    spans = base.mark_rule(strokeWidth=5, opacity=0.55, color=KIND_MARKS[0][0]).encode(
        x=scale.axis(alt.X, "at_low", title), x2="at_high:Q"
    )
    ends = [
        base.mark_point(size=60, strokeWidth=2, opacity=1, color=KIND_MARKS[0][0], fill=fill)
        .encode(x=scale.axis(alt.X, field, title))
        for field, fill in (("at_low", PAPER), ("at_high", KIND_MARKS[0][0]))
    ]  # fmt: skip
    guides = [
        alt.Chart(pd.DataFrame({"at_low": values})).mark_rule(color=color, strokeDash=dash)
        .encode(x=scale.axis(alt.X, "at_low", title))
        for values, color, dash in (
            ([1.0][: len(table)], INK, [1, 0]),
            ([*table["middle"][:1]], MUTED, [4, 3]),
        )
    ]  # fmt: skip
    return alt.layer(*guides, spans, *ends).properties(
        width=WIDTH, height=alt.Step(TALL_ROW), usermeta=REFLOWS
    )


def break_even(table: pd.DataFrame) -> Any:
    """Demand over supply in the last year by growth of tokens, efficiency and supply."""
    table = table.assign(
        shown=[
            f"{value:.2g}" if LEAST < value < MOST else OUTSIDE[value >= MOST]
            for value in table["pace"]
        ],
        strength=_strength(table["pace"]),
        panel=[f"Supply × {factor:.3g} a year" for factor in table["supply_factor"]],
    )
    base = alt.Chart(table).encode(
        x=alt.X("token_factor:O", title="Tokens, × a year", axis=_bare(labelAngle=0)),
        y=alt.Y(
            "efficiency_factor:O", sort="descending", title="Efficiency, × a year", axis=_bare()
        ),
        tooltip=[
            tip("supply_factor:Q", "Supply, times a year"),
            tip("token_factor:O", "Tokens, times a year"),
            tip("efficiency_factor:O", "Efficiency, times a year"),
            tip("shown:N", "Demand over supply, today = 1"),
        ],
    )
    return (
        (_cells(base) + _numbers(base, 11))
        .properties(width=PANEL, height=alt.Step(CELL))
        .facet(alt.Facet("panel:N", title=None, sort=order(table, "panel")))
    )


def revenues(table: pd.DataFrame) -> Any:
    """Revenue over time, a panel each; hollow where it was a forecast."""
    known = alt.FieldEqualPredicate(equal=False, field="forecast")
    color = KIND_MARKS[0][0]

    def panel(rows: pd.DataFrame, x: alt.X) -> Any:
        scale = LogScale.over(rows["value"], (0.1, 0.1))
        y = scale.axis(alt.Y, "value", "Billion USD (log)")
        base = alt.Chart(rows).encode(x=x, y=y)
        line = base.transform_filter(known).mark_line(color=color, strokeWidth=1.5, opacity=0.5)
        line = line.encode(y=scale.axis(alt.Y, "mean(value)", "Billion USD (log)"))
        dots = base.mark_point(size=55, strokeWidth=2, opacity=1, color=color).encode(
            fill=alt.condition("datum.forecast", alt.value(PAPER), alt.value(color)),
            tooltip=_tips(),
        )
        return alt.layer(line, dots)

    return _side_by_side(table, panel)


def margins(table: pd.DataFrame) -> Any:
    """Margins and profits over time, a panel each; whole years as squares, quarters as dots."""
    table = table.assign(of=["a year" if whole else "a quarter" for whole in table["whole_year"]])
    shapes = alt.Scale(domain=["a quarter", "a year"], range=["circle", "square"])
    legend = alt.Legend(title=None, orient="bottom", symbolStrokeColor=INK)

    def panel(rows: pd.DataFrame, x: alt.X) -> Any:
        zero = alt.Chart(pd.DataFrame({"value": [0.0]})).mark_rule(color=INK)
        dots = alt.Chart(rows).mark_point(
            size=55, strokeWidth=2, opacity=1, color=SUPPLIERS[rows["maker"].iloc[0]]
        )
        y = alt.Y("value:Q", title=None)
        return alt.layer(
            zero.encode(y=y),
            dots.encode(
                x=x,
                y=y,
                shape=alt.Shape("of:N", scale=shapes, legend=legend),
                tooltip=_tips(),
            ),
        )

    return _side_by_side(table, panel)


def _side_by_side(table: pd.DataFrame, panel: Callable[[pd.DataFrame, alt.X], Any]) -> Any:
    """Return a panel each, over the same years, with a vertical axis of its own."""
    table = table.assign(when=[int(end[:4]) + int(end[5:7]) / 12 for end in table["end"]])
    first, last = int(table["when"].min()), int(table["when"].max()) + 1
    x = alt.X(
        "when:Q",
        title=None,
        scale=alt.Scale(domain=[first, last], nice=False),
        axis=alt.Axis(
            values=[*range(last, first - 1, -YEARS)], format="d", grid=False, labelFlush=False
        ),
    )
    return alt.hconcat(
        *(
            panel(rows, x).properties(width=PANEL, height=200, title=str(name).split(": "))
            for name, rows in table.groupby("panel", sort=False)
        )
    )


def _tips() -> list[alt.Tooltip]:
    return [
        tip("panel:N", "What"),
        tip("period:N", "Period"),
        tip("value:Q", "Value", ",.3~r"),
        tip("source_cite:N", "Source"),
    ]


def _cells(base: alt.Chart) -> alt.Chart:
    return base.mark_rect(stroke=PAPER).encode(
        color=alt.Color(
            "strength:Q",
            scale=alt.Scale(
                domain=[-1, 0, 1], range=list(DIVERGING), clamp=True, interpolate="lab"
            ),
            legend=None,
        )
    )


def _numbers(base: alt.Chart, size: int) -> alt.Chart:
    return base.mark_text(fontSize=size).encode(text="shown:N", color=alt.value(ON_LIGHT))


def _strength(ratios: "pd.Series[float]") -> Any:
    """Return how strong the colour of a ratio is, from -1 for much too little to 1."""
    return np.log2(ratios.clip(2**-WIDEST, 2**WIDEST)) / WIDEST


def _bare(**more: Any) -> alt.Axis:
    return alt.Axis(domain=False, ticks=False, grid=False, **more)


def _banded(lines: Mapping[str, Sequence[str]] | None = None) -> alt.Axis:
    """Return the axis of rows, with lines between them; names that have two lines on those."""
    named = f"{json.dumps(lines, ensure_ascii=False)}[datum.label]" if lines else alt.Undefined
    return alt.Axis(
        labelExpr=named,
        labelBaseline="bottom" if lines else "middle",
        labelLimit=0,
        tickBand="extent",
        ticks=False,
        grid=True,
    )
