"""Charts of what makes decoding faster, and of the experts that a batch needs."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from reportlib.exhibits.charts.parts import (
    HEIGHT,
    LABEL_ROOM,
    REFLOWS,
    color_channel,
    end_names,
    order,
    tip,
)
from reportlib.exhibits.scales import LogScale
from reportlib.exhibits.theme import BATCHES, INK, MUTED, WIDTH, WORK
from reportlib.exhibits.words import listed
from reportlib.units import show

ROW = 34  # px of a row whose name has two lines
BREAK = "|"  # between them


def levers(table: pd.DataFrame, *, settings: Sequence[str]) -> Any:
    """Factor of each lever: a row a lever, a dot for each of *settings*."""
    table = table.assign(
        name=table["lever"] + BREAK + table["model"],
        said=[f"{factor:.2g}×" for factor in table["factor"]],
        was=[show(time, "s") for time in table["before"]],
        becomes=[show(time, "s") for time in table["after"]],
    )
    scale = LogScale.over([*table["factor"], 1.0], (0.05, LABEL_ROOM))
    x = scale.axis(alt.X, "factor", "Times faster per token (logarithmic)")
    axis = alt.Axis(labelExpr=f"split(datum.value, '{BREAK}')", labelBaseline="bottom")
    y = alt.Y("name:N", sort=order(table, "name"), title=None, axis=axis)
    colors = dict(zip(settings, BATCHES, strict=False))
    legend = alt.Legend(title=None, orient="top", columns=1)  # beside names, for a phone
    dots = alt.Chart(table).mark_circle(size=110, opacity=1)
    dots = dots.encode(
        x=x,
        y=y,
        color=alt.Color(
            "setting:N",
            scale=alt.Scale(domain=list(colors), range=list(colors.values())),
            legend=legend,
        ),
        tooltip=[
            tip("lever:N", "Lever"),
            tip("model:N", "Model"),
            tip("setting:N", "Setting"),
            tip("said:N", "Faster"),
            tip("was:N", "Per token without"),
            tip("becomes:N", "Per token with"),
        ],
    )
    spans = alt.Chart(table).mark_line(color=MUTED, strokeWidth=1).encode(x=x, y=y, detail="name:N")
    best = alt.Chart(table.loc[table.groupby("name")["factor"].idxmax()])
    text = best.mark_text(align="left", dx=10).encode(x=x, y=y, text="said:N")
    none = alt.Chart(pd.DataFrame({"factor": [1.0]})).mark_rule(color=INK, strokeDash=[4, 3])
    return alt.layer(none.encode(x=x), spans, dots, text).properties(
        width=WIDTH, height=alt.Step(ROW), usermeta=REFLOWS
    )


def expert_coverage(table: pd.DataFrame, *, first: str) -> Any:
    """Share of the experts of a layer that a step reads, a line a kind; of *first* with bounds.

    Models that choose as many of as many experts share a line.
    """
    table = _kinds(table, first)
    x_scale = LogScale.over(table["tokens"], (0.13, 0.02))
    y_scale = LogScale.over([*table["share"], *table["least"]], (0.03, 0.03))
    x = x_scale.axis(alt.X, "tokens", "Tokens in a step (logarithmic)")
    y = y_scale.axis(alt.Y, "share", "Experts read (% of a layer's, logarithmic)")
    shown = [
        tip("kind:N", "Experts of a token"),
        tip("models:N", "Models"),
        tip("experts_cite:N", "Source"),
        tip("tokens:Q", "Tokens in a step", ",.0f"),
        tip("share:Q", "Experts read (%)", ".3~g"),
        tip("least:Q", "With favourites (%)", ".3~g"),
        tip("most:Q", "None shared (%)", ".3~g"),
    ]
    color = color_channel({"false": MUTED, "true": WORK["decode"]}, "cast")
    band = alt.Chart(table[table["cast"] == "true"]).mark_area(opacity=0.18, color=WORK["decode"])
    low = y_scale.axis(alt.Y, "least", y["title"])
    lines = [
        alt.Chart(rows)
        .mark_line(strokeWidth=2.5 if cast == "true" else 1, point=alt.OverlayMarkDef(size=30))
        .encode(x=x, y=y, detail="kind:N", color=color, tooltip=shown)
        for cast, rows in table.groupby("cast")
    ]
    names = end_names(table, "kind", x, y, y_scale=y_scale, color=color, first=True)
    return alt.layer(band.encode(x=x, y=low, y2="most:Q"), *lines, names).properties(
        width=WIDTH, height=HEIGHT
    )


def _kinds(table: pd.DataFrame, first: str) -> pd.DataFrame:
    """Return the rows of one model of each kind, shares in per cent, with the names of all."""
    keys = ["active_experts", "experts"]
    models = table.groupby(keys)["model"].agg(lambda names: listed(dict.fromkeys(names)))
    sources = table.groupby(keys)["experts_cite"].agg(lambda cites: "".join(dict.fromkeys(cites)))
    kinds = table.drop_duplicates([*keys, "tokens"])
    pairs = list(zip(kinds["active_experts"], kinds["experts"], strict=True))
    cast = set(zip(*(table.loc[table["model"] == first, key] for key in keys), strict=True))
    return pd.DataFrame(
        {
            "kind": [f"{active:.0f} of {all_:.0f}" for active, all_ in pairs],
            "models": [models[pair] for pair in pairs],
            "experts_cite": [sources[pair] for pair in pairs],
            "cast": [str(pair in cast).lower() for pair in pairs],
            "tokens": kinds["tokens"],
            "share": 100 * kinds["experts_read"],
            "least": 100 * kinds["fewest_read"],
            "most": 100 * kinds["most_read"],
        }
    )
