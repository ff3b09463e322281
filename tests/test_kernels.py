"""Warm kernels are kernels of their own, do what plain ones do, and leave nothing behind."""

import gc
import json
import os
import re
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import nbformat
import papermill
import psutil
import pytest
from nbconvert.filters import strip_ansi
from nbformat.v4 import new_code_cell, new_notebook
from test_execute import wait_until

from reportlib.pipeline import forks, kernels

# nbclient does not close its sockets to a kernel that died.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

TELLING = [
    "from IPython.display import HTML, display, update_display\nimport sys, os, json",
    "handle = display(HTML('<b>one</b>'), display_id='x', metadata={'exhibit': 1})",
    "update_display(HTML('<b>two</b>'), display_id='x')",
    "display({'text/markdown': '*m*', 'text/plain': 'm'}, raw=True)",
    "import pandas as pd\npd.DataFrame({'a': [1, 2]})",
    "import altair as alt\nalt.Chart(pd.DataFrame({'a': [1]})).mark_point().to_dict()",
    "%env HBM_TOLD=yes\nos.environ['HBM_TOLD']",
    "%%timeit -n1 -r1 -q\npass",
    "!echo from a shell; echo and its errors >&2",
    "import asyncio\nawait asyncio.gather(asyncio.sleep(0, 'awaited'))",
    "print('out'); print('err', file=sys.stderr)",
    "import multiprocessing, threading\nmultiprocessing.get_start_method(), sys.path, os.getcwd()",
    "import __main__\n__main__.handle is handle, __name__, sys.argv[0], sys.argv[3:]",
    "class Picture:\n    def _repr_png_(self):\n        return b'\\x89PNG'\nPicture()",
    "def fails():\n    return 1 / 0",
    "from concurrent.futures import ProcessPoolExecutor as P\nlist(P(1).map(abs, [-1]))",
    "import atexit\n_ = atexit.register(lambda: open('left.txt', 'w').write('orderly'))",
    "fails()",
]


@pytest.fixture(autouse=True)
def _collected():
    yield
    gc.collect()


def run(tmp_path, kernel, *sources, **options):
    """Return what the cells put out, and the exception that ended them."""
    folder = tmp_path / options.get("engine_name", kernel)
    folder.mkdir(exist_ok=True)
    cells = [new_code_cell(source, id=str(n)) for n, source in enumerate(sources)]
    spec = {"name": kernel, "display_name": kernel, "language": "python"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": spec})
    failure = None
    try:
        papermill.execute_notebook(
            notebook, str(folder / "done.ipynb"), progress_bar=False, cwd=folder, **options
        )
    except papermill.PapermillExecutionError as error:
        failure = error
    done = nbformat.read(folder / "done.ipynb", as_version=4)
    return [cell.outputs for cell in done.cells if "outputs" in cell], failure


def told(outputs):
    return [json.loads("".join(o.text for o in each)) for each in outputs]


def test_a_warm_kernel_tells_what_a_plain_one_tells(tmp_path):
    plain, plain_error = run(tmp_path, "python3", *TELLING)
    warm, warm_error = run(tmp_path, forks.KERNEL, *TELLING)

    as_text = [
        re.sub(r"(?<=/)(python3|hbm-warm)(?=')|-f.*?json|0x\w+", "", json.dumps(outputs))
        .replace(", '--HistoryManager.hist_file=:memory:'", "")
        for outputs in (plain, warm)
    ]  # fmt: skip
    assert as_text[0] == as_text[1]
    assert "ZeroDivisionError" in as_text[0]
    assert (warm_error.ename, warm_error.evalue) == (plain_error.ename, plain_error.evalue)
    assert (tmp_path / forks.KERNEL / "left.txt").read_text() == "orderly"


ENGINE = {"engine_name": "hbm-fork"}
NOT_OF_AN_ENGINE = ("ipykernel_launcher", "sys.argv")  # what only a kernel has


def test_cells_in_a_fork_tell_what_a_kernel_tells(tmp_path):
    cells = [cell for cell in TELLING if not any(words in cell for words in NOT_OF_AN_ENGINE)]
    plain, plain_error = run(tmp_path, "python3", *cells)
    forked, forked_error = run(tmp_path, "python3", *cells, **ENGINE)

    def as_text(outputs):
        # A kernel may tell a line in pieces.
        outputs = json.loads(json.dumps(outputs))
        for last, output in reversed(list(pairwise(outputs))):
            if last.get("name", last) == output.get("name"):
                last["text"] += output["text"]
                outputs.remove(output)
        return re.sub(
            r"(?<=/)(python3|hbm-fork)(?=')|0x\w+|ipykernel_\d+/\d+", "", json.dumps(outputs)
        )

    assert len(plain) == len(forked)
    for own, theirs, cell in zip(forked, plain, cells, strict=True):
        if "fails()" not in cell or "def" in cell:
            assert as_text(own) == as_text(theirs), cell
    assert (forked_error.ename, forked_error.evalue) == (plain_error.ename, plain_error.evalue)
    assert "----> 2     return 1 / 0" in strip_ansi("".join(forked_error.traceback))
    assert (tmp_path / "hbm-fork" / "left.txt").read_text() == "orderly"


def test_outputs_that_change_change_in_a_fork_too(tmp_path):
    cells = [
        "from IPython.display import clear_output, display, update_display",
        "print('gone'); clear_output(); print('stays', end=''); print(', and more')",
        "print('gone'); clear_output(wait=True)",
        "print('a'); clear_output(wait=True); print('b')",
        "display('x', display_id='d')",
        "update_display('y', display_id='d'); 1",
    ]
    both = "import sys; print('a'); sys.stderr.write('b'); print('c')"

    plain, _ = run(tmp_path, "python3", *cells)
    forked, _ = run(tmp_path, "python3", *cells, both, **ENGINE)

    assert forked[:-1] == plain
    assert [output.text for output in forked[-1]] == ["a\n", "b", "c\n"]


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("import os; os._exit(3)", "DeadKernelError"),
        ("import time; time.sleep(60)", "CellTimeoutError"),
    ],
)
def test_cells_in_a_fork_that_die_or_hang_say_so(tmp_path, cell, error):
    with pytest.raises(Exception, match=r"died|longer than 2") as failed:
        run(tmp_path, "python3", "1", cell, execution_timeout=2, **ENGINE)

    assert failed.type.__name__ == error
    assert forks._asked == set()  # noqa: SLF001


def test_cells_in_a_fork_may_hold_so_much(tmp_path):
    _, failure = run(tmp_path, "python3", "x = bytearray(10**9)", memory_limit=10**9, **ENGINE)

    assert failure.ename == "MemoryError"


def test_an_engine_takes_kernels_where_nothing_can_be_forked(tmp_path, monkeypatch):
    monkeypatch.setattr(forks, "AVAILABLE", False)

    (outputs,), failure = run(tmp_path, "python3", "import sys; 'altair' in sys.modules", **ENGINE)

    assert failure is None
    assert outputs[0].data == {"text/plain": "False"}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere kernels speak through ports")
def test_a_warm_kernel_speaks_through_files(tmp_path):
    look = (
        "import json, psutil\nfrom ipykernel import get_connection_info\n"
        "addresses = {c.laddr.ip for c in psutil.Process().net_connections('inet')}\n"
        "print(json.dumps([json.loads(get_connection_info())['transport'], list(addresses)]))"
    )

    way, addresses = told(run(tmp_path, forks.KERNEL, look)[0])[0]

    # ipykernel itself opens one port, for the output of child processes; nobody outside sees it.
    assert (way, set(addresses) <= {"127.0.0.1"}) == ("ipc", True)


def test_warm_kernels_share_nothing_that_they_change(tmp_path):
    look = (
        "import json, os, sys, numpy as np, random, reportlib\n"
        "facts = [os.getpid(), random.random(), np.random.rand(), hasattr(reportlib, 'spoilt')]\n"
        "warm = 'altair' in sys.modules\n"
        "reportlib.spoilt = os.environ['SPOILT'] = 'x'\n"
        "print(json.dumps([*facts, warm, os.getsid(0)]))"
    )

    first, second = (told(run(tmp_path, forks.KERNEL, look)[0])[0] for _ in range(2))

    assert first[0] != second[0] != os.getpid()
    assert first[1] != second[1]
    assert first[2] != second[2]
    assert not second[3]
    assert second[4]
    assert first[5] == first[0]
    assert not psutil.pid_exists(second[0])


@pytest.mark.skipif(sys.platform != "linux", reason="limits of running processes are Linux's")
@pytest.mark.parametrize("plain", [True, False])
def test_a_kernel_that_wants_too_much_memory_says_so(tmp_path, monkeypatch, plain):
    if plain:
        monkeypatch.setattr(kernels, "why_plain", lambda *_: "so wished")

    _, failure = run(
        tmp_path, forks.KERNEL, "import numpy as np", "np.ones(int(1e9))", "print('not here')"
    )

    assert failure.ename.endswith("MemoryError")


def test_plain_kernels_take_over_where_none_can_be_forked(tmp_path, monkeypatch, capfd):
    forks.say.cache_clear()
    monkeypatch.setattr(forks, "AVAILABLE", False)

    (outputs,), failure = run(tmp_path, forks.KERNEL, "import sys; print('altair' in sys.modules)")

    assert failure is None
    assert outputs[0].text == "False\n"
    assert (
        capfd.readouterr().err.count("libraries that are loaded are safely forked on Linux only.")
        == 1
    )


COMMAND = [sys.executable, "-m", "ipykernel_launcher", "-f", "x"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ""),
        ({"command": ["julia", "-f", "x"]}, "its command is not"),
        ({"options": {"stdout": 1}}, "streams of its own"),
        ({"options": {"independent": True}}, "outlive us"),
        ({"options": {"env": {"PYTHONHASHSEED": "1"}}}, "variables PYTHON"),
        ({"code": {Path("new.py"): 1}}, "has changed; begin anew"),
    ],
)
def test_why_a_kernel_is_plain(monkeypatch, changed, said):
    monkeypatch.setattr(forks, "start_server", lambda: None)
    monkeypatch.setattr(forks, "_started", {"python": {}, "code": {}})
    monkeypatch.setattr(forks, "_code", lambda: changed.get("code", {}))

    why = kernels.why_plain(
        changed.get("command", COMMAND), {"env": {}} | changed.get("options", {})
    )

    assert said in why
    assert bool(why) == bool(said)


def test_papermill_ended_from_outside_leaves_no_process(tmp_path):
    sleeps = (
        "import os, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        f"told = open({str(tmp_path / 'pids')!r}, 'w')\n"
        "print(os.getppid(), os.getpid(), child.pid, 'all', file=told, flush=True)\n"
        "time.sleep(60)"
    )
    notebook = new_notebook(cells=[new_code_cell(sleeps)])
    nbformat.write(notebook, tmp_path / "sleeps.ipynb")
    command = [
        sys.executable, "-m", "papermill", "--kernel", forks.KERNEL, "--no-progress-bar",
        "sleeps.ipynb", "done.ipynb",
    ]  # fmt: skip
    pids = tmp_path / "pids"
    papermill_process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: pids.exists() and "all" in pids.read_text())

        papermill_process.send_signal(signal.SIGKILL)

        wait_until(lambda: not any(psutil.pid_exists(int(p)) for p in pids.read_text().split()[:3]))
    finally:
        papermill_process.kill()
        papermill_process.wait()


def _tell_parent(sender):
    sender.send(os.getppid())


def _parents(folder):
    """Return who this process was forked from, and who what it asks for is forked from."""
    with forks.asked(_tell_parent, folder=Path(folder)) as answer:
        return os.getppid(), answer(10)


def test_what_processes_ask_for_is_forked_from_the_server_that_they_were_forked_from(tmp_path):
    with forks.helpers(2) as submit:
        asked = [submit(_parents, str(tmp_path)) for _ in range(4)]
        servers = {server for both in asked for server in both.result()}

    assert len(servers) == 1
