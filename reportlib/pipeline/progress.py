"""Progress of a build: bars on a terminal, plain lines elsewhere."""

import sys
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


def _plain(section: str, done: int, total: int) -> None:
    if done in {0, total}:
        sys.stdout.write(f"{section}: {'executed' if done else 'started'}\n")  # one write a line
        sys.stdout.flush()
