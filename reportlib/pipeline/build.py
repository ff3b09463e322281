"""One build: params and notebooks in; HTML, PDF and data out, or nothing changed."""

import hashlib
import json
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("hbm-panorama.html", "hbm-panorama.pdf")
RECORD = "build.json"
INPUTS = ("notebooks/*.ipynb", "reportlib/**/*", "requirements.lock", "pyproject.toml")


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
    digest = hashlib.sha256()
    paths = {p for pattern in INPUTS for p in ROOT.glob(pattern)} | set(params.rglob("*"))
    for path in sorted(p for p in paths if p.is_file() and "__pycache__" not in p.parts):
        name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.relative_to(params)
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{name.as_posix()} {content}\n".encode())
    digest.update(f"{platform.python_version()} {platform.machine()} {as_of or ''}".encode())
    return digest.hexdigest()


def unchanged(build: Path, inputs: str) -> bool:
    """Whether *build* holds all that was made from *inputs*, untouched."""
    try:
        record = json.loads((build / RECORD).read_text(encoding="utf-8"))
        digests = {name: _digest(build / name) for name in record["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return False
    whole = set(DOCUMENTS) <= set(digests)
    return whole and bool(record == {"inputs": inputs, "files": digests})


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def build(
    target: Path, inputs: str, progress: Callable[[str, int, int], None], watch: Watch
) -> None:
    """Build documents and data into *target*: all are replaced, or none is touched.

    Raises ParamsError for params that cannot be used and BuildError for what fails after that.
    """
    with watch.stage("start"):  # libraries that take seconds to import are met only here
        from reportlib import params
        from reportlib.exhibits import claims
        from reportlib.pipeline import data, execute, export
        from reportlib.pipeline.assemble import assemble, basis
        from reportlib.pipeline.files import write_together
        from reportlib.pipeline.manuscript import ExportError

    with watch.stage("params"):
        numbers = params.load()
        claims.check(numbers)
        sections = execute.typed_parameters(ROOT / "notebooks", numbers.report.sections)
    target.mkdir(parents=True, exist_ok=True)
    failed = target / "failed"
    shutil.rmtree(failed, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="hbm-panorama-") as scratch:
        with watch.stage("execute"):
            executed, failures = execute.execute(
                ROOT / "notebooks",
                sections,
                scratch=Path(scratch),
                failed=failed,
                progress=progress,
            )
        if failures:
            raise BuildError("\n\n".join(map(str, failures)))
    report = assemble(executed, numbers.report, numbers.sources, basis(numbers))
    try:
        with watch.stage("HTML"):
            html, _ = export.HtmlExporter().from_notebook_node(report)
        with watch.stage("PDF"):
            pdf, _ = export.PdfExporter().from_notebook_node(report)
    except ExportError as error:
        raise BuildError(str(error)) from None
    with watch.stage("data"):
        contents = dict(zip(DOCUMENTS, (html.encode(), pdf), strict=True)) | data.files(numbers)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    with watch.stage("write"):
        contents[RECORD] = json.dumps({"inputs": inputs, "files": digests}, indent=1).encode()
        write_together({target / name: content for name, content in contents.items()})
