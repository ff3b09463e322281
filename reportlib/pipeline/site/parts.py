"""Parts of pages that are written here and not in a notebook, as HTML."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from reportlib.pipeline.page import LONG_TABLE

MISSING = "–"


def link(words: str, href: str) -> str:
    """Return a link.

    >>> link("R&D", "a.html")
    '<a href="a.html">R&amp;D</a>'
    """
    return f'<a href="{escape(href)}">{escape(words)}</a>'


def listed(items: Iterable[str], kind: str = "") -> str:
    """Return a list of *items*, which are HTML."""
    name = f' class="{kind}"' if kind else ""
    lines = "\n".join(f"<li>{item}</li>" for item in items)
    return f"<ul{name}>\n{lines}\n</ul>\n"


def table(
    heads: Mapping[str, bool], rows: Sequence[Sequence[str]], *, label: str, caption: str
) -> str:
    """Return a table that scripts of the page let readers sort and, if it is long, filter.

    *heads* says of each heading whether its column is one of numbers; cells and *caption* are HTML.
    """
    marks = [' class="number"' if number else "" for number in heads.values()]
    cells = zip(heads, marks, strict=True)
    head = "".join(f"<th{mark}>{escape(name)}</th>" for name, mark in cells)
    body = "\n".join(_row(row, marks) for row in rows)
    return (
        ('<p class="filter"></p>\n' if len(rows) >= LONG_TABLE else "")
        + f'<div class="table-frame" tabindex="0" role="region" aria-label="{escape(label)}">\n'
        f"<table><caption>{caption}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody></table></div>\n"
    )


def _row(cells: Sequence[str], marks: Sequence[str]) -> str:
    pairs = zip(cells, marks, strict=True)
    return f"<tr>{''.join(f'<td{mark}>{cell or MISSING}</td>' for cell, mark in pairs)}</tr>"
