"""The HTML page of a document: all that it needs inside, no request to anywhere.

Everything is there without scripts. With them the pictures become live charts, and the parts of
``SCRIPTS`` add conveniences, one a file.
"""

import base64
import gzip
import hashlib
import json
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache, lru_cache
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

import vl_convert
from jinja2 import Environment, FileSystemLoader, Template

from reportlib.exhibits.theme import CONFIG
from reportlib.pipeline.chartdata import compact
from reportlib.pipeline.files import write_whole
from reportlib.pipeline.manuscript import FONTS, Chart, Manuscript, Picture

ASSETS = Path(__file__).parent / "assets"
STYLES = ("page.css", "conveniences.css")
CHARTS, BUNDLE = "charts.js", "  //= how Vega gets into the page: packed.js or linked.js\n"
SCRIPTS = (
    "theme.js", CHARTS, "page.js", "exhibits.js", "tables.js", "dialog.js", "search.js", "cards.js",
)  # fmt: skip
WEB_FONTS = {
    ("IBM Plex Sans", 400, "normal"): "IBMPlexSans-Regular-Latin1.woff2",
    ("IBM Plex Sans", 400, "italic"): "IBMPlexSans-Italic-Latin1.woff2",
    ("IBM Plex Sans", 700, "normal"): "IBMPlexSans-Bold-Latin1.woff2",
    ("STIX Two Math", 400, "normal"): "STIXTwoMath-subset.woff2",
}
CELLS = {' style="text-align: left;"': "", ' style="text-align: right;"': ' class="number"'}
NEEDLESS = re.compile(
    r' (?:aria-[a-z]+|role|pointer-events|font-family)="[^"]*"| opacity="1"| font-size="12px"'
)
MARKS = re.compile(
    r'(<g class="mark-[^>]*)>((?:<(?:path|line|rect)\b[^>]*/>|<text\b[^>]*>[^<]*</text>)+)</g>'
)
INHERITED = re.compile(r' (?:fill(?:-opacity)?|stroke(?:-[a-z]+)?|text-anchor|font-[a-z]+)="[^"]*"')
EXHIBIT = re.compile(
    r'<figure id="(fig-[^"]+)".*?</figure>'
    r'|<div class="table-frame"[^>]*>\s*<table id="(tbl-[^"]+)".*?</table>\s*</div>',
    re.DOTALL,
)
LONG_TABLE = 20  # rows, from which on a table can be filtered
BUNDLE_NOTICE = (
    "vega, vega-lite, vega-embed: Copyright University of Washington Interactive Data Lab, "
    "BSD-3-Clause; bundled with d3 (Mike Bostock, ISC)."
)


def page(paper: Manuscript, contents: str, body: str) -> str:
    """Return the page around *contents* and *body*, as Pandoc made them of *paper*."""
    body = finished(paper, body)
    style = _font_faces() + "".join(map(asset, STYLES))
    scripts = [charts_script("packed.js") if name == CHARTS else asset(name) for name in SCRIPTS]
    vega = vega_bundle() if paper.charts else ""
    policy = (
        "default-src 'none'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'; "
        f"script-src {' '.join(map(allowed, filter(None, [vega, *scripts])))}; "
        f"style-src {allowed(style)}; style-src-attr 'unsafe-inline'"
    )
    return template("page.html.j2").render(
        paper.metadata, policy=policy, style=style, scripts=scripts, vega=vega and _packed(vega),
        notice=BUNDLE_NOTICE,
        contents=contents, body=body, config=json_script(CONFIG, name="chart-config"),
        about=json_script(_about(paper.metadata), kind="application/ld+json"),
        description=_description(paper.metadata),
    )  # fmt: skip


@lru_cache(maxsize=1)
def _packed(script: str) -> str:
    return base64.b64encode(gzip.compress(script.encode(), mtime=0)).decode()


def finished(paper: Manuscript, body: str) -> str:
    """Return *body*, as Pandoc made it of *paper*, with its charts, pictures, tools and code."""
    for wordy, short in CELLS.items():
        body = body.replace(wordy, short)
    body = re.sub(r' data-cites="[^"]*"', "", body)
    body = EXHIBIT.sub(lambda exhibit: _with_tools(exhibit, paper.code), body)
    for label, chart in paper.charts.items():
        body = body.replace(f"<!--chart:{label}-->", _frame(chart))
    for name, picture in paper.pictures.items():
        body = body.replace(f'src="{name}"', f'src="{_address(picture)}"')
    return body


@cache
def template(name: str) -> Template:
    """Return a template of the assets; what is no HTML is escaped in it by ``| e``."""
    environment = Environment(loader=FileSystemLoader(ASSETS), autoescape=False)  # noqa: S701
    return environment.get_template(name)


def _description(metadata: Mapping[str, Any]) -> str:
    return str(metadata.get("subtitle") or metadata["title"])


def _about(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what search engines read of a document, in schema.org's words."""
    about = {
        "@context": "https://schema.org",
        "@type": "Report",
        "name": metadata["title"],
        "description": _description(metadata),
        "inLanguage": "en",
    }
    if "date" in metadata:
        about["datePublished"] = metadata["date"]
    if "publisher" in metadata:
        about["publisher"] = {"@type": "Organization", "name": metadata["publisher"]}
    return about


def asset(name: str) -> str:
    """Return the text of an asset."""
    return (ASSETS / name).read_text(encoding="utf-8")


def charts_script(bundle: str) -> str:
    """Return the script of live charts, to which the asset *bundle* brings Vega."""
    return asset(CHARTS).replace(BUNDLE, asset(bundle))


def _with_tools(exhibit: re.Match[str], code: Mapping[str, str]) -> str:
    """Return an exhibit with its code and with room for what scripts add, so that nothing moves."""
    label = exhibit[1] or exhibit[2]
    long = exhibit[2] and exhibit[0].count("<tr>") > LONG_TABLE
    return (
        ('<p class="filter"></p>\n' if long else "")
        + exhibit[0]
        + f'\n<div class="tools" data-of="{label}"><details><summary>Code</summary>'
        f"<pre><code>{escape(code[label], quote=False)}</code></pre></details></div>"
    )


def _address(picture: Picture) -> str:
    """Return *picture* as an address; scripts in one that is only an image do not run."""
    return f"data:{picture.mime};base64,{base64.b64encode(picture.content).decode()}"


def _frame(chart: Chart) -> str:
    """Return a chart's static picture, with the spec from which the page can draw it live."""
    label = escape(chart.alt, quote=True)
    svg = lean(chart.svg).replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
    bound = [param for param in chart.spec.get("params", []) if isinstance(param.get("bind"), dict)]
    kind = "chart controls" if bound else "chart"
    return f'<div class="{kind}">{svg}{json_script(compact(chart.spec))}</div>'


@lru_cache(maxsize=64)  # of a page that is made again, most pictures are as they were
def lean(svg: str) -> str:
    """Return a picture for the page without what the page says by itself, to a tenth of a pixel.

    Its words are those of the whole picture, its font that of the page.
    """
    svg = re.sub(r'<path class="(?:back|fore)ground"[^>]* d=""[^>]*/>', "", svg)
    head, _, body = svg.partition(">")
    body = re.sub(r"<[a-z][^>]*>", _lean_tag, body)
    return f'{head} font-size="12px">' + MARKS.sub(_together, body)


def _together(group: re.Match[str]) -> str:
    """Return a group of marks that says once what is said of each; texts keep their colour."""
    head, marks = group.groups()
    said = [set(re.findall(INHERITED, tag)) for tag in re.findall(r"<\w[^>]*>", marks)]
    common = sorted(set.intersection(*said))
    if "<text" in marks:
        common = [words for words in common if not words.startswith((" fill=", " stroke="))]
    for words in common:
        marks = marks.replace(words, "")
    return f"{head}{''.join(common)}>{marks}</g>"


def _lean_tag(tag: re.Match[str]) -> str:
    short = re.sub(NEEDLESS, "", tag[0])
    short = re.sub(r"rgb\((\d+), (\d+), (\d+)\)", _hex, short)
    return re.sub(r' (?:d|transform|[xy][12]?)="[^"]*"', _tenths, short)


def _hex(color: re.Match[str]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*map(int, color.groups()))


def _tenths(attribute: re.Match[str]) -> str:
    return re.sub(r"-?\d+\.\d{2,}", lambda n: f"{round(float(n[0]), 1) + 0:g}", attribute[0])


def json_script(value: Any, *, name: str = "", kind: str = "application/json") -> str:
    """Return *value* as JSON in a script element that no text in it can close."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    text = text.replace("<", "\\u003c")
    label = f' id="{name}"' if name else ""
    return f'<script type="{kind}"{label}>{text}</script>'


def allowed(text: str) -> str:
    """Return *text*, a script or a style, as the policy of a page allows it."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _font_faces() -> str:
    return "".join(
        f'@font-face{{font-family:"{family}";font-weight:{weight};font-style:{style};'
        f"font-display:swap;src:url({font_address(name)})}}"
        for (family, weight, style), name in WEB_FONTS.items()
    )


def font_address(name: str) -> str:
    """Return a font as an address that holds it."""
    return f"data:font/woff2;base64,{base64.b64encode((FONTS / name).read_bytes()).decode()}"


def vega_bundle() -> str:
    """Return Vega, Vega-Lite and vega-embed as one script.

    Making it takes seconds, so it is kept in the environment, whose code we trust as much, under
    the version that made it.
    """
    kept = Path(sys.prefix) / "share" / "hbm-panorama" / f"vega-{version('vl-convert-python')}.js"
    if kept.exists():
        return kept.read_text(encoding="utf-8")
    code = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub wants a snippet
    bundle = f"/* {BUNDLE_NOTICE} */{code}"
    with suppress(OSError):  # a read-only environment makes it each time
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_whole(kept, bundle.encode())
    return bundle
