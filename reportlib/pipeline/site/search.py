"""What search finds in the site, as a script: a page opened from a disk may not fetch data."""

import json
from collections.abc import Iterator, Sequence

from reportlib.pipeline.pages import PageInfo
from reportlib.pipeline.site.assets import SEARCH, hashed
from reportlib.pipeline.site.place import WAYS
from reportlib.pipeline.site.reading import ReportPage

KINDS = {"chip": "Chip", "model": "Model", "compare": "Pair"}


def documents(report: ReportPage, pages: Sequence[PageInfo]) -> list[list[str]]:
    """Return all that can be found: its kind, path, title, description and further words.

    A description is what results show; of the report's sections it is their beginning.
    """
    ours = [["Page", path, name, "", ""] for path, name in WAYS.items()]
    made = [
        [KINDS[page.kind], page.path, page.name, page.description, _further(page)] for page in pages
    ]
    told = [
        [
            piece.kind.capitalize(),
            report.paths[piece.id],
            report.numbers.get(piece.id, piece.title),
            piece.text,
            "" if piece.kind == "section" else piece.title,
        ]
        for piece in report.pieces
    ]
    return ours + made + told


def _further(page: PageInfo) -> str:
    """Return the words of a page's title and keywords that its name lacks."""
    known = set(page.name.casefold().split())
    words = dict.fromkeys(f"{page.title} {page.keywords}".split())
    return " ".join(word for word in words if word.casefold() not in known)


def scripts(found: Sequence[Sequence[str]]) -> Iterator[tuple[str, bytes]]:
    """Yield the documents as a script, and one of a fixed name that says what that one is called.

    So pages need not be made anew because another page is.
    """
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    content = f"globalThis.searchDocuments = {text};\n".encode()
    path = hashed("search.js", content)
    yield path, content
    yield SEARCH, f"globalThis.searchPath = {json.dumps(path)};\n".encode()
