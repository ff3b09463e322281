"""Publishing a built site: to a branch of a remote, into a folder, or by a command of your own.

Only a site that is whole, and built from what is here now, is published. Folders of earlier
editions stay where they were published, byte for byte.
"""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reportlib.digests import of_file
from reportlib.pipeline.files import write_whole

PROVENANCE = "provenance.json"
NOJEKYLL = ".nojekyll"  # by which GitHub serves files as they are
MANIFEST = ".hbm-panorama.json"  # what was put into a folder, so that nothing else is ever removed
EDITION = re.compile(r"editions/(\d{4}-\d{2})/")


class PublishError(RuntimeError):
    """Nothing was published: why, and what to do."""


@dataclass(frozen=True)
class Site:
    """A built site that is whole: what it was made from, and its files."""

    folder: Path
    inputs: str
    edition: str  # the day of it, as 2026-11-22
    files: Mapping[str, str]  # their digests, by path

    @property
    def months(self) -> set[str]:
        """The editions that it has."""
        return months(self.files)


@dataclass(frozen=True)
class Plan:
    """What publishing changes: sizes of files, by path."""

    added: Mapping[str, int]
    changed: Mapping[str, int]
    removed: Mapping[str, int]

    def __bool__(self) -> bool:
        """Whether anything changes."""
        return bool(self.added or self.changed or self.removed)

    def __str__(self) -> str:
        """Return how many files change."""
        return f"{len(self.added)} added, {len(self.changed)} changed, {len(self.removed)} removed"

    def lines(self) -> Iterable[str]:
        """Yield a line for each file."""
        for what in ("added", "changed", "removed"):
            for path, size in sorted(getattr(self, what).items()):
                yield f"{what:8}{size / 1000:10,.1f} kB  {path}"


def record_of(folder: Path) -> Path:
    """Return where a build tells what the site in *folder* is made from."""
    return folder.with_name(f"{folder.name}.json")


def months(paths: Iterable[str]) -> set[str]:
    """Return the months of the editions that *paths* are of.

    >>> months(["editions/2026-11/index.html", "editions/index.html", "index.html"])
    {'2026-11'}
    """
    return {found[1] for found in map(EDITION.match, paths) if found}


def stays(path: str, site: Site) -> bool:
    """Whether a published file stays, though *site* lacks it: it is of another edition."""
    return bool(months([path]) - site.months)


def read(folder: Path, inputs: str) -> Site:
    """Return the site in *folder*, which must be whole and made from *inputs*."""
    record = record_of(folder)
    again = "run `make site`"
    try:
        told = json.loads(record.read_text(encoding="utf-8"))
        made_from, files = str(told["inputs"]), dict(told["files"])
    except FileNotFoundError:
        msg = f"There is no site in {folder} yet: {again}."
        raise PublishError(msg) from None
    except (OSError, ValueError, LookupError, TypeError) as error:
        msg = f"{record}: cannot be read ({error}); remove it and {again}."
        raise PublishError(msg) from None
    if made_from != inputs:
        msg = (
            f"The site in {folder} was made from other params, notebooks or code than are here "
            f"now, or the last build failed: {again}."
        )
        raise PublishError(msg)
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    harmed = sorted(
        path
        for path in present | set(files)
        if path not in files or of_file(folder / path) != files[path]
    )
    if harmed:
        shown = ", ".join(harmed[:5]) + (", …" if harmed[5:] else "")
        msg = f"{len(harmed)} file(s) in {folder} are not as built ({shown}): remove it, {again}."
        raise PublishError(msg)
    odd = sorted(path for path in files if not path.isprintable())
    if odd:
        msg = f"Names of files must be printable: {odd[0]!r} is not."
        raise PublishError(msg)
    return Site(folder, inputs, _edition(folder), files)


def _edition(folder: Path) -> str:
    """Return the day of the edition, as the provenance of the site tells it."""
    try:
        told = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
        return str(told["activity"]["hbm:build"]["hbm:edition"])
    except (OSError, ValueError, LookupError, TypeError):
        msg = f"{folder / PROVENANCE} does not tell the edition: remove it and run `make site`."
        raise PublishError(msg) from None


def editions(target: Path) -> dict[str, bytes]:
    """Return the files of all editions that were published into *target*, by their paths."""
    paths = [path for path in _manifest(target) if months([path])]
    return {path: (target / path).read_bytes() for path in paths if (target / path).is_file()}


def others(folder: Path, day: str) -> list[str]:
    """Return the paths of the site in *folder* that are of other editions than that of *day*."""
    paths = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    return [path for path in sorted(paths) if months([path]) - {day[: len("2026-11")]}]


def keep_editions(found: Mapping[str, bytes], folder: Path, month: str) -> set[str]:
    """Put published editions that the site in *folder* lacks there, but that of *month*.

    The site is then one to build again, so that what it lists has them; return their months.
    """
    there = {path.name for path in (folder / "editions").glob("*") if path.is_dir()}
    wanted = {path: text for path, text in found.items() if not months([path]) & (there | {month})}
    if wanted:
        record_of(folder).unlink(missing_ok=True)
    for path, content in wanted.items():
        write_whole(folder / path, content)
    return months(wanted)


def to_folder(site: Site, target: Path, *, dry_run: bool) -> Plan:
    """Put *site* into *target*; nothing is removed but what an earlier publish put there."""
    target, source = target.absolute(), site.folder.absolute()
    if target == source or target in source.parents or source in target.parents:
        msg = f"{target} holds the site that is to be published, or is within it: name another."
        raise PublishError(msg)
    before = _manifest(target)
    wanted = {**site.files}
    if NOJEKYLL not in wanted:
        wanted[NOJEKYLL] = of_file(Path(os.devnull))
    there = {path: of_file(target / path) for path in wanted if (target / path).is_file()}
    foreign = sorted(p for p, found in there.items() if p not in before and found != wanted[p])
    if foreign:
        msg = (
            f"{target / foreign[0]} was not published from here, and would be overwritten "
            f"({len(foreign)} such file(s)): name an empty folder, or move it away."
        )
        raise PublishError(msg)
    gone = {
        path: digest
        for path, digest in before.items()
        if path not in wanted and not stays(path, site)
    }
    ended = [p for p, digest in gone.items() if of_file(target / p) == digest]
    size = {path: (site.folder / path).stat().st_size for path in site.files} | {NOJEKYLL: 0}
    plan = Plan(
        added={path: size[path] for path in wanted if path not in there},
        changed={p: size[p] for p, found in there.items() if found != wanted[p]},
        removed={path: (target / path).stat().st_size for path in ended},
    )
    kept = {path: digest for path, digest in before.items() if path not in gone}
    if dry_run or (not plan and before == kept | wanted):
        return plan
    try:
        _write_manifest(target, before | wanted)  # ours from now on, whatever ends this
        for path in sorted({*plan.added, *plan.changed}, key=_pages_last):
            content = (site.folder / path).read_bytes() if path in site.files else b""
            write_whole(target / path, content)
        for path in ended:
            (target / path).unlink()
            _remove_empty(target, (target / path).parent)
        _write_manifest(target, kept | wanted)
    except OSError as error:
        msg = (
            f"{error.filename or target}: {error.strerror}. Each file in {target} is whole, the "
            "old one or the new one; mend this and publish again."
        )
        raise PublishError(msg) from None
    return plan


def _pages_last(path: str) -> tuple[bool, str]:
    """Sort what pages need before the pages."""
    return path.endswith((".html", ".xml", ".json")), path


def _remove_empty(target: Path, folder: Path) -> None:
    while folder != target and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _manifest(target: Path) -> dict[str, str]:
    """Return what earlier publishes put into *target*, with digests."""
    path = target / MANIFEST
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["files"])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError) as error:
        msg = f"{path}: cannot be read ({error}); remove it, and the files that are to go with it."
        raise PublishError(msg) from None


def _write_manifest(target: Path, files: Mapping[str, str]) -> None:
    text = json.dumps({"files": dict(sorted(files.items()))}, indent=1, ensure_ascii=False)
    write_whole(target / MANIFEST, f"{text}\n".encode())


def words_of(hook: str) -> list[str]:
    """Return the command and its arguments; no shell reads them.

    >>> words_of("rsync -a '{site}/' 'host:my pages'")
    ['rsync', '-a', '{site}/', 'host:my pages']
    """
    try:
        words = shlex.split(hook)
    except ValueError as error:
        msg = f"HOOK is not a command: {error}."
        raise PublishError(msg) from None
    if not words:
        msg = "HOOK is empty: name a command."
        raise PublishError(msg)
    return words


def by_hook(
    site: Site, words: Sequence[str], *, dry_run: bool, tell: Callable[[str], None]
) -> None:
    """Run a command with the site's folder for each {site} in it, and in HBM_SITE."""
    folder = str(site.folder.absolute())
    command = [word.replace("{site}", folder) for word in words]
    if dry_run:
        tell(f"would run {shlex.join(command)}")
        return
    environment = {**os.environ, "HBM_SITE": folder, "HBM_EDITION": site.edition}
    try:
        done = subprocess.run(command, env=environment, check=False)  # noqa: S603 - as the user says
    except OSError as error:
        msg = f"HOOK: {command[0]}: {error.strerror}; name a command that is on the path."
        raise PublishError(msg) from None
    if done.returncode:
        msg = f"HOOK: {shlex.join(command)} ended with {done.returncode}; see what it said."
        raise PublishError(msg)
