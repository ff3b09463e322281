"""What a check finds, and how checks ask and tell."""

from __future__ import annotations  # that a Python which is too old can be told so

import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
ANEW = "make the environment anew: rm -rf .venv && make report"
LONGEST = 90  # seconds that we wait for anything
LISTED = 5  # of many, so many are named


@dataclass(frozen=True)
class Finding:
    """What a check found, and what to do about it."""

    name: str
    state: str  # ok, warn or fail
    found: str
    remedy: str = ""


def asked(*words: str, longest: float = LONGEST) -> subprocess.CompletedProcess[str]:
    """Have this Python do something in a process of its own."""
    command = [sys.executable, *words]
    try:
        return subprocess.run(  # noqa: S603 - our own command, no shell
            command, capture_output=True, encoding="utf-8", errors="replace", check=False,
            cwd=ROOT, timeout=longest,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"no answer within {longest:.0f} s")


def last(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a process said last of what went wrong."""
    if done.returncode < 0:
        return f"ended by {signal.Signals(-done.returncode).name}"
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"ended with {done.returncode}"


def some(names: Sequence[str]) -> str:
    """Return the first of *names*, and how many more there are."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def short(path: Path) -> str:
    """Return *path* as it is from here, where it is below here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def this(*words: str) -> str:
    """Return the command of this Python, with *words* after it, for a shell."""
    return shlex.join([short(Path(sys.executable)), *words])
