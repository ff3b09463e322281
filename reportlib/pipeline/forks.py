"""The process that others are forked from: it has imported what they need, once for all.

It is multiprocessing's forkserver with the imports of `reportlib.pipeline.preload`: one for each
process that asks, which the helpers that are forked from it ask, too. What is forked from it ends
with the process that asked for it.
"""

import atexit
import errno
import multiprocessing
import multiprocessing.process
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import ModuleType
from typing import Any

PRELOADED = "reportlib.pipeline.preload"
CODE = Path(__file__).parents[1]
# Elsewhere libraries start threads of their own, which a fork would break.
AVAILABLE = sys.platform == "linux"

KERNEL = "hbm-warm"  # the kernelspec whose kernels are forked
LONGEST_EXIT = 5  # seconds that a process may take to end when its work is done
OURS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "TZ": "UTC",
}
FOR_PAGES = {"HBM_PAGES": "yes"}  # has the server do once what all pages need
LOST = "a process of this build was ended, perhaps for want of memory: try fewer --workers"
Submit = Callable[..., Future[Any]]

_lock = threading.Lock()
_asked: set[multiprocessing.process.BaseProcess] = set()
_started: dict[str, object] = {}  # what the server started with


@contextmanager
def environment(scratch: Path) -> Iterator[None]:
    """Give other processes an IPython profile and one thread for linear algebra.

    The user's IPython start-up files could change what the report says.
    """
    (scratch / "runtime").mkdir(mode=0o700)
    folders = {"IPYTHONDIR": "ipython", "JUPYTER_RUNTIME_DIR": "runtime"}
    with variables(OURS | {name: str(scratch / folder) for name, folder in folders.items()}):
        yield


@contextmanager
def variables(ours: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment, and set them back."""
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
        with variables(OURS):
            forkserver.ensure_running()


def why_none(environment: Mapping[str, str]) -> str:
    """Return why no fork is as a process that starts now in *environment*, or ""."""
    if not AVAILABLE:
        return "libraries that are loaded are safely forked on Linux only"
    start_server()
    if _started["python"] != _python(environment):
        return "variables PYTHON… are not as they were"
    if _started["code"] != _code():
        return f"{CODE} has changed; begin anew for warm kernels"
    return ""


@cache
def say(reason: str) -> None:
    """Say once why processes start plainly."""
    said = f"Kernels start plainly, without what others have imported: {reason}."
    sys.stderr.write(f"{said}\n")


def _python(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith("PYTHON")}


def _code() -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in CODE.rglob("*.py")}


@contextmanager
def starting() -> Iterator[None]:
    """Let one thread start a process that does not import our main module, which it is not for.

    Daemons may do so, too, as the workers of a cluster are: what we start ends with who started it.
    """
    about = multiprocessing.current_process()._config  # type: ignore[attr-defined]  # noqa: SLF001
    with _lock:
        main, daemon = sys.modules["__main__"], about.pop("daemon", False)
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
            about["daemon"] = daemon


@contextmanager
def asked(
    function: Callable[..., None], *arguments: Any, folder: Path
) -> Iterator[Callable[[float | None], Any]]:
    """Yield a function that returns the next answer of *function*, called in a fork made for it.

    It is called in *folder*, with the connection to send its answers by and with *arguments*. Who
    asks says how many seconds to wait; TimeoutError and EOFError say that there is no answer.
    """
    context = multiprocessing.get_context("forkserver")
    receiver, sender = context.Pipe(duplex=False)
    given = (function, sender, dict(os.environ), str(folder), arguments)
    with starting():
        process = context.Process(target=_answer, args=given)
        process.start()
    sender.close()
    _asked.add(process)

    def answer(seconds: float | None) -> Any:
        if not wait([receiver, process.sentinel], seconds):
            raise TimeoutError
        if not receiver.poll():
            raise EOFError
        return receiver.recv()

    with receiver:
        try:
            yield answer
            process.join(LONGEST_EXIT)
        finally:
            _kill(process)
            process.join()
            _asked.discard(process)


def kill_all() -> None:
    """End every process that was forked to be asked; who waits for one finds it dead."""
    for process in list(_asked):
        _kill(process)


def _kill(process: multiprocessing.process.BaseProcess) -> None:
    if process.pid:
        with suppress(ProcessLookupError):  # it leads a group as soon as it runs
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()


def _answer(
    function: Callable[..., None],
    sender: Connection,
    environment: Mapping[str, str],
    folder: str,
    arguments: tuple[Any, ...],
) -> None:
    begin_anew(environment, folder)
    function(sender, *arguments)
    atexit._run_exitfuncs()  # noqa: SLF001 (multiprocessing leaves without)


def begin_anew(environment: Mapping[str, str], folder: str) -> None:
    """Let this process, which was just forked, be as if Python had started with it."""
    import numpy as np

    os.setsid()
    end_with_parent()
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.path[:] = sys.modules[PRELOADED].PATH
    multiprocessing.set_start_method(None, force=True)
    np.random.seed()  # noqa: NPY002 (forks would all draw the same)


@contextmanager
def helpers(number: int = 1) -> Iterator[Submit]:
    """Yield a function that has a function called in one of a *number* of processes beside this.

    They start when they are first needed, and end at once where an error ends this. Raises
    ChildProcessError when one was ended from outside.
    """
    forked = not why_none(os.environ)
    pool = ProcessPoolExecutor(
        number,
        mp_context=multiprocessing.get_context("forkserver" if forked else "spawn"),
        initializer=_help,
        initargs=(dict(os.environ), _server() if forked else None),
    )

    def submit(function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        with starting():
            return pool.submit(function, *arguments)

    try:
        yield submit
    except BaseException as error:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in list((pool._processes or {}).values()):  # noqa: SLF001 (it ends none)
            process.kill()
        if isinstance(error, BrokenExecutor | EOFError):
            raise ChildProcessError(errno.ECHILD, LOST) from error
        raise
    pool.shutdown()


def _help(environment: Mapping[str, str], server: Mapping[str, Any] | None) -> None:
    end_with_parent()
    os.environ.clear()
    os.environ.update(environment)
    if server:
        _join(**server)


def _server() -> dict[str, Any]:
    """Return what a process that is forked from our server needs to ask it, too."""
    from multiprocessing import forkserver

    ours = forkserver._forkserver  # noqa: SLF001
    return {"started": _started, "authkey": getattr(ours, "_forkserver_authkey", None)}


def _join(started: Mapping[str, object], authkey: bytes | None) -> None:
    """Have this process ask the server that it was forked from, instead of starting another.

    multiprocessing says that it does so, and keeps what it takes but for the key.
    """
    from multiprocessing import forkserver

    module: Any = forkserver
    ours = module._forkserver  # noqa: SLF001
    ours._forkserver_authkey = authkey  # noqa: SLF001
    ours.ensure_running = module.ensure_running = lambda: None
    _started.update(started)


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
