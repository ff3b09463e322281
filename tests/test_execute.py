"""Sections run side by side in kernels that fail readably and leave nothing behind."""

import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, writes

from reportlib.params import ParamsError
from reportlib.pipeline import execute, forks

ROOT = Path(__file__).parents[1]

# nbclient does not close its sockets to a kernel that died.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(autouse=True)
def _collected():
    yield
    gc.collect()  # here, and not in the middle of another test


def write(folder, name, *sources, parameters="size: int = 1  # of something"):
    cells = [new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    cells += [new_markdown_cell("# Title"), *map(new_code_cell, sources)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.ipynb").write_text(writes(new_notebook(cells=cells, metadata=kernel)))


def nothing(*_):
    pass


def run(tmp_path, sections, *, progress=nothing, scratch=None, finished=nothing, workers=2):
    with tempfile.TemporaryDirectory() as short:  # tmp_path is too long for a socket
        scratch = scratch or Path(short)
        with forks.environment(scratch):
            return execute.execute(
                tmp_path / "notebooks", sections, scratch=scratch, failed=tmp_path / "failed",
                progress=progress, finished=finished, kernel=forks.KERNEL, workers=workers,
            )  # fmt: skip


def printed(notebook):
    return "".join(o.text for c in notebook.cells for o in c.get("outputs", []) if "text" in o)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"a": {"sise": "2"}}, "sections.a.sise: the notebook has no such parameter; did you mean size?"),  # noqa: E501
        ({"a": {"size": "two"}}, "sections.a.size: 'two' is not int, above zero"),
        ({"a": {"share": "nan"}}, "sections.a.share: 'nan' is not float, above zero"),
        ({"a": {"size": "0"}}, "sections.a.size: '0' is not int, above zero"),
        ({"a": {"precision": "fp9"}}, "sections.a.precision: 'fp9' is not one of bf16, fp8"),
        ({"a": {"names": "x"}}, "sections.a.names: 'x' is not list[str]"),
        ({"a": {"odd": "x"}}, "sections.a.odd: is declared as set[int]; annotate it as one of str"),
        ({"aa": {}}, "sections.aa: no notebooks/aa.ipynb; did you mean a?"),
        ({"broken": {}}, "notebooks/broken.ipynb:1: not a notebook"),
    ],
)  # fmt: skip
def test_parameters_that_a_notebook_does_not_take_are_refused(tmp_path, given, said):
    declared = "size: int = 1\nshare: float = 0.5\nnames: list[str] = []\nodd: set[int] = set()"
    declared += "\nprecision: str = 'bf16'"
    write(tmp_path, "a", parameters=declared)
    (tmp_path / "broken.ipynb").write_text("{")

    with pytest.raises(ParamsError) as refusal:
        execute.typed_parameters(tmp_path, given)

    assert said in str(refusal.value)


def test_problems_with_parameters_name_the_line(params_copy, monkeypatch, tmp_path):
    monkeypatch.setenv("HBM_PARAMS", str(params_copy))
    text = (params_copy / "report.yaml").read_text()
    line = text[: text.index("    wanted_speed")].count("\n") + 1
    write(tmp_path / "n", "10_memory_bound")

    with pytest.raises(ParamsError) as refusal:
        execute.typed_parameters(tmp_path / "n", {"10_memory_bound": {"wanted_speed": "1"}})

    assert f"params/report.yaml:{line}: sections.10_memory_bound.wanted_speed" in str(refusal.value)


def test_text_becomes_what_the_notebook_declares(tmp_path):
    write(
        tmp_path,
        "a",
        parameters="size: int = 1\nshare: float = 0.5\nyes: bool = True\nn: list[str] = []",
    )

    given = {"size": "2", "share": "0.25", "yes": "false", "n": ["x"]}
    typed = execute.typed_parameters(tmp_path, {"a": given})

    assert typed == {"a": {"size": 2, "share": 0.25, "yes": False, "n": ["x"]}}


def test_sections_that_fail_are_told_and_the_others_finish(tmp_path, monkeypatch):
    # One run for many promises: starting kernels is what takes the time.
    startup = tmp_path / "home" / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("intruder = 1")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "home" / ".ipython"))
    notebooks = tmp_path / "notebooks"
    look = (
        "import json, os, psutil\n"
        "addresses = {c.laddr.ip for c in psutil.Process().net_connections('inet')}\n"
        "facts = [size, 'intruder' in globals(), os.environ['TZ'], list(addresses)]\n"
        "print(json.dumps([*facts, os.getpid()]))"
    )
    write(notebooks, "b_slow", "import time; time.sleep(1)", look)
    write(
        notebooks,
        "a_unit",
        "x = 1",
        'from reportlib.units import Unit\nUnit("B").parse("x")',
        "y = 1",
    )
    write(notebooks, "c_dies", "import os\nos._exit(3)")
    write(notebooks, "d_quick", look)
    seen, told_of = [], []

    done, failures = run(
        tmp_path,
        {"b_slow": {"size": 7}, "a_unit": {}, "c_dies": {}, "d_quick": {}},
        progress=lambda *step: seen.append(step),
        finished=lambda *section: told_of.append(section),
    )

    assert list(done) == ["b_slow", "d_quick"]
    assert sorted(name for name, _ in told_of) == ["b_slow", "d_quick"]
    assert all(execute.from_bytes(execute.as_bytes(n)) == n == done[name] for name, n in told_of)
    told = {name: json.loads(printed(notebook)) for name, notebook in done.items()}
    assert [facts[:4] for facts in told.values()] == [[7, False, "UTC", []], [1, False, "UTC", []]]
    assert not any(psutil.pid_exists(facts[4]) for facts in told.values())

    unit, dead = failures
    assert (unit.section, unit.cell, dead.section) == ("a_unit", 4, "c_dies")
    assert 'Unit("B").parse("x")' in unit.source
    assert unit.error.startswith("ValueError: 'x' is not a quantity in B")
    assert unit.frame.startswith("reportlib/units.py:")
    assert unit.frame.endswith(", in Unit.parse")
    assert unit.left == tmp_path / "failed" / "a_unit.ipynb"
    assert "Traceback" in unit.left.read_text()
    assert "a_unit.ipynb failed in cell 4:" in str(unit)
    assert dead.error.startswith("DeadKernelError")
    assert "out of memory" in dead.hint

    for section in done:
        steps = [(at, total) for name, at, total in seen if name == section]
        assert [at for at, _ in steps] == list(range(steps[-1][1] + 1))


def test_an_endless_loop_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(execute, "SECONDS_PER_CELL", 2)
    write(tmp_path / "notebooks", "loops", "while True: pass")

    done, (failure,) = run(tmp_path, {"loops": {}})

    assert not done
    assert failure.error.startswith("CellTimeoutError")


SLEEPER = """
import signal
import sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # which shells turn off in the background
sys.path.insert(0, "tests")
from test_execute import run
run(Path(sys.argv[1]), {"sleeps": {}}, scratch=Path(sys.argv[2]))
"""


@pytest.fixture
def short():
    """A folder whose name is short enough for a socket."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_build_that_is_stopped_leaves_no_kernel(tmp_path, short, how):
    write(
        tmp_path / "notebooks", "sleeps",
        f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(f'{{os.getpid()}}.')\ntime.sleep(60)",  # noqa: E501
    )  # fmt: skip
    parent = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, tmp_path, short], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(
            lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()[-1:] == "."
        )
        kernel = psutil.Process(int((tmp_path / "pid").read_text()[:-1]))

        parent.send_signal(how)

        parent.wait(timeout=15)
        wait_until(lambda: not kernel.is_running() or kernel.status() == psutil.STATUS_ZOMBIE)
    finally:
        parent.kill()
        parent.wait()


def wait_until(holds, seconds=20):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def test_a_scratch_folder_may_have_a_long_name(tmp_path):
    write(tmp_path / "notebooks", "a", "print(size)")
    scratch = tmp_path / ("x" * 100)
    scratch.mkdir()

    done, failures = run(tmp_path, {"a": {}}, scratch=scratch)

    assert (printed(done["a"]), failures) == ("1\n", [])


def test_the_environment_is_as_it_was(tmp_path):
    (tmp_path / "notebooks").mkdir()
    before = dict(os.environ)

    assert run(tmp_path, {}) == ({}, [])
    assert dict(os.environ) == before
