"""Whether the machine has room, and no more of us than it should; what else is there."""

from __future__ import annotations  # that a Python which is too old can be told so

import os
import re
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from reportlib.pipeline.doctor.finding import Finding, short

LEAST_FREE, ENOUGH_FREE = 100_000_000, 1_000_000_000  # bytes of disk
ENOUGH_MEMORY = 1_500_000_000  # bytes that a build takes
OURS = ("reportlib.pipeline.preload", "ipykernel_launcher")  # in the commands of our processes
ADOPTING = ("systemd", "init", "tini", "dumb-init", "docker-init")  # they take in orphans
OPTIONAL = {  # tools, by the names of their commands, and what they are for
    "Chromium": (("chromium", "chromium-browser", "google-chrome"), "tests in a browser"),
    "Node": (("node",), "make node"),
    "Java": (("java",), "make node"),
}


def leftovers(processes: Path = Path("/proc")) -> Finding:
    """Kernels, and what they are forked from, that outlived who started them."""
    if not processes.is_dir():
        return Finding("left over", "ok", "processes can be looked for on Linux only")
    known = dict(filter(None, map(_process, processes.glob("[0-9]*"))))
    left = []
    for pid, (parent, owner, _, command) in known.items():
        if owner != os.getuid() or not _is_ours(command):
            continue
        ancestor = parent
        while ancestor in known and _is_ours(known[ancestor][3]):
            ancestor = known[ancestor][0]
        name, theirs = known[ancestor][2:] if ancestor in known else ("", "")
        if "python" not in theirs and (ancestor <= 1 or name in ADOPTING):
            left.append(pid)
    if left:
        found = f"{len(left)} process(es) of builds that are no more"
        return Finding("left over", "warn", found, f"kill {' '.join(map(str, sorted(left)))}")
    return Finding("left over", "ok", "no kernels of builds that are no more")


def _is_ours(command: str) -> bool:
    """Whether *command* is of Python in this environment, and of a kernel or what forks them."""
    program, _, rest = command.partition("\0")
    return program.startswith(sys.prefix) and any(name in rest for name in OURS)


def _process(folder: Path) -> tuple[int, tuple[int, int, str, str]] | None:
    """Return id, parent, owner, name and command of a process, unless it has ended."""
    try:
        lines = (folder / "status").read_text(encoding="utf-8", errors="replace").splitlines()
        command = (folder / "cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    told = dict(line.partition(":")[::2] for line in lines)
    owner = int(told["Uid"].split()[0])
    return int(folder.name), (int(told["PPid"]), owner, told["Name"].strip(), command)


def disk(name: str, folder: Path, remedy: str) -> Finding:
    """Whether *folder*, or where it will be, can be written to and has room."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        return Finding(name, "fail", f"{there} cannot be written to: {error.strerror}", remedy)
    found = f"{short(folder)}: {free / 1e9:.1f} GB free"
    if free < ENOUGH_FREE:
        state = "warn" if free >= LEAST_FREE else "fail"
        return Finding(name, state, found, f"make room (1 GB is enough), or {remedy}")
    return Finding(name, "ok", found)


def scratch() -> Finding:
    """Whether there is a folder for what is temporary."""
    remedy = "name another: export TMPDIR=/folder"
    try:
        folder = tempfile.gettempdir()
    except OSError:
        return Finding("temp folder", "fail", "there is none that can be written to", remedy)
    return disk("temp folder", Path(folder), remedy)


def cache(folder: Path) -> Finding:
    """How much is kept of earlier builds, and whether more can be."""
    kept = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    found = f"{short(folder)}: {sum(kept) / 1e6:.0f} MB in {len(kept)} files"
    if folder.exists() and disk("cache", folder, "").state == "fail":
        remedy = f"make it yours, or: {shlex.join(['rm', '-rf', short(folder)])}"
        return Finding("cache", "warn", f"{found}, and no more can be kept", remedy)
    return Finding("cache", "ok", found)


def memory(root: Path = Path("/")) -> Finding:
    """Whether there is memory enough, and whether a group of processes may have it."""
    total, free = _memory(root)
    if not total:
        return Finding("memory", "ok", "how much there is cannot be told on this system")
    limit = cgroup_limit(root)
    found = f"{total / 1e9:.1f} GB"
    if free is not None:
        found += f", {free / 1e9:.1f} GB of them free"
    if limit and limit < total:
        found += f"; limited to {limit / 1e9:.1f} GB by a control group"
    if min(total, limit or total) < ENOUGH_MEMORY:
        remedy = f"allow {ENOUGH_MEMORY / 1e9} GB, which a build takes (Docker: --memory)"
        return Finding("memory", "fail", found, remedy)
    if free is not None and free < ENOUGH_MEMORY:
        remedy = f"end other programs: a build takes {ENOUGH_MEMORY / 1e9} GB"
        return Finding("memory", "warn", found, remedy)
    return Finding("memory", "ok", found)


def _memory(root: Path) -> tuple[int, int | None]:
    """Return bytes that the machine has, and that are free where it tells."""
    try:
        text = (root / "proc" / "meminfo").read_text(encoding="utf-8")
    except OSError:
        pages = {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= set(getattr(os, "sysconf_names", ()))
        return (os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if pages else 0), None
    told = {name: int(n) * 1024 for name, n in re.findall(r"(\w+):\s+(\d+) kB", text)}
    return told["MemTotal"], told["MemAvailable"]


def cgroup_limit(root: Path) -> int | None:
    """Return the bytes that Linux lets this process and others of its group have, if limited."""
    groups = root / "sys" / "fs" / "cgroup"
    try:
        lines = (root / "proc" / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    limits = []
    for line in lines:
        _, kinds, place = line.split(":", 2)
        if kinds not in {"", "memory"}:
            continue
        name = "memory.limit_in_bytes" if kinds else "memory.max"
        inside = groups / kinds / place.lstrip("/")
        for folder in (inside, *inside.parents):
            if not folder.is_relative_to(groups):
                break
            try:
                text = (folder / name).read_text(encoding="utf-8").strip()
            except OSError:
                continue  # a container does not see all of them
            limits += [int(text)] if text.isdecimal() else []
    return min(limits, default=None)


def git() -> Finding:
    """Whether git is there."""
    if path := shutil.which("git"):
        return Finding("git", "ok", path)
    found = "missing; needed to publish and to compare revisions, not to build"
    return Finding("git", "warn", found, "install git")


def optional() -> Finding:
    """Which of the tools are there that only some tests need."""
    told = []
    for name, (commands, purpose) in OPTIONAL.items():
        there = any(map(shutil.which, commands))
        told.append(f"{name} is there" if there else f"no {name} (for {purpose})")
    return Finding("optional", "ok", ", ".join(told))
