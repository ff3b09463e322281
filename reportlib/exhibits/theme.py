"""Colours, type and spacing of every chart: one look in HTML, in print and in the dark.

The neutral colours are named again in the page's style sheet, which swaps them in the dark.
"""

from collections.abc import Iterable
from typing import Any

INK, MUTED, RULE, PAPER = "#1b1f24", "#57606a", "#d0d7de", "#ffffff"
FONT = "IBM Plex Sans"
WIDTH = 680  # px of a full-width chart; fits the text block of the PDF

CONFIG: dict[str, Any] = {
    "font": FONT,
    "background": None,
    "view": {"stroke": None},
    "title": {"color": INK, "font": FONT, "fontSize": 13, "fontWeight": "bold", "anchor": "start"},
    "axis": {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "labelFont": FONT,
        "titleFont": FONT,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": RULE,
        "domainColor": MUTED,
        "tickColor": MUTED,
    },
    "legend": {
        "labelColor": INK,
        "titleColor": MUTED,
        "labelFont": FONT,
        "titleFont": FONT,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "header": {"labelColor": INK, "titleColor": MUTED, "labelFont": FONT, "labelFontSize": 12},
    "text": {"color": INK, "font": FONT, "fontSize": 12},
    "rule": {"color": MUTED},
}

# Okabe and Ito's colours, told apart by colour-blind readers; a vendor keeps its own throughout.
VENDORS = {
    "NVIDIA": "#009e73",
    "AMD": "#d55e00",
    "Google": "#0072b2",
    "Cerebras": "#b0578d",
    "Groq": "#b8860b",
    "Apple": "#7f7f7f",
}
FURTHER_VENDORS = ("#56b4e9", "#8c6bb1", "#a6761d", "#666666")
PARTS = {"read weights": "#0072b2", "read KV cache": "#56b4e9", "multiply": "#d55e00"}
FAMILIES = {  # of memory
    "SRAM": "#b0578d",
    "HBM": "#0072b2",
    "GDDR": "#d55e00",
    "LPDDR": "#009e73",
    "DDR": "#56b4e9",
    "CXL": "#8c6bb1",
    "flash": "#b8860b",
    "other": "#7f7f7f",
}
SUPPLIERS = {"SK hynix": "#d55e00", "Samsung": "#0072b2", "Micron": "#009e73"}
VERDICTS = {
    "confirmed": "#009e73",
    "true when written": "#56b4e9",
    "depends": "#0072b2",
    "refuted": "#d55e00",
    "not checkable": "#9aa5b1",
}
WORK = {"decode": "#0b5394", "attention": "#d55e00", "prefill": "#009e73", "training": "#b0578d"}
HELD = {
    "weights": "#0072b2",
    "gradients": "#009e73",
    "optimizer": "#b0578d",
    "activations": "#e69f00",
    "KV caches": "#56b4e9",
}
BATCHES = ("#08306b", "#2171b5", "#6baed6", "#9aa5b1")  # of one user, and of more and more
SEQUENTIAL = ("#d6eaf8", "#08519c")
DIVERGING = ("#e6803c", "#f1f2f4", "#35b48f")  # the second chip serves more, neither, the first
BOUND = ("#e6803c", "#f1f2f4", "#5fa8d8")  # by arithmetic, by both, by memory
ON_LIGHT, ON_DARK = "#16191d", "#fdfdfd"  # text on coloured cells, the same in the dark
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4], [1, 3])  # tells chips of one vendor apart


def vendor_colors(vendors: Iterable[str]) -> dict[str, str]:
    """Return a colour for each of *vendors*, known or not, the same in every chart.

    >>> vendor_colors(["AMD", "Someone"])
    {'AMD': '#d55e00', 'Someone': '#56b4e9'}
    """
    names = sorted(set(vendors))
    further = iter(FURTHER_VENDORS * len(names))
    return {name: VENDORS.get(name) or next(further) for name in names}


def tint(color: str, share: float) -> str:
    """Return *share* of a colour, the rest white.

    >>> tint("#d55e00", 0.5)
    '#eaae80'
    """
    parts = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round(share * part + (1 - share) * 255):02x}" for part in parts)
