"""What git tells of the repository that a folder is in."""

import os
import subprocess
from pathlib import Path

SOURCES = ("kernels", "notebooks", "params", "reportlib", "requirements.lock", "pyproject.toml")
ELSEWHERE = (  # what would have git look at another repository than it is told
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE",
    "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_WORK_TREE",
)  # fmt: skip


class GitError(RuntimeError):
    """What git says when it cannot do something."""


def git(root: Path, *words: str, given: bytes | None = None) -> bytes:
    """Return what git prints, of the repository that has *root*."""
    command = ["git", "-C", str(root), *words]
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            command, input=given, capture_output=True, check=False, env=environment()
        )
    except OSError as error:
        msg = f"git: {error.strerror}"
        raise GitError(msg) from None
    if done.returncode:
        raise GitError(done.stderr.decode(errors="replace").strip())
    return done.stdout


def environment() -> dict[str, str]:
    """Return the environment, without what names another repository; git speaks English."""
    ours = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    return ours | {"LC_ALL": "C"}


def uncommitted(root: Path) -> list[str]:
    """Return what the site is made from and is not committed, as git status tells it."""
    words = ("status", "--porcelain", "--untracked-files=all", "--", *SOURCES)
    return git(root, *words).decode(errors="replace").splitlines()


def newest(root: Path) -> str:
    """Return the newest revision that changed what documents are made from, or "" without git."""
    try:
        return git(root, "log", "-1", "--format=%H", "--", *SOURCES).decode().strip()
    except GitError:
        return ""
