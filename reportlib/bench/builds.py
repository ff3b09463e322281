"""How long builds take, beside the plain way: ``python -m reportlib.bench.builds``.

The plain way is ``papermill`` and then ``jupyter nbconvert --to html``, one notebook after the
other, which makes HTML only; another is ``jupyter nbconvert --execute``. All are measured in one
run, in turns, with the same notebooks and parameters, on a copy of code, notebooks and params.
Only ratios say much about another machine, or about this one while it does other things.
"""

import compileall
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table

from reportlib.bench import COMMANDS, build_option, keep
from reportlib.params import load
from reportlib.pipeline.build import ROOT
from reportlib.pipeline.execute import typed_parameters

COPIED = ("reportlib", "notebooks", "params", "pyproject.toml", "requirements.lock")
PROSE = ("notebooks/20_capacity_vs_bandwidth.ipynb", "## What this does not cover", ", {}")
CHIP = ("params/chips/b200.yaml", "value: 8", ".{}")

PLAIN = "papermill, then nbconvert"
COLD = "all anew"
UNCHANGED = "nothing changed"
WANTED = {COLD: 0.25, "prose of a section edited": 0.10, "a chip edited": 0.20}  # of the plain way
WANTED_UNCHANGED = 0.3  # seconds


class Project:
    """A copy of the project, and the ways to build it."""

    def __init__(self, folder: Path) -> None:
        """Copy the project into *folder*."""
        self.folder = folder
        for name in COPIED:
            copy: Callable[..., Any] = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, folder / name)
        compileall.compile_dir(folder / "reportlib", quiet=1)  # as set-up does
        sections = load(folder / "params").report.sections
        self.parameters = typed_parameters(folder / "notebooks", sections)

    def run(self, *words: str | Path) -> None:
        """Run a command of our environment."""
        ours = {k: v for k, v in os.environ.items() if k not in {"AS_OF", "HBM_PARAMS"}}
        subprocess.run(  # noqa: S603 - our own commands, no shell
            [str(COMMANDS / words[0]), *map(str, words[1:])],
            cwd=self.folder, env=ours | {"PYTHONPATH": str(self.folder)},
            check=True, capture_output=True,
        )  # fmt: skip

    def plain(self) -> None:
        """Execute with papermill, then convert with nbconvert."""
        for name, values in self.parameters.items():
            done = self.folder / f"{name}.ipynb"
            given = ("--kernel", "python3", "--parameters_yaml", json.dumps(values))
            self.run("papermill", self.folder / "notebooks" / done.name, done, *given)
            self.run("jupyter", "nbconvert", "--to", "html", done)

    def nbconvert(self) -> None:
        """Execute and convert with nbconvert."""
        for name in self.parameters:
            notebook = self.folder / "notebooks" / f"{name}.ipynb"
            out = ("--output-dir", self.folder)
            self.run("jupyter", "nbconvert", "--to", "html", "--execute", *out, notebook)

    def report(self) -> None:
        """Build the report, HTML and PDF."""
        self.run("python", "-m", "reportlib", "report")

    def cold_report(self) -> None:
        """Build the report with nothing kept."""
        shutil.rmtree(self.folder / "build", ignore_errors=True)
        self.report()

    def edit(self, file: str, text: str, added: str) -> None:
        """Put *added* behind *text* in a file."""
        old = (ROOT / file).read_text(encoding="utf-8")
        if text not in old:
            msg = f"{file} has no {text!r} to edit"
            raise LookupError(msg)
        (self.folder / file).write_text(old.replace(text, text + added, 1), encoding="utf-8")


def measured(rounds: int) -> dict[str, list[float]]:
    """Return the seconds of every way to build, a round each: every way has its turn in each."""
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="hbm-panorama-") as folder:
        project = Project(Path(folder))
        prose, chip = list(WANTED)[1:]
        edits = {prose: PROSE, chip: CHIP}
        ways = {
            PLAIN: project.plain, COLD: project.cold_report,
            **dict.fromkeys((UNCHANGED, prose, chip), project.report),
            "nbconvert --execute": project.nbconvert,
        }  # fmt: skip
        for number in range(1, rounds + 1):
            for name, build in ways.items():
                if name in edits:
                    file, text, added = edits[name]
                    project.edit(file, text, added.format(number))
                started = time.perf_counter()
                build()
                seconds.setdefault(name, []).append(time.perf_counter() - started)
                click.echo(f"round {number}: {name}, {seconds[name][-1]:.1f} s", err=True)
    return seconds


def ratios(seconds: Mapping[str, list[float]]) -> dict[str, float]:
    """Return the time of every way over that of the plain one, the median of rounds."""
    return {
        name: median(own / plain for own, plain in zip(of, seconds[PLAIN], strict=True))
        for name, of in seconds.items()
    }


def _table(seconds: Mapping[str, list[float]]) -> Table:
    table = Table(title="Builds, beside the plain way", box=box.SIMPLE)
    table.add_column("build", no_wrap=True)
    for heading in ("seconds", "ratio", "goal"):
        table.add_column(heading, justify="right")
    for name, value in ratios(seconds).items():
        goal = f"{WANTED[name]:.2f}" if name in WANTED else ""
        goal = f"{WANTED_UNCHANGED} s" if name == UNCHANGED else goal
        table.add_row(name, f"{median(seconds[name]):.2f}", f"{value:.3f}", goal)
    return table


@click.command()
@build_option
@click.option("--rounds", type=click.IntRange(1), default=1, show_default=True)
def main(build: Path, rounds: int) -> None:
    """Measure how long builds take, beside the plain way."""
    seconds = measured(rounds)
    told = {
        "seconds": seconds,
        "ratios": ratios(seconds),
        "wanted_ratios": WANTED,
        "wanted_seconds": {UNCHANGED: WANTED_UNCHANGED},
    }
    keep(build, "builds", told)
    Console(soft_wrap=True).print(_table(seconds))


if __name__ == "__main__":
    main()
