"""How fast Redis is made anew from ClickHouse: contacts through the real projection row, then the real tool.

`python -m loadtests.bench_rebuild --contacts N`: Redis is empty before each round. The tool's own seconds count, from
its connections to its last write; its start stands beside.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any, NamedTuple

from loadtests import redis_memory, report
from loadtests.filling import fill_contacts, run_rebuild
from loadtests.stack import Stack, StackError

SERVERS = ("clickhouse", "valkey")
BAR = 50_000  # contacts a second, with 12 fields


class Rebuilt(NamedTuple):
    """One round."""

    contacts: int
    seconds: float
    start_seconds: float  # of the process, beside that
    cpu_seconds: dict[str, float]
    tool_mb: float
    bytes_a_contact: float  # of Redis, as its used memory grew

    @property
    def contacts_per_second(self) -> float:
        return self.contacts / self.seconds


def main() -> int:
    options = _options()
    facts: dict[str, Any] = {"machine": report.machine(), "settings": vars(options)}
    try:
        with Stack(fsync=options.fsync, maxmemory="8gb") as stack:
            stack.start_valkey()
            stack.start_clickhouse()
            fill_contacts(stack, options.contacts, options.fields)
            runs = [_rebuild(stack) for _ in range(options.rounds)]
    except StackError as error:
        print(f"bench-rebuild: {error}", file=sys.stderr)
        return 1
    facts["runs"] = [{**run._asdict(), "contacts_per_second": run.contacts_per_second} for run in runs]
    print(_as_table(runs))
    print(f"\nwritten to {report.write('bench-rebuild', facts)}")
    return 0 if all(run.contacts == options.contacts for run in runs) else 1


def _rebuild(stack: Stack) -> Rebuilt:
    redis = stack.redis()
    redis.flushall()
    empty = redis_memory.growing_bytes(redis)
    before = {name: stack.cpu_seconds(name) for name in SERVERS}
    started = time.monotonic()
    summary, tool_cpu_seconds, tool_mb = run_rebuild(stack)
    seconds = time.monotonic() - started
    cpu = {"tool": tool_cpu_seconds, **{name: stack.cpu_seconds(name) - before[name] for name in SERVERS}}
    grown = redis_memory.growing_bytes(redis) - empty
    contacts, own = int(summary["profiles_put"]), float(summary["seconds"])
    redis.close()
    return Rebuilt(contacts, own, seconds - own, cpu, tool_mb, grown / max(contacts, 1))


def _as_table(runs: list[Rebuilt]) -> str:
    rows = [
        [
            f"round {number}",
            run.contacts,
            run.contacts_per_second,
            run.start_seconds,
            *(run.cpu_seconds[name] / run.contacts * 1e6 for name in ("tool", *SERVERS)),
            run.tool_mb,
            run.bytes_a_contact,
        ]
        for number, run in enumerate(runs, 1)
    ]
    head = ["rebuild", "contacts", "contacts/s", "start s", "tool", *SERVERS, "tool MB", "Redis bytes each"]
    return f"{report.table(head, rows)}\n(CPU-seconds per million contacts; bar: {BAR:,} contacts/s)"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-rebuild", description=__doc__)
    parser.add_argument("--contacts", type=int, default=200_000)
    parser.add_argument("--fields", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--fsync", choices=("always", "everysec"), default="always")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
