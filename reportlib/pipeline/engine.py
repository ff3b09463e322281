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

from reportlib.pipeline import forks, shell

MEMORY_LIMIT = 4_000_000_000  # bytes of data, as kernel.json has it
OURS = {"python3", forks.KERNEL}


class ForkEngine:
    """What papermill asks of an engine; it loads this while it is itself being imported."""

    @classmethod
    def execute_notebook(  # noqa: PLR0917 (papermill's)
        cls,
        nb: NotebookNode,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: bool = True,  # noqa: FBT002 (papermill's)
        log_output: bool = False,  # noqa: FBT002
        autosave_cell_every: int = 30,
        **options: Any,
    ) -> NotebookNode:
        """Return *nb* executed."""
        from papermill.engines import NBClientEngine, NotebookExecutionManager

        reason = kernel_name in OURS and forks.why_none(os.environ)
        if reason:
            forks.say(reason)
        manager = NotebookExecutionManager(
            nb, output_path, log_output, progress_bar, autosave_cell_every
        )
        manager.notebook_start()
        try:
            if reason or kernel_name not in OURS:
                NBClientEngine.execute_managed_notebook(manager, kernel_name, log_output, **options)
            else:
                execute(manager, **options)
        finally:
            manager.cleanup_pbar()
            manager.notebook_complete()
        return manager.nb

    @classmethod
    def nb_kernel_name(cls, nb: NotebookNode, name: str | None = None) -> str:
        """Return the kernel of *nb*."""
        from papermill.utils import nb_kernel_name

        return str(nb_kernel_name(nb, name))

    @classmethod
    def nb_language(cls, nb: NotebookNode, language: str | None = None) -> str:
        """Return the language of *nb*."""
        from papermill.utils import nb_language

        return str(nb_language(nb, language))


def execute(
    manager: Any,
    *,
    execution_timeout: float | None = None,
    memory_limit: int = MEMORY_LIMIT,
    **options: Any,
) -> None:
    """Execute the notebook of *manager*; a cell may take *execution_timeout* seconds."""
    cells = [(n, c) for n, c in enumerate(manager.nb.cells) if _has_code(c)]
    folder = Path(options.get("resources", {}).get("metadata", {}).get("path") or Path.cwd())
    report = options.get("on_cell_executed")
    with forks.asked(
        shell.answer, [cell.source for _, cell in cells], memory_limit, folder=folder
    ) as answer:
        for number, cell in cells:
            manager.cell_start(cell, number)
            try:
                cell.execution_count, cell.outputs, changed = answer(execution_timeout)
            except TimeoutError:
                msg = f"A cell took longer than {execution_timeout} s:\n{cell.source}"
                raise CellTimeoutError(msg) from None
            except EOFError:
                msg = "The process of the cells died"
                raise DeadKernelError(msg) from None
            for earlier, outputs in changed.items():
                cells[earlier][1].outputs = outputs
            if report:
                report(cell=cell, cell_index=number)
            if any(output.output_type == "error" for output in cell.outputs):
                manager.cell_exception(cell, number)
                return
            manager.cell_complete(cell, number)


def _has_code(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(cell.source.strip())
