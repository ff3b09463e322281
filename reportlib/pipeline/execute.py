"""Run the sections with papermill, side by side, each in a kernel of its own.

A section that fails does not stop the others; it leaves its half-executed notebook for reading
and a Failure that says where it broke, in which line of ours, and what to look at.
"""

import json
import re
import textwrap
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, get_args
from weakref import WeakSet

import nbformat
import papermill
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbconvert.filters import strip_ansi
from papermill.exceptions import PapermillExecutionError
from pydantic import TypeAdapter, ValidationError

from reportlib.exhibits.sections import SPECIAL, TYPES
from reportlib.params import ParamsError, Precision, Problem, problem
from reportlib.pipeline import forks

SECONDS_PER_CELL = 300
OUTPUT = "executed.ipynb"
OWN_FRAME = re.compile(r"File \S*?(reportlib/[\w/]+\.py):(\d+)(?:, in ([\w.<>]+))?")
HINTS = {
    "ParamsError": "mend the named file under params/ and build again",
    "KeyError": "look for the name in params/; the section's parameters stand in report.yaml",
    "ModuleNotFoundError": "run `make clean-all` and build again: the environment is not whole",
    "DeadKernelError": "the kernel died; it may have run out of memory",
    "CellTimeoutError": f"a cell may take {SECONDS_PER_CELL} s; look for an endless loop",
}


class KernelManager(AsyncKernelManager):
    """Kernels of this process, so that all can be ended at once."""

    living: ClassVar["WeakSet[KernelManager]"] = WeakSet()

    def __init__(self, *args: Any, **options: Any) -> None:
        """Make a manager that `kill_all` knows."""
        super().__init__(*args, **options)
        self.living.add(self)

    @classmethod
    def kill_all(cls) -> None:
        """End every kernel at once; who waits for one finds it dead."""
        for manager in list(cls.living):
            process = getattr(manager.provisioner, "process", None)
            if process:
                process.kill()


@dataclass(frozen=True)
class Failure:
    """A section that could not be executed, told so that it can be mended."""

    section: str
    cell: int
    source: str
    error: str
    frame: str
    hint: str
    left: Path | None = None

    def __str__(self) -> str:
        """Return one readable block."""
        lines = [f"{self.section}.ipynb failed in cell {self.cell}:"]
        lines += textwrap.indent(self.source, "    | ").splitlines()
        lines.append(f"  {self.error}")
        lines += [f"  in {self.frame}"] if self.frame else []
        lines += [f"  hint: {self.hint}"] if self.hint else []
        lines += [f"  half-executed notebook: {self.left}"] if self.left else []
        return "\n".join(lines)


Progress = Callable[[str, int, int], None]
Finished = Callable[[str, nbformat.NotebookNode], None]


def typed_parameters(
    notebooks: Path, sections: Mapping[str, Mapping[str, Any] | None]
) -> dict[str, dict[str, Any]]:
    """Return each section's parameters as its notebook types them.

    Raises ParamsError for a section without a notebook, for a parameter that the notebook does
    not have (papermill would only warn, and run with the default) and for text of another type.
    """
    problems: list[Problem] = []
    typed: dict[str, dict[str, Any]] = {}
    known = sorted(path.stem for path in notebooks.glob("*.ipynb"))
    for section, given in sections.items():
        if section not in known:
            message = f"no notebooks/{section}.ipynb{_meant(section, known)}"
            problems.append(problem("report.yaml", ("sections", section), message))
            continue
        try:
            declared = papermill.inspect_notebook(str(notebooks / f"{section}.ipynb"))
        except ValueError:  # of JSON and of nbformat
            problems.append(Problem(f"notebooks/{section}.ipynb", 1, "", "not a notebook"))
            continue
        typed[section] = {}
        for name, text in (given or {}).items():
            try:
                typed[section][name] = _typed(name, text, declared)
            except ValueError as error:
                path = ("sections", section, name)
                problems.append(problem("report.yaml", path, str(error)))
    if problems:
        raise ParamsError(problems)
    return typed


def _typed(name: str, text: Any, declared: Mapping[str, Any]) -> Any:
    if name not in declared:
        msg = f"the notebook has no such parameter{_meant(name, list(declared))}"
        raise ValueError(msg)
    kind = declared[name]["inferred_type_name"]
    try:
        of_type: Any = SPECIAL.get(name) or TYPES[kind]
        return TypeAdapter(of_type).validate_python(text)
    except KeyError:
        msg = f"is declared as {kind}; annotate it as one of {', '.join(TYPES)}"
        raise ValueError(msg) from None
    except ValidationError:
        wanted = {
            "precision": f"one of {', '.join(get_args(Precision))}",
            "usable_share": "a share, above 0 and at most 1",
        }.get(name) or kind + (", above zero" if "int" in kind or "float" in kind else "")
        msg = f"{text!r} is not {wanted}, as the notebook declares it"
        raise ValueError(msg) from None


def _meant(word: str, known: list[str]) -> str:
    near = get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known) or 'none'}"


def execute(
    notebooks: Path,
    parameters: Mapping[str, Mapping[str, Any]],
    *,
    scratch: Path,
    failed: Path,
    progress: Progress,
    finished: Finished,
    kernel: str,
    workers: int,
) -> tuple[dict[str, nbformat.NotebookNode], list[Failure]]:
    """Return the executed sections in order, and what failed.

    At most *workers* kernels work in *scratch*; half-executed notebooks are kept in *failed*.
    *progress* is called with a section, the cells done and the cells there are; *finished* with a
    section and its executed notebook, in any order.
    """
    done: dict[str, nbformat.NotebookNode] = {}
    failures: list[Failure] = []

    def run(section: str, values: Mapping[str, Any]) -> nbformat.NotebookNode | Failure:
        result = _run(
            notebooks, section, values,
            scratch=scratch, failed=failed, progress=progress, kernel=kernel,
        )  # fmt: skip
        if not isinstance(result, Failure):
            finished(section, result)
        return result

    with ThreadPoolExecutor(workers) as pool:
        # The last sections tell of all others, and take longest.
        last_first = reversed(list(parameters))
        tasks = {name: pool.submit(run, name, parameters[name]) for name in last_first}
        try:
            for section in parameters:
                result = tasks[section].result()
                if isinstance(result, Failure):
                    failures.append(result)
                else:
                    done[section] = result
        except BaseException:  # Ctrl-C must not wait for what is running
            pool.shutdown(wait=False, cancel_futures=True)
            KernelManager.kill_all()
            forks.kill_all()
            raise
    return done, failures


def _run(
    notebooks: Path,
    section: str,
    values: Mapping[str, Any],
    *,
    scratch: Path,
    failed: Path,
    progress: Progress,
    kernel: str,
) -> nbformat.NotebookNode | Failure:
    """Execute one section."""
    folder = scratch / section
    folder.mkdir()
    source = nbformat.read(notebooks / f"{section}.ipynb", as_version=4)
    code = [cell for cell in source.cells if cell.cell_type == "code"]
    steps = iter(range(1, len(code) + 2))
    cells = len(code) + bool(values)  # papermill adds a cell with the parameters given

    def report(**_: Any) -> None:
        progress(section, next(steps), cells)

    progress(section, 0, cells)
    result = executed(source, section, values, folder, kernel=kernel, on_cell_executed=report)
    if isinstance(result, Failure):
        return replace(result, left=_keep(folder / OUTPUT, failed / f"{section}.ipynb"))
    return result


def executed(
    source: nbformat.NotebookNode,
    name: str,
    values: Mapping[str, Any],
    folder: Path,
    *,
    kernel: str = forks.KERNEL,
    **options: Any,
) -> nbformat.NotebookNode | Failure:
    """Return *source* executed with *values* in *folder*, or what failed in the notebook *name*.

    With warm kernels, which are forked, a fork runs the cells by itself.
    """
    output = folder / OUTPUT
    engine = "hbm-fork" if kernel == forks.KERNEL else None
    try:
        return papermill.execute_notebook(
            source,
            str(output),
            parameters=dict(values),
            progress_bar=False,
            request_save_on_cell_execute=False,
            engine_name=engine,
            kernel_name="python3" if engine else kernel,
            kernel_manager_class=KernelManager,
            execution_timeout=SECONDS_PER_CELL,
            extra_arguments=["--log-level=50"],  # a kernel told to stop says so as an error
            resources={"metadata": {"path": str(folder)}},
            **options,
        )
    except PapermillExecutionError as error:
        trace = strip_ansi("\n".join(error.traceback))
        return Failure(
            section=name,
            cell=error.cell_index + 1 - bool(values),  # as a reader counts, without papermill's own
            source=error.source,
            error=f"{error.ename}: {error.evalue}",
            frame=_own_frame(trace),
            hint=HINTS.get(error.ename, ""),
        )
    except (DeadKernelError, CellTimeoutError, RuntimeError, OSError, EOFError) as error:
        kind = type(error).__name__
        return Failure(name, 0, "", f"{kind}: {error}", "", HINTS.get(kind, ""))


def _keep(output: Path, kept: Path) -> Path | None:
    """Move a half-executed notebook out of the scratch folder, and say where it is."""
    if not output.exists():
        return None
    kept.parent.mkdir(parents=True, exist_ok=True)
    output.replace(kept)
    return kept


def _own_frame(trace: str) -> str:
    """Return the last place of our own code in a traceback."""
    frames = OWN_FRAME.findall(trace)
    if not frames:
        return ""
    file, line, function = frames[-1]
    return f"{file}:{line}, in {function}" if function else f"{file}:{line}"


def as_bytes(notebook: nbformat.NotebookNode) -> bytes:
    """Return a notebook as it is kept: as it is, where nbformat would sort keys and split lines."""
    return json.dumps(notebook).encode()


def from_bytes(content: bytes) -> nbformat.NotebookNode:
    """Return a kept notebook."""
    return nbformat.from_dict(json.loads(content))
