"""What several tests share: a copy of params, one real build, and the notebooks run at once."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import traceback
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import altair as alt
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("AS_OF", "HBM_PARAMS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def params_copy(tmp_path):
    """A copy of params/ to spoil."""
    return Path(shutil.copytree(ROOT / "params", tmp_path / "params"))


def command(*arguments, **options):
    """Run ``python -m reportlib report`` and return what came of it."""
    words = [sys.executable, "-m", "reportlib", "report", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="session")
def built(tmp_path_factory, worker_id):
    """The folder of one real build, made once for all test processes."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared if worker_id == "master" else shared.parent
    folder = shared / "built"
    with (shared / "built.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "build.json").exists():
            done = command("--params", ROOT / "params", "--build", folder, cwd=shared)
            assert done.returncode == 0, done.stderr
    return folder


SILENT = {"script", "style", "details"}  # what is folded is contents, or code with citations in it


class Elements(HTMLParser):
    """The start tags of a page, and its text outside scripts, styles and what is folded."""

    def __init__(self, text):
        """Read *text*."""
        super().__init__()
        self.found, self.words, self._silent = [], [], 0
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        """Keep a tag."""
        self.found.append((tag, dict(attributes)))
        self._silent += tag in SILENT

    def handle_endtag(self, tag):
        """Listen again after a script."""
        self._silent -= tag in SILENT

    def handle_data(self, data):
        """Keep what is read."""
        if not self._silent:
            self.words.append(data)


@dataclass
class Told:
    """What the notebooks displayed, by section, and the exceptions that ended them."""

    outputs: dict = field(default_factory=dict)
    faults: list = field(default_factory=list)

    @property
    def texts(self):
        """Every text that a reader would see, with its place."""
        return {
            f"{section}: {exhibit.get('id', f'sentence {number}')}": "\n".join(
                (data.get("text/markdown", ""), exhibit.get("caption", ""), exhibit.get("alt", ""))
            )
            for section, outputs in self.outputs.items()
            for number, (data, exhibit) in enumerate(outputs)
        }

    def executed(self):
        """Return the sections as if kernels had run them."""
        sections = {}
        for section, outputs in self.outputs.items():
            texts = [c.source for c in read(section).cells if c.cell_type == "markdown"]
            cells = [new_markdown_cell(text) for text in texts]
            for shown, exhibit in outputs:
                data = json.loads(json.dumps(shown, default=str))  # as a kernel sends it
                output = new_output("display_data", data, metadata={"exhibit": exhibit})
                cells.append(new_code_cell("", outputs=[output]))
            sections[section] = new_notebook(cells=cells)
        return sections


def read(section):
    return nbformat.read(ROOT / "notebooks" / f"{section}.ipynb", as_version=4)


@pytest.fixture
def tell(monkeypatch):
    """A function that runs all notebooks on a params folder, in this process: no kernels."""

    def run(folder, *, draw=True):
        from reportlib import params
        from reportlib.exhibits import display
        from reportlib.pipeline.execute import typed_parameters

        monkeypatch.setenv("HBM_PARAMS", str(folder))
        told = Told()
        known = params.load()
        monkeypatch.setattr(params, "load", lambda: known)
        sections = typed_parameters(ROOT / "notebooks", known.report.sections)
        if not draw:
            monkeypatch.setattr(
                display, "figure",
                lambda _, **words: display._exhibit("figure", {}, **words),  # noqa: SLF001
            )  # fmt: skip
        for section, values in sections.items():
            outputs = told.outputs[section] = []
            monkeypatch.setattr(
                display, "display",
                lambda data, to=outputs, **more: to.append(
                    (data, more.get("metadata", {}).get("exhibit", {}))
                ),
            )  # fmt: skip
            fault = _run(section, values)
            if fault:
                told.faults.append(fault)
        return told

    with alt.utils.schemapi.debug_mode(arg=False):  # the real build validates
        yield run


def _run(section, values):
    names = {"__name__": "__main__"}
    for number, cell in enumerate(read(section).cells):
        if cell.cell_type != "code":
            continue
        try:
            exec(compile(cell.source, f"{section}[{number}]", "exec"), names)  # noqa: S102
        except Exception as error:  # noqa: BLE001 (whatever it is, it is told)
            frames = traceback.extract_tb(error.__traceback__)
            own = [f for f in frames if re.search(r"reportlib|\.?\d\d_", f.filename)]
            where = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in own[:-5:-1])
            return f"{section}[{number}]: {type(error).__name__}: {error} @ {where}"
        if "parameters" in cell.metadata.get("tags", []):
            names.update(values)
    return None


@pytest.fixture
def environment():
    """A copy of the environment variables, without those that steer a build."""
    return {k: v for k, v in os.environ.items() if k not in {"AS_OF", "HBM_PARAMS"}}
