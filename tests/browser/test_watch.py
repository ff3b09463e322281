"""Who edits prose sees it in the browser soon, and what is wrong until it is mended."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
NOTEBOOK = "notebooks/20_capacity_vs_bandwidth.ipynb"
PROSE = 'prose(f"""\n'
SOON = 20  # seconds here, where other tests run beside; 1.5 on a machine that does nothing else


@pytest.fixture
def watched(built, tmp_path, environment):
    """The address of a watch over a copy of the project, in which nearly all is made, and that."""
    for name in ("kernels", "notebooks", "params", "reportlib"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(built / "cache", tmp_path / "build" / "cache")
    command = [sys.executable, "-m", "reportlib", "watch"]
    options = {"cwd": tmp_path, "env": environment | {"PYTHONPATH": str(tmp_path)}}
    watch = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)
    try:
        address = watch.stdout.readline().split()[3]
        assert "built" in watch.stdout.readline()
        yield address, tmp_path
    finally:
        watch.terminate()
        watch.communicate()


def edit(project, old, new):
    """Put *new* for *old* into the prose of a notebook."""
    notebook = json.loads((project / NOTEBOOK).read_text())
    cells = ["".join(cell["source"]) for cell in notebook["cells"]]
    place = next(n for n, cell in enumerate(cells) if old in cell)
    notebook["cells"][place]["source"] = cells[place].replace(old, new, 1).splitlines(keepends=True)
    (project / NOTEBOOK).write_text(json.dumps(notebook, indent=1, ensure_ascii=False))


def test_an_edit_of_prose_is_seen_soon(watched, chromium):
    address, project = watched
    tab = chromium.new_context().new_page()
    tab.goto(address)
    assert tab.title().startswith("HBM panorama")
    said = []
    tab.on("console", lambda message: said.append(message.text))

    for old, new in ((PROSE, f"{PROSE}Quokkas "), ("Quokkas", "Wombats")):
        started = time.monotonic()
        edit(project, old, new)
        word = new.split()[-1]
        tab.locator("main p", has_text=word).first.wait_for(timeout=60_000)
        assert time.monotonic() - started < SOON
    assert said == []

    chip = project / "params" / "chips" / "h100-sxm5.yaml"
    good = chip.read_text()
    chip.write_text(good.replace("3.35 TB/s", "3.35 Tb/s"))
    tab.get_by_role("heading", name="Not built").wait_for(timeout=60_000)
    assert "params/chips/h100-sxm5.yaml:7" in tab.inner_text("body")
    chip.write_text(good)
    tab.locator("main p", has_text="Wombats").first.wait_for(timeout=60_000)
    tab.context.close()
