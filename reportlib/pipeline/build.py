"""One build: params and notebooks in; HTML, PDF and data out, or nothing changed."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reportlib.digests import digest, of_bytes, of_file, of_files
from reportlib.pipeline import forks, keys
from reportlib.pipeline.cache import Cache
from reportlib.pipeline.files import sweep, write_together
from reportlib.pipeline.texts import TEXTS

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from reportlib.pipeline.execute import Finished

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
DOCUMENTS = ("hbm-panorama.html", "hbm-panorama.pdf")
RECORD = "build.json"
INPUTS = (
    "notebooks/*.ipynb", "notebooks/pages/*.ipynb", "reportlib/**/*", "requirements.lock",
    "pyproject.toml",
)  # fmt: skip

HELPERS = 2  # processes that draw charts while sections are executed, and after

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Way:
    """How a build is done; what it builds is the same."""

    kernel: str = forks.KERNEL
    workers: int = os.cpu_count() or 1
    cached: bool = True


class BuildError(RuntimeError):
    """The report was not built; the documents of the last good build are as they were."""


@dataclass
class Watch:
    """How long each stage took, in seconds."""

    stages: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what is done under this stage."""
        started = time.perf_counter()
        yield
        self.stages[name] = time.perf_counter() - started


def fingerprint(params: Path, as_of: str | None) -> str:
    """Return a digest of everything that the documents are made from.

    Reads a few hundred small files and imports nothing heavy: deciding that there is nothing to
    do must be instant.
    """
    ours = (path for pattern in INPUTS for path in ROOT.glob(pattern))
    return digest(
        of_files(ours, ROOT), of_files(params.rglob("*"), params), keys.versions(), as_of or ""
    )


def unchanged(build: Path, inputs: str) -> bool:
    """Whether *build* holds all that was made from *inputs*, untouched."""
    try:
        record = json.loads((build / RECORD).read_text(encoding="utf-8"))
        digests = {name: of_file(build / name) for name in record["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return False
    whole = set(DOCUMENTS) <= set(digests)
    return whole and bool(record == {"inputs": inputs, "files": digests})


def build(
    target: Path, inputs: str, progress: Progress, watch: Watch, way: Way | None = None
) -> None:
    """Build documents and data into *target*: all are replaced, or none is touched.

    Raises ParamsError for params that cannot be used and BuildError for what fails after that.
    """
    way = way or Way()
    cache = Cache(target / "cache" if way.cached else None)
    with (
        tempfile.TemporaryDirectory(prefix="hbm-panorama-") as scratch,
        forks.environment(Path(scratch)),
        forks.helpers(HELPERS) as submit,
        TEXTS.kept(cache, submit),
    ):
        contents = _contents(
            target, Path(scratch), cache, submit, progress=progress, watch=watch, way=way
        )
    cache.prune()
    for folder in (target, target / "data"):
        sweep(folder)
    from reportlib.params import default_root

    if fingerprint(default_root(), os.environ.get("AS_OF") or None) != inputs:
        msg = "What the report is made from was edited meanwhile: build again."
        cache.forget()
        raise BuildError(msg)
    digests = {name: of_bytes(content) for name, content in contents.items()}
    with watch.stage("write"):
        contents[RECORD] = json.dumps({"inputs": inputs, "files": digests}, indent=1).encode()
        write_together({target / name: content for name, content in contents.items()})


def _contents(
    target: Path,
    scratch: Path,
    cache: Cache,
    submit: forks.Submit,
    *,
    progress: Progress,
    watch: Watch,
    way: Way,
) -> dict[str, bytes]:
    """Return documents and data by their names; what was made before is taken from the cache."""
    with watch.stage("start"):  # libraries that take seconds to import are met only here
        from reportlib import params
        from reportlib.exhibits import claims
        from reportlib.pipeline import execute, export
        from reportlib.pipeline.ahead import Chapters, Tables
        from reportlib.pipeline.assemble import assemble, basis
        from reportlib.pipeline.manuscript import ExportError

    with watch.stage("params"):
        root, day = params.default_root(), os.environ.get("AS_OF", "")
        numbers = params.load(root)
        claims.check(numbers)
        wanted = execute.typed_parameters(NOTEBOOKS, numbers.report.sections)
    target.mkdir(parents=True, exist_ok=True)
    failed = target / "failed"
    shutil.rmtree(failed, ignore_errors=True)
    with watch.stage("execute"):
        tables = Tables(root, keys.data(NOTEBOOKS, root, day), cache, submit)
        chapters = Chapters(numbers, [NOTEBOOKS / f"{name}.ipynb" for name in wanted])
        try:
            executed = sections(
                wanted, cache,
                scratch=scratch, failed=failed, progress=progress, finished=chapters.begin, way=way,
            )  # fmt: skip
        except BuildError:
            chapters.give_up()
            raise
    with watch.stage("chapters"):
        chapters.finish()
    report = assemble(executed, numbers.report, numbers.sources, basis(numbers))
    with watch.stage("documents"), ThreadPoolExecutor() as pool:
        paper, _ = export.HtmlExporter().manuscript(report)
        printing = pool.submit(export.PdfExporter().document, paper)
        try:
            html = export.HtmlExporter().document(paper)
            pdf = printing.result()
        except ExportError as error:
            raise BuildError(str(error)) from None
    with watch.stage("data"):
        files = tables.finish()
    return dict(zip(DOCUMENTS, (html.encode(), pdf), strict=True)) | files


def sections(
    wanted: Mapping[str, Mapping[str, Any]],
    cache: Cache,
    *,
    scratch: Path,
    failed: Path,
    progress: Progress,
    finished: "Finished",
    way: Way,
) -> dict[str, "NotebookNode"]:
    """Return *wanted* sections executed, in order: as *cache* keeps them, or anew and then kept.

    *finished* is called with the name and the notebook of those executed anew; *wanted*, *failed*
    and *progress* are those of `execute.execute`. Raises BuildError for what fails.
    """
    from reportlib import params
    from reportlib.pipeline import execute

    key_of = keys.sections(NOTEBOOKS, params.default_root(), os.environ.get("AS_OF", ""))
    kept = {name: cache.get(key_of[name]) for name in wanted}
    there = {name: execute.from_bytes(content) for name, content in kept.items() if content}

    def keep(name: str, notebook: "NotebookNode") -> None:
        cache.put(key_of[name], execute.as_bytes(notebook))
        finished(name, notebook)

    executed, failures = execute.execute(
        NOTEBOOKS,
        {name: values for name, values in wanted.items() if name not in there},
        scratch=scratch, failed=failed, progress=progress, finished=keep,
        kernel=way.kernel, workers=way.workers,
    )  # fmt: skip
    if failures:
        raise BuildError("\n\n".join(map(str, failures)))
    there |= executed
    return {name: there[name] for name in wanted}
