"""The command line: ``python -m reportlib``."""

import os
import sys
import time
from pathlib import Path

import click

from reportlib.pipeline.build import (
    DOCUMENTS,
    ROOT,
    BuildError,
    Watch,
    build,
    fingerprint,
    unchanged,
)


@click.group()
def main() -> None:
    """Build the HBM panorama report from its parameters."""


@main.command()
@click.option(
    "--params",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=ROOT / "params",
    show_default="params",
    help="Folder with the parameters.",
)
@click.option(
    "--build",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    default=ROOT / "build",
    show_default="build",
    help="Folder for the documents.",
)
@click.option(
    "--as-of",
    metavar="DATE",
    envvar="AS_OF",
    help="Edition date, as 2026-03-01, instead of report.yaml's.",
)
@click.option("--force", is_flag=True, help="Build even if nothing changed.")
def report(params: Path, target: Path, as_of: str | None, *, force: bool) -> None:
    """Make the report: one HTML and one PDF."""
    started = time.perf_counter()
    inputs = fingerprint(params, as_of)
    if not force and unchanged(target, inputs):
        click.echo("Nothing changed since the last build.")
        _name_documents(target)
        return
    os.environ["HBM_PARAMS"] = str(params.resolve())
    if as_of:
        os.environ["AS_OF"] = as_of
    from reportlib.params import ParamsError
    from reportlib.pipeline.progress import shown

    watch = Watch()
    try:
        with shown() as progress:
            build(target, inputs, progress, watch)
    except ParamsError as error:
        _stop(f"{error}\n{len(error.problems)} problem(s) in the parameters.", target)
    except BuildError as error:
        _stop(str(error), target)
    except OSError as error:
        _stop(
            f"{error.filename or target}: {error.strerror}; nothing half-written is left.", target
        )
    watch.stages["all"] = time.perf_counter() - started
    click.echo(", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in watch.stages.items()))
    _name_documents(target)


def _name_documents(target: Path) -> None:
    for name in DOCUMENTS:
        path = target / name
        shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        click.echo(f"{shown}  {path.stat().st_size / 1e6:.2f} MB")


def _stop(message: str, target: Path) -> None:
    """Say why there is no new report, and what became of the last one."""
    click.echo(message, err=True)
    last = [name for name in DOCUMENTS if (target / name).exists()]
    if last:
        click.echo(f"Not built. The last good report is untouched in {target}.", err=True)
    else:
        click.echo("Not built.", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
