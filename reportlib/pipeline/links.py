"""Checks of a built site: links, what every page must have, and that it asks nothing of anyone.

Every link inside must lead to a file, and to an anchor that is there, from a disk and under any
prefix; no page may fetch anything from elsewhere; what pages are made from must not show where.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from posixpath import normpath
from urllib.parse import unquote, urlsplit

VOID = {
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
}  # fmt: skip
FETCHED = {  # what a browser fetches by itself
    "audio": ("src",), "embed": ("src",), "iframe": ("src",), "image": ("href", "xlink:href"),
    "img": ("src", "srcset"), "input": ("src",), "object": ("data",), "script": ("src",),
    "source": ("src", "srcset"), "track": ("src",), "use": ("href", "xlink:href"),
    "video": ("src", "poster"),
}  # fmt: skip
FOLLOWED = {"a": ("href", "xlink:href"), "area": ("href",), "form": ("action",)}
ONLY_NAMED = {"canonical", "license", "author", "me", "self"}  # what a link element only tells of
IN_STYLE = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")
LOCAL = re.compile(
    r"""(?:file://[\w/]|(?<![\w./%-])/(?:home|root|tmp|work|Users|private)/\w|\b[A-Z]:\\Users\\)[^\s"'<]*"""
)
TEXTS = {".html", ".css", ".js", ".json", ".xml", ".svg", ".txt", ".csv", ".bib", ".cff", ".md"}


class Page(HTMLParser):
    """What is checked of a page."""

    def __init__(self, text: str) -> None:
        """Read *text*."""
        super().__init__()
        self.ids: Counter[str] = Counter()
        self.links: list[tuple[str, bool]] = []  # an address, and whether it is fetched
        self.problems: list[str] = []
        self.headings = self.chapters = 0  # elements h1, and those of them that links lead to
        self.language = self.title = self.description = ""
        self._open: list[tuple[str, bool]] = []  # elements, and whether they speak for what is in
        self._style = self._in_title = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        said = {name: value or "" for name, value in attributes}
        if said.get("id"):
            self.ids[said["id"]] += 1
        self._note(tag, said)
        self._note_links(tag, said)
        silent = said.get("aria-hidden") == "true" or said.get("role") in {"img", "presentation"}
        if tag in {"img", "svg"} and not self._spoken_for:
            self._note_picture(tag, said)
        if tag not in VOID:
            self._open.append((tag, silent or tag == "svg"))

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note an element that ends at once."""
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        self._style = self._in_title = False
        while any(name == tag for name, _ in self._open):
            if self._open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        """Note a style's addresses and the title."""
        if self._in_title:
            self.title += data
        if self._style:
            self.links += [(address, True) for address in in_style(data)]

    @property
    def _spoken_for(self) -> bool:
        return any(silent for _, silent in self._open)

    def _note(self, tag: str, said: Mapping[str, str]) -> None:
        if tag == "h1":
            self.headings += 1
            self.chapters += "id" in said
        self._style = tag == "style"
        self._in_title = tag == "title" and not any(name == "svg" for name, _ in self._open)
        if tag == "html":
            self.language = said.get("lang", "")
        if tag == "meta" and said.get("name") == "description":
            self.description = said.get("content", "")
        if tag == "base":
            self.problems.append("has a base element, which breaks links under a prefix")

    def _note_links(self, tag: str, said: Mapping[str, str]) -> None:
        for name in FETCHED.get(tag, ()):
            addresses = said.get(name, "")
            parts = addresses.split(",") if name == "srcset" else [addresses]
            self.links += [(part.split()[0], True) for part in parts if part.strip()]
        self.links += [(said[name], False) for name in FOLLOWED.get(tag, ()) if name in said]
        if tag == "link" and said.get("href"):
            told = set(said.get("rel", "").split())
            fetched = not told & (ONLY_NAMED | {"alternate", "next", "prev", "up"})
            self.links.append((said["href"], fetched))
        self.links += [(address, True) for address in in_style(said.get("style", ""))]

    def _note_picture(self, tag: str, said: Mapping[str, str]) -> None:
        if tag == "img" and "alt" not in said:
            self.problems.append(f"a picture has no alt text: {said.get('src', '')[:60]}")
        labelled = said.get("aria-label") or said.get("aria-labelledby")
        if tag == "svg" and said.get("aria-hidden") != "true":
            if said.get("role") != "img":
                self.problems.append("an SVG is neither hidden nor of role img")
            elif not labelled:
                self.problems.append("an SVG of role img has no label")

    def lacks(self) -> Iterator[str]:
        """Yield what every page must have and this one has not."""
        for what in ("language", "title", "description"):
            if not getattr(self, what).strip():
                yield f"has no {what}"
        if 1 not in {self.headings, self.headings - self.chapters}:
            yield f"has {self.headings} elements h1, where one is wanted"
        for name, count in self.ids.items():
            if count > 1:
                yield f"has {count} elements of the id {name}"


def in_style(text: str) -> list[str]:
    """Return the addresses in *text* of CSS.

    >>> in_style('@import "a.css"; p { background: url(b.png) }')
    ['a.css', 'b.png']
    """
    return [first or second for first, second in IN_STYLE.findall(text)]


class Site:
    """The files of a site, read once."""

    def __init__(self, folder: Path) -> None:
        """Take the files of *folder*."""
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        self.folder = folder
        self.files = {path.relative_to(folder).as_posix(): path for path in paths}

    @cached_property
    def pages(self) -> dict[str, Page]:
        """The pages, by path."""
        names = [name for name in self.files if name.endswith(".html")]
        return {name: Page(self.files[name].read_text(encoding="utf-8")) for name in names}

    def problems(self) -> list[str]:
        """Return what is wrong, a line each, the file first."""
        if not self.pages:
            return [f"{self.folder}: has no page"]
        return [*self._of_pages(), *self._of_files()]

    def _of_pages(self) -> Iterator[str]:
        for name, page in self.pages.items():
            for problem in (*page.problems, *page.lacks()):
                yield f"{name}: {problem}"
            for address, fetched in dict.fromkeys(page.links):
                problem = self._of_link(name, address, fetched=fetched)
                if problem:
                    yield f"{name}: {problem}"

    def _of_files(self) -> Iterator[str]:
        for name, path in self.files.items():
            if path.suffix not in TEXTS:
                continue
            text = path.read_text(encoding="utf-8")
            for place in sorted(set(LOCAL.findall(text))):
                yield f"{name}: tells a place on the machine that built it: {place[:60]}"
            if path.suffix == ".css":
                for address in dict.fromkeys(in_style(text)):
                    problem = self._of_link(name, address, fetched=True)
                    if problem:
                        yield f"{name}: {problem}"

    def _of_link(self, name: str, address: str, *, fetched: bool) -> str:
        """Return what is wrong with a link of the file *name*, or ""."""
        try:
            parts = urlsplit(address.strip())
        except ValueError:
            return f"{address!r} is no address"
        if parts.scheme == "data":
            return "" if fetched else f"a link holds data: {address[:60]}"
        if parts.scheme in {"http", "https"} or parts.netloc:
            return f"fetches {address[:120]} from elsewhere" if fetched else ""
        if parts.scheme == "mailto" and not fetched:
            return ""
        if parts.scheme:
            return f"{address[:60]!r} is not an address of the site or of the web"
        return self._of_inner_link(name, unquote(parts.path), unquote(parts.fragment))

    def _of_inner_link(self, name: str, path: str, anchor: str) -> str:
        if path.startswith("/"):
            return f"{path} breaks under a prefix and on a disk: begin where the page is"
        target = normpath(str(PurePosixPath(name).parent / path)) if path else name
        if target.startswith(".."):
            return f"{path} leads out of the site"
        if target not in self.files:
            if path.endswith("/") or (self.folder / target).is_dir():
                return f"{path} is a folder, which a disk does not open: name its index.html"
            return f"{path} leads to nothing"
        page = self.pages.get(target)
        if anchor and page and anchor not in page.ids and anchor != "top":
            return f"{path}#{anchor} leads to no element"
        return ""


def problems(site: Path) -> list[str]:
    """Return what is wrong with the built site in the folder *site*, a line each."""
    return Site(site).problems()
