"""The report's page read again: its parts, its exhibits, and what search finds in it."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape
from html.parser import HTMLParser

CONTENTS = re.compile(r"<details open><summary>.*?</summary>\n(.*?)\n</details>\n</nav>", re.DOTALL)
BODY = re.compile(r'<main id="report" tabindex="-1">\n(.*)\n</main>', re.DOTALL)
CONFIG = re.compile(r'<script type="application/json" id="chart-config">.*?</script>')
FIGURE = re.compile(
    r'<figure id="(fig-[^"]+)".*?(<svg .*?</svg>).*?<figcaption>(.*?)</figcaption>', re.DOTALL
)
NUMBER = re.compile(r'<span\s+class="exhibit-number">(.*?)</span>\s*', re.DOTALL)
UNTOLD = re.compile(r'<span class="(?:notebook|citation)".*?</span>|<sup>.*?</sup>', re.DOTALL)
TAG = re.compile(r"<[^>]+>")
NUMBERING = re.compile(r'<span class="header-section-number">.*?</span>')
SILENT = {"script", "style", "svg", "details", "pre", "annotation", "thead", "tbody", "sup"}
UNSAID = {"citation", "notebook", "header-section-number", "exhibit-number", "tools"}
VOID = {"br", "hr", "img", "input", "meta", "link", "col", "wbr"}
HEADS = {"h1", "h2"}
CAPTIONS = {"figcaption": "figure", "caption": "table"}

FOLDER = "report/"
FIRST = f"{FOLDER}index.html"  # the page of the first chapter
TAKEN = {"index", "hbm-panorama", "sources"}  # names of files that are not a section's own
CHAPTER = re.compile(r'<h1[^>]* id="([^"]+)"[^>]*>(.*?)</h1>\s*(.*?)(?=<h1[ >]|\Z)', re.DOTALL)
PARAGRAPH = re.compile(r"<p>(.*?)</p>", re.DOTALL)
ID = re.compile(r'\bid="([^"]+)"')


@dataclass(frozen=True)
class Figure:
    """A figure of the report: its picture and what its caption says, as text."""

    svg: str
    number: str
    caption: str


@dataclass(frozen=True)
class Chapter:
    """A section of the report, which has a page of its own on the site."""

    path: str  # from the root of the site
    id: str  # of its heading
    heading: str  # as HTML, with its number
    body: str  # what is below the heading

    @property
    def title(self) -> str:
        """Its heading as text, without the number."""
        return _text(NUMBERING.sub("", self.heading))

    @property
    def description(self) -> str:
        """Its first paragraph as text, or nothing."""
        first = PARAGRAPH.search(self.body)
        return _text(UNTOLD.sub("", first[1])) if first else ""


@dataclass
class Piece:
    """What search can find in the report: a section, a figure or a table."""

    kind: str
    id: str
    title: str
    words: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its words, on one line."""
        return _tidy("".join(self.words))


class ReportPage:
    """The page that `make report` makes, by its parts."""

    def __init__(self, html: str) -> None:
        """Take *html* apart."""
        body = BODY.search(html)
        contents = CONTENTS.search(html)
        if not (body and contents):
            msg = "this is no page of the report: it has no contents, or nothing between them"
            raise ValueError(msg)
        self.body, self.contents = body[1], contents[1]
        config = CONFIG.search(html)
        self.config = config[0] if config else ""

    @cached_property
    def chapters(self) -> list[Chapter]:
        """Return its sections in order; the page of the first is that of the report."""
        return [
            Chapter(f"{FOLDER}{_file(name)}" if n else FIRST, name, *parts)
            for n, (name, *parts) in enumerate(CHAPTER.findall(self.body))
        ]

    @cached_property
    def paths(self) -> dict[str, str]:
        """Return where on the site every element with an id is: a heading at the top of a page."""
        within = {name: f"{c.path}#{name}" for c in self.chapters for name in ID.findall(c.body)}
        return within | {chapter.id: chapter.path for chapter in self.chapters}

    @cached_property
    def figures(self) -> dict[str, Figure]:
        """Return the figures by their ids."""
        found = {}
        for figure in FIGURE.finditer(self.body):
            number = NUMBER.search(figure[3])
            caption = _text(UNTOLD.sub("", NUMBER.sub("", figure[3])))
            found[figure[1]] = Figure(figure[2], number[1] if number else "", caption)
        return found

    @cached_property
    def numbers(self) -> dict[str, str]:
        """Return what exhibits are called, as "Figure 3", by their ids."""
        exhibits = re.split(r'<(?:figure|table)\s+id="((?:fig|tbl)-[^"]+)"', self.body)
        pairs = zip(exhibits[1::2], exhibits[2::2], strict=True)
        return {name: number[1] for name, text in pairs if (number := NUMBER.search(text))}

    @cached_property
    def sections(self) -> int:
        """Return how many sections have a number."""
        return len(re.findall(r'<span class="toc-section-number">\d+</span>', self.contents))

    @cached_property
    def pieces(self) -> list[Piece]:
        """Return what search can find, in the order of the report."""
        reader = _Pieces()
        reader.feed(self.body)
        return [piece for piece in reader.found if piece.id]


def _file(name: str) -> str:
    short = name.removeprefix("sec-")
    return f"{name if short in TAKEN else short}.html"


def _text(html: str) -> str:
    return unescape(_tidy(TAG.sub("", html)))


def _tidy(text: str) -> str:
    return re.sub(r" (?=[,.;:])", "", " ".join(text.split()))


class _Pieces(HTMLParser):
    """Reads headings, captions and the text below them; not what is drawn, listed or cited."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Piece] = []
        self._open: list[str] = []  # elements that the reader is in
        self._silent = 0  # how many of them there were when it stopped to listen; 0 while it does
        self._exhibit = ""
        self._section = Piece("section", "", "")
        self._said: list[str] = []  # where what is read goes

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            return
        about = dict(attrs)
        self._open.append(tag)
        if self._silent:
            return
        if tag in SILENT or about.get("class") in UNSAID or about.get("id") == "refs":
            self._silent = len(self._open)
        elif tag in HEADS:
            self._section = Piece("section", about.get("id") or "", "")
            self.found.append(self._section)
            self._said = []
        elif tag in {"figure", "table"}:
            self._exhibit = about.get("id") or ""
        elif tag in CAPTIONS:
            self.found.append(Piece(CAPTIONS[tag], self._exhibit, self._section.title))
            self._said = self.found[-1].words

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._open:
            return
        while self._open.pop() != tag:
            pass
        if self._silent:
            self._silent = self._silent if len(self._open) >= self._silent else 0
        elif tag in HEADS:
            self._section.title = _tidy("".join(self._said))
            self._said = self._section.words
        elif tag in CAPTIONS:
            self._said = self._section.words

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._said.append(data)
