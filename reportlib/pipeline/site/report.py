"""The report's page, made of the one that stands alone, and the files that it needs.

Browsers are spared what is far from the reader: pictures and specs of charts are a script that
comes after the text, and exhibits are laid out as they come near, for which they say how high they
will be. Without scripts pictures are files.
"""

import json
import re
from collections.abc import Iterator

from reportlib.pipeline.page import asset
from reportlib.pipeline.site.assets import hashed
from reportlib.pipeline.site.page import around
from reportlib.pipeline.site.place import Place
from reportlib.pipeline.site.reading import ReportPage

CHART = re.compile(
    r'(?P<head><figure id="(?P<id>fig-[^"]+)"[^>]*>\s*<div class="chart[^>]*>'
    r'<svg role="img" aria-label="(?P<alt>[^"]*)".*?'
    r' width="(?P<width>[^"]*)" height="(?P<height>[^"]*)".*?>)'
    r'(?P<picture>.*?)</svg><script type="application/json">(?P<spec>.*?)</script>',
    re.DOTALL,
)
FIGURE = re.compile(
    r'<figure( id="fig-[^"]+"[^>]*>\s*<div class="chart[^>]*><svg .*? height="([\d.]+)")'
)
TABLE = re.compile(r'<div( class="table-frame".*?</table>)', re.DOTALL)
CAPTION, ROW = 80, 34  # pixels, about
COLORS = re.compile(r"^:root \{.*?^\}|^\.chart (?:text)?\[.*?$", re.DOTALL | re.MULTILINE)


def report_page(report: ReportPage, place: Place) -> Iterator[tuple[str, bytes]]:
    """Yield the page of *report*, at *place*, and its own files."""
    found = CHART.finditer(report.body)
    charts = {chart["id"]: (chart["picture"], chart["spec"]) for chart in found}
    body = CHART.sub(_later, report.body)
    body = FIGURE.sub(lambda f: f"<figure{_high(float(f[2]) + CAPTION)}{f[1]}", body)
    body = TABLE.sub(lambda t: f"<div{_high(CAPTION + ROW * t[1].count('<tr>'))}{t[1]}", body)
    script = f"const figures = {json.dumps(charts)};\n{asset('site/pictures.js')}".encode()
    path = hashed("pictures.js", script)
    text = around(
        place, body, contents=report.contents, charts=report.config, before=[place.root + path]
    )
    yield place.path, text.encode()
    yield path, script
    for name, figure in report.figures.items():
        yield f"report/{_file(name)}", _alone(figure.svg).encode()


def _later(chart: re.Match[str]) -> str:
    """Return a chart without its picture and spec, but with their room, and the file of it."""
    width, height = (round(float(chart[side])) for side in ("width", "height"))
    size = f'width="{width}" height="{height}"'
    picture = f'<img src="{_file(chart["id"])}" alt="{chart["alt"]}" {size}>'
    spec = '<script type="application/json"></script>'
    return f"{chart['head']}</svg><noscript>{picture}</noscript>{spec}"


def _file(name: str) -> str:
    return f"charts/{name}.svg"


def _alone(svg: str) -> str:
    """Return a picture of the page as a file, with its colours, in the light and in the dark."""
    style = "".join(COLORS.findall(asset("page.css")))
    return svg.replace(' class="marks"', ' class="chart"', 1).replace(
        ">", f"><style>{style}text{{font-family:var(--text)}}</style>", 1
    )


def _high(pixels: float) -> str:
    """Return how high an exhibit will be, about: a picture or rows, and its caption."""
    return f' style="--high:{pixels + CAPTION:.0f}px"'
