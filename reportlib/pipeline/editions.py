"""Editions to compare, read from where they are: params, a build, a revision, a day.

Of a revision, git is asked for its files, which are read in a temporary folder: nothing of the
work tree is touched and nothing of the revision is run.
"""

import csv
import os
import subprocess
import tarfile
import tempfile
from datetime import date
from io import BytesIO
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from reportlib import params
from reportlib.exhibits import claims, editions
from reportlib.exhibits.editions import Edition
from reportlib.params import Params, ParamsError
from reportlib.params.readings import Day
from reportlib.pipeline.data import FOLDER

MOST_PROBLEMS = 5  # of params that cannot be read


class EditionError(ValueError):
    """An edition cannot be read: what was not found, and what to do."""


def read(text: str, root: Path) -> Edition:
    """Return the edition that *text* names.

    A folder of params or of a build; a day, on which the params of *root* are read; or a revision
    of the repository that *root* is in.
    """
    folder = Path(text)
    try:
        there = bool(text) and folder.is_dir()
    except OSError:  # too long for a name
        there = False
    if there:
        return _of_folder(folder, text)
    try:
        day = TypeAdapter(Day).validate_python(text)
    except ValidationError:
        return _of_revision(text, root)
    return _edition(_load(root, text, date.max).edition(day), text)


def _of_folder(folder: Path, text: str) -> Edition:
    """Return the edition of a folder of params, or of a build."""
    if (folder / "report.yaml").is_file():
        return _edition(_load(folder, text), text)
    if (folder / FOLDER).is_dir():
        return _of_build(folder / FOLDER, text)
    msg = f"{text}: neither params (no report.yaml) nor a build (no {FOLDER}); name another"
    raise EditionError(msg)


def _edition(known: Params, name: str) -> Edition:
    try:
        return editions.edition(known, name)
    except (ValueError, LookupError) as error:
        msg = f"{name}: {error}"
        raise EditionError(msg) from None


def _load(root: Path, name: str, day: date | None = None) -> Params:
    """Return the params of a folder, or raise EditionError with what is wrong in them."""
    try:
        known = params.load(root.absolute(), day)
        claims.check(known, root.absolute())
    except ParamsError as error:
        first = "\n".join(f"  {problem}" for problem in error.problems[:MOST_PROBLEMS])
        msg = (
            f"{name}: this version cannot read these params, {len(error.problems)} problem(s):\n"
            f"{first}\nMend them; or build old params with the code of their time, and compare "
            "the builds."
        )
        raise EditionError(msg) from None
    return known


def _of_build(folder: Path, name: str) -> Edition:
    """Return the edition of a build, from its data."""
    tables = {}
    for table in editions.TABLES:
        path = folder / f"{table}.csv"
        try:
            tables[table] = editions.rows(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, csv.Error) as error:
            reason = getattr(error, "strerror", "") or error
            msg = f"{path}: cannot be read ({reason}); build the report again"
            raise EditionError(msg) from None
        wanted = editions.COLUMNS.get(table, ())
        if tables[table] and not set(wanted) <= set(tables[table][0]):
            missing = ", ".join(sorted(set(wanted) - set(tables[table][0])))
            msg = f"{path}: has no {missing}; build the report again"
            raise EditionError(msg)
    return Edition(name, tables)


def _of_revision(text: str, root: Path) -> Edition:
    """Return the edition of a revision of the repository that has *root*."""
    if not text or text.startswith("-"):
        msg = f"{text!r}: not an edition; name a folder, a day as 2026-03-01, or a revision"
        raise EditionError(msg)
    commit = _git(
        root,
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{text}^{{commit}}",
        otherwise=f"{text!r}: no folder, no day as 2026-03-01, and no revision of the repository "
        f"of {root}; `git log` and `git tag` list revisions",
    )  # fmt: skip
    archive = _git(
        root,
        "archive", "--format=tar", commit.decode().strip(),
        otherwise=f"{text!r}: git has no {root.absolute().name} of this revision; name a later one",
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="hbm-panorama-") as scratch:
        folder = Path(scratch, root.absolute().name)
        folder.mkdir()
        try:
            with tarfile.open(fileobj=BytesIO(archive)) as tar:
                tar.extractall(folder, filter="data")
        except tarfile.TarError as error:
            msg = f"{text!r}: its files cannot be taken out safely ({error})"
            raise EditionError(msg) from None
        if not (folder / "report.yaml").is_file():
            msg = f"{text!r}: this revision has no {folder.name}/report.yaml; name a later one"
            raise EditionError(msg)
        return _edition(_load(folder, text), text)


def _git(root: Path, *words: str, otherwise: str) -> bytes:
    """Return what git says of the repository that has *root*, or raise EditionError."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(root.absolute()), *words]
    try:
        done = subprocess.run(command, capture_output=True, check=False, env=ours)  # noqa: S603
    except OSError as error:
        msg = f"{otherwise} (git: {error.strerror})"
        raise EditionError(msg) from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise EditionError(f"{otherwise} ({said})" if said else otherwise)
    return done.stdout
