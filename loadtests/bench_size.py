"""What hits and contacts take once they are stored: bytes of ClickHouse by table, bytes of Redis, CPU of each process.

`python -m loadtests.bench_size --hits 100000 900000 --contacts 200000 800000`
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from loadtests import report
from loadtests.filling import fill_contacts, run_rebuild
from loadtests.redis_memory import growing_bytes
from loadtests.stack import Stack, StackError
from loadtests.traffic import read_traffic, start_traffic
from services.common import keys

SERVERS = ("ingest", "identity-0", "clickhouse", "valkey")
FIRST_FILLED = 1_000_000_000  # far from the ids that hits are given
DRAIN_SECONDS = 300.0
PARTS = (
    "SELECT table, sum(bytes_on_disk), sum(data_uncompressed_bytes), sum(rows) FROM system.parts"
    " WHERE active AND database = 'spoor' GROUP BY table ORDER BY table"
)
TABLES = "SELECT DISTINCT table FROM system.parts WHERE active AND database = 'spoor'"


def main() -> int:
    options = _options()
    facts: dict[str, Any] = {"machine": report.machine(), "settings": vars(options), "hits": [], "contacts": []}
    try:
        with Stack(fsync="everysec", maxmemory="6gb") as stack:
            stack.start_valkey()
            stack.start_clickhouse()
            stack.start_identity()
            stack.start_ingest()
            for number, hits in enumerate(options.hits):
                facts["hits"].append(_send(stack, hits, options.rate, number))
            stack.stop("ingest")
            stack.stop("identity-0")
            first = FIRST_FILLED
            for contacts in options.contacts:
                facts["contacts"].append(_fill(stack, contacts, first))
                first += contacts
    except StackError as error:
        print(f"bench-size: {error}", file=sys.stderr)
        return 1
    print(_as_table(facts))
    print(f"\nwritten to {report.write('bench-size', facts)}")
    return 0


def _send(stack: Stack, hits: int, rate: float, number: int) -> dict[str, Any]:
    """So many realistic hits through all of it. What stands in the facts is the whole since the start."""
    record = stack.folder / f"traffic-{number}"
    before = {name: stack.cpu_seconds(name) for name in SERVERS}
    generator = start_traffic(
        stack.port("ingest"), record, rate=rate, seconds=hits / rate, seed=number + 1, flags=["--saturate"]
    )
    generator.communicate()
    _drain(stack)
    answered = sum(1 for one in read_traffic(record).records if one.answered_us)
    cpu = {name: stack.cpu_seconds(name) - before[name] for name in SERVERS}
    return {"answered": answered, "cpu_seconds": cpu, **_stored(stack)}


def _fill(stack: Stack, contacts: int, first: int) -> dict[str, Any]:
    """Known contacts of 12 fields, as the projection writes them, and their profiles by the real tool."""
    fill_contacts(stack, contacts, first_id=first)
    redis = stack.redis()
    redis.flushall()  # the tool wants an empty one, and brings back everybody
    redis.close()
    run_rebuild(stack)
    return {"filled": contacts, **_stored(stack)}


def _drain(stack: Stack) -> None:
    redis = stack.redis()
    deadline = time.monotonic() + DRAIN_SECONDS
    while redis.xlen(keys.hits(0)) or any(redis.scan_iter(match="changes:*", count=10_000)):
        if time.monotonic() > deadline:
            raise StackError(f"not drained after {DRAIN_SECONDS:.0f} s:\n{stack.log_tail('identity-0')}")
        time.sleep(0.2)
    redis.close()


def _stored(stack: Stack) -> dict[str, Any]:
    redis, clickhouse = stack.redis(), stack.clickhouse()
    for (table,) in clickhouse.query(TABLES).result_rows:
        clickhouse.command(f"OPTIMIZE TABLE {table} FINAL")  # as time would have joined its parts
    time.sleep(1)
    tables = {
        name: {"disk_bytes": disk, "plain_bytes": plain, "rows": rows}
        for name, disk, plain, rows in clickhouse.query(PARTS).result_rows
    }
    visitors, known = clickhouse.query(
        "SELECT (SELECT uniqExact(contact_id) FROM events), (SELECT uniqExact(id) FROM contacts)"
    ).result_rows[0]
    facts = {
        "redis_bytes": growing_bytes(redis),
        "redis_keys": redis.dbsize(),
        "contacts_with_events": visitors,
        "known_contacts": known,
        "tables": tables,
    }
    redis.close()
    clickhouse.close()
    return facts


def _as_table(facts: dict[str, Any]) -> str:
    rows = []
    for kind in ("hits", "contacts"):
        for one in facts[kind]:
            disk = sum(table["disk_bytes"] for table in one["tables"].values())
            events, contacts = one["tables"].get("events", {}), one["tables"].get("contacts", {})
            rows.append([kind, one.get("answered", one.get("filled", 0)), events.get("rows", 0),
                         events.get("disk_bytes", 0), one["known_contacts"], contacts.get("disk_bytes", 0),
                         disk, one["redis_bytes"]])  # fmt: skip
    head = ["phase", "added", "events", "their bytes", "contacts", "their bytes", "all bytes", "Redis bytes"]
    return report.table(head, rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-size", description=__doc__)
    parser.add_argument("--hits", type=int, nargs="+", default=[100_000, 900_000], help="one phase after the other")
    parser.add_argument("--rate", type=float, default=3_000, help="hits a second, or as many as find room")
    parser.add_argument("--contacts", type=int, nargs="+", default=[200_000, 800_000])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
