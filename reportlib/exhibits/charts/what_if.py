"""The what-if panel: bars and words that follow what a reader chooses on the page."""

from collections.abc import Iterable
from typing import Any

import altair as alt
import pandas as pd

from reportlib.exhibits.charts.parts import REFLOWS
from reportlib.exhibits.expressions import Expression, quantity
from reportlib.exhibits.tables.what_if import BATCHES, CHIPS, CONTEXTS, SHARES, Panel
from reportlib.exhibits.theme import INK, MUTED, PARTS, WIDTH

ROW = 24  # px
ROOM = 1.4  # of the axis over the longest bar, for the words behind it
COLORS = (*PARTS.values(), MUTED, INK)


def panel(of: Panel) -> Any:
    """Bars of the parts of a step, words for what follows, and controls for the inputs."""
    rows, bars = list(of.texts), list(of.bars)
    table = pd.DataFrame({"row": rows, "place": range(len(rows))})
    beyond = f"{ROOM} * {of.bars[bars[-1]][1]}"
    base = alt.Chart(table).encode(
        y=alt.Y("row:N", sort=rows, title=None, axis=alt.Axis(domain=False, ticks=False)),
    )
    drawn = base.transform_calculate(
        start=_of_row(start for start, _ in of.bars.values()),
        end=_of_row(end for _, end in of.bars.values()),
    ).encode(
        x=alt.X(
            "start:Q",
            title="Time of one decode step",
            scale=alt.Scale(domainMin=0, domainMax=alt.ExprRef(beyond), nice=False),
            axis=alt.Axis(
                orient="top", grid=False, tickCount=4,
                labelExpr=quantity(Expression("datum.value"), "s").text,
            ),
        ),
    )  # fmt: skip
    marks = (
        drawn.transform_filter(f"datum.place < {len(bars)}")
        .mark_bar(height=11)
        .encode(
            x2="end:Q",
            color=alt.Color("row:N", scale=alt.Scale(domain=bars, range=list(COLORS)), legend=None),
        )
    )
    words = (
        drawn.transform_calculate(
            said=_of_row(of.texts.values()), behind="isValid(datum.end) ? datum.end : 0"
        )
        .mark_text(align="left", dx=6)
        .encode(x="behind:Q", text="said:N")
    )
    title = alt.TitleParams(text=alt.ExprRef(f"[{', '.join(of.title)}]"), fontSize=12, offset=8)
    chart = alt.layer(marks, words, title=title, usermeta=REFLOWS)
    return chart.properties(width=WIDTH, height=alt.Step(ROW)).add_params(*_params(of))


def _of_row(formulas: Iterable[str]) -> str:
    """Return the formula of a row by its place; rows without one have none."""
    return f"[{', '.join(formulas)}][datum.place]"


def _params(of: Panel) -> list[Any]:
    """Return the inputs with their controls, and what follows from them."""
    controls = {
        "model": _choice("Model", of.models),
        "chip": _choice("Chip", of.chips),
        "precision": _choice("Weights in", of.precisions),
        "log_chips": _slider("Chips", CHIPS),
        "log_batch": _slider("Users", BATCHES),
        "log_context": _slider("Context (tokens)", CONTEXTS),
        "percent": _slider("% of peak rates", SHARES),
    }
    inputs = [alt.param(name, value=of.first[name], bind=bind) for name, bind in controls.items()]
    return inputs + [alt.param(name, expr=formula) for name, formula in of.signals.items()]


def _choice(name: str, options: Iterable[str]) -> alt.BindRadioSelect:
    labels = list(options)
    return alt.binding_select(name=name, options=list(range(len(labels))), labels=labels)


def _slider(name: str, values: range) -> alt.BindRange:
    return alt.binding_range(name=name, min=values[0], max=values[-1], step=values.step)
