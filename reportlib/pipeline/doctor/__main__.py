"""``python -m reportlib.pipeline.doctor``."""

import argparse
import sys
from pathlib import Path

from reportlib.pipeline.doctor import run
from reportlib.pipeline.doctor.finding import ROOT


def main() -> int:
    """Do the same without click, which may be what is broken."""
    parser = argparse.ArgumentParser(description="Tell what is wrong with the environment.")
    parser.add_argument("--params", type=Path, default=ROOT / "params")
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    return run(given.params, given.build, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
