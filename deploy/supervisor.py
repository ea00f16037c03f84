"""Runs programs beside each other: starts them, waits until they are ready, restarts what dies, stops in order."""

from __future__ import annotations

import asyncio
import ctypes
import math
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import httpx

from services.common.loss import LOST

STOP_SECONDS = 15.0
RESTART_SECONDS = 0.5
LAST_LINES = 200
_NAMED_ERROR = re.compile(r"(?:\w+\.)*\w+Error: (.+)")
_PR_SET_PDEATHSIG = 1


class StartError(Exception):
    """A program cannot be started; the message says which and why."""


class Program(NamedTuple):
    """A Python program: its arguments after `python`, and how one sees that it is ready."""

    name: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    port: int
    ready_path: str = ""  # '' when an open port is enough


class Supervisor:
    """Processes in sessions of their own, so that Ctrl-C in a terminal reaches only their parent."""

    def __init__(self, programs: Sequence[Program], logs: Path) -> None:
        self._programs = programs
        self._logs = logs
        logs.mkdir(parents=True, exist_ok=True)
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._is_stopping = False

    async def start(self, programs: Sequence[Program], client: httpx.AsyncClient, seconds: float) -> None:
        """Starts these and returns when all are ready. Raises `StartError` when one dies or takes too long."""
        for program in programs:
            self._processes[program.name] = await self._spawn(program)
        deadline = time.monotonic() + seconds
        for program in programs:
            while (reason := await _why_not_ready(program, client)) is not None:
                if reason == LOST and deadline != math.inf:
                    deadline = math.inf  # somebody is asked to do something about it
                    print("spoor: Redis has lost what it had, ClickHouse has not: run ./just rebuild-redis in another "
                          "terminal, and all goes on", flush=True)  # fmt: skip
                if self._processes[program.name].returncode is not None:
                    raise StartError(f"{program.name} ended: {self._last_words(program)}")
                if time.monotonic() > deadline:
                    raise StartError(f"{program.name} is not ready after {seconds:.0f} s; see {self._log(program)}")
                await asyncio.sleep(0.05)
            self._keepers[program.name] = asyncio.create_task(self._keep(program))

    async def stop(self) -> None:
        """Ends all, the last started first, each with time to finish what it has in hand."""
        self._is_stopping = True
        for task in self._keepers.values():
            task.cancel()
        for program in reversed(self._programs):
            process = self._processes.get(program.name)
            if process is None or process.returncode is not None:
                continue
            if program.ready_path and program.name not in self._keepers:
                process.kill()  # it was not ready yet: nothing is in its hands, and it may not listen to signals yet
            else:
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except asyncio.TimeoutError:
                print(f"spoor: {program.name} did not stop in {STOP_SECONDS:.0f} s and is killed", flush=True)
                process.kill()
                await process.wait()

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    async def _keep(self, program: Program) -> None:
        while True:
            status = await self._processes[program.name].wait()
            if self._is_stopping:
                return
            print(f"spoor: {program.name} ended with status {status} and is started again; "
                  f"see {self._log(program)}", flush=True)  # fmt: skip
            await asyncio.sleep(RESTART_SECONDS)
            self._processes[program.name] = await self._spawn(program)

    async def _spawn(self, program: Program) -> asyncio.subprocess.Process:
        with self._log(program).open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                *program.arguments,
                env=dict(program.environ),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )

    def _log(self, program: Program) -> Path:
        return self._logs / f"{program.name}.log"

    def _last_words(self, program: Program) -> str:
        """The last error that it named, else its last line."""
        lines = self._log(program).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        errors = [match[1] for line in lines[-LAST_LINES:] if (match := _NAMED_ERROR.match(line))]
        return (errors or lines or ["it said nothing"])[-1]


async def _why_not_ready(program: Program, client: httpx.AsyncClient) -> str | None:
    """What the program says, '' when it does not answer; None for one that is ready."""
    if not program.ready_path:
        return None if _accepts(program.port) else ""
    try:
        answer = await client.get(f"http://127.0.0.1:{program.port}{program.ready_path}")
        return None if answer.status_code == 200 else str(answer.json().get("reason"))
    except (httpx.HTTPError, ValueError):
        return ""


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _end_with_parent() -> None:
    """Asks Linux to end this process when its parent dies, however that happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() == 1:  # it died before we asked
            os._exit(1)
