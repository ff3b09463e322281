"""The report as pages, one a section, made of the one that stands alone.

Each page stands by itself, too: at its end are the terms and sources that it names. The pictures
and specs of its charts are a script that comes after the text; without scripts pictures are files.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from html import escape

from reportlib.params import Report
from reportlib.pipeline.page import asset
from reportlib.pipeline.site.assets import hashed
from reportlib.pipeline.site.page import around
from reportlib.pipeline.site.place import chapter_place, report_place
from reportlib.pipeline.site.reading import FIRST, FOLDER, Chapter, ReportPage

CHART = re.compile(
    r'(?P<head><figure id="(?P<id>fig-[^"]+)"[^>]*>\s*<div class="chart[^>]*>'
    r'<svg role="img" aria-label="(?P<alt>[^"]*)".*?'
    r' width="(?P<width>[^"]*)" height="(?P<height>[^"]*)".*?>)'
    r'(?P<picture>.*?)</svg><script type="application/json">(?P<spec>.*?)</script>',
    re.DOTALL,
)
COLORS = re.compile(r"^:root \{.*?^\}|^\.chart (?:text)?\[.*?$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r'(?<= href=")#([^"]+)(?=")')
BELOW = re.compile(r"\s*<ul>.*?</ul>\s*", re.DOTALL)
TERM = re.compile(r'<dt><span id="(term-[^"]+)">.*?</dd>', re.DOTALL)
SOURCE = re.compile(r'<div id="(ref-[^"]+)".*?\n</div>', re.DOTALL)
TERMS = '\n<h2 id="own-terms">Terms</h2>\n<div id="terms">\n<dl>\n{}\n</dl>\n</div>\n'
SOURCES = (
    '\n<h2 id="own-sources">Sources</h2>\n'
    '<div id="refs" class="references" role="list">\n{}\n</div>\n'
)
OWN = re.compile(r'<h2 id="(own-[a-z]+)">(.*?)</h2>')
WHOLE = (
    '<p class="ways-in"><a href="hbm-panorama.html">All of it in one HTML file</a> '
    '<a href="hbm-panorama.pdf">PDF</a></p>\n'
)


def report_pages(
    report: ReportPage, about: Report, address: str = ""
) -> Iterator[tuple[str, bytes]]:
    """Yield the pages of *report* and their own files, by their paths."""
    terms = {found[1]: found[0] for found in TERM.finditer(report.body)}
    sources = {found[1]: found[0] for found in SOURCE.finditer(report.body)}
    for chapter in report.chapters:
        first = chapter.path == FIRST
        place = report_place(about, address) if first else chapter_place(chapter, about, address)
        body = chapter.body
        if first:
            body = f'{WHOLE}<h1 id="{chapter.id}">{chapter.heading}</h1>\n{body}'
        body += _named(body, terms, TERMS)
        body += _named(body, sources, SOURCES)
        charts = {found["id"]: (found["picture"], found["spec"]) for found in CHART.finditer(body)}
        scripts = dict(_scripts(charts, report.paths if first else {}))
        page = around(
            place,
            _linked(CHART.sub(_later, body), chapter, report) + _onward(chapter, report),
            title="" if first else chapter.heading,
            name="" if first else chapter.id,
            contents=_linked(_contents(chapter, report, body), chapter, report),
            charts=report.config if charts else "",
            before=[place.root + path for path in scripts],
        )
        yield place.path, page.encode()
        yield from scripts.items()
    for name, figure in report.figures.items():
        yield f"{FOLDER}{_file(name)}", _alone(figure.svg).encode()


def _named(body: str, things: Mapping[str, str], frame: str) -> str:
    """Return those of *things* that *body* leads to and has not, in their *frame*."""
    wanted = set(LINK.findall(body))
    found = [text for name, text in things.items() if name in wanted and text not in body]
    return frame.format("\n".join(found)) if found else ""


def _scripts(
    charts: Mapping[str, tuple[str, str]], paths: Mapping[str, str]
) -> Iterator[tuple[str, bytes]]:
    """Yield scripts that one page has: of its *charts*, and of *paths* to which it leads."""
    if charts:
        script = f"const figures = {json.dumps(charts)};\n{asset('site/pictures.js')}".encode()
        yield hashed("pictures.js", script), script
    if paths:
        places: dict[str, list[str]] = defaultdict(list)
        for name, path in paths.items():
            places[path.partition("#")[0].removeprefix(FOLDER)].append(name)
        script = f"const places = {json.dumps(places)};\n{asset('site/places.js')}".encode()
        yield hashed("places.js", script), script


def _linked(html: str, chapter: Chapter, report: ReportPage) -> str:
    """Return *html* of a page whose links to what is on other pages lead there."""
    here = set(re.findall(r' id="([^"]+)"', html))

    def way(link: re.Match[str]) -> str:
        path = report.paths.get(link[1], link[0])
        near = link[1] in here or path.startswith(f"{chapter.path}#")
        return link[0] if near else path.removeprefix(FOLDER)

    return LINK.sub(way, html)


def _contents(chapter: Chapter, report: ReportPage, body: str) -> str:
    """Return the contents: on the first page all, on others what is below their own chapter.

    There is what *body* ends with, too.
    """
    ids = "|".join(re.escape(each.id) for each in report.chapters)
    own = "".join(f'<li><a href="#{name}">{head}</a></li>\n' for name, head in OWN.findall(body))

    def shown(entry: str) -> str:
        if entry.startswith(f'<li><a href="#{chapter.id}"'):
            entry = entry.replace(" href", ' aria-current="page" href', 1)
            return entry.replace("</ul></li>", f"{own}</ul></li>", 1)
        return entry if chapter.path == FIRST else BELOW.sub("", entry)

    return "".join(map(shown, re.split(rf'(?=<li><a href="#(?:{ids})")', report.contents)))


def _onward(chapter: Chapter, report: ReportPage) -> str:
    """Return the ways to the chapters before and after."""
    at = report.chapters.index(chapter)
    beside = {"prev": report.chapters[at - 1 : at], "next": report.chapters[at + 1 : at + 2]}
    links = [
        f'<a rel="{way}" href="{each.path.removeprefix(FOLDER)}">{escape(each.title)}</a>'
        for way, found in beside.items()
        for each in found
    ]
    return f'<p class="onward">{" ".join(links)}</p>\n'


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
