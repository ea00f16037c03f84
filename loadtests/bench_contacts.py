"""What the contacts service answers in: lists, searches, histories and writes, one request at a time, with so many
known contacts, and beside so many anonymous visitors.

`python -m loadtests.bench_contacts --known 1000000 --anonymous 0 9000000`: each known contact has 12 fields, in Redis
and ClickHouse; one of them has a history of 100,000 events."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote

from loadtests import report
from loadtests.filling import fill_contacts, fill_visits, run_rebuild
from loadtests.stack import Stack, StackError
from loadtests.timed_client import TimedClient

FIRST_KNOWN = 50_000_000
EVENTS = 100_000
BATCH = 200
# By figure: at most so many milliseconds at p95, at 1 million and at 10 million contacts.
BARS = {
    "list by last active": "80 / 400",
    "free-text search": "60 / 250",
    "one contact": "10 / 10",
    "history of 100,000 events": "60 / 60",
    "segment of two behaviours, count": "250 / 800",
    "new": "15 / 15",
    "edit": "15 / 15",
    "batch of 200": "150 / 150",
}
Call = Callable[[int], tuple[str, object, str]]  # path, body, method


class Measured(NamedTuple):
    known: int
    anonymous: int
    figures: dict[str, dict[str, float]]  # p50 and p95, milliseconds


def main() -> int:
    options = _options()
    facts: dict[str, Any] = {"machine": report.machine(), "settings": vars(options)}
    try:
        measured = [_measure(options.known, anonymous, options) for anonymous in options.anonymous]
    except StackError as error:
        print(f"bench-contacts: {error}", file=sys.stderr)
        return 1
    facts["runs"] = [one._asdict() for one in measured]
    print(_as_table(measured))
    print(f"\nwritten to {report.write('bench-contacts', facts)}")
    return 0


def _measure(known: int, anonymous: int, options: argparse.Namespace) -> Measured:
    with Stack(fsync=options.fsync, maxmemory="12gb") as stack:
        stack.start_valkey()
        stack.start_clickhouse()
        fill_contacts(stack, known, first_id=FIRST_KNOWN)
        fill_visits(stack, known, anonymous, first_id=FIRST_KNOWN, events=EVENTS)
        run_rebuild(stack)
        stack.environ["SPOOR_CONTACTS_PORT"] = str(stack.port("contacts"))
        stack.start("contacts", ["-m", "services.contacts"], "/readyz")
        client = TimedClient(stack, "contacts")
        segment_id = _make_segment(client)
        figures = {name: _timed(client, call, options.calls) for name, call in _calls(known, segment_id).items()}
    return Measured(known, anonymous, figures)


def _make_segment(client: TimedClient) -> int:
    """Who looked at one page of a thousand, and has been seen at least once."""
    behaviour = {"object": "behaviors", "glue": "and"}
    filters = [
        {**behaviour, "field": "hit_url", "type": "text", "operator": "endsWith", "properties": {"filter": "/77"}},
        {**behaviour, "field": "hit_url_count", "type": "number", "operator": "gte", "properties": {"filter": "1"}},
    ]
    made, _ = client.timed("/api/segments/new", {"name": "Two behaviours", "filters": filters})
    return int(made["list"]["id"])


def _calls(known: int, segment_id: int) -> dict[str, Call]:
    chance = random.Random(7)

    def someone() -> int:
        return chance.randrange(FIRST_KNOWN, FIRST_KNOWN + known)

    def search(_: int) -> tuple[str, object, str]:
        number = someone()
        text = chance.choice((f"person{number}", f"Last {number}", f"Company {number % 20_000}"))
        return f"/api/contacts?search={quote(text)}", None, "GET"

    def new(number: int) -> dict[str, str]:
        return {"email": f"new{number}.{chance.random()}@example.org", "firstname": "New", "city": "Rome"}

    return {
        "list by last active": lambda _: ("/api/contacts?orderBy=last_active&orderByDir=DESC", None, "GET"),
        "list by id": lambda _: ("/api/contacts", None, "GET"),
        "free-text search": search,
        "one contact": lambda _: (f"/api/contacts/{someone()}", None, "GET"),
        "history of 100,000 events": lambda _: (f"/api/contacts/{FIRST_KNOWN + 1}/activity?limit=25", None, "GET"),
        "segment of two behaviours, count": lambda _: (f"/api/segments/{segment_id}?contactCount=1", None, "GET"),
        "new": lambda number: ("/api/contacts/new", new(number), "POST"),
        "edit": lambda number: (f"/api/contacts/{someone()}/edit", {"city": f"City {number}"}, "PATCH"),
        "batch of 200": lambda number: ("/api/contacts/batch/new", [new(number) for _ in range(BATCH)], "POST"),
    }


def _timed(client: TimedClient, call: Call, calls: int) -> dict[str, float]:
    """The first tenth, which warms caches, is not counted."""
    times = [client.timed(*call(number))[1] for number in range(calls)][calls // 10 :]
    return {"p50": report.percentile(times, 0.5), "p95": report.percentile(times, 0.95)}


def _as_table(measured: list[Measured]) -> str:
    head = ["ms", "bar p95"]
    for one in measured:
        head += [f"p50, {one.known + one.anonymous:,}", "p95"]
    rows = [
        [name, BARS.get(name, ""), *(one.figures[name][share] for one in measured for share in ("p50", "p95"))]
        for name in measured[0].figures
    ]
    return report.table(head, rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-contacts", description=__doc__)
    parser.add_argument("--known", type=int, default=1_000_000)
    parser.add_argument("--anonymous", type=int, nargs="+", default=[0, 9_000_000])
    parser.add_argument("--calls", type=int, default=200, help="of each kind")
    parser.add_argument("--fsync", choices=("always", "everysec"), default="always")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
