"""What ``make bench`` measures: each in one run, printed as ratios and kept as JSON."""

import json
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from reportlib.pipeline.build import ROOT
from reportlib.pipeline.files import write_whole

COMMANDS = Path(sys.executable).parent  # of our environment

build_option = click.option(
    "--build",
    type=click.Path(path_type=Path, file_okay=False),
    default=ROOT / "build",
    show_default="build",
    help="Folder of the folder bench, which keeps what was measured.",
)


def keep(build: Path, name: str, told: Mapping[str, Any]) -> None:
    """Write what was measured into *build*, with what it was measured on."""
    machine = {
        "processor": platform.processor() or platform.machine(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
    }
    text = json.dumps(machine | dict(told), indent=2)
    write_whole(build / "bench" / f"{name}.json", f"{text}\n".encode())
