"""What is made while sections are executed, so that documents find it made."""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

from nbformat import NotebookNode

from reportlib import params
from reportlib.params import Params
from reportlib.pipeline import chapters, data, export
from reportlib.pipeline.assemble import assemble
from reportlib.pipeline.cache import Cache
from reportlib.pipeline.forks import Submit
from reportlib.pipeline.manuscript import manuscript


class Chapters:
    """The chapters of sections in both documents, each made as soon as its section is there."""

    def __init__(self, numbers: Params, notebooks: Iterable[Path]) -> None:
        """Begin with the list of sources of a report of *numbers* and *notebooks*."""
        self._numbers = numbers
        self._terms = chapters.terms(text for path in notebooks for text in _markdown(path))
        self._pool = ThreadPoolExecutor()
        self._pool.submit(self._make, {})

    def begin(self, name: str, notebook: NotebookNode) -> None:
        """Begin to make the chapters of an executed section."""
        self._pool.submit(self._make, {name: deepcopy(notebook)})

    def _make(self, sections: dict[str, NotebookNode]) -> None:
        report = assemble(sections, self._numbers.report, self._numbers.sources)
        report.metadata["panorama"]["terms"] = self._terms
        export.begin(manuscript(report))

    def finish(self) -> None:
        """Wait for what is being made; what cannot be made is told by the documents."""
        self._pool.shutdown()

    def give_up(self) -> None:
        """Begin with nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _markdown(notebook: Path) -> Iterator[str]:
    """Yield the texts of a notebook."""
    for cell in json.loads(notebook.read_bytes())["cells"]:
        if cell["cell_type"] == "markdown":
            yield "".join(cell["source"])


class Tables:
    """The files for other programs: kept from an earlier build, or being made beside."""

    def __init__(self, root: Path, key: str, cache: Cache, submit: Submit) -> None:
        """Begin, with the params of *root*, if nothing is kept under *key*."""
        self._key = key
        self._cache = cache
        kept = cache.get(key)
        self._made: Future[bytes] = submit(_tables, root) if kept is None else Future()
        if kept is not None:
            self._made.set_result(kept)

    def finish(self) -> dict[str, bytes]:
        """Wait for the files, keep them and return them by their names."""
        self._cache.put(self._key, self._made.result())
        with ZipFile(BytesIO(self._made.result())) as files:
            return {name: files.read(name) for name in files.namelist()}


def _tables(root: Path) -> bytes:
    packed = BytesIO()
    with ZipFile(packed, "w") as files:
        for name, content in data.files(params.load(root)).items():
            files.writestr(name, content)
    return packed.getvalue()
