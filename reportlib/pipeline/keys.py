"""What the parts of a report are made from, as keys by which they are kept.

A key covers too much rather than too little. A section's has its notebook, all params, the day,
every module of ours that its notebook or its execution imports, directly or by another, by their
contents; the parameters that all notebooks declare, for some sections tell of others; Python and
all installed libraries.
"""

import ast
import json
import platform
import re
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from reportlib.digests import digest, of_bytes, of_file, of_files

PACKAGE = Path(__file__).parents[1]
EXECUTION = (
    "import reportlib.pipeline.execute, reportlib.pipeline.engine, reportlib.pipeline.kernels"
)
PRELOADED = ("pipeline", "preload.py")  # by itself: what it imports, others do whether or not
DATA = "import reportlib.pipeline.data"
IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|.*)|import[ \t]+(.*))", re.MULTILINE
)
PARAMETERS = "parameters"  # the tag of cells that declare them


@cache
def versions() -> str:
    """Return a digest of Python, of the machine, and of what is installed in which version."""
    folders = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    installed = sorted(path.name for f in folders for path in Path(f).glob("*.dist-info"))
    return digest(platform.python_version(), platform.system(), platform.machine(), *installed)


def sections(notebooks: Path, params: Path, day: str) -> dict[str, str]:
    """Return the key of every notebook of a folder, by its name."""
    contents = {path.stem: _read(path) for path in notebooks.glob("*.ipynb")}
    shared = _shared(contents, params, day)
    return {
        name: digest(shared, name, content, _of_modules(EXECUTION, *_code(content)))
        for name, content in contents.items()
    }


def data(notebooks: Path, params: Path, day: str) -> str:
    """Return the key of the tables that are written for other programs."""
    contents = {path.stem: _read(path) for path in notebooks.glob("*.ipynb")}
    return digest(_shared(contents, params, day), _of_modules(DATA))


def _shared(notebooks: Mapping[str, str], params: Path, day: str) -> str:
    """Return a digest of what findings are made from, which some sections and tables tell."""
    declared = [f"{name} {_code(text, PARAMETERS)}" for name, text in sorted(notebooks.items())]
    preloaded = of_file(PACKAGE.joinpath(*PRELOADED))
    return digest(versions(), of_files(params.rglob("*"), params), day, preloaded, *declared)


def _of_modules(*sources: str) -> str:
    """Return a digest of the modules of ours that *sources* import."""
    return digest(
        *(
            f"{path.relative_to(PACKAGE)} {_read_module(path)[0]}"
            for path in sorted(modules(*sources))
        )
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return of_file(path)


def _code(notebook: str, tag: str = "") -> list[str]:
    """Return the code of a notebook; none of what is no notebook, which is told later."""
    try:
        cells = [cell for cell in json.loads(notebook)["cells"] if cell["cell_type"] == "code"]
        tagged = [c for c in cells if not tag or tag in c["metadata"].get("tags", [])]
        return ["".join(cell["source"]) for cell in tagged]
    except (ValueError, LookupError, TypeError, AttributeError):
        return []


def modules(*sources: str) -> set[Path]:
    """Return the files of our modules that *sources* import, directly or by another.

    All of them, if a source is more than Python, as cells with magics are.
    """
    try:
        names = [name for source in sources for name in _imported(ast.parse(source))]
    except SyntaxError:
        return set(PACKAGE.rglob("*.py"))
    found: set[Path] = set()
    while names:
        path = _file(names.pop())
        if path and path not in found:
            found.add(path)
            names += _read_module(path)[1]
    return found


@cache
def _file(name: str) -> Path | None:
    """Return the file of the module *name*, if it is one of ours."""
    path = PACKAGE.parent.joinpath(*name.split("."))
    files = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in files if file.is_file() and PACKAGE in file.parents), None)


@cache
def _read_module(path: Path) -> tuple[str, list[str]]:
    """Return a digest of a module, and what it imports."""
    content = path.read_bytes()
    return of_bytes(content), _imports_in(content)


@cache
def _imports_in(content: bytes) -> list[str]:
    """Return what a module may import, and perhaps more: Python's parser takes far longer."""
    found: list[str] = []
    for package, names, modules in IMPORT.findall(content.decode()):
        words = re.findall(r"[\w.]+", re.sub("#.*", "", names or modules))
        found += (f"{package}.{word}" if package else word for word in words)
    return [name for full in found for name in _with_packages(full)]


def _imported(tree: ast.AST) -> Iterator[str]:
    """Yield the modules that *tree* may import, with the packages that they are in."""
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            yield from _with_packages(name)


def _with_packages(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts) + 1)]
