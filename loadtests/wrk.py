"""Saturating load by wrk with prepared requests: cheap enough to leave the cores to what is measured."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

SCRIPT = Path(__file__).parent / "requests.lua"


class MissingToolError(Exception):
    """A tool that the benchmark cannot do without; the message says what to install."""


class Run(NamedTuple):
    """One round: answers a second, latency in milliseconds, and what went wrong."""

    hits_per_second: float
    p50_ms: float
    p99_ms: float
    bad_status: int
    socket_errors: int


def check_wrk() -> None:
    if shutil.which("wrk") is None:
        raise MissingToolError("wrk is missing; install it: apt-get install wrk")


def prepare(path: Path, requests: list[bytes]) -> Path:
    """Writes requests in the form that the script reads."""
    path.write_bytes(b"".join(b"%d\n%b" % (len(request), request) for request in requests))
    return path


def run_wrk(url: str, requests: Path, *, seconds: float, connections: int, threads: int = 2) -> Run:
    command = ["wrk", "--latency", "-t", str(threads), "-c", str(connections), "-d", f"{seconds:.0f}s"]
    command += ["--timeout", "5s", "-s", str(SCRIPT), url, "--", str(requests)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=True)
    facts = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    return Run(
        facts["requests"] / facts["microseconds"] * 1e6,
        facts["p50"],
        facts["p99"],
        facts["bad_status"],
        facts["socket_errors"],
    )
