"""Real processes on free ports, for tests: started, waited for with a deadline, ended by their own id."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import httpx

ROOT = Path(__file__).parents[1]
START_SECONDS = 90.0
Found = TypeVar("Found")
_chance = random.SystemRandom()
_given: set[int] = set()
_locks: list[int] = []  # kept open


def free_port() -> int:
    return free_row(1)


def free_row(length: int) -> int:
    """The first of so many free ports in a row, given once. Not of those that the kernel gives to connections: one of
    these could be taken before its server starts."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        first = _chance.randrange(lowest // 2, lowest - length)
        row = range(first, first + length)
        if _given.isdisjoint(row) and all(_is_reserved(port) and _can_be_bound(port) for port in row):
            _given.update(row)
            return first


def _is_reserved(port: int) -> bool:
    """For this process until it ends: two runs of tests may share a machine."""
    path = Path(tempfile.gettempdir()) / f"spoor-test-port-{port}"
    lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return False
    _locks.append(lock)
    return True


def _can_be_bound(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def eventually(probe: Callable[[], Found], what: str, seconds: float = 15.0) -> Found:
    """What `probe` returns as soon as that is truthy; fails after `seconds`.

    It is asked less and less often, for what it waits for shares the machine with it.
    """
    deadline, pause = time.monotonic() + seconds, 0.02
    while not (found := probe()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(pause)
        pause = min(1.2 * pause, 0.1)
    return found


def is_up(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """`python -m <module>` with this environment over ours, in a process group of its own; its output in a file."""

    def __init__(self, module: str, log: Path, environ: Mapping[str, str], *arguments: str) -> None:
        self._start([sys.executable, "-m", module, *arguments], log, environ)

    def _start(self, command: list[str], log: Path, environ: Mapping[str, str], cwd: Path = ROOT) -> None:
        self.log = log
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SPOOR_")}
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env={**clean, **environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        """A test that failed leaves nothing running; one that passed has stopped it already."""
        if self._process.poll() is None:
            self.stop(signal.SIGTERM)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait_until(self, is_true: Callable[[], object], what: str, seconds: float = START_SECONDS) -> None:
        """Fails at once, with what it said, when the process ends first; it is ended when it takes too long."""

        def probe() -> bool:
            assert self._process.poll() is None, f"ended early: {self.said()}"
            return bool(is_true())

        try:
            eventually(probe, what, seconds)
        except AssertionError as error:
            self.stop(signal.SIGTERM)
            raise AssertionError(f"{error}; it said: {self.said()}") from error

    def wait(self, seconds: float = 30.0) -> int:
        return self._process.wait(seconds)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 30.0) -> int:
        """Ends it (all of its group when killed) and returns its status."""
        if self._process.poll() is None:
            if number == signal.SIGKILL:
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)
        return self._process.wait(seconds)

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]


class Program(Process):
    """The same for a program that is none of our modules."""

    def __init__(self, log: Path, *command: str, cwd: Path = ROOT, environ: Mapping[str, str] | None = None) -> None:
        self._start(list(command), log, environ or {}, cwd)
