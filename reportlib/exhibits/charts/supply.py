"""Charts of the supply of HBM: its generations, the way from wafers to stacks, and who makes it.

Hollow is what was said of a period before it was over, and what is announced only.
"""

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from reportlib.exhibits.charts.parts import (
    HEIGHT,
    REFLOWS,
    ROW,
    color_channel,
    drawn,
    order,
    tip,
    vendor_marks,
)
from reportlib.exhibits.scales import LogScale, spread
from reportlib.exhibits.theme import FURTHER_VENDORS, INK, MUTED, PAPER, PARTS, SUPPLIERS, WIDTH
from reportlib.exhibits.words import count, percent

EXABYTE, BILLION = 1e18, 1e9
MONTH = 365.25 / 12 * 86_400  # s
INPUTS = {  # what an input of supply.yaml is called, and how its ends are printed
    "dram_wafers": ("wafers of DRAM", lambda n: f"{count(n * MONTH / 1000)} thousand a month"),
    "hbm_share": ("wafers for HBM", percent),
    "bit_density": ("bit density", lambda n: f"{count(n * 8 / 1e15)} Gbit/mm²"),
    "dies_per_stack": ("dies in a stack", count),
    "die_yield": ("working dies", percent),
    "loss_per_layer": ("stacks lost to a layer", lambda n: percent(n, 1)),
}
LEFT: dict[str, Any] = {"align": "right", "dx": -8}  # of a mark
RIGHT: dict[str, Any] = {"align": "left", "dx": 8}
HALO: dict[str, Any] = {"stroke": PAPER, "strokeWidth": 4, "aria": False}  # behind a text
SUPPLIERS_ROW = 58  # px for the suppliers of one thing
BEFORE, NAMES_BEHIND = 0.07, 0.4  # of a span of time, before it and for names behind lines
SHARE: dict[str, Any] = {"labelExpr": "format(100 * datum.value, 'd') + ' %'", "tickCount": 6}


def growth(table: pd.DataFrame, *, names: Mapping[str, str]) -> Any:
    """Figures of one stack over time as multiples of the first generation's, a line each."""
    table = table.assign(
        quantity=[names[quantity] for quantity in table["quantity"]],
        label=[f"{count(multiple)} times" for multiple in table["multiple"]],
    )
    scale = LogScale.over(table["multiple"], (0.04, 0.14))
    y = scale.axis(alt.Y, "multiple", "Multiple of the first (logarithmic)")
    x = alt.X(
        "introduced:T",
        title="Introduced",
        axis=_years(table["introduced"]),
        scale=_time(table["introduced"], NAMES_BEHIND),
    )
    base = alt.Chart(table).encode(x=x, y=y, detail="quantity:N", tooltip=[
        tip("name:N", "Generation"),
        tip("introduced:T", "Introduced", "%Y-%m"),
        tip("quantity:N", "Of one stack"),
        tip("label:N", "Multiple of the first"),
    ])  # fmt: skip
    lines = base.mark_line(strokeWidth=2, color=PARTS["read weights"])
    dots = base.mark_point(size=45, filled=True, opacity=1, color=PARTS["read weights"])
    ends = table.loc[table.groupby("quantity")["introduced"].idxmax()]
    ends = ends.assign(
        said=[f"{of}, {label}" for of, label in zip(ends["quantity"], ends["label"], strict=True)],
        multiple=spread(ends["multiple"], scale, HEIGHT),
    )
    text = alt.Chart(ends).mark_text(align="left", dx=9).encode(x=x, y=y, text="said:N")
    tops = table.loc[table.groupby("name")["multiple"].idxmax()]
    heads = alt.Chart(tops).mark_text(dy=-12, align="right", dx=4, color=MUTED)
    return alt.layer(lines, dots, text, heads.encode(x=x, y=y, text="name:N")).properties(
        width=WIDTH, height=HEIGHT, usermeta=REFLOWS
    )


def _time(days: "pd.Series[pd.Timestamp]", behind: float) -> alt.Scale:
    """A scale of time that leaves a share of its span free *behind* its last day."""
    if days.empty:
        return alt.Scale()
    span = max(days.max() - days.min(), pd.Timedelta(365, "D"))
    ends = days.min() - BEFORE * span, days.max() + behind * span
    return alt.Scale(domain=[_day(day) for day in ends], nice=False)


def _years(days: "pd.Series[pd.Timestamp]") -> alt.Axis:
    """An axis with the years that begin between the first and the last day."""
    years = range(days.min().year + 1, days.max().year + 1) if len(days) else range(0)
    return alt.Axis(format="%Y", values=[alt.DateTime(year=year) for year in years])


def _day(day: pd.Timestamp) -> alt.DateTime:
    return alt.DateTime(year=day.year, month=day.month, date=day.day)


def stacks_per_chip(table: pd.DataFrame, *, names: Mapping[str, str]) -> alt.FacetChart:
    """Stacks of each chip and what they hold together, over time, a panel each.

    With the names of the first chip and of the greatest.
    """
    by = table.groupby("quantity")["value"]
    ends = {"first": table.index[~table["quantity"].duplicated()], "greatest": by.idxmax()}
    table = table.assign(
        quantity=[names[quantity] for quantity in table["quantity"]],
        value=table["value"].where(table["quantity"] == "stacks", table["value"] / BILLION),
        end=[next((e for e, at in ends.items() if row in at.tolist()), "") for row in table.index],
    )
    base = alt.Chart(drawn(table, ["value_cite"])).encode(
        x=alt.X("since:T", title="Figures since", axis=alt.Axis(format="%Y", tickCount="year")),
        y=alt.Y("value:Q", title=None),
        tooltip=[
            tip("chip:N", "Chip"),
            tip("memory_kind:N", "Memory"),
            tip("since:T", "Figures since", "%Y-%m"),
            tip("value:Q", "Stacks, or GB", ",.0f"),
            tip("value_cite:N", "Source"),
        ],
    )
    heads = [
        base.transform_filter(alt.FieldEqualPredicate(field="end", equal=end))
        .mark_text(**beside)
        .encode(text="chip:N")
        for end, beside in (("first", RIGHT), ("greatest", LEFT))
    ]
    facet = alt.Facet("quantity:N", title=None, sort=list(names.values()))
    panels = alt.layer(vendor_marks(base, table), *heads).properties(width=300, height=HEIGHT)
    return panels.facet(facet).resolve_scale(y="independent")


def supply_tornado(table: pd.DataFrame, *, together: str, foretold: pd.DataFrame) -> Any:
    """Yearly supply at both ends of each input, and at the percentiles of all *together*.

    A line stands at the middle of all inputs, dashed ones where supply is *foretold*.
    """
    ends = table[["at_low", "at_high"]] / EXABYTE
    words = [_ends(row, together) for row in table.to_dict("records")]
    bars = pd.DataFrame(
        {
            "input": [INPUTS[name][0] if name in INPUTS else name for name in table["input"]],
            "left": ends.min(axis=1),
            "right": ends.max(axis=1),
            "left_end": [left for left, _ in words],
            "right_end": [right for _, right in words],
            "whole": table["input"] == together,
        }
    )
    bars["supply"] = [
        f"{count(left)} to {count(right)} EB"
        for left, right in zip(bars["left"], bars["right"], strict=True)
    ]
    top: dict[str, Any] = {"domain": [0, 1.2 * bars["right"].max()]} if len(bars) else {}
    x: dict[str, Any] = {
        "title": "Exabytes of HBM a year",
        "scale": alt.Scale(**top, nice=False),
    }
    base = alt.Chart(bars).encode(
        y=alt.Y("input:N", sort=list(bars["input"]), title=None, axis=alt.Axis(labelLimit=0)),
        tooltip=[
            tip("input:N", "Input"),
            tip("left_end:N", "Between"),
            tip("right_end:N", "and"),
            tip("supply:N", "Supply"),
        ],
    )
    color = alt.condition(
        "datum.whole", alt.value(PARTS["multiply"]), alt.value(PARTS["read KV cache"])
    )
    middle = pd.DataFrame({"at": table["middle"].head(1) / EXABYTE})
    said = foretold.head(len(table))
    said = pd.DataFrame(
        {
            "at": said["amount"] / EXABYTE,
            "words": [f"forecast of {day}" for day in said["said"]],
        }
    )
    at = alt.X("at:Q", **x)
    heads = alt.Chart(said).mark_text(align="right", dx=-5, dy=-8, fontSize=11, color=MUTED)
    return alt.layer(
        base.mark_bar(height=13).encode(x=alt.X("left:Q", **x), x2="right:Q", color=color),
        alt.Chart(middle).mark_rule(color=INK).encode(x=at),
        alt.Chart(said).mark_rule(color=INK, strokeDash=[4, 3]).encode(x=at),
        heads.encode(x=at, y=alt.value(0), text="words:N"),
        *(
            base.mark_text(**beside, fontSize=11, **behind).encode(
                x=alt.X(f"{end}:Q", **x), text=f"{end}_end:N"
            )
            for behind in (HALO, {})
            for end, beside in (("left", LEFT), ("right", RIGHT))
        ),
    ).properties(width=WIDTH, height=alt.Step(ROW + 6), usermeta=REFLOWS)


def _ends(row: Mapping[Any, Any], together: str) -> tuple[str, str]:
    """Return what an input is at the left and at the right end of its bar."""
    if row["input"] == together:
        return "P10", "P90"
    print_ = INPUTS[row["input"]][1] if row["input"] in INPUTS else count
    low, high = print_(row["input_low"]), print_(row["input_high"])
    return (low, high) if row["at_low"] < row["at_high"] else (high, low)


def _filled(field: str, colors: Mapping[str, str]) -> Any:
    """The colour of *field* inside a mark; none in what is foretold."""
    scale = alt.Scale(domain=list(colors), range=list(colors.values()))
    # As the legend of the stroke, with which it is one: Vega warns in readers' consoles otherwise.
    fill = alt.Fill(f"{field}:N", scale=scale, legend=alt.Undefined if len(colors) > 1 else None)
    return alt.condition("datum.foretold", alt.value(PAPER), fill)


def suppliers(table: pd.DataFrame) -> Any:
    """Shares of suppliers, a row for each thing that they divide and its period."""
    points = table[["supplier", "said", "foretold", "label", "value_cite"]].assign(
        row=table["what"] + ", " + table["period"],
        share=table["middle_share"],
        low=table["low_share"].fillna(table["middle_share"]),
        high=table["high_share"].fillna(table["middle_share"]),
    )
    further = iter(FURTHER_VENDORS * len(table))
    colors = {name: SUPPLIERS.get(name) or next(further) for name in sorted(set(table["supplier"]))}
    x: dict[str, Any] = {
        "title": "Share",
        "scale": alt.Scale(domain=[0, 1]),
        "axis": alt.Axis(**SHARE),
    }
    base = alt.Chart(points).encode(
        y=alt.Y(
            "row:N", sort=order(points, "row"), title=None, axis=alt.Axis(labelLimit=0, grid=True)
        ),
        yOffset=alt.YOffset("supplier:N", sort=list(colors), scale=alt.Scale(paddingOuter=0.5)),
        color=color_channel(colors, "supplier", title=""),
        tooltip=[
            tip("row:N", "Of"),
            tip("supplier:N", "Supplier"),
            tip("label:N", "Share"),
            tip("said:N", "Said"),
            tip("value_cite:N", "Source"),
        ],
    )
    spans = base.mark_rule(strokeWidth=3).encode(x=alt.X("low:Q", **x), x2="high:Q")
    dots = base.mark_point(size=70, strokeWidth=2, opacity=1).encode(
        x=alt.X("share:Q", **x), fill=_filled("supplier", colors)
    )
    text = base.mark_text(align="left", dx=10, fontSize=11).encode(
        x=alt.X("high:Q", **x), text="label:N", color=alt.value(INK)
    )
    return alt.layer(spans, dots, text).properties(
        width=WIDTH, height=alt.Step(SUPPLIERS_ROW, **{"for": "position"}), usermeta=REFLOWS
    )
