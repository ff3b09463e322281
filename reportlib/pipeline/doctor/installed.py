"""Whether Python and its libraries are what they should be, and load as they should."""

from __future__ import annotations  # that a Python which is too old can be told so

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib import metadata
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

from reportlib.pipeline.doctor.finding import ANEW, Finding, asked, last, short, some, this

OLDEST = (3, 11)
MOST_UNCOMPILED = 0.05  # share of modules; some are never compiled, as templates of code
SLOW_IMPORTS = 10  # seconds; one to three are usual
HEAVY = ("pandas", "altair", "nbconvert")
SWAYING = {  # variables that are easily left behind
    "AS_OF": "builds are of that day",
    "HBM_PARAMS": "params are read from there",
    "PYTHONHOME": "Python's library is taken from there",
    "PYTHONPATH": "modules there come before those of the environment",
}
LOADED = """
import importlib, json, sys
from importlib.metadata import entry_points
import reportlib
print(reportlib.__file__)
for group, names in json.loads(sys.argv[1]).items():
    importlib.import_module(group.partition(".")[0])  # who asks for them is there first
    for name, value in names.items():
        found = [e for e in entry_points(group=group, name=name) if e.value == value]
        if not found:
            sys.exit(f"{name} of {group} is not installed")
        found[0].load()
"""
PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)(?:[ ]*;[ ]*([^\\\n]+?))?[ ]*\\?$", re.MULTILINE)
IMPORTED = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s*(\w+)", re.MULTILINE)


def python(venv: Path, version: Sequence[int] = sys.version_info[:3]) -> Finding:
    """Which Python this is, and whether it is the environment's."""
    shown = f"{'.'.join(map(str, version))}, {this()}"
    if tuple(version[:2]) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        remedy = f"install Python {oldest} or newer; then: make report PYTHON=/path/to/python3"
        return Finding("Python", "fail", f"{shown}: too old", remedy)
    try:
        lines = (venv / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return Finding("Python", "warn", f"{shown}; there is no {venv}", "make report")
    told = {name.strip(): value.strip() for name, _, value in (s.partition("=") for s in lines)}
    theirs = told.get("version", told.get("version_info", ""))
    if Path(sys.prefix).resolve() != venv.resolve():
        return Finding("Python", "warn", f"{shown}: not that of {venv}", "make doctor")
    if theirs.split(".")[:2] != [str(part) for part in version[:2]]:
        return Finding("Python", "fail", f"{shown}; {venv} was made with {theirs}", ANEW)
    return Finding("Python", "ok", shown)


def variables(environment: Mapping[str, str]) -> Finding:
    """Variables that sway builds, and may have been forgotten."""
    found = {name: about for name, about in SWAYING.items() if environment.get(name)}
    if not found:
        return Finding("variables", "ok", "none that sways a build")
    told = (f"{name}={environment[name]}: {about}" for name, about in found.items())
    remedy = f"unless that is meant: unset {' '.join(found)}"
    return Finding("variables", "warn", "; ".join(told), remedy)


def pins(lock: str) -> Iterator[tuple[str, str]]:
    r"""Yield names and versions that *lock* wants of this Python on this machine.

    >>> list(pins("one==1.0 \\\n    --hash=…\ntwo==2 ; sys_platform == 'none' \\\n"))
    [('one', '1.0')]
    """
    for name, version, marker in PIN.findall(lock):
        if not marker or _applies(marker):
            yield name, version


def _applies(marker: str) -> bool:
    try:
        from packaging.markers import Marker
    except ImportError:  # it is in the lock itself, and will be told as missing
        return False
    return Marker(marker).evaluate()


def _version(name: str) -> str:
    try:
        return metadata.version(name) or ""
    except (metadata.PackageNotFoundError, KeyError):
        return ""


def libraries(name: str, lock: Path) -> Finding:
    """Whether what is installed is what *lock* says."""
    wanted = dict(pins(lock.read_text(encoding="utf-8")))
    has = {library: _version(library) for library in wanted}
    missing = [library for library, version in has.items() if not version]
    other = [
        f"{library} {version} instead of {wanted[library]}"
        for library, version in has.items()
        if version and version != wanted[library]
    ]
    if missing:
        told = f"missing: {some(missing)}" + (f"; {some(other)}" if other else "")
        return Finding(name, "fail", told, ANEW)
    if other:
        return Finding(name, "warn", some(other), ANEW)
    return Finding(name, "ok", f"{len(wanted)} are as in {lock.name}")


def files(folder: Path) -> Finding:
    """Whether files of libraries in *folder* are there, and as long as they were."""
    harmed: Counter[str] = Counter()
    listed = 0
    for record in folder.glob("*.dist-info/RECORD"):
        with record.open(encoding="utf-8", newline="") as lines:
            for path, _, size in csv.reader(lines):
                listed += 1
                harmed[record.parent.stem] += _harmed(folder / path, size)
    worst = [f"{n} of {library}" for library, n in harmed.most_common() if n]
    if worst:
        return Finding(
            "files", "fail", f"missing, or not as long as installed: {some(worst)}", ANEW
        )
    return Finding("files", "ok", f"{listed} of libraries are whole")


def _harmed(path: Path, size: str) -> bool:
    try:
        return path.suffix != ".pyc" and bool(size) and path.stat().st_size != int(size)
    except OSError:
        return True


def bytecode(folders: Collection[Path]) -> Finding:
    """Whether modules in *folders* are compiled: importing others takes four times as long."""
    lacking: list[str] = []
    count = 0
    for folder in folders:
        modules = list(folder.rglob("*.py"))
        uncompiled = sum(not _compiled(module) for module in modules)
        count += len(modules)
        if uncompiled > MOST_UNCOMPILED * len(modules):
            lacking.append(f"{uncompiled} of {len(modules)} in {short(folder)}")
    if not lacking:
        note = "; PYTHONDONTWRITEBYTECODE is set" if sys.dont_write_bytecode else ""
        return Finding("byte code", "ok", f"{count} modules have it{note}")
    remedy = this("-m", "compileall", "-q", "-j", "0", *map(short, folders))
    found = f"modules without, which are imported slowly: {', '.join(lacking)}"
    if sys.dont_write_bytecode:
        found += "; PYTHONDONTWRITEBYTECODE is set, so Python writes none"
        remedy = f"unset PYTHONDONTWRITEBYTECODE; {remedy}"
    return Finding("byte code", "warn", found, remedy)


def _compiled(module: Path) -> bool:
    """Whether the byte code of *module* is what Python would take."""
    try:
        with Path(cache_from_source(str(module))).open("rb") as file:
            magic, flags, when, size = (file.read(4) for _ in range(4))
        stat = module.stat()
    except OSError:
        return False
    now = (int(stat.st_mtime), stat.st_size)
    fits = [when, size] == [(n & 0xFFFFFFFF).to_bytes(4, "little") for n in now]
    return magic == MAGIC_NUMBER and (fits or any(flags))


def imports(modules: Sequence[str] = HEAVY, slow: float = SLOW_IMPORTS) -> Finding:
    """How long *modules* take to import, and what takes longest of it."""
    done = asked("-X", "importtime", "-c", f"import {', '.join(modules)}")
    if done.returncode:
        return Finding("imports", "fail", last(done), ANEW)
    seconds: Counter[str] = Counter()
    for microseconds, package in IMPORTED.findall(done.stderr):
        seconds[package] += int(microseconds)
    total = sum(seconds.values()) / 1e6
    found = f"{', '.join(modules)} in {total:.1f} s"
    if total <= slow:
        return Finding("imports", "ok", found)
    slowest = ", ".join(f"{name} {took / 1e6:.1f} s" for name, took in seconds.most_common(3))
    remedy = "see to byte code; put the project on a disk of this machine; try when it is idle"
    return Finding("imports", "warn", f"{found}, of them {slowest}", remedy)


def ourselves(project: Path) -> Finding:
    """Whether the project is installed from here, with all that others find by its names."""
    import tomllib

    remedy = this("-m", "pip", "install", "--no-deps", "--no-build-isolation", "--editable", ".")
    wanted = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["entry-points"]
    done = asked("-P", "-c", LOADED, json.dumps(wanted))
    if done.returncode:
        return Finding("reportlib", "fail", last(done), remedy)
    place = Path(done.stdout.splitlines()[0]).parents[1]
    if place.resolve() != project.parent.resolve():
        return Finding("reportlib", "fail", f"installed from {place}, not from here", remedy)
    count = sum(map(len, wanted.values()))
    return Finding("reportlib", "ok", f"installed from here, with {count} entry points")
