"""What identity costs as contacts grow: drained hits, merges and undoes of a contact with a million events, and
/v1/resolve, with so many contacts and ten times as many, on one resolver.

`python -m loadtests.bench_identity --sizes 1000000 10000000`: of each size a tenth is known, with 12 fields, in Redis
and ClickHouse; the others are anonymous visitors."""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from loadtests import redis_memory, report
from loadtests.bench_drain import Maker, drain, warm_up
from loadtests.filling import fill_contacts, run_rebuild
from loadtests.stack import Stack, StackError
from loadtests.timed_client import TimedClient

KNOWN_SHARE = 10
FIRST_KNOWN = 50_000_000
FIRST_VISITOR = 100_000_000
WINNER, LOSER = FIRST_KNOWN + 1, FIRST_KNOWN + 2
EVENTS = 1_000_000
RESOLVED = 1_000
DRAINS: dict[str, Callable[..., Any]] = {
    "known devices": Maker.known,
    "new visitors": Maker.new,
    "identifies": Maker.identifies,
    "merges": Maker.merges,
}
BARS = {
    "known devices": "40,000",
    "new visitors": "30,000",
    "identifies": "5,000",
    "merges": "2,000",
    "merge ms": "50",
    "resolve p99 ms": "15",
    "Redis bytes a contact": "1,200",
}


class Measured(NamedTuple):
    """One size. Times are milliseconds."""

    contacts: int
    is_cluster: bool
    figures: dict[str, float]


def main() -> int:
    options = _options()
    facts: dict[str, Any] = {"machine": report.machine(), "settings": vars(options)}
    try:
        measured = [_measure(size, options) for size in options.sizes]
        if options.cluster:
            measured.append(_measure(options.sizes[0], options, is_cluster=True))
    except StackError as error:
        print(f"bench-identity: {error}", file=sys.stderr)
        return 1
    facts["runs"] = [one._asdict() for one in measured]
    print(_as_table(measured))
    print(f"\nwritten to {report.write('bench-identity', facts)}")
    return 0


def _measure(size: int, options: argparse.Namespace, *, is_cluster: bool = False) -> Measured:
    with Stack(fsync=options.fsync, maxmemory="12gb") as stack:
        if is_cluster:
            stack.start_valkey_cluster()
        else:
            stack.start_valkey()
        stack.start_clickhouse()
        known = size // KNOWN_SHARE
        fill_contacts(stack, known, first_id=FIRST_KNOWN)
        _fill_visits(stack, size - known)
        figures = {"Redis bytes a contact": _bring_into_redis(stack, known)}
        warm_up(stack)
        figures.update(_drained(stack, options))
        stack.start_identity()
        stack.environ["SPOOR_CONTACTS_PORT"] = str(stack.port("contacts"))
        stack.start("contacts", ["-m", "services.contacts"], "/readyz")
        figures.update(_merged(stack, options.rounds))
        figures.update(_resolved(stack, known, options.calls))
    return Measured(size, is_cluster, figures)


def _fill_visits(stack: Stack, visitors: int) -> None:
    """Anonymous visitors as their activity, and one known contact with a million events."""
    clickhouse = stack.clickhouse()
    clickhouse.command(
        f"INSERT INTO activity SELECT {FIRST_VISITOR} + number, now64(3), now64(3) FROM numbers({visitors})"
    )
    clickhouse.command(
        "INSERT INTO events (event_id, contact_id, time, type, url, received_at) SELECT generateUUIDv4(),"
        f" {LOSER}, now64(3) - INTERVAL number SECOND, 'page.hit', concat('https://shop.example/', toString(number)),"
        f" now64(3) FROM numbers({EVENTS})"
    )
    clickhouse.close()


def _bring_into_redis(stack: Stack, known: int) -> float:
    """Bytes a contact."""
    redis = stack.redis()
    empty = redis_memory.growing_bytes(redis)
    run_rebuild(stack)
    grown = redis_memory.growing_bytes(redis) - empty
    redis.close()
    return float(grown) / known


def _drained(stack: Stack, options: argparse.Namespace) -> dict[str, float]:
    maker = Maker(stack.secret, options.people)
    figures = {}
    for kind, make in DRAINS.items():
        count = options.people if kind in ("identifies", "merges") else options.hits
        run = drain(stack, kind, make(maker, count), count)
        if run.stored != run.hits:
            raise StackError(f"{kind}: {run.hits - run.stored} hits are missing")
        figures[kind] = run.hits_per_second
    return figures


def _merged(stack: Stack, rounds: int) -> dict[str, float]:
    merges, undoes, reads = [], [], []
    identity, contacts = TimedClient(stack, "identity-0"), TimedClient(stack, "contacts")
    for _ in range(rounds):
        merges.append(identity.timed("/v1/merge", {"winner": WINNER, "loser": LOSER})[1])
        shown, took = contacts.timed(f"/api/contacts/{WINNER}/activity?limit=1&filters[includeEvents][]=page.hit")
        if int(shown["total"]) != EVENTS:
            raise StackError(f"after the merge the winner shows {shown['total']} events")
        reads.append(took)
        undoes.append(identity.timed("/v1/unmerge", {"contact": LOSER})[1])
    return {
        "merge ms": statistics.median(merges),
        "undo ms": statistics.median(undoes),
        "history after it ms": statistics.median(reads),
    }


def _resolved(stack: Stack, known: int, calls: int) -> dict[str, float]:
    client, chance, times = TimedClient(stack, "identity-0"), random.Random(7), []
    for _ in range(calls):
        numbers = [chance.randrange(FIRST_KNOWN, FIRST_KNOWN + known) for _ in range(RESOLVED)]
        answer, took = client.timed("/v1/resolve", {"ids": [{"email": f"person{one}@example.org"} for one in numbers]})
        if [one["contact_id"] for one in answer["results"]] != numbers:
            raise StackError("an address was resolved to another contact")
        times.append(took)
    return {"resolve p50 ms": report.percentile(times, 0.5), "resolve p99 ms": report.percentile(times, 0.99)}


def _as_table(measured: list[Measured]) -> str:
    names = list(measured[0].figures)
    rows = [[name, BARS.get(name, ""), *(one.figures[name] for one in measured)] for name in names]
    sizes = [f"{one.contacts:,} {'on a cluster' if one.is_cluster else 'contacts'}" for one in measured]
    return report.table(["one resolver", "bar", *sizes], rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-identity", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--hits", type=int, default=400_000, help="of known devices, and of new visitors")
    parser.add_argument("--people", type=int, default=50_000, help="identifies, and merges")
    parser.add_argument("--rounds", type=int, default=20, help="merges and undoes of a contact with a million events")
    parser.add_argument("--calls", type=int, default=300, help="of /v1/resolve, with 1,000 addresses each")
    parser.add_argument(
        "--cluster",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="the first size also on a Redis cluster of three masters, all on this machine",
    )
    parser.add_argument("--fsync", choices=("always", "everysec"), default="always")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
