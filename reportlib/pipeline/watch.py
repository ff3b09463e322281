"""Watching what the report is made from: what is edited is built, and the browser shows it.

A process beside this one (`reportlib.pipeline.preview`) makes the page and stays, so that it need
not import anything again. When the library itself changes, another takes its place.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from watchfiles import DefaultFilter, awatch

from reportlib.pipeline import serve
from reportlib.pipeline.serve import State, Trouble

LIBRARY = "reportlib"
WATCHED = ("notebooks", LIBRARY, "kernels", "requirements.lock", "pyproject.toml")
REST = 2.0  # seconds without an edit after which a section that was updated is executed
QUIET = 5.0  # seconds without an edit after which the PDF is made
STEP = 20  # milliseconds without a further change after which one is looked at
LINES = 40  # of what a process said before it died
LONGEST_ANSWER = 2**24  # bytes

Command = list[str]
Tell = Callable[[str], None]


class Maker:
    """The process that makes the page."""

    def __init__(self, command: Command, environment: Mapping[str, str]) -> None:
        """Start it when it is first asked."""
        self._command = command
        self._environment = dict(environment)
        self._process: asyncio.subprocess.Process | None = None
        self._said: deque[str] = deque(maxlen=LINES)
        self._listening: asyncio.Task[None] | None = None
        self._asked = asyncio.Lock()

    async def make(self, *, quickly: bool) -> dict[str, Any]:
        """Have the page made, and return what came of it; one that dies is started anew later."""
        async with self._asked:
            return await self._make(quickly=quickly)

    async def _make(self, *, quickly: bool) -> dict[str, Any]:
        if self._process is None:
            self._said.clear()
            self._process = await asyncio.create_subprocess_exec(
                *self._command, env=self._environment, limit=LONGEST_ANSWER,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
            self._listening = asyncio.create_task(self._listen(self._process))
        process = self._process
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        with suppress(ConnectionError):
            process.stdin.write(f"{json.dumps({'quickly': quickly})}\n".encode())
            await process.stdin.drain()
        line = await process.stdout.readline()
        if line:
            return dict(json.loads(line))
        await process.wait()
        if self._listening:
            await self._listening
        self._process = None
        return {"text": "".join(self._said) or "The process ended.", "problems": []}

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None  # noqa: S101
        async for line in process.stderr:
            self._said.append(line.decode(errors="replace"))

    async def end(self) -> None:
        """End it, with all that it started."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


@dataclass(frozen=True)
class Commands:
    """What is run: to make pages, and to make the whole report with its PDF, if that is wanted."""

    page: Command
    whole: Command | None = None


class Watching:
    """One watch: what browsers see, and what is made for them."""

    def __init__(self, state: State, commands: Commands, tell: Tell) -> None:
        """Show *state*; *tell* gets a line for each build."""
        self.state = state
        self._maker = Maker(commands.page, os.environ)
        self._whole = commands.whole
        self._tell = tell

    async def run(self, root: Path, params: Path) -> None:
        """Build, and build again after every edit, until this is cancelled."""
        self.state.waiting = True
        later: asyncio.Task[None] | None = None
        watched = [path for path in (root / name for name in WATCHED) if path.exists()]
        changes = awatch(
            *watched, params, watch_filter=DefaultFilter(), step=STEP, debounce=20 * STEP
        )
        try:
            exact = await self._build(quickly=False)
            later = asyncio.create_task(self._after(exact=exact))
            async for found in changes:
                if later.cancel():
                    with suppress(asyncio.CancelledError):
                        await later
                paths = {Path(path) for _, path in found}
                self._tell(f"{_names(paths, root)} changed")
                if any(root / LIBRARY in path.parents for path in paths):
                    await self._maker.end()
                exact = await self._build(quickly=True)
                later = asyncio.create_task(self._after(exact=exact))
        finally:
            if later:
                later.cancel()
            await self._maker.end()

    async def _build(self, *, quickly: bool) -> bool:
        """Have the page made and shown; return whether it is as a build makes it."""
        started = time.perf_counter()
        made = await self._maker.make(quickly=quickly)
        seconds = time.perf_counter() - started
        before = self.state.trouble
        self.state.waiting = False
        if "seconds" in made:
            self.state.trouble = None
            shown = made["changed"] or before is not None
            self._tell(f"built in {seconds:.2f} s{'' if shown else ', nothing new'}")
        else:
            self.state.trouble = Trouble(made["text"], made["problems"])
            shown = self.state.trouble != before
            lines = [
                f"{p['file']}:{p['line']}: {p['field']}: {p['message']}" for p in made["problems"]
            ]
            self._tell("\n".join(filter(None, ["not built:", *lines, made["text"]])))
        if shown:
            serve.reload()
        return bool(made.get("exact", True))

    async def _after(self, *, exact: bool) -> None:
        """Execute what was only updated; then, in quiet, make the rest."""
        if not exact:
            await asyncio.sleep(REST)
            await asyncio.shield(self._build(quickly=False))
        if self._whole and not self.state.trouble:
            await asyncio.sleep(QUIET)
            process = await asyncio.create_subprocess_exec(*self._whole, start_new_session=True)
            try:
                await process.wait()
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def _names(paths: set[Path], root: Path) -> str:
    names = sorted(str(p.relative_to(root)) if p.is_relative_to(root) else str(p) for p in paths)
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


async def serve_built(folder: Path, port: int | None, tell: Tell) -> None:
    """Serve what is in *folder*, and reload pages when it is built again."""
    async with serve.serving(State(folder), port) as address:
        tell(f"{folder} at {address} (Ctrl-C ends it)")
        async for _ in awatch(folder, debounce=20 * STEP, step=5 * STEP):
            serve.reload()


async def watch(
    root: Path, params: Path, state: State, commands: Commands, *, port: int | None, tell: Tell
) -> None:
    """Serve the folder of *state*, into which the page is made anew after every edit."""
    async with serve.serving(state, port) as address:
        tell(f"The report at {address} (Ctrl-C ends it)")
        await Watching(state, commands, tell).run(root, params)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Work until Ctrl-C, or until we are told to end, and leave nothing running."""

    async def working() -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await work

    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(working())


def page_command(build: Path) -> Command:
    """Return the command of the process that makes the page, into *build*/preview."""
    return [sys.executable, "-m", "reportlib.pipeline.preview", str(build)]
