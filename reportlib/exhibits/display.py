"""Exhibits and prose, as notebook outputs that the exporters understand.

A figure or table is one output: its content under a MIME type, and its id, caption and
alternative text in the output's metadata under ``exhibit``. Nothing is drawn here.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd
from altair.utils import schemapi
from IPython.display import display

from reportlib.exhibits.theme import WIDTH
from reportlib.exhibits.words import USUAL, count, percent, usual
from reportlib.units import show

ABOUT = "application/vnd.hbm.about+json"
VEGALITE = ("application/vnd.vegalite.v6+json", "application/vnd.vegalite.v5+json")  # JupyterLab 4
MISSING = "–"
NOTHING = (
    alt.Chart(pd.DataFrame({"text": ["There is no such case in this edition."]}))
    .mark_text()
    .encode(text="text:N")
    .properties(width=WIDTH, height=40)
)
NONE = "none"  # an infinite limit: there is none


@dataclass(frozen=True)
class Column:
    """A printed column: its heading, the unit of its numbers, and the column that cites them.

    Without a unit the cells are text; "" is a plain number, "%" a share, "tokens" a
    count, "billion" a count of thousands of millions; USUAL has units for those of SI.
    """

    heading: str
    unit: str | None = None
    cite: str = ""
    digits: int = 3


def prose(text: str) -> None:
    """Show Markdown whose numbers were computed."""
    display({"text/markdown": text}, raw=True)


def about(*, title: str, description: str, keywords: str) -> None:
    """Say what indexes and search tell of a page; no document shows it."""
    display({ABOUT: {"title": title, "description": description, "keywords": keywords}}, raw=True)


def figure(chart: alt.TopLevelMixin, *, id: str, caption: str, alt: str) -> None:
    """Show *chart* as a numbered figure, cited as ``[@fig-ID]``.

    *caption* states what the figure shows, as Markdown; *alt* says what is seen, as plain text.
    """
    spec = chart.to_dict(validate=schemapi.DEBUG_MODE)
    for rows in spec["datasets"].values():
        for row in rows:
            row.update({k: _rounded(v) for k, v in row.items() if isinstance(v, float)})
    if not any(spec["datasets"].values()):
        spec = NOTHING.to_dict()
    _exhibit("figure", dict.fromkeys(VEGALITE, spec) | {"text/plain": alt}, id, caption, alt)


def table(
    rows: pd.DataFrame,
    *,
    id: str,
    caption: str,
    columns: Mapping[str, Column | str],
) -> None:
    """Show *rows*, whose cells are text, as a numbered table, cited as ``[@tbl-ID]``.

    *columns* says which columns are printed, in order, and under which heading.
    """
    heads = {name: Column(c) if isinstance(c, str) else c for name, c in columns.items()}
    lines = [
        [head.heading for head in heads.values()],
        [":--" if head.unit is None else "--:" for head in heads.values()],
        *([_cell(row, name, head) for name, head in heads.items()] for _, row in rows.iterrows()),
    ]
    markdown = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    _exhibit("table", {"text/markdown": markdown}, id, caption, "")


def _rounded(value: float) -> float | None:
    """Return *value* to the digits that a chart can show; a page has many thousands of them.

    What is missing among texts is no number, and no JSON.
    """
    return None if math.isnan(value) else float(f"{value:.5g}")


def _cell(row: "pd.Series[Any]", name: str, column: Column) -> str:
    """Return one cell as Markdown."""
    value = row[name]
    if value is None or pd.isna(value) or value == "":
        return MISSING
    if column.unit is None:
        text = str(value)
    elif math.isinf(value):
        text = NONE
    elif column.unit == "%":
        text = percent(value)
    elif column.unit in USUAL:
        text = usual(value, column.unit)
    elif column.unit == "billion":
        text = f"{value / 1e9:,.{column.digits}g}"
    else:
        text = (
            count(value)
            if column.unit in {"", "tokens"}
            else show(value, column.unit, column.digits)
        )
    text = text.replace("|", "\\|").replace("\n", " ")
    return text + (row[column.cite] if column.cite else "")


def _exhibit(kind: str, data: dict[str, Any], id: str, caption: str, alt: str) -> None:
    caption = " ".join(caption.split("\n"))
    labels = {"kind": kind, "id": id, "caption": caption, "alt": alt}
    display(data, metadata={"exhibit": labels}, raw=True)
    # Said again for readers of the notebook itself; the document has it from the exhibit.
    display({"text/markdown": caption}, metadata={"exhibit": {"kind": "caption"}}, raw=True)
