"""Charts of the front page: how the claims were judged."""

import altair as alt
import pandas as pd

from reportlib.exhibits.charts.parts import REFLOWS, ROW, order, tip
from reportlib.exhibits.theme import VERDICTS, WIDTH

FEWEST = 20  # dots that a row has room for, so that few stand close together


def scoreboard(table: pd.DataFrame) -> alt.LayerChart:
    """A dot for each claim, in a row for each verdict, with their number behind them."""
    most = int(table["claims"].max()) if len(table) else 0
    verdicts = order(table, "verdict")
    colors = alt.Scale(domain=verdicts, range=[VERDICTS[verdict] for verdict in verdicts])
    rows = alt.Axis(domain=False, ticks=False, labelPadding=8)
    base = alt.Chart(table).encode(
        x=alt.X("place:Q", axis=None, scale=alt.Scale(domain=[0, max(most + 2, FEWEST)])),
        y=alt.Y("verdict:N", sort=verdicts, title=None, axis=rows),
    )
    dots = base.mark_circle(size=110, opacity=1).encode(
        color=alt.Color("verdict:N", scale=colors, legend=None),
        tooltip=[tip("statement:N", "Claim"), tip("computed:N", "Computed")],
    )
    ends = base.transform_filter("datum.place == datum.claims")
    numbers = ends.mark_text(align="left", dx=12).encode(text="claims:Q")
    return (dots + numbers).properties(width=WIDTH, height=alt.Step(ROW), usermeta=REFLOWS)
