"""All of the site but its pages from notebooks: one path and its content after the other."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from reportlib.exhibits.words import counted
from reportlib.params import Params
from reportlib.pipeline.pages import Kind, PageInfo
from reportlib.pipeline.site import (
    archive,
    citation,
    downloads,
    feeds,
    indexes,
    landing,
    missing,
    search,
    social,
)
from reportlib.pipeline.site.assets import shared_assets
from reportlib.pipeline.site.place import HOME, Place, way_place
from reportlib.pipeline.site.reading import ReportPage
from reportlib.pipeline.site.report import report_pages


def surroundings(
    numbers: Params,
    *,
    html: bytes,
    pdf: bytes,
    tables: Mapping[str, bytes],
    pages: Sequence[PageInfo],
    previous: Path | None = None,
    address: str = "",
) -> Iterator[tuple[str, bytes]]:
    """Yield the files around *pages*.

    *html*, *pdf* and *tables* are what `make report` builds; *previous* is the folder of the site
    as it was published last, whose editions stay; *address* is where it will be, if that is known.
    """
    report = ReportPage(html.decode())
    yield from shared_assets().items()
    yield from report_pages(report, numbers.report, address)
    yield "report/hbm-panorama.html", html
    yield f"report/{archive.PDF}", pdf
    yield from downloads.downloads(numbers, tables, _way(numbers, "data", address))
    yield from social.pictures(report, numbers.report)

    now = archive.this(numbers.report.as_of.isoformat(), html, pdf, tables)
    known = sorted([*archive.earlier(previous, now.month), now], key=lambda e: e.month)
    turned = archive.turns(known)
    for edition in known:
        yield from edition.files()

    of: dict[Kind, dict[str, PageInfo]] = {"chip": {}, "model": {}, "compare": {}}
    for page in pages:
        of[page.kind][PurePosixPath(page.path).stem] = page
    made = {
        HOME: landing.landing(
            numbers, report,
            counts=Counter(page.kind for page in pages),
            sizes={"pdf": downloads.size(pdf), "html": downloads.size(html)},
            place=way_place(HOME, numbers.report, numbers.report.subtitle, address),
        ),
        "chips/index.html": indexes.chips(numbers, of["chip"], _way(numbers, "chips", address)),
        "models/index.html": indexes.models(numbers, of["model"], _way(numbers, "models", address)),
        "compare/index.html": indexes.compare(
            numbers, of["compare"], _way(numbers, "compare", address)
        ),
        "editions/index.html": indexes.editions(
            known, turned, _way(numbers, "editions", address)
        ),
    }  # fmt: skip
    for path, text in made.items():
        yield path, text.encode()
    yield "404.html", missing.page(numbers.report).encode()
    yield from search.scripts(search.documents(report, pages))

    told = feeds.entries(numbers.report, known, turned)
    yield "feed.xml", feeds.atom(numbers.report, told, address)
    yield "feed.json", feeds.json_feed(numbers.report, told, address)
    listed = [*made, "data/index.html", *(page.path for page in pages)]
    listed += [chapter.path for chapter in report.chapters]
    listed += [edition.path for edition in known]
    yield "sitemap.xml", feeds.sitemap(sorted(listed), now.day, address)
    yield "robots.txt", "".join(f"{line}\n" for line in feeds.robots(address)).encode()
    yield "CITATION.cff", citation.cff(numbers.report, address).encode()
    yield "citation.bib", citation.bibtex(numbers.report, address).encode()


def _way(numbers: Params, name: str, address: str) -> Place:
    """Return the place of an index, with a sentence that says what it has."""
    about = {
        "chips": f"{counted(len(numbers.chips), 'chip')}: what each holds, how fast it reads and "
        "computes, and what it draws.",
        "models": f"{counted(len(numbers.models), 'model')}: how large each is, and what it keeps "
        "for each token.",
        "compare": "Two chips side by side: what they hold, and which serves more.",
        "editions": "Every edition of the report, as it was published.",
        "data": f"All numbers of the edition of {numbers.report.as_of}, what is computed from "
        "them, and what each column means.",
    }[name]
    return way_place(f"{name}/index.html", numbers.report, about, address)
