"""Publishing to a branch of a remote, as GitHub Pages and others serve it.

The commit is made by ghp-import in a repository of its own beside ours, on top of what the remote
has. Of ours, no file, branch or index is touched, and the remote gets one push, which it takes
whole or not at all. There is no force: what the branch holds from others stops us.
"""

import tarfile
import tempfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import ghp_import

from reportlib.pipeline.publish import NOJEKYLL, Plan, PublishError, Site, months, stays
from reportlib.pipeline.repository import GitError, environment, git, uncommitted

MARK = "Published-by"
MARKED = "hbm-panorama"  # what the mark says of commits that we made
DOMAIN = "CNAME"  # written to the branch by GitHub, when one sets a domain
WORK = "site"  # the branch of the repository beside ours
ATTEMPTS = 2
MOST_SHOWN = 10
NOBODY = "HBM panorama"  # who commits where git knows no name
Blobs = Mapping[str, tuple[str, int]]  # name in git and size, by path


def revision(root: Path) -> str:
    """Return the revision that is checked out."""
    try:
        git(root, "rev-parse", "--git-dir")
    except GitError:
        msg = (
            f"{root} is not in a git repository, so it has no remote to publish to: name a folder "
            "(make publish SITE=/some/folder) or a command (HOOK=…)."
        )
        raise PublishError(msg) from None
    try:
        return git(root, "rev-parse", "--verify", "--quiet", "HEAD").decode().strip()
    except GitError:
        msg = "There is no commit yet: commit what the site is made from."
        raise PublishError(msg) from None


def check_committed(root: Path, params: Path) -> None:
    """Refuse to publish what no revision holds; without git there is none to hold it."""
    try:
        git(root, "rev-parse", "--git-dir")
    except GitError:
        return
    changed = uncommitted(root)
    if params.resolve() != root / "params":
        changed.append(f"   {params}: not the params of {root}")
    if changed:
        shown = "\n".join(f"  {line}" for line in changed[:MOST_SHOWN])
        more = f"\n  and {len(changed) - MOST_SHOWN} more" if changed[MOST_SHOWN:] else ""
        msg = (
            f"What the site is made from is not committed:\n{shown}{more}\n"
            "Commit it; or publish it all the same with ALLOW_DIRTY=1 (--allow-dirty)."
        )
        raise PublishError(msg)


def to_branch(site: Site, root: Path, *, remote: str, branch: str, dry_run: bool) -> Plan:
    """Publish *site* to *branch* of *remote*, and return what changed."""
    source = revision(root)
    _check_names(root, remote, branch)
    for _ in range(ATTEMPTS):
        tip = _tip(root, remote, branch)
        if tip and not _fetched(root, remote, branch, tip):
            continue  # the remote moved since
        published = _published(root, tip, f"{branch} of {remote}") if tip else {}
        kept = {p: b for p, b in published.items() if stays(p, site) or p == DOMAIN}
        wanted = {**kept, **_blobs(root, site)}
        plan = _plan(published, wanted)
        if dry_run or not plan:
            return plan
        commit = _commit(root, site, kept, tip=tip, source=source)
        if _contents(root, commit) != wanted:
            msg = f"{site.folder} was changed while it was published: build and publish again."
            raise PublishError(msg)
        if _pushed(root, remote, branch, tip, commit):
            return plan
    msg = f"{branch} of {remote} moved while we published, twice: publish again when it rests."
    raise PublishError(msg)


def editions(root: Path, *, remote: str, branch: str) -> dict[str, bytes]:
    """Return the files of all editions that *branch* of *remote* has, by their paths."""
    revision(root)
    _check_names(root, remote, branch)
    tip = _tip(root, remote, branch)
    if not tip:
        return {}
    if not _fetched(root, remote, branch, tip):
        msg = f"{branch} of {remote} moved while it was read: try again."
        raise PublishError(msg)
    paths = [path for path in _published(root, tip, f"{branch} of {remote}") if months([path])]
    if not paths:
        return {}
    archive = git(root, "archive", "--format=tar", tip, "editions")
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        files = {path: tar.extractfile(path) for path in paths}
        return {path: file.read() for path, file in files.items() if file}


def _check_names(root: Path, remote: str, branch: str) -> None:
    try:
        git(root, "check-ref-format", "--branch", branch)
    except GitError:
        msg = f"{branch!r} is not the name of a branch: write BRANCH=gh-pages."
        raise PublishError(msg) from None
    if not remote or remote.startswith("-"):
        msg = f"{remote!r} is not a remote: `git remote` lists them."
        raise PublishError(msg)


def _tip(root: Path, remote: str, branch: str) -> str:
    """Return the newest commit of the branch on the remote, or "" where it is not there yet."""
    try:
        told = git(root, "ls-remote", remote, f"refs/heads/{branch}").decode()
    except GitError as error:
        known = git(root, "remote").decode().split()
        remedy = (
            "is there a network, and may you read it?"
            if remote in known
            else f"`git remote add {remote} ADDRESS`, or name one of {', '.join(known)}: REMOTE=…"
            if known
            else f"`git remote add {remote} ADDRESS`, or name a folder: SITE=…"
        )
        msg = f"The remote {remote} cannot be read; {remedy}\n{error}"
        raise PublishError(msg) from None
    return told.split()[0] if told else ""


def _fetched(root: Path, remote: str, branch: str, tip: str) -> bool:
    """Whether we have *tip* now."""
    words = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
    try:
        git(root, *words, remote, f"refs/heads/{branch}")
        git(root, "cat-file", "-e", tip)
    except GitError:
        return False
    return True


def _published(root: Path, tip: str, where: str) -> Blobs:
    """Return the files of *tip*, if everything in it is from us."""
    asked = f"--format=%H%x00%(trailers:key={MARK},valueonly,separator=%x2C)%x00%h %an: %s"
    told = git(root, "log", "--first-parent", asked, tip).decode(errors="replace")
    commits = [line.split("\0") for line in told.splitlines()]
    ours = next((name for name, mark, _ in commits if mark == MARKED), "")
    if ours:
        between = git(root, "diff", "--name-only", "-z", ours, tip).decode().split("\0")
    if not ours or set(between) - {"", DOMAIN}:
        msg = (
            f"{where} holds what was not published from here ({commits[0][2]}) and would be "
            "replaced: publish to another branch (BRANCH=…); or, if nothing there is wanted, "
            "rename or delete that branch on the remote."
        )
        raise PublishError(msg)
    return _contents(root, tip)


def _contents(root: Path, commit: str) -> Blobs:
    entries = git(root, "ls-tree", "-r", "-l", "-z", commit).decode().split("\0")
    told_of = (entry.partition("\t") for entry in entries if entry)
    return {path: (words.split()[2], int(words.split()[3])) for words, _, path in told_of}


def _blobs(root: Path, site: Site) -> Blobs:
    """Return what git would keep of the site; nothing is written."""
    paths = sorted(site.files)
    given = "".join(f"{site.folder.absolute() / path}\n" for path in paths).encode()
    names = git(root, "hash-object", "--no-filters", "--stdin-paths", given=given).decode().split()
    sizes = [(site.folder / path).stat().st_size for path in paths]
    empty = git(root, "hash-object", "--stdin", given=b"").decode().strip()
    ours = dict(zip(paths, zip(names, sizes, strict=True), strict=True))
    return {NOJEKYLL: (empty, 0)} | ours


def _plan(published: Blobs, wanted: Blobs) -> Plan:
    return Plan(
        added={path: size for path, (_, size) in wanted.items() if path not in published},
        changed={
            path: size
            for path, (name, size) in wanted.items()
            if path in published and published[path][0] != name
        },
        removed={path: size for path, (_, size) in published.items() if path not in wanted},
    )


def _message(site: Site, source: str, *, dirty: bool) -> str:
    changed = " with uncommitted changes" if dirty else ""
    return (
        f"Publish the edition of {site.edition}\n\n"
        f"Source: {source}{changed}\nInputs: {site.inputs}\n{MARK}: {MARKED}\n"
    )


class _Beside(ghp_import.Git):  # type: ignore[misc]  # ghp-import has no types
    """A repository of its own, which sees what ours holds."""

    def __init__(self, folder: Path, root: Path) -> None:
        """Make it in *folder*, beside the one that has *root*."""
        super().__init__()
        self._folder, self._root = folder, root
        form = git(root, "rev-parse", "--show-object-format").decode().strip()
        git(root, "init", "--quiet", "--bare", f"--object-format={form}", str(folder))
        held = git(root, "rev-parse", "--path-format=absolute", "--git-path", "objects")
        (folder / "objects" / "info" / "alternates").write_bytes(held)

    def open(self, *words: str, **more: Any) -> Any:
        """Start git there."""
        return super().open("--git-dir", str(self._folder), *words, env=environment(), **more)

    def get_config(self, key: str) -> str:
        """Return what git knows of who commits here."""
        try:
            return git(self._root, "config", key).decode().strip()
        except GitError:
            return NOBODY if key == "user.name" else ""


def _commit(root: Path, site: Site, kept: Blobs, *, tip: str, source: str) -> str:
    """Return a commit of the site and of what is *kept*, on top of *tip*."""
    message = _message(site, source, dirty=bool(uncommitted(root)))
    with tempfile.TemporaryDirectory(prefix="hbm-panorama-") as scratch:
        folder = Path(scratch, "beside.git")
        beside = _Beside(folder, root)
        if tip:
            beside.call("update-ref", f"refs/heads/{WORK}", tip)
        pipe = beside.open("fast-import", "--date-format=rfc2822", "--quiet")
        ghp_import.start_commit(pipe, beside, WORK, message)
        for path, (name, _) in sorted(kept.items()):
            ghp_import.write(pipe, f"M 100644 {name} {path}\n".encode())
        ghp_import.add_nojekyll(pipe)
        for path in sorted(site.files):
            ghp_import.add_file(pipe, str(site.folder / path), path)
        _, told = pipe.communicate(b"\n")
        if pipe.returncode:
            msg = f"git cannot make the commit: {told.decode(errors='replace').strip()}"
            raise PublishError(msg)
        words = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head")
        git(root, *words, str(folder), f"refs/heads/{WORK}")
        beside.call("rev-parse", f"refs/heads/{WORK}")
        return ghp_import.dec(beside.stdout).strip()


def _pushed(root: Path, remote: str, branch: str, tip: str, commit: str) -> bool:
    """Push *commit*; whether the remote took it, or else has moved from *tip*."""
    try:
        git(root, "push", "--quiet", "--no-follow-tags", remote, f"{commit}:refs/heads/{branch}")
    except GitError as error:
        if _tip(root, remote, branch) != tip:
            return False
        msg = f"{remote} does not take the push; may you write there?\n{error}"
        raise PublishError(msg) from None
    return True
