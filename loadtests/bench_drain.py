"""How fast one resolver drains: hits written to the stream as ingest writes them, then timed until stored and
acknowledged; known devices, new visitors, identifies, known contacts and merges apart.

`python -m loadtests.bench_drain --hits N`
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from redis.exceptions import ResponseError

from loadtests import payloads, report
from loadtests.stack import Stack, StackError
from services.common import keys
from services.common.device import DeviceCodec
from services.common.hit import BATCH_FIELD, Door, Hit, encode_batch
from services.ingest.door import event_ids

HITS_A_VISITOR = 10
STEP_SECONDS = 0.02
DEADLINE_SECONDS = 900.0
SERVERS = ("identity-0", "clickhouse", "valkey")
# Contact ids as the door would have given them out: below those of the resolver's own blocks, which follow the clock.
FIRST_CONTACT_ID = {"known devices": 1, "new visitors": 10_000_000, "identifies": 20_000_000, "merges": 30_000_000}
KINDS = ("known devices", "new visitors", "identifies", "known contacts", "merges")


class Drained(NamedTuple):
    """One kind of hits, all the way."""

    kind: str
    hits: int
    seconds: float  # from the first entry read to the last one acknowledged
    start_seconds: float  # from the start of the process to the first entry read
    cpu_seconds: dict[str, float]
    stored: int  # distinct event ids that arrived in ClickHouse

    @property
    def hits_per_second(self) -> float:
        return self.hits / self.seconds


def main() -> int:
    options = _options()
    makers: dict[str, Callable[[Maker, int], Iterator[Hit]]] = {
        "known devices": Maker.known,
        "new visitors": Maker.new,
        "identifies": Maker.identifies,
        "known contacts": Maker.known_contacts,
        "merges": Maker.merges,
    }
    facts: dict[str, Any] = {"machine": report.machine(), "settings": vars(options), "runs": []}
    try:
        with Stack(fsync=options.fsync) as stack:
            stack.start_valkey()
            stack.start_clickhouse()
            warm_up(stack)
            maker = Maker(stack.secret, options.people)
            runs = []
            for kind, make in makers.items():
                if kind in options.kinds:
                    count = options.people if kind in ("identifies", "merges") else options.hits
                    runs.append(drain(stack, kind, make(maker, count), count))
    except StackError as error:
        print(f"bench-drain: {error}", file=sys.stderr)
        return 1
    facts["runs"] = [{**run._asdict(), "hits_per_second": run.hits_per_second} for run in runs]
    print(_as_table(runs))
    print(f"\nwritten to {report.write('bench-drain', facts)}")
    return 0 if all(run.stored == run.hits for run in runs) else 1


class Maker:
    """Hits in ingest's shape."""

    def __init__(self, secret: str, people: int) -> None:
        self._people = people
        self._codec = DeviceCodec((secret,))
        self._web = payloads.Web(seed=3)
        self._random = random.Random(4)
        self._event_ids = event_ids()
        self._bodies = [payloads.parameters(self._web.page(), number % 5).encode() for number in range(5_000)]
        self._agents = [self._web.agent().encode() for _ in range(5_000)]

    def known(self, count: int) -> Iterator[Hit]:
        """Of anonymous visitors who were here before."""
        return self._returning(FIRST_CONTACT_ID["known devices"], max(1, count // HITS_A_VISITOR), count)

    def known_contacts(self, count: int) -> Iterator[Hit]:
        """The same of the contacts of `identifies`: each has a profile."""
        return self._returning(FIRST_CONTACT_ID["identifies"], self._people, count)

    def new(self, count: int) -> Iterator[Hit]:
        for number in range(count):
            yield self._hit(*self._device(FIRST_CONTACT_ID["new visitors"] + number), is_new=True)

    def identifies(self, count: int) -> Iterator[Hit]:
        """An anonymous visitor each, with an address that nobody had."""
        for number in range(count):
            yield self._hit(*self._device(FIRST_CONTACT_ID["identifies"] + number), email=f"person{number}@example.org")

    def merges(self, count: int) -> Iterator[Hit]:
        """An anonymous visitor each, with an address that a contact of `identifies` has."""
        for number in range(count):
            yield self._hit(*self._device(FIRST_CONTACT_ID["merges"] + number), email=f"person{number}@example.org")

    def _returning(self, first: int, visitors: int, count: int) -> Iterator[Hit]:
        devices = [self._device(first + number) for number in range(visitors)]
        for _ in range(count):
            yield self._hit(*self._random.choice(devices))

    def _device(self, contact_id: int) -> tuple[str, int]:
        return self._codec.mint(contact_id), contact_id

    def _hit(self, device_id: str, contact_id: int, *, is_new: bool = False, email: str = "") -> Hit:
        now_us = time.time_ns() // 1_000
        body = self._random.choice(self._bodies) + payloads.email_parameter(email).encode()
        if not is_new:
            body += payloads.device_parameter(device_id).encode()
        return Hit(
            next(self._event_ids),
            now_us,
            now_us,
            Door.EVENT,
            device_id,
            contact_id,
            is_new,
            f"198.51.{contact_id % 100}.{contact_id % 250}",
            b"",
            body,
            self._random.choice(self._agents),
            f"{payloads.SITE}/".encode(),
            b"en-GB,en;q=0.9,de;q=0.8",
        )


def warm_up(stack: Stack) -> None:
    """One hit, so that the schema is there before anything is timed."""
    stack.start_identity()
    stack.stop("identity-0")


def drain(stack: Stack, kind: str, hits: Iterator[Hit], count: int) -> Drained:
    redis, clickhouse = stack.redis(), stack.clickhouse()
    stored_before = _stored(clickhouse)
    _fill(redis, hits)
    started = time.monotonic()
    stack.start_identity(waits=False)
    delivered = _last_delivered(redis)
    while _last_delivered(redis) == delivered:
        _check_deadline(stack, started)
        time.sleep(STEP_SECONDS / 2)
    read = time.monotonic()
    cpu_before = {name: stack.cpu_seconds(name) for name in SERVERS}
    while redis.xlen(keys.hits(0)) or redis.xpending(keys.hits(0), keys.HITS_GROUP)["pending"]:
        _check_deadline(stack, started)
        time.sleep(STEP_SECONDS)
    done = time.monotonic()
    cpu = {name: stack.cpu_seconds(name) - cpu_before[name] for name in SERVERS}
    run = Drained(kind, count, done - read, read - started, cpu, _stored(clickhouse) - stored_before)
    stack.stop("identity-0")
    redis.close()
    clickhouse.close()
    return run


def _fill(redis: Any, hits: Iterator[Hit]) -> None:
    """Entries of 60-100 hits, as ingest writes them under load."""
    sizes = random.Random(5)
    pipeline, batch, size = redis.pipeline(transaction=False), [], 80
    for hit in hits:
        batch.append(hit)
        if len(batch) == size:
            pipeline.xadd(keys.hits(0), {BATCH_FIELD: encode_batch(batch)})
            batch, size = [], sizes.randint(60, 100)
            if len(pipeline) >= 50:
                pipeline.execute()
    if batch:
        pipeline.xadd(keys.hits(0), {BATCH_FIELD: encode_batch(batch)})
    pipeline.execute()


def _last_delivered(redis: Any) -> bytes:
    try:
        groups = redis.xinfo_groups(keys.hits(0))
    except ResponseError:  # no stream yet
        groups = []
    return bytes(groups[0]["last-delivered-id"]) if groups else b"0-0"


def _stored(clickhouse: Any) -> int:
    return int(clickhouse.query("SELECT uniqExact(event_id) FROM events").result_rows[0][0])


def _check_deadline(stack: Stack, started: float) -> None:
    if time.monotonic() - started > DEADLINE_SECONDS:
        raise StackError(f"not drained after {DEADLINE_SECONDS:.0f} s:\n{stack.log_tail('identity-0')}")


def _as_table(runs: list[Drained]) -> str:
    rows = [
        [
            run.kind,
            run.hits,
            run.seconds,
            run.hits_per_second,
            *(run.cpu_seconds[name] / run.hits * 1e6 for name in SERVERS),
            run.hits - run.stored,
        ]
        for run in runs
    ]
    head = ["one resolver", "hits", "seconds", "hits/s", "resolver", "clickhouse", "valkey", "missing"]
    return report.table(head, rows) + "\n(the three servers in CPU-seconds per million hits)"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-drain", description=__doc__)
    parser.add_argument("--hits", type=int, default=400_000, help="of known devices, new visitors, known contacts")
    parser.add_argument("--people", type=int, default=100_000, help="identifies, and merges: each leaves a profile")
    parser.add_argument("--fsync", choices=("always", "everysec"), default="always")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    options = parser.parse_args()
    if {"known contacts", "merges"} & set(options.kinds) and "identifies" not in options.kinds:
        parser.error("known contacts and merges need identifies")
    return options


if __name__ == "__main__":
    sys.exit(main())
