"""Charts of predicted beside measured times."""

import json
import textwrap
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from reportlib.exhibits.charts.parts import HEIGHT, REFLOWS, marked, order, tip, zoom
from reportlib.exhibits.scales import LogScale
from reportlib.exhibits.theme import INK, WIDTH

LETTERS, LETTERED_ROW = 21, 34  # of a line of a long name beside an axis; px of its row
MILLI = 1e3  # ms of a second


def predicted_measured(table: pd.DataFrame, *, factor: float, kinds: Sequence[str]) -> Any:
    """Predicted against measured times, with the diagonal and a *factor* to both sides of it.

    *kinds* are all that the column regime may hold.
    """
    times = table[["without_chip", "time"]].to_numpy(dtype=float) * MILLI
    scale = LogScale.over(times.flatten())
    points = table[["chip", "model", "engine", "regime"]].assign(
        expected_ms=times[:, 0],
        measured_ms=times[:, 1],
        source_cite=[f"[@{source}]" for source in table["source"]],
    )
    marks = [kind for kind in kinds if kind in set(points["regime"])]
    x = scale.axis(alt.X, "expected_ms", "Expected, ms (logarithmic)")
    y = scale.axis(alt.Y, "measured_ms", "Measured, ms (logarithmic)")
    ends = [(scale.low, multiple) for multiple in (1, factor, 1 / factor)] if len(table) else []
    guides = pd.DataFrame(
        [(ms, ms * multiple, multiple) for low, multiple in ends for ms in (low, scale.high)],
        columns=["expected_ms", "measured_ms", "multiple"],
    )
    lines = alt.Chart(guides).mark_line(color=INK, strokeWidth=1, clip=True)
    dots = (
        alt.Chart(points)
        .mark_point(size=26, strokeWidth=1.2, opacity=1, aria=False, clip=True)
        .encode(
            x=x,
            y=y,
            color=marked(alt.Color, "regime", marks, kinds),
            shape=marked(alt.Shape, "regime", marks, kinds),
            tooltip=[
                tip("chip:N", "Chip"),
                tip("model:N", "Model"),
                tip("engine:N", "Engine"),
                tip("source_cite:N", "Source"),
                tip("expected_ms:Q", "Expected (ms)", ",.3~r"),
                tip("measured_ms:Q", "Measured (ms)", ",.3~r"),
            ],
        )
    )
    solid, dashed = (lines.transform_filter(f"datum.multiple {is_} 1") for is_ in ("==", "!="))
    return alt.layer(
        solid.encode(x=x, y=y, detail="multiple:N"),
        dashed.mark_line(color=INK, strokeWidth=1, strokeDash=[5, 4], clip=True).encode(
            x=x, y=y, detail="multiple:N"
        ),
        dots.add_params(zoom()),
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
            sort=order(table, "engine", "most")[::-1],
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
        color=marked(alt.Color, "timed", shown, kinds),
        tooltip=[
            tip("engine:N", "Engine"),
            tip("timed:N", "Timed"),
            tip("rows:Q", "Measurements"),
            tip("label:N", "Median"),
            tip("highest:N", "Most"),
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
        x=alt.X("median:Q", **x), shape=marked(alt.Shape, "timed", shown, kinds)
    )
    most = base.mark_tick(thickness=2, size=8, aria=False).encode(x=alt.X("most:Q", **x))
    line = ceiling.encode(x=alt.X("p10:Q", **x))
    return alt.layer(line, span, median, most).properties(
        width=WIDTH, height=alt.Step(LETTERED_ROW, **{"for": "position"}), usermeta=REFLOWS
    )
