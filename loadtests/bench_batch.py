"""How many events a second ingest takes through /v1/batch, answered after Redis' acknowledgement, beside single hits.

`python -m loadtests.bench_batch`: batches of 500 events in JSON and in gzipped lines, and one event a request as the
script sends them, in turn; best of three rounds for both fsync levels. No resolver runs.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from loadtests import payloads, report
from loadtests.bench_accept import empty_streams
from loadtests.stack import Stack, StackError
from loadtests.wrk import MissingToolError, Run, check_wrk, prepare, run_wrk
from services.common.device import DeviceCodec

WRITE_KEY = "bench"
BATCHES = 60
BAR = 60_000  # events a second


def main() -> int:
    options = _options()
    try:
        check_wrk()
        facts: dict[str, Any] = {"machine": report.machine(), "settings": vars(options), "levels": {}}
        for level in options.fsync:
            facts["levels"][level] = _measure(level, options)
            print(_as_table(level, facts["levels"][level]), flush=True)
    except (MissingToolError, StackError) as error:
        print(f"bench-batch: {error}", file=sys.stderr)
        return 1
    print(f"\nwritten to {report.write('bench-batch', facts)}")
    return 0


def _measure(level: str, options: argparse.Namespace) -> dict[str, Any]:
    with Stack(fsync=level) as stack:
        stack.environ["SPOOR_WRITE_KEYS"] = WRITE_KEY
        stack.start_valkey()
        stack.start_ingest()
        files = _prepare(stack, options.events)
        events_a_request = {"JSON": options.events, "gzipped lines": options.events, "one a request": 1}
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in files}
        for _, (name, file) in itertools.product(range(options.rounds), files.items()):
            connections = options.connections if events_a_request[name] > 1 else 128
            spent = stack.cpu_seconds("ingest")
            run = run_wrk(stack.url("ingest"), file, seconds=options.seconds, connections=connections)
            runs[name].append(_facts(run, events_a_request[name], spent, stack.cpu_seconds("ingest"), options.seconds))
            empty_streams(stack)
        return runs


def _facts(run: Run, events: int, before: float, after: float, seconds: float) -> dict[str, Any]:
    rate = run.hits_per_second * events
    return {**run._asdict(), "events_per_second": rate, "ingest_cpu_us": (after - before) / (rate * seconds) * 1e6}


def _prepare(stack: Stack, events: int) -> dict[str, Path]:
    web, codec = payloads.Web(seed=1), DeviceCodec((stack.secret,))
    now_ms = round(time.time() * 1_000)
    batches = [
        [_event(web, codec, batch * events + number, now_ms) for number in range(events)] for batch in range(BATCHES)
    ]
    lists = [json.dumps(batch).encode() for batch in batches]
    lines = [gzip.compress("\n".join(map(json.dumps, batch)).encode(), 1) for batch in batches]
    singles = [
        payloads.event("127.0.0.1", payloads.parameters(web.page()), web.agent(), codec.mint(number + 1))
        for number in range(4_000)
    ]
    return {
        "JSON": prepare(stack.folder / "lists", [_request(body, "") for body in lists]),
        "gzipped lines": prepare(
            stack.folder / "lines", [_request(body, "Content-Encoding: gzip\r\n") for body in lines]
        ),
        "one a request": prepare(stack.folder / "singles", singles),
    }


def _event(web: payloads.Web, codec: DeviceCodec, number: int, now_ms: int) -> dict[str, Any]:
    """Half of them visits of known devices, half of them a mailer's word on an address."""
    event: dict[str, Any] = {"event_id": str(uuid.UUID(int=web.random.getrandbits(128))), "time": now_ms - number}
    if number % 2:
        return {**event, "type": "page.hit", "device_id": codec.mint(number + 1), "url": web.page(), "title": "A page"}
    return {
        **event, "type": "email.sent", "email": f"person.{number}@example.org", "title": "Welcome",
        "details": {"stat": {"subject": "Welcome to the shop", "emailId": 9}},
    }  # fmt: skip


def _request(body: bytes, header: str) -> bytes:
    return (
        f"POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {WRITE_KEY}\r\n"
        f"Content-Type: application/json\r\n{header}Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _as_table(level: str, runs: dict[str, list[dict[str, Any]]]) -> str:
    rows = []
    for name, each in runs.items():
        best = max(each, key=lambda run: float(run["events_per_second"]))
        bad = sum(run["bad_status"] + run["socket_errors"] for run in each)
        rows.append([name, best["events_per_second"], best["ingest_cpu_us"], best["p50_ms"], best["p99_ms"], bad])
    head = [f"appendfsync {level}", "events/s", "ingest CPU us an event", "p50 ms", "p99 ms", "errors"]
    return f"\n{report.table(head, rows)}\n(bar: {BAR:,} events/s in batches of 500)"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-batch", description=__doc__)
    parser.add_argument("--events", type=int, default=500, help="in one batch")
    parser.add_argument("--seconds", type=float, default=5, help="length of one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--fsync", nargs="+", choices=("always", "everysec"), default=["always", "everysec"])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
