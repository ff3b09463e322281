"""Where a page of the site is, and what it says of itself to readers and machines."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from reportlib.params import Report
from reportlib.params.records import Address
from reportlib.pipeline.pages import PageInfo
from reportlib.pipeline.site.reading import FIRST, Chapter

HOME = "index.html"
NO_ADDRESS = (
    "The site has no address: with `address:` in report.yaml, or SITE_ADDRESS, its feeds, site map "
    "and pictures for sharing would have whole addresses."
)
WAYS = {  # the ways in that every page offers, by where they lead
    HOME: "Home",
    FIRST: "Report",
    "chips/index.html": "Chips",
    "models/index.html": "Models",
    "compare/index.html": "Compare",
    "editions/index.html": "Editions",
    "data/index.html": "Data",
}
KINDS = {HOME: "WebSite", "data/index.html": "Dataset"}  # in schema.org's words
ABOVE = {"chip": "chips/index.html", "model": "models/index.html", "compare": "compare/index.html"}


@dataclass(frozen=True)
class Place:
    """A page of the site, by its path from the root, as chips/h100-sxm5.html."""

    path: str
    title: str
    description: str
    publisher: str
    edition: str  # the day of its numbers
    name: str = ""  # a shorter title, among others of its kind
    above: tuple[str, ...] = ()  # paths of WAYS that lead to it from home
    kind: str = "WebPage"  # in schema.org's words
    picture: str = ""  # by which it is shown where it is shared
    address: str = ""  # of the site, where it is known, with a slash at the end
    facts: Mapping[str, Any] = field(default_factory=dict)  # further ones in schema.org's words

    @property
    def heading(self) -> str:
        """The title of the page among those of other sites."""
        if not self.title.startswith(self.publisher):
            return f"{self.title} · {self.publisher}"
        return self.title if self.path == HOME else f"{self.name} · {self.title}"

    @property
    def root(self) -> str:
        """The way from the page to the root of the site.

        >>> Place("chips/b200.html", "B200", "A chip.", "We", "2026-11-22").root
        '../'
        """
        return "../" * self.path.count("/")

    @property
    def canonical(self) -> str:
        """The page's one address, or nothing while that of the site is not known."""
        return absolute(self.address, self.path)


def site_address(report: Report) -> str:
    """Return where the site will be published: what SITE_ADDRESS says, else params, else nothing.

    Raises ValueError for an address that is none.
    """
    return stated_address() or report.address or ""


def stated_address() -> str:
    """Return the address that SITE_ADDRESS says, or nothing; raises ValueError where it is none."""
    text = os.environ.get("SITE_ADDRESS", "")
    if not text:
        return ""
    try:
        return TypeAdapter(Address).validate_python(text if text.endswith("/") else f"{text}/")
    except ValidationError:
        msg = f"SITE_ADDRESS: {text!r} is not an address as https://example.org/hbm/"
        raise ValueError(msg) from None


def absolute(address: str, path: str) -> str:
    """Return the address of *path* in the site at *address*; nothing where that is not known.

    >>> absolute("https://example.org/hbm/", "chips/index.html")
    'https://example.org/hbm/chips/'
    """
    return address and address + shown(path)


def shown(path: str) -> str:
    """Return *path* as addresses have it: an index is its folder."""
    folder, slash, name = path.rpartition("/")
    return folder + slash if name == HOME else path


def place_of(page: PageInfo, report: Report, address: str = "") -> Place:
    """Return the place of a page that was made from a notebook."""
    return Place(
        path=page.path,
        title=page.title,
        description=page.description,
        publisher=report.publisher,
        edition=report.as_of.isoformat(),
        name=page.name,
        above=(ABOVE[page.kind],),
        picture=f"social/{page.kind}.png",
        address=address,
    )


def report_place(report: Report, address: str = "") -> Place:
    """Return the place of the report itself."""
    return Place(
        path=FIRST,
        title=report.title,
        description=report.subtitle,
        publisher=report.publisher,
        edition=report.as_of.isoformat(),
        name="Report",
        kind="Report",
        picture="social/report.png",
        address=address,
    )


def chapter_place(chapter: Chapter, report: Report, address: str = "") -> Place:
    """Return the place of a section of the report."""
    return replace(
        report_place(report, address),
        path=chapter.path,
        title=chapter.title,
        description=chapter.description or f"{chapter.title}, of {report.title}",
        name=chapter.title,
        above=(FIRST,),
        kind="Chapter",
        facts={"isPartOf": {"@type": "Report", "name": report.title}},
    )


def way_place(path: str, report: Report, description: str, address: str = "") -> Place:
    """Return the place of one of the ways in but the report."""
    home = path == HOME
    return Place(
        path=path,
        title=report.title if home else WAYS[path],
        description=description,
        publisher=report.publisher,
        edition=report.as_of.isoformat(),
        name=WAYS[path],
        kind=KINDS.get(path, "CollectionPage"),
        picture="social/report.png",
        address=address,
    )
