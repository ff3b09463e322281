"""The report's page for who is writing it, made again after every edit.

A process that stays: what it has imported, executed and rendered is there for the next time. Of a
section of which some cells were edited, only these are run at first, in this process, with the
cells that give them their names. What comes of it is shown at once; the section is then executed
as a build does it, and shown again if that differs.

It is asked on its standard input, a line of JSON each, and answers on its standard output. It ends
when there is nobody left to ask.
"""

import ast
import gc
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output

from reportlib import params
from reportlib.digests import digest, of_files
from reportlib.exhibits import claims, display
from reportlib.params import ParamsError
from reportlib.pipeline import execute, export, forks
from reportlib.pipeline.assemble import assemble, basis
from reportlib.pipeline.build import DOCUMENTS, NOTEBOOKS, BuildError, Way, sections
from reportlib.pipeline.cache import Cache
from reportlib.pipeline.files import write_whole
from reportlib.pipeline.manuscript import ExportError, manuscript
from reportlib.pipeline.page import page
from reportlib.pipeline.texts import TEXTS

WHOLE = {"parameters", "setup"}  # tags of cells after whose edit the whole section is executed
INJECTED = "injected-parameters"  # papermill's own cell


@dataclass(frozen=True)
class Known:
    """A section as it was executed, as it was read, and what else it was made from."""

    rest: str
    read: NotebookNode
    executed: NotebookNode


class Preview:
    """The page of the report, and what is known from making it before."""

    def __init__(self, build: Path, stack: ExitStack) -> None:
        """Keep what is made in the cache of *build*; *stack* ends what is begun here."""
        self._build = build
        self._cache = Cache(build / "cache")
        self._scratch = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="hbm-panorama-"))
        )
        stack.enter_context(forks.environment(self._scratch))
        submit = stack.enter_context(forks.helpers())
        stack.enter_context(TEXTS.kept(self._cache, submit))
        self._known: dict[str, Known] = {}

    def make(self, *, quickly: bool) -> tuple[bytes, bool]:
        """Return the page, and whether it is as a build makes it, which it is unless *quickly*."""
        root, day = params.default_root(), os.environ.get("AS_OF", "")
        numbers = params.load(root)
        claims.check(numbers)
        wanted = execute.typed_parameters(NOTEBOOKS, numbers.report.sections)
        notebooks = {n: nbformat.read(NOTEBOOKS / f"{n}.ipynb", as_version=4) for n in wanted}
        rest = digest(of_files(root.rglob("*"), root), day, *_parameters(notebooks))
        if quickly:
            made = {
                name: self._updated(name, rest, notebooks[name], wanted[name]) for name in wanted
            }
        else:
            made = dict.fromkeys(wanted)
        exact = not any(made.values())
        missing = {name: values for name, values in wanted.items() if not made[name]}
        executed = {name: notebook for name, notebook in made.items() if notebook}
        executed |= self._exact(missing, notebooks, rest)
        executed = {name: _copied(executed[name]) for name in wanted}
        paper = manuscript(assemble(executed, numbers.report, numbers.sources, basis(numbers)))
        return page(paper, *export.html(paper, export.NUMBERED)).encode(), exact

    def _updated(
        self, name: str, rest: str, notebook: NotebookNode, values: Mapping[str, Any]
    ) -> NotebookNode | None:
        """Return a section by what is known of it, if it was edited and that is enough."""
        known = self._known.get(name)
        if known is None or known.rest != rest or known.read == notebook:
            return None
        return updated(known.executed, notebook, values)

    def _exact(
        self,
        wanted: Mapping[str, Mapping[str, Any]],
        notebooks: Mapping[str, NotebookNode],
        rest: str,
    ) -> dict[str, NotebookNode]:
        """Return sections as a build has them: those known, those kept, the others executed."""
        found = {
            name: known.executed
            for name, known in self._known.items()
            if name in wanted and known.rest == rest and known.read == notebooks[name]
        }
        missing = {name: values for name, values in wanted.items() if name not in found}
        if missing:
            with tempfile.TemporaryDirectory(dir=self._scratch) as scratch:
                found |= sections(
                    missing, self._cache,
                    scratch=Path(scratch), failed=self._build / "failed", way=Way(),
                    progress=lambda *_: None, finished=lambda *_: None,
                )  # fmt: skip
        self._known |= {n: Known(rest, notebooks[n], executed) for n, executed in found.items()}
        return found


def _parameters(notebooks: Mapping[str, NotebookNode]) -> Iterator[str]:
    """Yield what notebooks declare, of which other sections may tell."""
    for name, notebook in sorted(notebooks.items()):
        yield from (name + cell.source for cell in notebook.cells if WHOLE & _tags(cell))


def _tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def _copied(notebook: NotebookNode) -> NotebookNode:
    """Return a copy whose cells can be changed; what they hold is shared."""
    cells = [NotebookNode(cell.items()) for cell in notebook.cells]
    return NotebookNode(notebook | {"cells": cells})


def updated(
    known: NotebookNode, notebook: NotebookNode, values: Mapping[str, Any]
) -> NotebookNode | None:
    """Return *notebook* executed, by running only what differs from *known*, or None.

    None, where more is needed: what is edited is a parameter or the set-up, is no plain Python,
    fails, or shows nothing.
    """
    old = [cell for cell in known.cells if INJECTED not in _tags(cell)]
    new = list(_copied(notebook).cells)
    matcher = SequenceMatcher(None, _sources(old), _sources(new), autojunk=False)
    same = {b.b + n: b.a + n for b in matcher.get_matching_blocks() for n in range(b.size)}
    gone = [cell for n, cell in enumerate(old) if n not in set(same.values())]
    try:
        lost = [line for cell in gone for line in _lines(cell)]
        lines = [_lines(cell) for cell in new]
    except SyntaxError:
        return None
    again = _with_those_that_use({n for n in range(len(new)) if n not in same}, lost, lines)
    if any(WHOLE & _tags(cell) for cell in (*gone, *(new[n] for n in again))):
        return None
    shown = _run(new, again, lines, values)
    if shown is None:
        return None
    for n, cell in enumerate(new):
        if n in again:
            cell.outputs = shown[n]
        elif cell.cell_type == "code":
            cell.outputs = old[same[n]].outputs
    return NotebookNode(notebook | {"cells": new})


def _sources(cells: list[NotebookNode]) -> list[tuple[str, str, str]]:
    return [(cell.cell_type, cell.source, str(sorted(_tags(cell)))) for cell in cells]


@dataclass(frozen=True)
class Line:
    """A statement of a cell, the names that it gives, and those that it uses."""

    code: ast.stmt
    text: str
    given: frozenset[str]
    used: frozenset[str]


def _lines(cell: NotebookNode) -> list[Line]:
    """Return the statements of a cell; none of one that is no code."""
    if cell.cell_type != "code":
        return []
    return [Line(line, ast.dump(line), *_names(line)) for line in ast.parse(cell.source).body]


def _names(code: ast.stmt) -> tuple[frozenset[str], frozenset[str]]:
    given: set[str] = set()
    used: set[str] = set()
    for node in ast.walk(code):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else given).add(node.id)
        elif isinstance(node, ast.alias):
            given.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            given.add(node.name)
    return frozenset(given), frozenset(used)


def _with_those_that_use(edited: set[int], lost: list[Line], lines: list[list[Line]]) -> set[int]:
    """Return the cells of code that are *edited*, and those that use what became other by that.

    *lost* are the lines that the edited cells had before.
    """
    before = {line.text for line in lost}
    after = {line.text for n in edited for line in lines[n]}
    changed = {name for line in lost if line.text not in after for name in line.given}
    again = {n for n in edited if lines[n]}
    for n, cell in enumerate(lines):
        for line in cell:
            if line.used & changed or (n in edited and line.text not in before):
                changed |= line.given
                again.add(n)
    return again


def _needed(again: set[int], lines: list[list[Line]]) -> list[tuple[int, list[ast.stmt]]]:
    """Return the statements of cells by which those of *again* have the names that they use."""
    wanted: set[str] = set()
    needed: list[tuple[int, list[ast.stmt]]] = []
    for n in reversed(range(len(lines))):
        chosen = []
        for line in reversed(lines[n]):
            if n in again or line.given & wanted:
                chosen.append(line.code)
                wanted |= line.used
        needed.append((n, chosen[::-1]))
    return needed[::-1]


def _run(
    cells: list[NotebookNode],
    again: set[int],
    lines: list[list[Line]],
    values: Mapping[str, Any],
) -> dict[int, list[NotebookNode]] | None:
    """Run the cells of *again* and what they need, and return what they show, or None."""
    shown: dict[int, list[NotebookNode]] = {}
    outputs: list[NotebookNode] = []

    def show(data: Any, *, metadata: Mapping[str, Any] | None = None, **_: Any) -> None:
        data = json.loads(json.dumps(data, default=str))  # as a kernel sends it
        outputs.append(new_output("display_data", data, metadata=dict(metadata or {})))

    space: dict[str, Any] = {"__name__": "__main__"}
    before = vars(display)["display"]
    vars(display)["display"] = show
    try:
        for n, code in _needed(again, lines):
            outputs.clear()
            exec(compile(ast.Module(code, []), f"cell {n}", "exec"), space)  # noqa: S102
            shown[n] = list(outputs)
            if "parameters" in _tags(cells[n]):
                space.update(values)
    except (Exception, SystemExit):  # noqa: BLE001 - executing the section tells what it is
        return None
    finally:
        vars(display)["display"] = before
    return shown if all(shown[n] for n in again) else None


def answer(preview: Preview, target: Path, *, quickly: bool) -> dict[str, Any]:
    """Make the page, and return what came of it."""
    started = time.perf_counter()
    try:
        content, exact = preview.make(quickly=quickly)
        changed = not target.exists() or target.read_bytes() != content
        if changed:
            write_whole(target, content)
    except ParamsError as error:
        return {"text": "", "problems": [asdict(problem) for problem in error.problems]}
    except (BuildError, ExportError) as error:
        return {"text": str(error), "problems": []}
    except OSError as error:
        return {"text": f"{error.filename or target}: {error.strerror}", "problems": []}
    except Exception:  # noqa: BLE001 - a library that is being edited may do anything
        return {"text": traceback.format_exc(), "problems": []}
    return {"seconds": time.perf_counter() - started, "exact": exact, "changed": changed}


def main() -> None:
    """Answer until nobody asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks decides when we end
    build = Path(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    gc.disable()  # in a quarter of the time it finds nothing; after an answer nobody waits
    with ExitStack() as stack:
        preview = Preview(build, stack)
        for line in sys.stdin:
            told = answer(preview, build / "preview" / DOCUMENTS[0], **json.loads(line))
            answers.write(json.dumps(told) + "\n")
            answers.flush()
            gc.collect()


if __name__ == "__main__":
    main()
