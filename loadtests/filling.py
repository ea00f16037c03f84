"""Contacts by the million: written as the projection would have written them, then brought into Redis by the real
tool."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from loadtests import report
from loadtests.stack import Stack, StackError
from services.common.migrate import migrate
from services.common.profile import Part, Profile, Value
from services.common.tables import CONTACTS, ContactRow, columns, contact_row, encode_rows

AT_ONCE = 20_000
STEP_SECONDS = 0.02
FIRST_VISITOR = 100_000_000
NOW_US = 1_790_000_000_000_000


def fill_contacts(stack: Stack, contacts: int, fields: int = 12, *, first_id: int = 1) -> None:
    """In ClickHouse alone; `run_rebuild` brings them into Redis."""
    asyncio.run(migrate(stack.environ["SPOOR_CLICKHOUSE_URL"]))
    clickhouse = stack.clickhouse()
    for rows in _rows(first_id, contacts, fields):
        clickhouse.raw_insert(CONTACTS, columns(ContactRow), encode_rows(rows), fmt="JSONCompactEachRow")
    clickhouse.close()


def fill_visits(stack: Stack, known: int, anonymous: int, *, first_id: int = 1, events: int = 0) -> None:
    """Of every second known contact a visit, all visitors as their activity, and one history of so many events."""
    clickhouse = stack.clickhouse()
    seen = "now64(3) - INTERVAL intHash32(number) % 30000000 SECOND"
    clickhouse.command(
        f"INSERT INTO activity SELECT {FIRST_VISITOR} + number, {seen}, {seen} FROM numbers({anonymous})"
    )
    columns = "event_id, contact_id, time, type, url, title, country, city, ip, received_at"
    page = "'page.hit', concat('https://shop.example/', toString(number % 1000)), 'A page', 'Germany', 'Berlin'"
    page += ", concat('192.0.2.', toString(number % 250))"
    for contact_id, count, when in (
        (f"{first_id} + 2 * number", known // 2, seen),
        (str(first_id + 1), events, "now64(3) - INTERVAL number SECOND"),
    ):
        clickhouse.command(
            f"INSERT INTO events ({columns}) SELECT generateUUIDv4(), {contact_id}, {when}, {page}, now64(3)"
            f" FROM numbers({count})"
        )
    clickhouse.close()


def _rows(first_id: int, contacts: int, fields: int) -> Iterator[list[ContactRow]]:
    for start in range(first_id, first_id + contacts, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, first_id + contacts))
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


def run_rebuild(stack: Stack) -> tuple[dict[str, Any], float, float]:
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
