"""Warm kernels: forked from a process that has imported what notebooks import.

A provisioner for jupyter_client, named by the kernelspec ``hbm-warm`` that set-up installs, so
that any client can have them: ``papermill --kernel hbm-warm``. A warm kernel is a process of its
own, as a plain one; it differs in how it starts. It ends with the process that started it, be that
killed. One that cannot be forked is started as a plain kernel, and a line says why.
"""

import asyncio
import atexit
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.localinterfaces import localhost
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_core.paths import jupyter_runtime_dir
from traitlets import Int

from reportlib.pipeline import forks

COMMAND = [sys.executable, "-m", "ipykernel_launcher"]
USUAL = ("tcp", localhost())
LONGEST_SOCKET_FOLDER = 90  # bytes: 107, less a slash, eight digits and the number of a channel


class WarmProvisioner(LocalProvisioner):
    """Starts kernels by forking, and plainly where that cannot be."""

    process: Any
    memory_limit = Int(0, help="Bytes of data a kernel may hold, on Linux; 0: as many as it gets.")

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Prepare a launch."""
        _speak_through_files(self.parent)
        return await super().pre_launch(**kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel."""
        reason = why_plain(cmd, kwargs)
        if reason:
            forks.say(reason)
            await super().launch_kernel(cmd, **kwargs)
        else:
            folder = str(kwargs.get("cwd") or Path.cwd())
            command = cmd[len(COMMAND) :]
            self.process = await asyncio.to_thread(Forked, command, kwargs["env"], folder)
            self.pid = self.pgid = self.process.pid  # it leads a group as soon as it runs
            self.cwd = folder
        if self.memory_limit and sys.platform == "linux":
            import resource

            limits = (self.memory_limit, self.memory_limit)
            resource.prlimit(self.process.pid, resource.RLIMIT_DATA, limits)
        return self.connection_info


def _speak_through_files(manager: Any) -> None:
    """Let *manager* speak to its kernel through files that only we can open.

    They take the place of TCP ports on this machine, which are the usual way, but of no other.
    """
    folder = Path(jupyter_runtime_dir())
    # A socket's path has a limit, on Linux the highest; kernels would wait for ever beyond it.
    short = len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER
    if sys.platform == "linux" and short and (manager.transport, manager.ip) == USUAL:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        manager.transport = "ipc"
        # jupyter_client's own default is a relative path, and kernels run in folders of their own.
        manager.ip = str(folder / uuid4().hex[:8])


def why_plain(command: list[str], options: Mapping[str, Any]) -> str:
    """Return why a kernel with this *command* and these *options* cannot be forked, or ""."""
    streams = any(options.get(name) for name in ("stdin", "stdout", "stderr"))
    reasons = {
        f"its command is not {' '.join(COMMAND)}": command[: len(COMMAND)] != COMMAND,
        "it shall have streams of its own, or outlive us": streams or options.get("independent"),
    }
    found = next((reason for reason, holds in reasons.items() if holds), "")
    return found or forks.why_none(options["env"])


class Forked:
    """A forked kernel, with what jupyter_client asks of a subprocess.Popen."""

    stdin = stdout = stderr = None

    def __init__(self, arguments: list[str], environment: Mapping[str, str], folder: str) -> None:
        """Fork a kernel; waits for the first imports."""
        context = multiprocessing.get_context("forkserver")
        self._process = context.Process(target=_run, args=(arguments, dict(environment), folder))
        with forks.starting():
            self._process.start()
        self.pid = self._process.pid
        atexit.register(self.kill)  # multiprocessing would wait for it

    def poll(self) -> int | None:
        """Return how it ended, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end, and return how it ended."""
        self._process.join(timeout)
        if self._process.exitcode is not None:
            atexit.unregister(self.kill)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self.poll() is None and self.pid:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def _run(arguments: list[str], environment: Mapping[str, str], folder: str) -> None:
    """Be a kernel, in a process that was just forked, as if Python had started with it."""
    import ipykernel_launcher
    from ipykernel.kernelapp import IPKernelApp

    forks.begin_anew(environment, folder)
    sys.argv[:] = [str(ipykernel_launcher.__file__), *arguments]
    IPKernelApp.launch_instance(parent_handle=os.getppid())  # told, it prints no advice
    atexit._run_exitfuncs()  # noqa: SLF001 (multiprocessing leaves without)
