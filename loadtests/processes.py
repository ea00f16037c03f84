"""Process trees as Linux accounts for them: who belongs to whom, CPU seconds, and how one ends."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
_TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """The process and all its live descendants, parents first."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a tree, with that of children which have ended and were waited for."""
    return sum(parse_stat(text) for one in tree(pid) if (text := _stat(one)))


def parse_stat(text: str) -> float:
    """CPU seconds in a line of /proc/<pid>/stat. The name in parentheses may hold anything."""
    fields = text.rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS  # utime, stime, cutime, cstime


def kill_tree(pid: int) -> None:
    """kill -9 for a process that we started and everything below it."""
    signal_tree(pid, signal.SIGKILL)


def signal_tree(pid: int, number: signal.Signals) -> None:
    for one in tree(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, number)


def end_with_parent() -> None:
    """For a process that is just being started: SIGTERM when the thread that started it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _stat(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
