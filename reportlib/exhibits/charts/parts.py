"""What charts have in common: marks, colours, names beside them, legends and tooltips."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from reportlib.exhibits.scales import LogScale, spread
from reportlib.exhibits.theme import (
    DASHES,
    FURTHER_VENDORS,
    PAPER,
    VENDORS,
    vendor_colors,
)

HEIGHT = 270
PANEL = 180  # px of a panel beside others
ROW = 22  # px of a row of dots with their names
REFLOWS = {"reflows": True}  # readable at the width of a phone; others scroll in their frame
LEGEND_COLUMNS = 3  # of a long legend, to fit a phone
LABEL_ROOM = 0.16  # share of an axis that names beside points take

KIND_MARKS = (
    ("#0072b2", "circle"),
    ("#d55e00", "triangle-up"),
    ("#009e73", "square"),
    ("#b0578d", "diamond"),
)


def marked(channel: Any, field: str, shown: Sequence[str], kinds: Sequence[str]) -> Any:
    """A colour or a shape for each of *shown*, the same whatever else of *kinds* is shown."""
    part = 1 if channel is alt.Shape else 0
    values = [KIND_MARKS[kinds.index(kind) % len(KIND_MARKS)][part] for kind in shown]
    return channel(
        f"{field}:N",
        scale=alt.Scale(domain=list(shown), range=values),
        legend=alt.Legend(title=None, orient="top", columns=2),
    )


def drawn(table: pd.DataFrame, cited: Sequence[str] = ()) -> pd.DataFrame:
    """Return what a chart of chips needs, with vendors that a legend can tell apart.

    Of the citations, only those of *cited* stay: columns that a tooltip names. Where more vendors
    without a colour of their own come than there are further colours, they share one.
    """
    further = set(table["vendor"]) - set(VENDORS)
    shared = further if len(further) > len(FURTHER_VENDORS) else set()
    names = ["other vendors" if vendor in shared else vendor for vendor in table["vendor"]]
    kept = [c for c in table if c in cited or not str(c).endswith("_cite")]
    return table[kept].assign(vendor=names)


def panels(chart: Any, table: pd.DataFrame, *, height: Any) -> alt.FacetChart:
    """Return *chart* as a row of panels, one a model."""
    facet = alt.Facet("model:N", title=None, sort=order(table, "model"))
    return chart.properties(width=PANEL, height=height).facet(facet)


def end_names(
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


def names(table: pd.DataFrame, name: str, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Names of points where scales.named placed them, as a layer if there are any."""
    table = table[table["align"] != ""]
    if table.empty:
        return []
    place: dict[str, Any] = {of: alt.ExprRef(f"datum.{of}") for of in ("dx", "dy", "align")}
    text = alt.Chart(table).mark_text(baseline="middle", **place)
    return [text.encode(x=x, y=y, text=f"{name}:N")]


def vendor_marks(base: alt.Chart, table: pd.DataFrame) -> alt.Chart:
    """Dots in the vendor's colour, hollow for chips that are announced only."""
    colors = vendor_colors(table["vendor"])
    scale = alt.Scale(domain=list(colors), range=list(colors.values()))
    return base.mark_point(size=90, strokeWidth=2, opacity=1).encode(
        color=color_channel(colors, "vendor", title=""),
        fill=hollow(alt.Fill("vendor:N", scale=scale)),
    )


def hollow(fill: Any) -> Any:
    """No *fill* for marks of chips that are announced only, in the column status."""
    announced = alt.FieldOneOfPredicate("status", ["announced", "cancelled"])
    return alt.condition(announced, alt.value(PAPER), fill)


def of_chips(table: pd.DataFrame, chips: list[str]) -> tuple[list[str], list[list[int]]]:
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


def chip_dashes(table: pd.DataFrame, *, legend: bool) -> alt.StrokeDash:
    """A dash pattern for each chip, told in the legend or not."""
    chips = order(table, "chip")
    scale = alt.Scale(domain=chips, range=of_chips(table, chips)[1])
    return alt.StrokeDash("chip:N", scale=scale, legend=alt.Undefined if legend else None)


def color_channel(colors: Mapping[str, str], field: str, *, title: str | None = None) -> alt.Color:
    """A colour for each value of *field*; a legend where *title* is given and there is a choice."""
    columns = LEGEND_COLUMNS if len(colors) > LEGEND_COLUMNS + 1 else len(colors)
    legend = alt.Legend(title=title or None, orient="top", columns=columns)
    scale = alt.Scale(domain=list(colors), range=list(colors.values()))
    shown = legend if title is not None and len(colors) > 1 else None
    return alt.Color(f"{field}:N", scale=scale, legend=shown)


def up_to(channel: alt.X, most: float) -> alt.X:
    """Return *channel* without ticks above *most*, where names stand."""
    axis = channel["axis"]
    axis["values"] = [value for value in axis["values"] if value <= most]
    return channel


def order(table: pd.DataFrame, name: str, by: str = "") -> list[str]:
    """Return the values of a column as they come, or by the largest *by* that each has."""
    if by:
        return list(table.groupby(name)[by].max().sort_values(kind="stable").index)
    return list(dict.fromkeys(table[name]))


def zoom() -> alt.Parameter:
    """What lets a reader look closer where points are many; with a key held, for pages scroll."""
    drag = "[pointerdown[event.shiftKey], window:pointerup] > window:pointermove!"
    return alt.selection_interval(
        name="zoom", bind="scales", zoom="wheel![event.ctrlKey]", translate=drag
    )


def tip(field: str, title: str, form: str = "") -> alt.Tooltip:
    """A line of a tooltip."""
    return alt.Tooltip(field, title=title, format=form or alt.Undefined)
