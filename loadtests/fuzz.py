"""Whether ingest stands what strangers send: hostile requests over raw sockets, each repeatable by seed and number.

`python -m loadtests.fuzz`: a million of them. It fails on an answer of 5xx but 503, on a framed request that is not
answered in time, on a worker that ends, on memory that grows beyond a bound, and on a good hit that is not kept
afterwards. `--seed S --first N --requests 1 --show` sends one again and shows it.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import uvloop

from loadtests import report
from loadtests.bench_accept import empty_streams
from loadtests.hostile import WRITE_KEY, Hostile, HostileWeb
from loadtests.processes import tree
from loadtests.raw_connection import ClosedError, Connection
from loadtests.stack import Stack, StackError
from services.common import keys
from services.common.clickthrough import Clickthrough, Clickthroughs
from services.common.device import DeviceCodec
from services.common.documents import ASSET, FORM, LINK, Asset, Document, Form, FormField, Link
from services.common.records import Record, RecordStore, Ref
from services.common.redis_client import connect

CONNECTIONS = 64
MAX_PIPELINED = 8
ANSWER_SECONDS = 20.0
QUIET_SECONDS = 0.02  # without an answer, after which a wreck's sender ends its side
EMPTY_EVERY = 100_000  # requests, after which the accepted hits are thrown away: 100 MB or so
WARM_SHARE = 0.2  # of the requests; memory may not grow by more than the bound after them
MAX_GROWTH_BYTES = 64 << 20
MAX_FINDINGS = 20

_ERROR = re.compile(r"[A-Za-z_.]*(?:Error|Exception|Disconnect)\b")
_NUMBER = re.compile(r"0x[0-9a-f]+|\d+")


class Finding(NamedTuple):
    """`--seed S --first <number> --requests 1` makes it again."""

    number: int
    what: str
    request: str


class Fuzz:
    def __init__(self, stack: Stack, web: HostileWeb, first: int, requests: int, *, shows: bool) -> None:
        self._stack, self._web, self._shows = stack, web, shows
        self._first, self._requests = first, requests
        self._numbers = iter(range(first, first + requests))
        self._done = 0
        self._workers = tree(stack.pid("ingest"))
        self.counts: Counter[str] = Counter()
        self.findings: list[Finding] = []
        self.memory: dict[str, int] = {"start": resident_bytes(stack)}

    async def run(self) -> None:
        senders = [asyncio.create_task(self._send_forever()) for _ in range(CONNECTIONS)]
        warm = int(WARM_SHARE * self._requests)
        for step in sorted({warm, *range(EMPTY_EVERY, self._requests, EMPTY_EVERY)}):
            while self._done < step and not any(sender.done() for sender in senders):
                await asyncio.sleep(0.05)
            self._check_worker()
            if step == warm:
                self.memory["warm"] = resident_bytes(self._stack)
            await asyncio.to_thread(empty_streams, self._stack)
        try:
            await asyncio.gather(*senders)
        except OSError as error:
            self._find(Hostile(self._first + self._done, b"", False, False), f"no connection: {error}")
        self._check_worker()
        self.memory["end"] = resident_bytes(self._stack)

    def _check_worker(self) -> None:
        if (now := tree(self._stack.pid("ingest"))) != self._workers:
            self._find(Hostile(self._first + self._done, b"", False, False), "a process of ingest ended before this")
            self._workers = now

    async def _send_forever(self) -> None:
        """Bursts of framed requests on one connection while it lasts; a wreck has one of its own."""
        connection: Connection | None = None
        for burst in self._bursts():
            if not burst[0].is_framed:
                await self._send_wreck(burst[0])
                continue
            waiting = burst
            while waiting:
                connection = connection or await Connection.open(self._stack.port("ingest"))
                answered, lives = await self._send(connection, waiting)
                waiting = waiting[answered:]
                if not lives:
                    connection.close()
                    connection = None
        if connection:
            connection.close()

    def _bursts(self) -> Iterator[list[Hostile]]:
        burst: list[Hostile] = []
        for number in self._numbers:
            one = self._web.request(number)
            if self._shows:
                print(one.data)
            if one.is_framed:
                burst.append(one)
            else:
                yield [one]
            if burst and len(burst) > number % MAX_PIPELINED:
                yield burst
                burst = []
        if burst:
            yield burst

    async def _send(self, connection: Connection, burst: list[Hostile]) -> tuple[int, bool]:
        """(how many are settled, whether the connection may be used again)."""
        connection.write(b"".join(one.data for one in burst))
        for number, one in enumerate(burst):
            try:
                answer = await asyncio.wait_for(connection.answer(is_head=one.is_head), ANSWER_SECONDS)
            except TimeoutError:
                self._find(one, f"no answer in {ANSWER_SECONDS:.0f} s")
                return self._settled(number + 1), False
            except ClosedError:
                self.counts["closed without an answer"] += 1
                return self._settled(number + 1), False
            self._count(one, answer.status)
            if answer.closes:
                return self._settled(number + 1), False
        return self._settled(len(burst)), True

    async def _send_wreck(self, one: Hostile) -> None:
        """Whatever comes back is counted, until the other side ends it or is silent."""
        connection = await Connection.open(self._stack.port("ingest"))
        connection.write(one.data)
        answers = 0
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await connection.listen(QUIET_SECONDS)
                connection.end()
                while True:
                    self._count(one, (await connection.answer(is_head=False)).status)
                    answers += 1
        except ClosedError:
            self.counts["wreck closed without an answer"] += not answers
        except TimeoutError:
            self.counts["wreck left open"] += 1
        connection.close()
        self._settled(1)

    def _settled(self, requests: int) -> int:
        self._done += requests
        return requests

    def _count(self, one: Hostile, status: int) -> None:
        self.counts[str(status)] += 1
        if self._shows:
            print(status)
        if status >= 500 and status != 503:
            self._find(one, f"answered {status}")

    def _find(self, one: Hostile, what: str) -> None:
        self.counts["findings"] += 1
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(one.number, what, repr(one.data[:600])))


def resident_bytes(stack: Stack) -> int:
    """Of all of ingest's processes."""
    lines = [line for pid in tree(stack.pid("ingest")) for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) * 1_024 for line in lines if line.startswith("VmRSS:"))


def errors_in(log: str) -> Counter[str]:
    """The last lines of tracebacks, without what differs from one to the next."""
    return Counter(_NUMBER.sub("N", line)[:120] for line in log.splitlines() if _ERROR.match(line))


async def prepare(stack: Stack) -> None:
    """A link, a download and a form, all with the id 1."""
    redis = connect(stack.environ["SPOOR_REDIS_URL"], timeout_seconds=5)
    documents: dict[str, Document] = {
        LINK: Link(name="l", url="https://shop.example/?a=1#b"),
        ASSET: Asset(title="a", url="https://files.example/a.pdf"),
        FORM: Form(
            name="f",
            alias="f",
            fields=[
                FormField(id=1, label="E-mail", alias="email", type="email", contact_field="email"),
                FormField(id=2, label="Name", alias="name", contact_field="lastname"),
                FormField(id=3, label="Size", alias="size", type="checkboxgrp", choices=["s", "m"]),
            ],
        ),
    }
    records = [Record(Ref(kind, "1"), 0, msgspec.json.encode(document)) for kind, document in documents.items()]
    await RecordStore(redis).write(records)
    await redis.aclose()


async def good_hit_is_kept(stack: Stack) -> bool:
    client = stack.redis()
    before = int(client.xlen(keys.hits(0)))
    connection = await Connection.open(stack.port("ingest"))
    connection.write(b"GET /mtracking.gif?page_url=a HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        answer = await asyncio.wait_for(connection.answer(is_head=False), ANSWER_SECONDS)
    except (ClosedError, TimeoutError):
        return False
    finally:
        connection.close()
    kept = int(client.xlen(keys.hits(0))) - before
    client.close()
    return answer.status == 200 and kept == 1


def main() -> int:
    options = _options()
    try:
        with Stack(fsync="everysec", maxmemory="1gb") as stack:
            facts = _fuzz(stack, options)
    except StackError as error:
        print(f"fuzz: {error}", file=sys.stderr)
        return 1
    print(_as_table(facts))
    print(f"\nwritten to {report.write('fuzz', facts)}")
    return 1 if facts["findings"] else 0


def _fuzz(stack: Stack, options: argparse.Namespace) -> dict[str, Any]:
    stack.environ |= {
        "SPOOR_WRITE_KEYS": WRITE_KEY,
        "SPOOR_CORS_ORIGINS": "https://*.shop.example",
        "SPOOR_TRUSTED_PROXIES": "127.0.0.0/8",
        "SPOOR_CLICKHOUSE_URL": "",  # who is not in Redis is nobody
        "SPOOR_LOG_LEVEL": "error",
    }
    stack.secret = stack.environ["SPOOR_SECRET"] = f"fuzz-{options.seed}"  # good ids and tokens are the same each time
    stack.start_valkey()
    stack.start_ingest()
    codec, clicks = DeviceCodec((stack.secret,)), Clickthroughs((stack.secret,))
    devices = [codec.mint(number) for number in range(1, 200)] + ["foreign-device-1", "x" * 64]
    tokens = [clicks.sign(Clickthrough(number, 2**31, {"email": 9}, ["email", 9])) for number in range(1, 50)]
    web = HostileWeb(options.seed, devices, tokens)
    fuzz = Fuzz(stack, web, options.first, options.requests, shows=options.show)
    began = time.perf_counter()
    uvloop.run(prepare(stack))
    uvloop.run(fuzz.run())
    seconds = time.perf_counter() - began
    findings = [one._asdict() for one in fuzz.findings]
    growth = fuzz.memory["end"] - fuzz.memory["warm"]
    if growth > MAX_GROWTH_BYTES:
        findings.append({"number": None, "what": f"memory grew by {growth:,} bytes", "request": ""})
    if not uvloop.run(good_hit_is_kept(stack)):
        findings.append({"number": None, "what": "a good hit is not kept afterwards", "request": ""})
    return {
        "machine": report.machine(), "settings": vars(options), "seconds": seconds,
        "requests_per_second": options.requests / seconds, "answers": dict(sorted(fuzz.counts.items())),
        "memory": fuzz.memory, "max_growth_bytes": MAX_GROWTH_BYTES, "findings": findings,
        "errors": dict(errors_in(stack.log_tail("ingest", 1_000_000)).most_common(20)),
    }  # fmt: skip


def _as_table(facts: dict[str, Any]) -> str:
    megabytes = {f"resident MB, {name}": size / 2**20 for name, size in facts["memory"].items()}
    rows = [*facts["answers"].items(), *megabytes.items(), ("requests/s", facts["requests_per_second"])]
    lines = [report.table([f"seed {facts['settings']['seed']}", "count"], rows)]
    lines += [f"at {one['number']}: {one['what']}: {one['request'][:300]}" for one in facts["findings"]]
    lines += [f"logged {count} x {error}" for error, count in facts["errors"].items()]
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first request")
    parser.add_argument("--show", action="store_true", help="print requests and statuses")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
