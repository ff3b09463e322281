"""What is made while sections are executed, so that documents find it made."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from nbformat import NotebookNode

from reportlib import params
from reportlib.exhibits.theme import CONFIG
from reportlib.params import Source
from reportlib.pipeline import data, keys
from reportlib.pipeline.assemble import csl_item
from reportlib.pipeline.cache import Cache
from reportlib.pipeline.chartdata import with_sources
from reportlib.pipeline.forks import Submit
from reportlib.pipeline.manuscript import FONTS, PICTURES_OF, drawn


class Pictures:
    """The pictures of charts: kept from an earlier build, or being drawn beside."""

    def __init__(self, sources: Mapping[str, Source], cache: Cache, submit: Submit) -> None:
        """Draw by *submit*, for documents with these *sources*."""
        self._references = {key: csl_item(key, source) for key, source in sources.items()}
        self._cache = cache
        self._submit = submit
        self._drawing: dict[str, Future[str]] = {}

    def begin(self, notebook: NotebookNode) -> None:
        """Begin to draw the charts of *notebook*."""
        for spec in _specs(notebook, self._references):
            kept = self._cache.get(self._key(spec))
            if kept is not None:
                PICTURES_OF[spec] = kept.decode()
            elif spec not in self._drawing:
                self._drawing[spec] = self._submit(drawn, spec)

    def finish(self) -> None:
        """Wait for what is being drawn, and keep it; what cannot be drawn is told later."""
        for spec, drawing in self._drawing.items():
            with suppress(ValueError):
                PICTURES_OF[spec] = drawing.result()
                self._cache.put(self._key(spec), PICTURES_OF[spec].encode())

    @staticmethod
    def _key(spec: str) -> str:
        return keys.chart(spec, json.dumps(CONFIG), FONTS)


def _specs(notebook: NotebookNode, references: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the specs of the charts of *notebook* as documents have them drawn."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            shown = output.get("data", {})
            spec = next((shown[m] for m in shown if m.startswith("application/vnd.vegalite")), None)
            with suppress(KeyError):  # of a source, which the document tells
                yield from [json.dumps(with_sources(spec, references))] if spec else []


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
