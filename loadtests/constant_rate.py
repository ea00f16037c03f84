"""Latency at a constant rate, from the time each request was due: prepared requests in an open loop, in a process
of its own.

`python -m loadtests.constant_rate PORT FILE RATE SECONDS CONNECTIONS` prints the figures as one line of JSON.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

from loadtests.openloop import OpenLoop
from loadtests.report import ROOT, percentile

WARM_UP_SECONDS = 1.0


def constant_rate(port: int, requests: Path, rate: float, seconds: float, connections: int) -> dict[str, Any]:
    """Runs it in its own process and returns the figures."""
    command = [sys.executable, "-m", "loadtests.constant_rate", str(port), str(requests)]
    command += [f"{rate:.1f}", f"{seconds:.1f}", str(connections)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds + 60, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def read_requests(path: Path) -> list[bytes]:
    """Requests as `wrk.prepare` has written them."""
    requests = []
    with path.open("rb") as file:
        while head := file.readline():
            requests.append(file.read(int(head)))
    return requests


async def _run(port: int, path: Path, rate: float, seconds: float, connections: int) -> dict[str, Any]:
    latencies: list[float] = []
    bad = 0
    measured_from = 0.0

    def on_answer(_: None, due: float, __: float, status: int, ___: bytes) -> None:
        nonlocal bad
        if due >= measured_from:
            latencies.append(time.perf_counter() - due)
            bad += status != 200

    requests = itertools.cycle([(request, None) for request in read_requests(path)])
    loop: OpenLoop[None] = OpenLoop("127.0.0.1", port, connections, on_answer)
    await loop.open()
    gc.disable()
    measured_from = time.perf_counter() + WARM_UP_SECONDS
    await loop.run(rate, WARM_UP_SECONDS + seconds, lambda _: next(requests))
    await loop.drain(10)
    unanswered = loop.in_flight + len(loop.waiting)
    loop.close()
    return {
        "rate": len(latencies) / seconds,
        "p50_ms": percentile(latencies, 0.5) * 1e3,
        "p99_ms": percentile(latencies, 0.99) * 1e3,
        "max_ms": max(latencies, default=0) * 1e3,
        "bad_status": bad,
        "unanswered": unanswered,
        "generator_cpu_share": time.process_time() / (seconds + WARM_UP_SECONDS),
    }


def main() -> None:
    port, path, rate, seconds, connections = sys.argv[1:]
    figures = asyncio.Runner(loop_factory=uvloop.new_event_loop).run(
        _run(int(port), Path(path), float(rate), float(seconds), int(connections))
    )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
