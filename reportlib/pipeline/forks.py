"""The process that others are forked from: it has imported what they need, once for all.

It is multiprocessing's forkserver, one for each process that asks, with the imports of
`reportlib.pipeline.preload`. What is forked from it ends with the process that asked for it.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from types import ModuleType
from typing import Any

PRELOADED = "reportlib.pipeline.preload"
CODE = Path(__file__).parents[1]
# Elsewhere libraries start threads of their own, which a fork would break.
AVAILABLE = sys.platform == "linux"

KERNEL = "hbm-warm"  # the kernelspec whose kernels are forked
OURS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "TZ": "UTC",
}
Submit = Callable[..., Future[Any]]

_lock = threading.Lock()
_started: dict[str, object] = {}  # what the server started with


@contextmanager
def environment(scratch: Path) -> Iterator[None]:
    """Give other processes an IPython profile and one thread for linear algebra.

    The user's IPython start-up files could change what the report says.
    """
    (scratch / "runtime").mkdir(mode=0o700)
    folders = {"IPYTHONDIR": "ipython", "JUPYTER_RUNTIME_DIR": "runtime"}
    with _variables(OURS | {name: str(scratch / folder) for name, folder in folders.items()}):
        yield


@contextmanager
def _variables(ours: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def start_server() -> None:
    """Start the process to fork from, unless it runs; return without waiting for its imports."""
    if not AVAILABLE:
        return
    from multiprocessing import forkserver

    with starting():
        if not _started:
            _started.update(python=_python(os.environ), code=_code())
            forkserver.set_forkserver_preload([PRELOADED])
        with _variables(OURS):
            forkserver.ensure_running()


def outdated(environment: Mapping[str, str]) -> str:
    """Return why a fork would differ from a process that starts now in *environment*, or ""."""
    if _started["python"] != _python(environment):
        return "variables PYTHON… are not as they were"
    if _started["code"] != _code():
        return f"{CODE} has changed; begin anew for warm kernels"
    return ""


def _python(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith("PYTHON")}


def _code() -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in CODE.rglob("*.py")}


@contextmanager
def starting() -> Iterator[None]:
    """Let one thread start a process that does not import our main module, which it is not for."""
    with _lock:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


@contextmanager
def helper() -> Iterator[Submit]:
    """Yield a function that has a function called in a process beside this one.

    The process starts when it is first needed, and ends at once where an error ends this.
    """
    start_server()
    forked = AVAILABLE and not outdated(os.environ)
    pool = ProcessPoolExecutor(
        1,
        mp_context=multiprocessing.get_context("forkserver" if forked else "spawn"),
        initializer=_help,
        initargs=(dict(os.environ),),
    )

    def submit(function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        with starting():
            return pool.submit(function, *arguments)

    try:
        yield submit
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _help(environment: Mapping[str, str]) -> None:
    end_with_parent()
    os.environ.clear()
    os.environ.update(environment)


def end_with_parent() -> None:
    """Have this process end, with its group if it leads one, when its parent is no more."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101
    wait([parent.sentinel])
    if AVAILABLE and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGTERM)
