"""Processes of our own: each in a session of its own, told to end with the process that started it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def spawn(command: Sequence[str], *, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start one. Ctrl-C at the terminal does not reach it; where there is prctl, the end of its starter does."""
    ask = _linux_end_with(os.getpid())
    # the commands are our own, and whoever calls this has no threads
    return subprocess.Popen(command, start_new_session=True, env=env, preexec_fn=ask)  # noqa: PLW1509, S603


def stop(process: subprocess.Popen[bytes], *, after_s: float) -> bool:
    """Ask the main process to end, then make sure that its whole group has. False when it had to be killed."""
    ended = _ends_when_asked(process, after_s)
    kill_group(process)
    return ended


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to everything that lives in the process's session."""
    with contextlib.suppress(ProcessLookupError):  # nothing is left: that is what was wanted
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _ends_when_asked(process: subprocess.Popen[bytes], after_s: float) -> bool:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)  # to the main process alone: it tells the others
        try:
            process.wait(timeout=after_s)
        except subprocess.TimeoutExpired:
            return False
    return True


def _linux_end_with(parent: int) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask_for_sigterm() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we asked
            os.kill(os.getpid(), signal.SIGTERM)

    return ask_for_sigterm
