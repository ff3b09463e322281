"""The command line: ``python -m reportlib``."""

import gc
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reportlib.inputs import INPUTS
from reportlib.pipeline.build import (
    DOCUMENTS,
    ROOT,
    BuildError,
    Watch,
    Way,
    build,
    fingerprint,
    unchanged,
)
from reportlib.pipeline.forks import FOR_PAGES, start_server

if TYPE_CHECKING:
    from reportlib.params import Params

params_option = click.option(
    "--params",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=ROOT / "params",
    show_default="params",
    help="Folder with the parameters.",
)

build_option = click.option(
    "--build",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    default=ROOT / "build",
    show_default="build",
    help="Folder for the documents.",
)

as_of_option = click.option(
    "--as-of",
    metavar="DATE",
    envvar="AS_OF",
    help="Edition date, as 2026-03-01, instead of report.yaml's.",
)

remote_option = click.option(
    "--remote", default="origin", show_default=True, help="Remote to push to."
)

branch_option = click.option(
    "--branch", default="gh-pages", show_default=True, help="Branch of it."
)

folder_option = click.option(
    "--site",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to publish into, instead of a branch.",
)

dirty_option = click.option(
    "--allow-dirty", is_flag=True, help="Publish what is not committed, too."
)


@click.group()
def main() -> None:
    """Build the HBM panorama report from its parameters."""


@main.command()
@params_option
@build_option
@as_of_option
@click.option("--force", is_flag=True, help="Build even if nothing changed.")
@click.option("--no-cache", is_flag=True, help="Make everything anew.")
@click.option("--workers", type=click.IntRange(1), help="Sections executed side by side.")
@click.option("--kernel", help="Kernel to execute them with; python3 is Jupyter's own.")
def report(
    params: Path,
    target: Path,
    as_of: str | None,
    *,
    force: bool,
    no_cache: bool,
    workers: int | None,
    kernel: str | None,
) -> None:
    """Make the report: one HTML and one PDF."""
    started = time.perf_counter()
    inputs = fingerprint(params, as_of)
    if not (force or no_cache) and unchanged(target, inputs):
        click.echo("Nothing changed since the last build.")
        _name_documents(target)
        return
    _make_from(params, as_of)
    start_server()  # which imports what takes long, while we do
    gc.disable()  # of a short build with large notebooks hardly anything is garbage
    from reportlib.params import ParamsError
    from reportlib.pipeline.progress import shown

    watch = Watch()
    way = Way(cached=not no_cache)
    way = replace(way, workers=workers or way.workers, kernel=kernel or way.kernel)
    try:
        with shown() as progress:
            build(target, inputs, progress, watch, way)
    except ParamsError as error:
        _stop(f"{error}\n{len(error.problems)} problem(s) in the parameters.", target)
    except BuildError as error:
        _stop(str(error), target)
    except OSError as error:
        _stop(
            f"{error.filename or target}: {error.strerror}; nothing half-written is left.", target
        )
    finally:
        gc.enable()
    watch.stages["all"] = time.perf_counter() - started
    click.echo(", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in watch.stages.items()))
    _name_documents(target)


@main.command()
@params_option
@build_option
@as_of_option
@click.option(
    "--pairs",
    type=click.Choice(["headline", "all"]),
    default="headline",
    show_default=True,
    help="Of which chips every pair has a page.",
)
@click.option("--no-cache", is_flag=True, help="Make everything anew.")
@click.option("--workers", type=click.IntRange(1), help="Processes that make pages.")
@click.option(
    "--executor",
    type=click.Choice(["local", "dask"]),
    default="local",
    show_default=True,
    help="Who makes the pages: processes here, or a Dask cluster.",
)
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="The cluster's, with --executor dask.")
@click.pass_context
def site(
    context: click.Context,
    params: Path,
    target: Path,
    as_of: str | None,
    *,
    pairs: str,
    no_cache: bool,
    workers: int | None,
    executor: str,
    scheduler: str | None,
) -> None:
    """Make the site: the report, and a page for every chip, model and pair."""
    if (executor == "dask") != bool(scheduler):
        message = "--executor dask and --scheduler tcp://HOST:PORT go together"
        raise click.UsageError(message)
    if scheduler and workers:
        message = "--workers are processes here; a cluster has its own"
        raise click.UsageError(message)
    from reportlib.pipeline.site import NO_ADDRESS, stated_address

    try:
        stated_address()
    except ValueError as error:
        _stop(str(error), target)
    os.environ.update(FOR_PAGES)
    context.invoke(
        report, params=params, target=target, as_of=as_of, force=False, no_cache=no_cache,
        workers=None, kernel=None,
    )  # fmt: skip
    from reportlib.pipeline import cluster
    from reportlib.pipeline.progress import counted
    from reportlib.pipeline.site import build as building

    started, inputs = time.perf_counter(), fingerprint(params, as_of)
    said = ["python -m reportlib site", *([f"--as-of {as_of}"] if as_of else [])]
    command = " ".join([*said, *(["--pairs all"] if pairs == "all" else [])])
    if not no_cache and building.unchanged_site(target, inputs, command):
        click.echo(f"Nothing changed since the last build of {_shown(target / 'site')}.")
        return
    _make_from(params, as_of)
    number = workers or os.cpu_count() or 1
    try:
        with (
            counted() as progress,
            cluster.workers(scheduler) if scheduler else building.local(number) as makers,
        ):
            address = building.build_site(
                target, inputs, command, makers,
                all_pairs=pairs == "all", cached=not no_cache, progress=progress,
            )  # fmt: skip
    except BuildError as error:
        _stop(str(error), target)
    except OSError as error:
        _stop(f"{error.filename or target}: {error.strerror}", target)
    click.echo(f"{_shown(target / 'site')}: all {time.perf_counter() - started:.1f} s")
    if not address:
        click.echo(NO_ADDRESS)


@main.command()
@params_option
def check(params: Path) -> None:
    """Tell what params hold and lack, and what is wrong or doubtful."""
    from reportlib import checks
    from reportlib.exhibits import claims
    from reportlib.params import ParamsError, coverage, load
    from reportlib.pipeline.execute import typed_parameters

    try:
        with _read_from(params):
            edition = load()
            claims.check(edition)
            typed_parameters(ROOT / "notebooks", edition.report.sections)
            everything = load(as_of=date.max)
    except ParamsError as error:
        for problem in error.problems:
            click.secho(problem, fg="red", err=True)
        click.echo(f"{len(error.problems)} problem(s) in the parameters.", err=True)
        sys.exit(1)
    for heading, lines in coverage.lines(everything):
        click.secho(heading, bold=True)
        click.echo("".join(f"  {line}\n" for line in lines))
    doubts = checks.doubts(everything, params.absolute())
    click.secho("Doubts: " + (f"{len(doubts)}" if doubts else "none"), bold=True)
    for doubt in doubts:
        click.secho(doubt, fg="yellow")


@main.command()
@params_option
@build_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(params: Path, target: Path, *, as_json: bool) -> None:
    """Tell what is wrong with the environment, and what to do about it.

    What fails keeps reports from being built; what warns makes builds slower, or other than
    elsewhere. Ends with 1 if something fails. Where this does not start: make doctor.
    """
    from reportlib.pipeline import doctor as doctors

    sys.exit(doctors.run(params, target, as_json=as_json))


@main.command()
@params_option
def calibrate(params: Path) -> None:
    """Fit the constants of engines to measurements anew: calibration.csv and held_out.csv."""
    from reportlib.calibrate import write
    from reportlib.params import ParamsError, load

    try:
        with _read_from(params):
            write(load(), params)
    except ParamsError as error:
        sys.exit(f"{error}\n{len(error.problems)} problem(s) in the parameters.")


def _flags(command: Any) -> Any:
    """Give *command* an option for each input of a case."""
    for name, about in reversed(list(INPUTS.items())):
        command = click.option("--" + name.replace("_", "-"), default="", help=about)(command)
    return command


@main.command()
@params_option
@_flags
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--cases",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="CSV file with a case a row, in columns named as the flags with underscores.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV file for what is predicted of --cases; default: the terminal.",
)
def predict(
    params: Path, *, as_json: bool, cases: Path | None, output: Path | None, **given: str
) -> None:
    """Predict a decode step: of one case by flags, or of many in a table.

    Flags beside --cases are for cells that are empty.
    """
    from reportlib import predict as predictions
    from reportlib.params import ParamsError, load

    if as_json and cases is not None:
        message = "--json is for one case; --cases writes a table"
        raise click.UsageError(message)
    if output is not None and cases is None:
        message = "--output is for --cases"
        raise click.UsageError(message)
    try:
        numbers = load(params.resolve())
        if cases is not None:
            _predict_table(numbers, cases, output, given)
            return
    except ParamsError as error:
        sys.exit(f"{error}\n{len(error.problems)} problem(s) in the parameters.")
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    found = predictions.predict(numbers, given)
    if found.problem and not as_json:
        sys.exit(found.problem)
    click.echo(predictions.as_json(found) if as_json else "\n".join(predictions.as_text(found)))
    sys.exit(1 if found.problem else 0)


def _predict_table(
    numbers: "Params", cases: Path, output: Path | None, given: Mapping[str, str]
) -> None:
    """Write what is predicted of each row of *cases*, whole or not at all."""
    from rich.console import Console
    from rich.progress import track

    from reportlib import predict as predictions
    from reportlib.pipeline.files import write_whole

    columns, rows = predictions.read_cases(cases)
    for stranger in predictions.strangers(columns):
        click.echo(f"{cases}: {stranger}", err=True)
    text = io.StringIO()
    shown = track(rows, "Predicting", console=Console(stderr=True), transient=True)
    filled = ((row, {**given, **{k: v for k, v in row.items() if v.strip()}}) for row in shown)
    predicted = ((row, predictions.predict(numbers, case)) for row, case in filled)
    problems = predictions.write_table(text, columns, predicted)
    if output is None:
        click.echo(text.getvalue(), nl=False)
    else:
        write_whole(output, text.getvalue().encode())
    click.echo(f"{len(rows)} cases, {problems} with a problem", err=True)


@main.command()
@params_option
@click.argument("old")
@click.argument("new")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", is_flag=True, help="Print Markdown, for a comment.")
def diff(params: Path, old: str, new: str, *, as_json: bool, markdown: bool) -> None:
    """Tell what moved from edition OLD to edition NEW, and why.

    Each is a folder of params, the folder of a build, a day as 2026-03-01 on which --params are
    read, or a revision of their repository.
    """
    from reportlib.exhibits.editions import difference
    from reportlib.pipeline import differences, editions

    if as_json and markdown:
        message = "choose one of --json and --markdown"
        raise click.UsageError(message)
    try:
        moved = difference(editions.read(old, params), editions.read(new, params))
    except editions.EditionError as error:
        sys.exit(str(error))
    if as_json:
        click.echo(json.dumps(asdict(moved), indent=1, ensure_ascii=False))
    else:
        tell = differences.as_markdown if markdown else differences.as_text
        click.echo("\n".join(tell(moved)))


@main.command("keep-editions")
@params_option
@build_option
@as_of_option
@remote_option
@branch_option
@folder_option
@dirty_option
def keep_editions(
    params: Path,
    target: Path,
    as_of: str | None,
    *,
    remote: str,
    branch: str,
    folder: Path | None,
    allow_dirty: bool,
) -> None:
    """Have the site list the editions that are published already: before it is built."""
    from reportlib.params import ParamsError, load
    from reportlib.pipeline import branch as branches
    from reportlib.pipeline import publish as publishing
    from reportlib.pipeline.repository import GitError

    if as_of:
        os.environ["AS_OF"] = as_of
    try:
        if not allow_dirty:
            branches.check_committed(ROOT, params)
        month = f"{load(params.resolve()).report.as_of:%Y-%m}"
        found = (
            publishing.editions(folder)
            if folder is not None
            else branches.editions(ROOT, remote=remote, branch=branch)
        )
        kept = publishing.keep_editions(found, target / "site", month)
    except ParamsError as error:
        sys.exit(f"{error}\n{len(error.problems)} problem(s) in the parameters.")
    except (publishing.PublishError, GitError) as error:
        click.echo(f"{error}\nNot published.", err=True)
        sys.exit(1)
    if kept:
        click.echo(f"Editions that stay as they were published: {', '.join(sorted(kept))}.")


@main.command()
@params_option
@build_option
@as_of_option
@remote_option
@branch_option
@folder_option
@click.option("--hook", help="Command to publish by, instead; {site} in it is the site's folder.")
@click.option("--dry-run", is_flag=True, help="Tell what would change, and change nothing.")
@dirty_option
def publish(
    params: Path,
    target: Path,
    as_of: str | None,
    *,
    remote: str,
    branch: str,
    folder: Path | None,
    hook: str | None,
    dry_run: bool,
    allow_dirty: bool,
) -> None:
    """Publish the site that was built, if it is whole and of what is here now."""
    from reportlib.pipeline import branch as branches
    from reportlib.pipeline import publish as publishing
    from reportlib.pipeline.repository import GitError

    if folder is not None and hook is not None:
        message = "choose one of --site and --hook"
        raise click.UsageError(message)
    try:
        if not allow_dirty:
            branches.check_committed(ROOT, params)
        site = publishing.read(target / "site", fingerprint(params, as_of))
        if hook is not None:
            words = publishing.words_of(hook)
            publishing.by_hook(site, words, dry_run=dry_run, tell=click.echo)
            return
        if folder is not None:
            plan = publishing.to_folder(site, folder, dry_run=dry_run)
        else:
            plan = branches.to_branch(site, ROOT, remote=remote, branch=branch, dry_run=dry_run)
    except (publishing.PublishError, GitError) as error:
        click.echo(f"{error}\nNot published.", err=True)
        sys.exit(1)
    place = str(folder or f"{branch} of {remote}")
    if not plan:
        click.echo(f"Nothing changed since the last publish to {place}.")
    elif dry_run:
        click.echo("\n".join(plan.lines()))
        click.echo(f"{place}: {plan}, if this were no dry run.")
    else:
        click.echo(f"Published the edition of {site.edition} to {place}: {plan}.")


@main.command()
@click.argument("site", type=click.Path(path_type=Path, exists=True, file_okay=False))
@params_option
def verify(site: Path, params: Path) -> None:
    """Build the SITE again, from what is here, and tell whether it is the same.

    Ends with 0 only if every file is, byte for byte. What the site was made from and is otherwise
    here is told first. Nothing of SITE is changed.
    """
    from reportlib.pipeline import provenance
    from reportlib.pipeline import publish as publishing
    from reportlib.pipeline.files import write_whole

    try:
        told = provenance.read(site)
    except provenance.ProvenanceError as error:
        sys.exit(str(error))
    changed = provenance.compare(ROOT, params.resolve(), told)
    click.echo(
        "Made from the same." if not changed else "What is here is not what it was made from:"
    )
    click.echo("".join(f"  {line}\n" for line in changed), nl=False)
    click.echo(f"Building the edition of {told.edition} again.")

    def again(scratch: Path) -> Path:
        for path in publishing.others(site, told.edition):  # which no build makes again
            write_whole(scratch / "site" / path, (site / path).read_bytes())
        command = [sys.executable, "-m", "reportlib", "site", *told.options]
        command += ["--params", str(params.resolve()), "--build", str(scratch), "--no-cache"]
        ours = os.environ | {"AS_OF": "", "SITE_ADDRESS": told.address}
        done = subprocess.run(command, check=False, env=ours, cwd=ROOT)  # noqa: S603
        if done.returncode:
            sys.exit("It cannot be built again.")
        return scratch / "site"

    with tempfile.TemporaryDirectory(prefix="hbm-panorama-") as scratch:
        verdict = provenance.verify(site, told, again, Path(scratch))
    for heading, lines in (
        ("Not as it was built:", verdict.harmed),
        ("Otherwise when built again:", verdict.different),
    ):
        if lines:
            click.echo("\n  ".join([heading, *lines]))
    click.echo("The same, byte for byte." if verdict.equal else "Not the same.")
    sys.exit(0 if verdict.equal else 1)


@main.command("check-site")
@click.argument("site", type=click.Path(path_type=Path, exists=True, file_okay=False))
def check_site(site: Path) -> None:
    """Check the links of a built SITE, what its pages must have, and that they fetch nothing."""
    from reportlib.pipeline.links import Site

    checked = Site(site)
    problems = checked.problems()
    for problem in problems:
        click.echo(problem)
    count = f"{len(problems)} problem(s)" if problems else "No problem"
    click.echo(f"{count} in {len(checked.pages)} pages.")
    sys.exit(1 if problems else 0)


port_option = click.option(
    "--port", type=click.IntRange(1, 65535), help="Port to serve at; default: one that is free."
)


@main.command()
@build_option
@port_option
def serve(target: Path, port: int | None) -> None:
    """Show what was built in a browser on this machine: the site or, without one, the report."""
    from reportlib.pipeline import watch as watching
    from reportlib.pipeline.serve import ServeError

    folder = target / "site" if (target / "site").is_dir() else target
    if not folder.is_dir():
        sys.exit(f"There is no {_shown(folder)} yet: run `make report` or `make site`.")
    try:
        watching.run(watching.serve_built(folder, port, click.echo))
    except ServeError as error:
        sys.exit(str(error))


@main.command()
@params_option
@build_option
@as_of_option
@port_option
@click.option("--pdf", is_flag=True, help="Make the whole report, too, when no edit follows.")
def watch(params: Path, target: Path, as_of: str | None, *, port: int | None, pdf: bool) -> None:
    """Build the report's page after every edit, and show it in a browser on this machine."""
    from reportlib.pipeline import watch as watching
    from reportlib.pipeline.serve import ServeError, State

    _make_from(params, as_of)
    whole = [sys.executable, "-m", "reportlib", "report", "--params", str(params.resolve())]
    whole += ["--build", str(target)]
    commands = watching.Commands(watching.page_command(target), whole if pdf else None)
    folder = target / "preview"
    folder.mkdir(parents=True, exist_ok=True)
    work = watching.watch(
        ROOT, params.resolve(), State(folder), commands, port=port, tell=click.echo
    )
    try:
        watching.run(work)
    except ServeError as error:
        sys.exit(str(error))


@main.command()
@params_option
def schema(params: Path) -> None:
    """Write params/schema, by which editors complete and underline.

    Files of params that do not name their schema in the first line will do so.
    """
    from reportlib.params.schema import write

    changed = write(params)
    for path in changed:
        click.echo(_shown(path))
    if not changed:
        click.echo(f"{_shown(params / 'schema')} is up to date.")


@main.group()
def new() -> None:
    """Begin a new file in params."""


@new.command("chip")
@click.argument("name")
@click.option("--vendor", help="Who makes or sells it.")
@params_option
def new_chip(name: str, vendor: str | None, params: Path) -> None:
    """Begin params/chips/NAME.yaml, with every field that a chip may have."""
    _begin("chip", name, params, vendor=vendor)


@new.command("memory")
@click.argument("name")
@params_option
def new_memory(name: str, params: Path) -> None:
    """Begin params/memory/NAME.yaml, with every field that a memory technology may have."""
    _begin("memory", name, params)


@new.command("model")
@click.argument("name", required=False)
@click.option("--name", "named", help="The same, as an option.")
@click.option("--developer", help="Who made it.")
@click.option(
    "--from-config",
    "config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Read the dimensions from a config.json, as Hugging Face has it.",
)
@click.option("--source", help="Key of params/sources.yaml under which that file is described.")
@params_option
def new_model(
    *,
    name: str | None,
    named: str | None,
    developer: str | None,
    config: Path | None,
    source: str | None,
    params: Path,
) -> None:
    """Begin params/models/NAME.yaml, with every field that a model may have."""
    name = name or named
    if not name:
        msg = "what is the model called? Write: new model NAME"
        raise click.UsageError(msg)
    if config is None:
        _begin("model", name, params, developer=developer)
    else:
        _from_config(config, params, name=name, developer=developer, source=source)


def _begin(kind: str, name: str, params: Path, **given: str | None) -> None:
    """Write a new file of *kind*, and say what comes next."""
    from reportlib.params import scaffold

    fields = {"name": name} | {field: value for field, value in given.items() if value}
    try:
        path = scaffold.path(kind, name, params)
        for value in fields.values():
            scaffold.check_name(value)
    except (ValueError, FileExistsError) as error:
        raise click.ClickException(str(error)) from None
    _write(path, scaffold.text(kind, fields))


def _from_config(
    config: Path, params: Path, *, name: str, developer: str | None, source: str | None
) -> None:
    """Write a model whose dimensions are those of *config*, and say what is not read."""
    from reportlib.params import advice, scaffold
    from reportlib.params.from_config import model_from_config
    from reportlib.params.schema import first_line, keys

    known = keys(params)["definitions"]["source"].get("enum", [])
    if source and source not in known:
        msg = f"--source: {advice.unknown_source(source, known)}"
        raise click.ClickException(msg)
    try:
        path = scaffold.path("model", name, params)
        if developer:
            scaffold.check_name(developer)
    except (ValueError, FileExistsError) as error:
        raise click.ClickException(str(error)) from None
    try:
        content = json.loads(config.read_text(encoding="utf-8-sig"))
        text, unread = model_from_config(
            content, name=name, developer=developer or "", source=source or ""
        )
    except (
        ValueError, OSError, LookupError, TypeError, AttributeError, RecursionError,
    ) as error:  # fmt: skip
        msg = f"{config} is not the config of a model ({type(error).__name__}: {error})"
        raise click.ClickException(msg) from None
    first = first_line("model")
    _write(path, text if text.startswith(first) else f"{first}\n{text}")
    for line in unread:
        click.secho(f"to look up: {line}", fg="yellow")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    click.echo(f"{_shown(path)} is begun. Next:")
    click.echo("  1. fill its empty fields, each number with its unit and source")
    click.echo("  2. describe new sources under `sources`, or in params/sources.yaml")
    click.echo("  3. python -m reportlib check, until it finds nothing; then make report")


def _make_from(params: Path, as_of: str | None) -> None:
    """Let everything, other processes too, read *params* as known on the day *as_of*, if named."""
    os.environ["HBM_PARAMS"] = str(params.resolve())
    if as_of:
        os.environ["AS_OF"] = as_of


@contextmanager
def _read_from(params: Path) -> Iterator[None]:
    """Let everything read *params* for a while."""
    before = os.environ.get("HBM_PARAMS")
    os.environ["HBM_PARAMS"] = str(params.resolve())
    try:
        yield
    finally:
        if before is None:
            del os.environ["HBM_PARAMS"]
        else:
            os.environ["HBM_PARAMS"] = before


def _shown(path: Path) -> Path:
    """Return *path* as it is from here, where it is below here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _name_documents(target: Path) -> None:
    for name in DOCUMENTS:
        path = target / name
        click.echo(f"{_shown(path)}  {path.stat().st_size / 1e6:.2f} MB")


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
