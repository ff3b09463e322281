"""Cells run in this process: what an IPython kernel does, without its sockets.

Outputs are nbformat's own, in the order in which they came. There is nobody to answer `input()`,
and no comms for widgets.
"""

import base64
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from io import TextIOBase
from multiprocessing.connection import Connection
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from nbformat import NotebookNode
from nbformat.v4 import new_output
from traitlets import Type
from traitlets.config import Config


def _text(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return *data* with pictures as nbformat has them, in base64."""
    return {
        mime: base64.b64encode(content).decode() if isinstance(content, bytes) else content
        for mime, content in data.items()
    }


class Outputs:
    """The outputs of all cells so far; later ones may change what earlier ones displayed."""

    def __init__(self) -> None:
        """Begin with no cell."""
        self.of_cells: list[list[NotebookNode]] = []
        self.changed: dict[int, list[NotebookNode]] = {}  # of cells before this one
        self.named: dict[str, list[tuple[int, NotebookNode]]] = {}  # by display id
        self.clears_before_next = False

    def begin(self) -> None:
        """Begin with the next cell."""
        self.of_cells.append([])
        self.changed = {}
        self.clears_before_next = False

    @property
    def of_cell(self) -> list[NotebookNode]:
        """The outputs of the cell that runs."""
        return self.of_cells[-1]

    def add(self, output: NotebookNode, name: str | None = None) -> None:
        """Append an output, which may be changed by its *name*."""
        if self.clears_before_next:
            self.clear()
        self.of_cell.append(output)
        if name:
            self.named.setdefault(name, []).append((len(self.of_cells) - 1, output))

    def write(self, stream: str, text: str) -> None:
        """Append what was printed to *stream*."""
        last = self.of_cell[-1] if self.of_cell and not self.clears_before_next else {}
        if last.get("name") == stream:
            last["text"] += text
        elif text:
            self.add(new_output("stream", name=stream, text=text))

    def change(self, name: str, data: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        """Change what was displayed under *name*."""
        for cell, output in self.named.get(name, []):
            output.update(data=_text(data), metadata=dict(metadata))
            if cell < len(self.of_cells) - 1:
                self.changed[cell] = self.of_cells[cell]

    def clear(self, *, wait: bool = False) -> None:
        """Take back what the cell put out, now or when something follows."""
        self.clears_before_next = wait
        if not wait:
            self.of_cell.clear()


class Stream(TextIOBase):
    """A text stream whose lines become outputs."""

    encoding = "utf-8"

    def __init__(self, name: str, outputs: Outputs) -> None:
        """Be stdout or stderr."""
        self._name, self._outputs = name, outputs

    def writable(self) -> bool:
        """Whether one can write to it."""
        return True

    def write(self, text: str) -> int:
        """Append *text*."""
        self._outputs.write(self._name, text)
        return len(text)


class Publisher(DisplayPublisher):
    """Where `display` leads to."""

    outputs: Outputs

    def publish(  # type: ignore[override]
        self,
        data: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
        *,
        transient: Mapping[str, Any] | None = None,
        update: bool = False,
        **_: Any,
    ) -> None:
        """Append what is displayed, or change it."""
        name = (transient or {}).get("display_id")
        if update and name:
            self.outputs.change(name, data, metadata or {})
        else:
            shown = new_output("display_data", data=_text(data), metadata=dict(metadata or {}))
            self.outputs.add(shown, name)

    def clear_output(self, wait: bool = False) -> None:  # noqa: FBT002 (IPython's)
        """Take back what the cell put out."""
        self.outputs.clear(wait=wait)


class Hook(DisplayHook):
    """Where the value of a cell's last expression leads to."""

    outputs: Outputs

    def write_output_prompt(self) -> None:
        """Print no prompt: the count is in the output."""

    def write_format_data(
        self, format_dict: Mapping[str, Any], md_dict: Mapping[str, Any] | None = None
    ) -> None:
        """Append the value."""
        count = self.prompt_count
        kind = {"output_type": "execute_result", "execution_count": count}
        self.outputs.add(new_output(**kind, data=_text(format_dict), metadata=dict(md_dict or {})))

    def finish_displayhook(self) -> None:
        """Add nothing."""


class Shell(InteractiveShell):
    """IPython with its outputs kept."""

    outputs: Outputs
    display_pub_class = Type(Publisher)
    displayhook_class = Type(Hook)

    def enable_gui(self, gui: str | None = None) -> None:
        """Have no event loop of a user interface: Matplotlib asks for one even when inline."""

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
        said = {"ename": etype.__name__, "evalue": str(evalue), "traceback": stb}
        self.outputs.add(new_output("error", **said))


def answer(answers: Connection, cells: list[str], memory_limit: int) -> None:
    """Send what *cells* put out; this process may hold as many bytes of data as *memory_limit*."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory_limit, memory_limit))
    os.environ.update(COLUMNS="80", LINES="24")  # there is no terminal, whatever ours is
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    for done in run(cells):
        answers.send(done)


def run(
    cells: list[str],
) -> Iterator[tuple[int | None, list[NotebookNode], dict[int, list[NotebookNode]]]]:
    """Run *cells* up to the first that fails.

    Yield of each its count, its outputs and, by their numbers, those of cells that it changed.
    """
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "Linux"
    shell = Shell.instance(config=config)
    outputs = shell.outputs = Outputs()
    shell.display_pub.outputs = shell.displayhook.outputs = outputs  # type: ignore[attr-defined]
    sys.modules["__main__"] = shell.user_module
    site = next((n for n, folder in enumerate(sys.path) if "site-packages" in folder), 0)
    sys.path.insert(site, "")  # modules beside the notebook, where a kernel has them
    for source in cells:
        outputs.begin()
        with (
            redirect_stdout(Stream("stdout", outputs)),
            redirect_stderr(Stream("stderr", outputs)),
        ):
            result = shell.run_cell(source, store_history=True)  # type: ignore[no-untyped-call]
        yield result.execution_count, outputs.of_cell, outputs.changed
        if not result.success:
            return
