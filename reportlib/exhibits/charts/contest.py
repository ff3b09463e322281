"""Charts of two chips against each other: a filled cell is sure, an outlined one is not.

*names* are those of both chips, *vendors* theirs. A triangle points up where the first leads, and
down where the second does, for those who see no colours.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from reportlib.exhibits.charts.parts import PANEL, ROW, order, tip
from reportlib.exhibits.theme import MUTED, ON_LIGHT, tint, vendor_colors
from reportlib.units import show

SURE, OPEN = 0.7, 0.1  # of a vendor's colour, in the fill of a cell
NEUTRAL, NOTHING = "#d0d7de", "#f1f2f4"
POINTS = {"first": "triangle-up", "second": "triangle-down"}
MOST_DECIMAL = 9.95  # what is larger has no decimal
CELL = 30  # px of a cell's height, for a triangle above a number

FIELDS = "model", "edition", "batch", "context", "result", "who", "shown", "rates", "chips"

Two = Sequence[str]


def same_work(table: pd.DataFrame, *, names: Two, vendors: Two) -> alt.FacetChart:
    """Who serves more per chip, by batch and context: a column a model, a row a day."""
    gap: dict[str, Any] = {"paddingInner": 0.08, "paddingOuter": 0.04}
    table = _told(table, names)
    batches = order(table, "batch", "batch_size")
    contexts = order(table, "context", "context_length")
    fill, stroke = _legend(table, vendors)
    table = table[list(FIELDS)]  # one object: one set of data
    base = alt.Chart(table).encode(
        x=alt.X(
            "batch:N",
            sort=batches,
            title="Users at a time",
            scale=alt.Scale(**gap),
            axis=alt.Axis(labelAngle=0, domain=False, ticks=False),
        ),
        y=alt.Y(
            "context:N",
            sort=contexts[::-1],
            title="Context (tokens)",
            scale=alt.Scale(**gap),
            axis=alt.Axis(domain=False, ticks=False),
        ),
        tooltip=[
            tip("result:N", "Serves more"),
            tip("rates:N", "Tokens/s per chip"),
            tip("chips:N", "Chips"),
            tip("batch:N", "Users at a time"),
            tip("context:N", "Context"),
        ],
    )
    cells = base.mark_rect(strokeWidth=1.2).encode(fill=fill, stroke=stroke)
    is_led = alt.FieldOneOfPredicate("who", list(POINTS))
    points = base.mark_point(size=26, filled=True, color=ON_LIGHT, opacity=1, yOffset=-7)
    shape = alt.Shape(
        "who:N",
        scale=alt.Scale(domain=list(POINTS), range=list(POINTS.values())),
        legend=None,
    )
    text = base.mark_text(fontSize=10, yOffset=5).encode(text="shown:N", color=alt.value(ON_LIGHT))
    return (
        alt.layer(cells, points.transform_filter(is_led).encode(shape=shape), text, data=table)
        .properties(width=PANEL + 10, height=alt.Step(CELL))
        .facet(
            column=alt.Column("model:N", title=None, sort=order(table, "model")),
            row=alt.Row(
                "edition:N",
                title=None,
                sort=order(table, "edition"),
                header=alt.Header(labelOrient="left", labelAngle=-90),
            ),
            spacing={"column": 12, "row": 16},
        )
    )


def _told(table: pd.DataFrame, names: Two) -> pd.DataFrame:
    """Return *table* with what a cell shows, and what a legend and tooltips say of it."""
    return table.assign(
        result=[_result(outcome, names) for outcome in table["outcome"]],
        who=table["outcome"].str.split().str[0],
        shown=[_shown(*row) for row in zip(table["outcome"], table["ratio"], strict=True)],
        batch=[f"{size:,.0f}" for size in table["batch_size"]],
        context=[f"{length:,.0f}" for length in table["context_length"]],
        rates=[
            f"{show(first, digits=2)} against {show(second, digits=2)}"
            for first, second in zip(table["first_rate"], table["second_rate"], strict=True)
        ],
        chips=[
            f"{first:.0f} against {second:.0f}"
            for first, second in zip(table["first_chips"], table["second_chips"], strict=True)
        ],
    )


def _result(outcome: str, names: Two) -> str:
    who, *doubt = outcome.split()
    of = {"first": names[0], "second": names[1], "same": "as much", "neither": "neither holds it"}
    return f"{of[who]}, not sure" if doubt else of[who]


def _shown(outcome: str, ratio: float) -> str:
    """Return how many times as much the one that leads serves."""
    if outcome in {"same", "neither"}:
        return {"same": "=", "neither": "–"}[outcome]
    if ratio == 0 or np.isinf(ratio):
        return "only"
    times = max(ratio, 1 / ratio)
    return f"{times:.0f}" if times > MOST_DECIMAL else f"{times:.1f}"


def _legend(table: pd.DataFrame, vendors: Two) -> tuple[alt.Fill, alt.Stroke]:
    """The fill and the outline of each result; two chips of one vendor differ all the same."""
    colors = [vendor_colors(vendors)[vendor] for vendor in vendors]
    if vendors[0] == vendors[1]:
        colors[1] = MUTED
    looks = {
        "first": (tint(colors[0], SURE), colors[0]),
        "first open": (tint(colors[0], OPEN), colors[0]),
        "same": (NEUTRAL, NEUTRAL),
        "second open": (tint(colors[1], OPEN), colors[1]),
        "second": (tint(colors[1], SURE), colors[1]),
        "neither": (NOTHING, NOTHING),
    }
    labels = dict(zip(table["outcome"], table["result"], strict=True))
    shown = [outcome for outcome in looks if outcome in labels]
    domain = [labels[outcome] for outcome in shown]
    legend = alt.Legend(title=None, orient="top", columns=3, symbolType="square", symbolSize=150)
    return tuple(
        channel(
            "result:N",
            scale=alt.Scale(domain=domain, range=[looks[outcome][part] for outcome in shown]),
            legend=legend,
        )
        for part, channel in enumerate((alt.Fill, alt.Stroke))
    )  # type: ignore[return-value]


def readings(table: pd.DataFrame, *, names: Two, vendors: Two) -> alt.FacetChart:
    """How many cases each chip wins, by what is read of both bandwidths: a panel a clock."""
    places = {outcome: place for place, outcome in enumerate(
        ("first", "first open", "same", "second open", "second", "neither"))}  # fmt: skip
    rows, columns = order(table, "reading"), order(table, "clock")
    table = table.assign(
        result=[_result(outcome, names) for outcome in table["outcome"]],
        place=table["outcome"].map(places),
    ).sort_values("place")
    table["end"] = table.groupby(["clock", "reading"])["cells"].cumsum()
    table["start"] = table["end"] - table["cells"]
    table["middle"] = (table["start"] + table["end"]) / 2
    fill, stroke = _legend(table, vendors)
    base = alt.Chart(table).encode(
        y=alt.Y("reading:N", sort=rows, title=None),
        tooltip=[
            tip("reading:N", "Bandwidths"),
            tip("result:N", "Serves more"),
            tip("cells:Q", "Cases", ",.0f"),
        ],
    )
    bars = base.mark_bar(strokeWidth=1.2).encode(
        x=alt.X(
            "start:Q",
            title="Cases",
            scale=alt.Scale(domain=[0, int(table["end"].max())], nice=False),
            axis=alt.Axis(tickMinStep=1, tickCount=5),
        ),
        x2="end:Q",
        fill=fill,
        stroke=stroke,
    )
    text = base.mark_text(fontSize=11).encode(
        x="middle:Q", text="cells:Q", color=alt.value(ON_LIGHT)
    )
    return (
        (bars + text)
        .properties(width=PANEL + 40, height=alt.Step(ROW))
        .facet(column=alt.Column("clock:N", title=None, sort=columns))
    )
