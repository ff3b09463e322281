"""A papermill engine that runs a notebook's cells in a fork, without the sockets of a kernel.

``papermill --engine hbm-fork``: for many small notebooks, each of which takes less time than a
kernel takes to start. A notebook's process is its own, as with kernels, and ends with the process
that asked for it. Where nothing can be forked, a kernel runs the cells as ever.
"""

import os
from pathlib import Path
from typing import Any

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.engines import Engine, NBClientEngine, NotebookExecutionManager

from reportlib.pipeline import forks, shell

MAY_FAIL = "raises-exception"  # the tag by which Jupyter knows cells that do
MEMORY_LIMIT = 4_000_000_000  # bytes of data, as kernel.json has it
OURS = {"python3", forks.KERNEL}


class ForkEngine(Engine):  # type: ignore[misc]
    """Runs the cells of a notebook in a process that was forked for it."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        execution_timeout: float | None = None,
        memory_limit: int = MEMORY_LIMIT,
        **options: Any,
    ) -> None:
        """Execute the notebook of *nb_man*; a cell may take *execution_timeout* seconds."""
        reason = kernel_name in OURS and forks.why_none(os.environ)
        if reason:
            forks.say(reason)
        if reason or kernel_name not in OURS:
            options["execution_timeout"] = execution_timeout
            NBClientEngine.execute_managed_notebook(nb_man, kernel_name, **options)
            return
        cells = [(n, c) for n, c in enumerate(nb_man.nb.cells) if _has_code(c)]
        told = [(cell.source, _may_fail(cell)) for _, cell in cells]
        folder = Path(options.get("resources", {}).get("metadata", {}).get("path") or Path.cwd())
        report = options.get("on_cell_executed")
        with forks.asked(shell.answer, told, memory_limit, folder=folder) as answers:
            for number, cell in cells:
                nb_man.cell_start(cell, number)
                if not answers.poll(execution_timeout):
                    msg = f"A cell took longer than {execution_timeout} s:\n{cell.source}"
                    raise CellTimeoutError(msg)
                try:
                    cell.execution_count, cell.outputs = answers.recv()
                except EOFError:
                    msg = "The process of the cells died"
                    raise DeadKernelError(msg) from None
                if report:
                    report(cell=cell, cell_index=number)
                if any(o.output_type == "error" for o in cell.outputs) and not _may_fail(cell):
                    nb_man.cell_exception(cell, number)
                    return
                nb_man.cell_complete(cell, number)


def _has_code(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(cell.source.strip())


def _may_fail(cell: NotebookNode) -> bool:
    return MAY_FAIL in cell.metadata.get("tags", [])
