"""A page of the site: an executed notebook, or HTML of our own, in what all pages share."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from reportlib.exhibits.theme import CONFIG
from reportlib.params import Source
from reportlib.pipeline.assemble import csl_item, shown
from reportlib.pipeline.export import html
from reportlib.pipeline.manuscript import manuscript
from reportlib.pipeline.page import allowed, asset, finished, json_script, template
from reportlib.pipeline.site.assets import SEARCH, paths
from reportlib.pipeline.site.place import HOME, WAYS, Place, absolute

NOTEBOOKS = {"chips": "chip", "models": "model", "compare": "compare"}  # by their pages' folders
CITED = re.compile(r"@([\w.:/+-]*[\w/])")  # what may be the key of a source
HEADING = re.compile(r"\s*<h1[^>]*>(.*?)</h1>", re.DOTALL)
ROOTED = re.compile(r"\s*<ul>\s*<li><a[^>]*>.*?</a>\s*(<ul>.*</ul>)\s*</li>\s*</ul>\s*", re.DOTALL)
REFERENCES = "## Sources {.unnumbered}\n\n::: {#refs}\n:::"


def page_notebook(
    notebook: NotebookNode, place: Place, sources: Mapping[str, Source]
) -> NotebookNode:
    """Return an executed notebook as `site_page` takes it: what readers see, and what it cites."""
    name = NOTEBOOKS[place.path.partition("/")[0]]
    whole = new_notebook(cells=shown(name, notebook))
    cited = sorted(sources.keys() & set(CITED.findall(str(whole.cells))))
    if cited:
        whole.cells.append(new_markdown_cell(REFERENCES, metadata={"notebook": name}))
    for number, cell in enumerate(whole.cells):
        cell.id = f"cell-{number}"
    whole.metadata["panorama"] = {
        "title": place.title,
        "references": [csl_item(key, sources[key]) for key in cited],
    }
    return whole


def site_page(notebook: NotebookNode, place: Place) -> str:
    """Return the page of a notebook of `page_notebook`, whose first heading is the page's."""
    paper = manuscript(notebook)
    contents, body = html(paper, "--metadata", "site=true")
    title = escape(place.title)
    heading = HEADING.match(body)
    if heading:
        title, body = heading[1], body[heading.end() :]
    contents = ROOTED.sub(r"\1", contents)  # what is below it
    return around(
        place,
        finished(paper, body),
        title=title,
        contents=contents,
        charts=json_script(CONFIG, name="chart-config") if paper.charts else "",
    )


def around(
    place: Place,
    body: str,
    *,
    title: str = "",
    name: str = "",
    contents: str | None = None,
    charts: str = "",
    before: Sequence[str] = (),
) -> str:
    """Return the page at *place* around *body*; *title* is its heading, as HTML, *name* the id.

    Without contents it is a page to look things up in, and has no charts. Scripts are files of the
    site, those that it needs *before* all others first; but the theme must be known before anything
    is painted.
    """
    theme = asset("theme.js")
    # Browsers count files beside a page on a disk as its own, too.
    policy = (
        "default-src 'none'; connect-src 'self'; img-src 'self' data:; font-src 'self' data:; "
        f"style-src 'self'; style-src-attr 'unsafe-inline'; script-src 'self' {allowed(theme)}; "
        "base-uri 'none'; form-action 'none'"
    )
    files = {name: place.root + path for name, path in paths().items()}
    return template("site/page.html.j2").render(
        place=place, policy=policy, theme=theme, files=files, search=place.root + SEARCH,
        title=title or escape(place.title), name=name, body=body, contents=contents, before=before,
        charts=charts.replace(">", f' data-bundle="{files["vega.js"]}">', 1),
        trail=[(WAYS[path], place.root + path) for path in (HOME, *place.above)],
        ways=[(name, place.root + path, _here(path, place)) for path, name in WAYS.items()],
        about="".join(json_script(thing, kind="application/ld+json") for thing in _about(place)),
        picture=place.address and place.picture and place.address + place.picture,
    )  # fmt: skip


def _here(way: str, place: Place) -> str:
    """Return how a way in is marked on a page: as the page, as what it belongs to, or not."""
    return "page" if way == place.path else "true" if way in place.above else ""


def _about(place: Place) -> list[dict[str, Any]]:
    """Return what search engines read of a page, in schema.org's words."""
    publisher = {"@type": "Organization", "name": place.publisher}
    about = {
        "@context": "https://schema.org",
        "@type": place.kind,
        "name": place.title,
        "description": place.description,
        "inLanguage": "en",
        "dateModified": place.edition,
        "publisher": publisher,
        **({"url": place.canonical} if place.address else {}),
        **({"datePublished": place.edition} if place.kind == "Report" else {}),
        **place.facts,
    }
    if place.path == HOME:
        return [about]
    trail = [(WAYS[path], absolute(place.address, path)) for path in (HOME, *place.above)]
    steps = [
        {"@type": "ListItem", "position": number, "name": name, **({"item": item} if item else {})}
        for number, (name, item) in enumerate([*trail, (place.name or place.title, "")], 1)
    ]
    crumbs = {"@context": "https://schema.org", "@type": "BreadcrumbList", "itemListElement": steps}
    return [about, crumbs] if place.address else [about]  # steps must have addresses
