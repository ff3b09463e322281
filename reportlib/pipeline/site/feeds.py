"""What tells others of the site: feeds of editions and verdicts, the site map, rules for robots.

Without the site's address, links are from the root of the site, in the Atom feed from the feed.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from reportlib.params import Report
from reportlib.pipeline.site.archive import Edition, Turn
from reportlib.pipeline.site.place import absolute, shown

ATOM = "http://www.w3.org/2005/Atom"
SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
MOST = 50  # entries, the newest


@dataclass(frozen=True)
class Entry:
    """What is told: an edition, or a verdict that is another since."""

    name: str  # unique, and the same in every build
    path: str
    title: str
    text: str
    day: str


def entries(report: Report, editions: Sequence[Edition], turned: Iterable[Turn]) -> list[Entry]:
    """Return what there is to tell, the newest first: of each edition, and what turned with it."""
    by_month: dict[str, list[Turn]] = {}
    for turn in turned:
        by_month.setdefault(turn.edition.month, []).append(turn)
    found = []
    for edition in reversed(editions):
        moved = by_month.get(edition.month, [])
        number = f"{len(moved)} verdict{'s' * (len(moved) != 1)} on claims changed."
        found.append(
            Entry(
                f"editions/{edition.month}",
                edition.path,
                f"Edition of {edition.day}",
                f"{report.subtitle}. {number if moved else ''}".strip(),
                _day(edition),
            )
        )
        found += [
            Entry(
                f"editions/{edition.month}#{turn.id}",
                f"{edition.path}#tbl-claims",
                f"{turn.statement} Now: {turn.new}",
                f"The verdict was “{turn.old}” in the edition of {turn.before.day} "
                f"and is “{turn.new}” in that of {edition.day}.",
                _day(edition),
            )
            for turn in moved
        ]
    return found[:MOST]


def _day(edition: Edition) -> str:
    return edition.day if len(edition.day) > len(edition.month) else f"{edition.month}-01"


def _id(report: Report, name: str) -> str:
    """Return an identifier that stays, wherever the site is."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{report.publisher}/{name}").urn


def atom(report: Report, told: Sequence[Entry], address: str) -> bytes:
    """Return the feed as Atom."""
    feed = ET.Element("feed", {"xmlns": ATOM, "xml:lang": "en"})
    _child(feed, "id", _id(report, ""))
    _child(feed, "title", report.publisher)
    _child(feed, "subtitle", report.subtitle)
    _child(feed, "updated", f"{told[0].day}T00:00:00Z")
    _child(_child(feed, "author"), "name", report.publisher)
    _child(feed, "link", rel="self", href=f"{address}feed.xml")
    _child(feed, "link", rel="alternate", href=address or "index.html")
    for entry in told:
        item = _child(feed, "entry")
        _child(item, "id", _id(report, entry.name))
        _child(item, "title", entry.title)
        _child(item, "updated", f"{entry.day}T00:00:00Z")
        _child(item, "link", rel="alternate", href=_link(address, entry.path) or entry.path)
        _child(item, "summary", entry.text)
    return _xml(feed)


def _link(address: str, path: str) -> str:
    page, mark, anchor = path.partition("#")
    return absolute(address, page) and absolute(address, page) + mark + anchor


def _child(parent: ET.Element, tag: str, text: str = "", **about: str) -> ET.Element:
    child = ET.SubElement(parent, tag, about)
    child.text = text or None
    return child


def _xml(root: ET.Element) -> bytes:
    ET.indent(root)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def json_feed(report: Report, told: Sequence[Entry], address: str) -> bytes:
    """Return the feed as JSON Feed 1.1."""
    home = address or "/"
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": report.publisher,
        "description": report.subtitle,
        "home_page_url": home,
        "feed_url": f"{home}feed.json",
        "language": "en",
        "authors": [{"name": report.publisher}],
        "items": [
            {
                "id": _id(report, entry.name),
                "url": _link(home, entry.path),
                "title": entry.title,
                "content_text": entry.text,
                "date_published": f"{entry.day}T00:00:00Z",
            }
            for entry in told
        ],
    }
    return (json.dumps(feed, indent=1, ensure_ascii=False) + "\n").encode()


def sitemap(paths: Iterable[str], day: str, address: str) -> bytes:
    """Return the site map: every page, with the day of its numbers."""
    root = ET.Element("urlset", {"xmlns": SITEMAP})
    for path in paths:
        url = _child(root, "url")
        _child(url, "loc", (address or "/") + shown(path))
        _child(url, "lastmod", day)
    return _xml(root)


def robots(address: str) -> Iterator[str]:
    """Yield the lines of robots.txt; a site map can be named only by its whole address."""
    yield "User-agent: *"
    yield "Allow: /"
    if address:
        yield f"Sitemap: {address}sitemap.xml"
