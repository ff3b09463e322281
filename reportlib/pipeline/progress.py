"""Progress of a build: bars on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


@contextmanager
def shown() -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function that is told a section, the cells done and the cells there are."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain
        return
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def advance(section: str, done: int, total: int) -> None:
            if section not in tasks:
                tasks[section] = bars.add_task(section, total=total)
            bars.update(tasks[section], completed=done, total=total)

        yield advance


@contextmanager
def counted() -> Iterator[Callable[[int, int, int], None]]:
    """Yield a function that is told the pages made, those that failed, and those there are."""
    console, started = Console(stderr=True), time.monotonic()
    words = ("pages {task.completed} of {task.total}", "{task.description}")
    columns = TextColumn(words[0]), BarColumn(), TextColumn(words[1])
    shown = Progress(*columns, console=console, disable=not console.is_terminal)
    told = 0

    def advance(made: int, failed: int, total: int) -> None:
        nonlocal told
        rate = (made + failed) / max(time.monotonic() - started, 1e-3)
        left = (total - made - failed) / rate if rate else 0
        words = f"{rate:.1f} pages/s, {failed} failed, {left:.0f} s left"
        shown.update(task, total=total, completed=made + failed, description=words)
        share = 10 * (made + failed) // max(total, 1)
        if not console.is_terminal and share > told:
            told = share
            sys.stdout.write(f"pages: {made + failed} of {total}, {words}\n")
            sys.stdout.flush()

    with shown:
        task = shown.add_task("", total=None)
        yield advance


def _plain(section: str, done: int, total: int) -> None:
    if done in {0, total}:
        sys.stdout.write(f"{section}: {'executed' if done else 'started'}\n")  # one write a line
        sys.stdout.flush()
