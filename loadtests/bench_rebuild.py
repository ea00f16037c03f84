"""How fast Redis is made anew from ClickHouse: contacts through the real projection row, then the real tool.

`python -m loadtests.bench_rebuild --contacts N`: Redis is empty before each round. The tool's own seconds count, from
its connections to its last write; its start stands beside.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from loadtests import redis_memory, report
from loadtests.stack import Stack, StackError
from services.common.migrate import migrate
from services.common.profile import Part, Profile, Value
from services.common.tables import CONTACTS, ContactRow, columns, contact_row, encode_rows

AT_ONCE = 20_000
STEP_SECONDS = 0.02
SERVERS = ("clickhouse", "valkey")
BAR = 50_000  # contacts a second, with 12 fields
NOW_US = 1_790_000_000_000_000


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
            _fill(stack, options.contacts, options.fields)
            runs = [_rebuild(stack) for _ in range(options.rounds)]
    except StackError as error:
        print(f"bench-rebuild: {error}", file=sys.stderr)
        return 1
    facts["runs"] = [{**run._asdict(), "contacts_per_second": run.contacts_per_second} for run in runs]
    print(_as_table(runs))
    print(f"\nwritten to {report.write('bench-rebuild', facts)}")
    return 0 if all(run.contacts == options.contacts for run in runs) else 1


def _fill(stack: Stack, contacts: int, fields: int) -> None:
    asyncio.run(migrate(stack.environ["SPOOR_CLICKHOUSE_URL"]))
    clickhouse = stack.clickhouse()
    for rows in _rows(contacts, fields):
        clickhouse.raw_insert(CONTACTS, columns(ContactRow), encode_rows(rows), fmt="JSONCompactEachRow")
    clickhouse.close()


def _rows(contacts: int, fields: int) -> Iterator[list[ContactRow]]:
    for start in range(1, contacts + 1, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, contacts + 1))
        yield [contact_row(_profile(number, fields)) for number in numbers]


def _profile(number: int, fields: int) -> Profile:
    """As a form of a shop fills it in."""
    said: dict[str, Value] = {
        "email": f"person{number}@example.org",
        "firstname": f"First {number % 5_000}",
        "lastname": f"Last {number}",
        "company": f"Company {number % 20_000}",
        "position": "Head of purchasing",
        "phone": f"+49 30 {number:08d}",
        "mobile": f"+49 170 {number:08d}",
        "address1": f"Long Street {number % 300}",
        "zipcode": f"{number % 100_000:05d}",
        "city": "Berlin",
        "country": "Germany",
        "website": f"https://shop{number}.example.org",
        **{f"field{extra}": f"value {number}" for extra in range(12, fields)},
    }
    time_us = NOW_US + number
    told = dict(list(said.items())[:fields])
    return Profile(number, own=Part(added_us=time_us).with_fields(told, time_us), version=time_us)


def _rebuild(stack: Stack) -> Rebuilt:
    redis = stack.redis()
    redis.flushall()
    empty = redis_memory.growing_bytes(redis)
    before = {name: stack.cpu_seconds(name) for name in SERVERS}
    started = time.monotonic()
    summary, tool_cpu_seconds, tool_mb = _run_tool(stack)
    seconds = time.monotonic() - started
    cpu = {"tool": tool_cpu_seconds, **{name: stack.cpu_seconds(name) - before[name] for name in SERVERS}}
    grown = redis_memory.growing_bytes(redis) - empty
    contacts, own = int(summary["profiles_put"]), float(summary["seconds"])
    redis.close()
    return Rebuilt(contacts, own, seconds - own, cpu, tool_mb, grown / max(contacts, 1))


def _run_tool(stack: Stack) -> tuple[dict[str, Any], float, float]:
    """What it says at its end, its CPU seconds with its start, and the most memory that it had."""
    said, error = stack.folder / "summary.json", stack.folder / "rebuild.log"
    with said.open("wb") as output, error.open("wb") as log:
        command = [sys.executable, "-m", "services.identity.tools.rebuild_redis", "--json"]
        tool = subprocess.Popen(command, cwd=report.ROOT, env=stack.environ, stdout=output, stderr=log)
        most = 0.0
        while not (ended := os.wait4(tool.pid, os.WNOHANG))[0]:
            most = max(most, _peak_mb(tool.pid))
            time.sleep(STEP_SECONDS)
    _, status, usage = ended
    tool.returncode = os.waitstatus_to_exitcode(status)
    if tool.returncode:
        raise StackError(error.read_text())
    summary = msgspec.json.decode(said.read_bytes(), type=dict[str, Any])
    return summary, usage.ru_utime + usage.ru_stime, most


def _peak_mb(pid: int) -> float:
    """Its own: ru_maxrss of a child begins with what its parent had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


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
