"""How many pages of the site are made a second, beside the plain way: ``make bench``.

The plain way is what people do: ``papermill`` and ``jupyter nbconvert --to html``, for one page
after the other. All pages are of pairs of chips, of the same notebook. How time and memory grow
with their number, and with workers, is measured in the same run.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Any

import click
import psutil
from rich import box
from rich.console import Console
from rich.table import Table

from reportlib.bench import COMMANDS, build_option, keep
from reportlib.params import load
from reportlib.pipeline import pages
from reportlib.pipeline.build import NOTEBOOKS, ROOT
from reportlib.pipeline.cache import Cache
from reportlib.pipeline.site.build import local, made

SIZES = (10, 100, 1000)
MOST_WORKERS = 2
ONE_WORKER = 300  # pages for one worker
PLAIN_PAGES = 4
SAMPLE = 1.0  # seconds between two looks at memory
CHILD = (
    "from reportlib.pipeline.forks import FOR_PAGES, start_server;"
    "import os; os.environ.update(FOR_PAGES); start_server();"  # as a build of a site does
    "from reportlib.bench.pages import child; child({}, {})"
)


def child(number: int, workers: int) -> None:
    """Make a *number* of pages with so many *workers*, and print what it took, as JSON."""
    root = ROOT / "params"
    wanted = pages.wanted([], [], list(load(root).chips))[:number]
    with _memory() as held, tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        given = pages.inputs(NOTEBOOKS / "pages", root, "", "")
        with local(workers) as asked:
            times = []
            for count, page in enumerate(made(given, wanted, asked, Cache(None))):
                if page.failure:
                    raise RuntimeError(page.failure)
                (Path(folder) / f"{count}.html").write_bytes(page.content)
                times.append(time.perf_counter() - started)
    held.append(_held())
    steady = held[len(held) // 2 :]  # when what processes begin with is there
    memory = {"median_bytes": median(steady), "peak_bytes": max(held)}
    print(json.dumps({"seconds": times, **memory}))  # noqa: T201


@contextmanager
def _memory() -> Iterator[list[int]]:
    """Yield what this process and those that it started hold, in bytes, as it is sampled."""
    seen: list[int] = []
    over = Event()

    def look() -> None:
        while not over.wait(SAMPLE):
            seen.append(_held())

    watching = Thread(target=look, daemon=True)
    watching.start()
    try:
        yield seen
    finally:
        over.set()
        watching.join()


def _held() -> int:
    """Return the bytes that this process and its children hold; shared ones are shared out."""
    held = 0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            held += process.memory_full_info().pss
        except psutil.Error:  # it has ended
            continue
    return held


def _pages(number: int, workers: int) -> dict[str, Any]:
    """Return what it takes to make pages in a process of its own."""
    command = [sys.executable, "-c", CHILD.format(number, workers)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT)  # noqa: S603
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _plain(number: int) -> list[float]:
    """Return the seconds of each of a *number* of pages, the plain way."""
    seconds = []
    wanted = pages.wanted([], [], list(load(ROOT / "params").chips))[:number]
    with tempfile.TemporaryDirectory() as folder:
        done = Path(folder) / "done.ipynb"
        for page in wanted:
            given = [word for name, value in page.parameters for word in ("-p", name, value)]
            started = time.perf_counter()
            notebook = str(NOTEBOOKS / "pages" / "compare.ipynb")
            for command in (
                ["papermill", "--kernel", "python3", *given, notebook],
                ["jupyter", "nbconvert", "--to", "html"],
            ):
                words = [str(COMMANDS / command[0]), *command[1:], str(done)]
                subprocess.run(words, check=True, capture_output=True)  # noqa: S603
            seconds.append(time.perf_counter() - started)
    return seconds


@click.command()
@build_option
@click.option("--most", type=click.IntRange(10), default=SIZES[-1], show_default=True)
def main(build: Path, most: int) -> None:
    """Measure how many pages are made a second."""
    plain = _plain(PLAIN_PAGES)
    sizes = sorted({size for size in (*SIZES, ONE_WORKER, most) if size <= most})
    wanted = [(size, MOST_WORKERS) for size in sizes] + [(min(most, ONE_WORKER), 1)]
    told = {run: _pages(*run) for run in wanted}
    rate = 1 / median(plain)
    table = Table(title="Pages of pairs, beside the plain way", box=box.SIMPLE)
    for heading in (
        "pages", "workers", "seconds", "pages/s", "ratio", "later pages/s", "memory, MB", "peak",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    table.add_row(f"{PLAIN_PAGES}", "plain", f"{sum(plain):.1f}", f"{rate:.2f}", "1.0")
    for (_, workers), about in told.items():
        number = len(about["seconds"])  # there may be fewer than were asked for
        all_of_it, begun = about["seconds"][-1], about["seconds"][0]
        later = (number - 1) / (all_of_it - begun)  # processes start once
        table.add_row(
            f"{number}", f"{workers}", f"{all_of_it:.1f}", f"{number / all_of_it:.2f}",
            f"{number / all_of_it / rate:.1f}", f"{later:.2f}",
            f"{about['median_bytes'] / 1e6:.0f}", f"{about['peak_bytes'] / 1e6:.0f}",
        )  # fmt: skip
    runs = [{"pages": n, "workers": w, **about} for (n, w), about in told.items()]
    keep(build, "pages", {"plain_seconds": plain, "runs": runs})
    Console(soft_wrap=True).print(table)


if __name__ == "__main__":
    main()
