"""What is wrong with an environment, and the remedy: ``python -m reportlib doctor``.

A check fails where a report cannot be built, and warns where it can be, but slower, or may be other
than elsewhere. It must run in what is broken: only the standard library is imported before a check
needs more, and what might not come back, or might end us, is asked of a process of its own.
``python -m reportlib.pipeline.doctor`` does without click, too.
"""

from __future__ import annotations  # that a Python which is too old can be told so

import json
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from reportlib.pipeline.doctor import installed, machine, working
from reportlib.pipeline.doctor.finding import ANEW, ROOT, Finding

COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def checks(params: Path, build: Path) -> dict[str, Callable[[], Finding]]:
    """Return all checks by their names, what others rest on first."""
    venv = ROOT / ".venv"
    site = Path(sysconfig.get_path("purelib"))
    elsewhere = "build elsewhere: make report BUILD=/other/folder"
    found: dict[str, Callable[[], Finding]] = {
        "Python": partial(installed.python, venv),
        "variables": partial(installed.variables, os.environ),
        "libraries": partial(installed.libraries, "libraries", ROOT / "requirements.lock"),
    }
    if (venv / "tools-ready").exists():
        lock = ROOT / "requirements-dev.lock"
        found["test tools"] = partial(installed.libraries, "test tools", lock)
    found |= {
        "files": partial(installed.files, site),
        "byte code": partial(installed.bytecode, [site, ROOT / "reportlib"]),
        "imports": installed.imports,
        "reportlib": partial(installed.ourselves, ROOT / "pyproject.toml"),
        "kernelspecs": working.kernelspecs,
        "kernel": working.kernel,
        "left over": machine.leftovers,
        "build folder": partial(machine.disk, "build folder", build, elsewhere),
        "cache": partial(machine.cache, build / "cache"),
        "temp folder": machine.scratch,
        "memory": machine.memory,
    }
    found |= {
        name: partial(working.tool, name, question) for name, question in working.TOOLS.items()
    }
    return found | {
        "params": partial(working.numbers, params),
        "git": machine.git,
        "optional": machine.optional,
    }


def examine(all_checks: Mapping[str, Callable[[], Finding]]) -> Iterator[Finding]:
    """Yield what each check finds; one that cannot be made is a finding, too."""
    for name, check in all_checks.items():
        try:
            yield check()
        except Exception as error:  # noqa: BLE001 - whatever is broken, others are still to be told
            found = f"cannot be checked: {type(error).__name__}: {error}"
            yield Finding(name, "fail", found, ANEW)


def as_text(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield lines that tell all, for pipes."""
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        yield f"{finding.state:4}  {finding.name:{width}}  {finding.found}"
    yield from _advice(findings)


def _advice(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield what to do, in the order of checks: a remedy may mend what is told after it."""
    remedies: dict[str, list[str]] = {}
    for finding in findings:
        if finding.remedy:
            remedies.setdefault(finding.remedy, []).append(finding.name)
    yield ""
    if not remedies:
        yield "Nothing is wrong."
        return
    yield "What to do, in this order:"
    for number, (remedy, names) in enumerate(remedies.items(), 1):
        yield f"{number}. {', '.join(names)}:\n   {remedy}"
    yield "Then see whether anything is left: make doctor"


def run(params: Path, build: Path, *, as_json: bool) -> int:
    """Tell what is wrong and what to do; 1 if something failed, else 0."""
    all_checks = checks(params, build)
    if as_json:
        findings = list(examine(all_checks))
        lines = iter([json.dumps([asdict(finding) for finding in findings], indent=1)])
    elif sys.stdout.isatty() and _can_draw():
        findings = _as_table(all_checks)
        lines = _advice(findings)
    else:
        findings = list(examine(all_checks))
        lines = as_text(findings)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return int(any(finding.state == "fail" for finding in findings))


def _can_draw() -> bool:
    try:
        import rich.console
        import rich.table  # noqa: F401
    except ImportError:
        return False
    return True


def _as_table(all_checks: Mapping[str, Callable[[], Finding]]) -> list[Finding]:
    """Return what is found, and show it in colours."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table("", "Check", "What was found", box=None, pad_edge=False)
    findings: list[Finding] = []
    with console.status("") as status:
        for name, check in all_checks.items():
            status.update(f"Checking {name}")
            findings += examine({name: check})
    for one in findings:
        table.add_row(Text(one.state, COLOURS[one.state]), one.name, Text(one.found))
    console.print(table)
    return findings
