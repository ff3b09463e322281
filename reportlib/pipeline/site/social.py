"""Pictures by which pages are shown where they are shared: a title and a chart of the report."""

import re
from collections.abc import Iterator
from html import escape

import vl_convert

from reportlib.params import Report
from reportlib.pipeline.manuscript import register_fonts
from reportlib.pipeline.site.reading import Figure, ReportPage

WIDTH, HEIGHT = 1200, 630  # that networks ask for
MARGIN, FOOT, LINE_HEIGHT = 64, 66, 52
FIGURES = {  # of each kind of page what is told, and the figures that suit it, the best first
    "report": ("", ("fig-plane", "fig-sweep", "fig-ratio")),
    "chip": ("Chips, one by one: memory, bandwidth, speed", ("fig-sweep", "fig-plane")),
    "model": ("Models, one by one: weights, KV cache, speed", ("fig-ratio", "fig-fits")),
    "compare": ("Chips side by side: who wins where", ("fig-duel", "fig-plane", "fig-sweep")),
}
LINE = 44  # characters of a title in a line
SIZE = re.compile(r'<svg [^>]*?width="([\d.]+)" height="([\d.]+)"')


def pictures(page: ReportPage, report: Report) -> Iterator[tuple[str, bytes]]:
    """Yield a picture for each kind of page."""
    register_fonts()
    for kind, (title, wanted) in FIGURES.items():
        known = [page.figures[name] for name in wanted if name in page.figures]
        figure = next(iter([*known, *page.figures.values()]), None)
        svg = _drawing(title or report.title, report, figure)
        yield f"social/{kind}.png", bytes(vl_convert.svg_to_png(svg, scale=1))


def _drawing(title: str, report: Report, figure: Figure | None) -> str:
    """Return the picture as SVG."""
    words = _wrapped(title)
    lines = "".join(
        f'<text x="{MARGIN}" y="{LINE_HEIGHT * (number + 2) - 8}" font-size="44" font-weight="700" '
        f'fill="#1b1f24">{escape(line)}</text>'
        for number, line in enumerate(words)
    )
    chart = _placed(figure.svg, LINE_HEIGHT * (len(words) + 1) + 30) if figure else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="IBM Plex Sans">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
        f'<rect width="{WIDTH}" height="10" fill="#0b5394"/>{lines}{chart}'
        f'<text x="{MARGIN}" y="{HEIGHT - 28}" font-size="22" fill="#57606a">'
        f"{escape(report.publisher)} · edition of {report.as_of}</text></svg>"
    )


def _wrapped(title: str) -> list[str]:
    """Return *title* in two lines at most.

    >>> _wrapped("a " * 30 + "b")[1][-3:]
    'a b'
    """
    lines = [""]
    for word in title.split():
        if len(f"{lines[-1]} {word}") > LINE and len(lines) < 2:  # noqa: PLR2004
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _placed(svg: str, top: float) -> str:
    """Return a chart as large as there is room for it below *top*, in the middle."""
    size = SIZE.match(svg)
    if not size:
        return ""
    width, height = map(float, size.groups())
    room_wide, room_high = WIDTH - 2 * MARGIN, HEIGHT - top - FOOT
    scale = min(room_wide / width, room_high / height)
    left = (WIDTH - width * scale) / 2
    head = f'<svg x="{left:.1f}" y="{top}" '
    size_of = f'width="{width * scale:.1f}" height="{height * scale:.1f}"'
    rest = SIZE.sub("", svg, count=1)
    view = "" if "viewBox" in rest.partition(">")[0] else f' viewBox="0 0 {width} {height}"'
    return f"{head}{size_of}{view}{rest}"
