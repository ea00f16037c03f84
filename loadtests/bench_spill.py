"""What a hit costs that Redis does not take and the spill does, beside a usual one, in one run.

`python -m loadtests.bench_spill`: the pixel with Redis there, then with Redis stopped, in turn; best of three rounds.
Afterwards Redis is back, and every spilled batch must have left the folder.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from loadtests import payloads, report
from loadtests.bench_accept import empty_streams
from loadtests.stack import Stack, StackError
from loadtests.wrk import MissingToolError, check_wrk, prepare, run_wrk
from services.common.device import DeviceCodec

REQUESTS = 4_000
BAR = 2.0  # times a usual hit
REPLAY_SECONDS = 120.0


def main() -> int:
    options = _options()
    try:
        check_wrk()
        facts = {"machine": report.machine(), "settings": vars(options), **_measure(options)}
    except (MissingToolError, StackError) as error:
        print(f"bench-spill: {error}", file=sys.stderr)
        return 1
    print(_as_table(facts))
    print(f"\nwritten to {report.write('bench-spill', facts)}")
    return 0


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    with Stack(fsync=options.fsync) as stack:
        spill = stack.folder / "spill"
        stack.environ |= {"SPOOR_SPILL_DIR": str(spill), "SPOOR_SPILL_MAX_BYTES": str(8 << 30)}
        stack.start_valkey()
        stack.start_ingest()
        pixels = _prepare(stack)
        runs: dict[str, list[dict[str, float]]] = {"into Redis": [], "into the spill": []}
        for _ in range(options.rounds):
            runs["into Redis"].append(_run(stack, pixels, options))
            empty_streams(stack)
            stack.stop("valkey")
            runs["into the spill"].append(_run(stack, pixels, options))
            stack.start_valkey()
            _wait_until_empty(spill)
            empty_streams(stack)
        return {"runs": runs}


def _run(stack: Stack, pixels: Path, options: argparse.Namespace) -> dict[str, float]:
    spent = stack.cpu_seconds("ingest")
    run = run_wrk(stack.url("ingest"), pixels, seconds=options.seconds, connections=options.connections)
    cpu_us = (stack.cpu_seconds("ingest") - spent) / (run.hits_per_second * options.seconds) * 1e6
    return {**run._asdict(), "cpu_us": cpu_us}


def _wait_until_empty(folder: Path) -> None:
    deadline = time.monotonic() + REPLAY_SECONDS
    while any(folder.glob("*.hits")):
        if time.monotonic() > deadline:
            raise StackError("what was spilled is still in its folder")
        time.sleep(0.1)


def _prepare(stack: Stack) -> Path:
    """Half of new visitors, half of returning ones."""
    web, codec = payloads.Web(seed=1), DeviceCodec((stack.secret,))
    requests = [
        payloads.pixel(
            "127.0.0.1", payloads.parameters(web.page()), web.agent(), codec.mint(number) if number % 2 else ""
        )
        for number in range(REQUESTS)
    ]
    return prepare(stack.folder / "pixels", requests)


def _as_table(facts: dict[str, Any]) -> str:
    best = {name: min(each, key=lambda run: float(run["cpu_us"])) for name, each in facts["runs"].items()}
    usual = best["into Redis"]
    rows = [
        [
            name, run["hits_per_second"], usual["hits_per_second"] / run["hits_per_second"], run["cpu_us"],
            run["cpu_us"] / usual["cpu_us"], run["p99_ms"], run["bad_status"] + run["socket_errors"],
        ]
        for name, run in best.items()
    ]  # fmt: skip
    head = ["pixel", "hits/s", "times slower", "ingest CPU us a hit", "times the CPU", "p99 ms", "errors"]
    return f"\n{report.table(head, rows)}\n(bar: a spilled hit costs {BAR:.0f} times a usual one at most)"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-spill", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="length of one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=128)
    parser.add_argument("--fsync", choices=("always", "everysec"), default="always")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
