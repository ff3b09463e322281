"""Pages of the site: one a chip, a model and a pair of chips, each from a notebook.

A batch of pages carries all that they are made from, so that any process can make them, here or on
another machine, if it has the same code.
"""

import io
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import combinations
from multiprocessing import util
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from reportlib.digests import digest, of_bytes, of_files

if TYPE_CHECKING:
    from reportlib.params import Params

Kind = Literal["chip", "model", "compare"]
PACKAGE = Path(__file__).parents[1]
KINDS_OF_CODE = {".py", ".lua", ".csl", ".css", ".html", ".j2", ".js", ".svg", ".ttf", ".woff2"}

_one_at_a_time = Lock()  # for the variables of a process are all its threads'


@dataclass(frozen=True)
class PageInfo:
    """What indexes, search and feeds tell of a page."""

    path: str  # from the root of the site, as chips/h100-sxm5.html
    kind: Kind
    name: str  # as readers know it: H100 SXM, or A100 against H100
    title: str
    description: str  # one sentence
    keywords: str  # further words to find it by


@dataclass(frozen=True)
class Page:
    """A page to make."""

    path: str
    kind: Kind
    parameters: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Made:
    """A page that was made, or why it was not."""

    page: Page
    content: bytes = b""
    info: PageInfo | None = None
    failure: str = ""


@dataclass(frozen=True)
class Inputs:
    """What all pages of a site are made from."""

    notebooks: Mapping[str, str]  # by kind
    params: bytes  # the files of the folder, packed
    day: str  # of the edition, if not the one that params name
    address: str  # of the site, if it is known
    code: str  # a digest of our code, and of what is installed

    def key(self, page: Page) -> str:
        """Return a digest of what *page* is made from."""
        return digest(self._shared, self.notebooks[page.kind], repr(page))

    @cached_property
    def _shared(self) -> str:
        return digest(self.code, of_bytes(self.params), self.day, self.address)


class OtherCodeError(RuntimeError):
    """A process has other code than the one that asks it for pages."""


def wanted(chips: Sequence[str], models: Sequence[str], pairs: Sequence[str]) -> list[Page]:
    """Return the pages of *chips*, of *models*, and of all pairs among the chips of *pairs*.

    >>> [page.path for page in wanted(["a", "b"], ["m"], ["b", "a"])]
    ['chips/a.html', 'chips/b.html', 'models/m.html', 'compare/a-vs-b.html']
    """
    return [
        *(Page(f"chips/{chip}.html", "chip", (("chip", chip),)) for chip in chips),
        *(Page(f"models/{model}.html", "model", (("model", model),)) for model in models),
        *(
            Page(f"compare/{a}-vs-{b}.html", "compare", (("first", a), ("second", b)))
            for a, b in combinations(sorted(pairs), 2)
        ),
    ]


def inputs(notebooks: Path, params: Path, day: str, address: str) -> Inputs:
    """Return what pages are made from, from the folders of their notebooks and of params."""
    kinds: tuple[Kind, ...] = ("chip", "model", "compare")
    return Inputs(
        {kind: (notebooks / f"{kind}.ipynb").read_text(encoding="utf-8") for kind in kinds},
        _packed(params), day, address, code(),
    )  # fmt: skip


@cache
def code() -> str:
    """Return a digest of our code, and of what is installed here."""
    from reportlib.pipeline.provenance import packages, platforms

    ours = (path for path in PACKAGE.rglob("*") if path.suffix in KINDS_OF_CODE)
    installed = (packages(PACKAGE.parent), platforms())
    return digest(repr(installed), of_files(ours, PACKAGE))


def _packed(folder: Path) -> bytes:
    """Return the files of *folder*, the same bytes for the same files."""
    packed = io.BytesIO()
    with ZipFile(packed, "w") as files:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                about = ZipInfo(path.relative_to(folder).as_posix())  # no time of its own
                files.writestr(about, path.read_bytes(), compress_type=ZIP_DEFLATED)
    return packed.getvalue()


@lru_cache(maxsize=1)
def _unpacked(params: bytes) -> tempfile.TemporaryDirectory[str]:
    """Return a folder with *params*, which stays until others come or this process ends."""
    folder = tempfile.TemporaryDirectory(prefix="hbm-panorama-")
    util.Finalize(None, folder.cleanup, exitpriority=1)  # the way in which helpers end
    with ZipFile(io.BytesIO(params)) as files:
        files.extractall(folder.name)
    return folder


def make(given: Inputs, pages: Sequence[Page]) -> list[Made]:
    """Make *pages* in this process: papermill runs their cells in forks of it.

    Raises OtherCodeError in a process whose code is not that of who asked for them.
    """
    if code() != given.code:
        msg = (
            "This worker has another version of reportlib, Python or a library than the machine "
            "that builds: install the same checkout, and the same requirements-cluster.lock, there."
        )
        raise OtherCodeError(msg)
    with _one_at_a_time, tempfile.TemporaryDirectory(prefix="hbm-panorama-") as scratch:
        from reportlib.pipeline import forks

        about = {"HBM_PARAMS": _unpacked(given.params).name, "AS_OF": given.day, **forks.FOR_PAGES}
        with forks.environment(Path(scratch)), forks.variables(about):
            forks.start_server()  # which imports what takes long, while we do
            numbers = _begun(given.params, given.day)
            return [_made(given, page, numbers, Path(scratch)) for page in pages]


@lru_cache(maxsize=1)
def _begun(params: bytes, day: str) -> "Params":  # noqa: ARG001 (kept by them)
    from reportlib import params as reading

    numbers = reading.load()
    begin(numbers)
    return numbers


def begin(numbers: "Params") -> None:
    """Do what all pages need: once, in a process that others may be forked from."""
    from reportlib.pipeline import execute, site  # noqa: F401 (imports that take long)
    from reportlib.pipeline.assemble import csl_item
    from reportlib.pipeline.chapters import entries

    code()
    entries("html5", [csl_item(key, source) for key, source in numbers.sources.items()])


def _made(given: Inputs, page: Page, numbers: "Params", folder: Path) -> Made:
    from nbformat import reads

    from reportlib.pipeline import site
    from reportlib.pipeline.execute import Failure, executed
    from reportlib.pipeline.manuscript import ExportError

    source = reads(given.notebooks[page.kind], as_version=4)
    notebook = executed(source, page.path, dict(page.parameters), folder)
    if isinstance(notebook, Failure):
        return Made(page, failure=str(notebook))
    told = _told(notebook)
    info = PageInfo(page.path, page.kind, told["title"], **told)
    place = site.place_of(info, numbers.report, given.address)
    try:
        html = site.site_page(site.page_notebook(notebook, place, numbers.sources), place)
    except ExportError as error:
        return Made(page, failure=f"{page.path}: {error}")
    return Made(page, html.encode(), info)


def _told(notebook: Any) -> dict[str, str]:
    """Return what the notebook of a page says of itself."""
    from reportlib.exhibits.display import ABOUT

    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    return next(output.data[ABOUT] for output in outputs if ABOUT in output.get("data", {}))
