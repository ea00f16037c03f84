"""The generator's own process: a crowd's hits at a set rate in an open loop, and a record of every one of them.

`python -m loadtests.traffic --port P --rate R --seconds S --record FILE` repeats what got no 2xx under the same id and
time, and prints a line for each sampled hit as soon as it is answered: event id, contact id, time of the answer.
SIGTERM ends it early: what is under way is still confirmed, and the record written.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvloop

from loadtests.openloop import OpenLoop
from loadtests.people import ANONYMOUS, REALISTIC, Crowd, SentHit
from loadtests.processes import end_with_parent
from loadtests.report import ROOT, percentile

RETRY_SECONDS = 0.25  # doubled with each try, or a long outage would end in nothing but repeats
LONGEST_RETRY_SECONDS = 8.0
SLOW_SECONDS = 1.0  # an answer that takes longer is trouble
CONFIRM_SECONDS = 60.0  # after the last hit, for what is still to be confirmed
SAMPLES_A_SECOND = 10
_DEVICE = re.compile(rb"set-cookie: *mautic_device_id=([0-9a-z]{23})", re.IGNORECASE)


class TrafficError(Exception):
    """The generator has left no record."""


class Record(msgspec.Struct, array_like=True, gc=False):
    """What the generator knows of one hit."""

    event_id: str
    time_ms: int
    person: str
    is_bot: bool
    is_first: bool  # of its device: sent without a cookie
    is_anonymous: bool  # from a device that never gives an address
    answered_us: int  # 0: never answered with 2xx
    tries: int
    refused: int = 0  # of these, told 503
    broken: int = 0  # of these, without an answer: refused or broken connections, more than 10 s
    longest_us: int = 0  # that one of them was waited for
    troubled_us: int = 0  # when the last one ended that was no 2xx, or slow; 0: none


class Traffic(msgspec.Struct):
    """A whole run of the generator."""

    records: list[Record]
    visitors: int
    accept_p50_ms: float
    accept_p99_ms: float  # from the time at which a hit was due
    statuses: dict[int, int]  # of all answers; 0: none came
    refused_without_retry_after: int
    generator_cpu_seconds: float


class Generator:
    def __init__(self, options: argparse.Namespace) -> None:
        mix = ANONYMOUS if options.anonymous else REALISTIC
        self._crowd = Crowd(options.seed, f"127.0.0.1:{options.port}", mix)
        self._loop: OpenLoop[SentHit] = OpenLoop("127.0.0.1", options.port, options.connections, self._on_answer)
        self._options = options
        self._latencies: list[float] = []
        self._statuses: Counter[int] = Counter()
        self._without_retry_after = 0
        self._unconfirmed = 0
        self._sampled_until = 0.0
        self._next_sample = 0.0

    async def run(self) -> Traffic:
        await self._loop.open()
        gc.disable()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._end)
        self._sampled_until = time.perf_counter() + self._options.sample_seconds
        for rate, seconds in self._options.steps or [(self._options.rate, self._options.seconds)]:
            await self._loop.run(rate, seconds, self._next)
        deadline = time.perf_counter() + CONFIRM_SECONDS
        while self._unconfirmed and time.perf_counter() < deadline:
            await asyncio.sleep(0.01)
        self._loop.close()
        return Traffic(
            self._records(),
            sum(1 for visitor in self._crowd.visitors if visitor.hits),
            percentile(self._latencies, 0.5) * 1e3,
            percentile(self._latencies, 0.99) * 1e3,
            dict(self._statuses),
            self._without_retry_after,
            time.process_time(),
        )

    def _end(self) -> None:
        self._loop.is_enough = True

    def _next(self, _: float) -> tuple[bytes, SentHit] | None:
        if self._options.saturate and not self._loop.free:
            return None
        hit = self._crowd.next_hit(time.time_ns() // 1_000_000)
        self._unconfirmed += 1
        return hit.request, hit

    def _on_answer(self, hit: SentHit, due: float, sent: float, status: int, answer: bytes) -> None:
        now = time.perf_counter()
        hit.tries += 1
        self._statuses[status] += 1
        hit.longest_us = max(hit.longest_us, int((now - sent) * 1e6))
        if not 200 <= status < 300:
            self._on_refusal(hit, due, status, answer)
            return
        if now - sent > SLOW_SECONDS:
            hit.troubled_us = time.time_ns() // 1_000
        hit.answered_us = time.time_ns() // 1_000
        hit.request = b""
        self._unconfirmed -= 1
        self._latencies.append(now - due)
        named = _DEVICE.search(answer)
        self._crowd.answered(hit, named[1].decode() if named else "")
        if self._next_sample <= now < self._sampled_until:
            self._sample(hit, now)

    def _on_refusal(self, hit: SentHit, due: float, status: int, answer: bytes) -> None:
        hit.troubled_us = time.time_ns() // 1_000
        hit.refused += status == 503
        hit.broken += status == 0
        self._without_retry_after += status == 503 and b"retry-after:" not in answer.lower()
        if self._options.once:
            self._unconfirmed -= 1
            return
        pause = min(RETRY_SECONDS * 2 ** min(hit.tries - 1, 10), LONGEST_RETRY_SECONDS)
        asyncio.get_running_loop().call_later(pause, self._loop.submit, hit.request, hit, due)

    def _sample(self, hit: SentHit, now: float) -> None:
        """Only anonymous ones: their contact is known at once."""
        visitor = hit.visitor
        if visitor.device_id and not visitor.email and not visitor.is_shared:
            print(hit.event_id, visitor.birth_contact(), hit.answered_us, flush=True)
            self._next_sample = now + 1 / SAMPLES_A_SECOND

    def _records(self) -> list[Record]:
        records = []
        for visitor in self._crowd.visitors:
            # What still waited for a free connection at the end says nothing to anybody.
            visitor.hits = [hit for hit in visitor.hits if hit.tries]
            is_anonymous = not any(hit.email for hit in visitor.hits)
            for number, (hit, person) in enumerate(zip(visitor.hits, visitor.people(), strict=True)):
                records.append(
                    Record(
                        hit.event_id,
                        hit.time_ms,
                        person,
                        hit.is_bot,
                        number == 0,
                        is_anonymous,
                        hit.answered_us,
                        hit.tries,
                        hit.refused,
                        hit.broken,
                        hit.longest_us,
                        hit.troubled_us,
                    )
                )
        return records


def start_traffic(
    port: int, record: Path, *, rate: float, seconds: float, seed: int, sampled: float = 0, flags: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """Starts the generator as a process; its samples are lines on its standard output."""
    command = [sys.executable, "-m", "loadtests.traffic", "--port", str(port), "--record", str(record)]
    command += ["--rate", str(rate), "--seconds", str(seconds), "--seed", str(seed), "--sample-seconds", str(sampled)]
    return subprocess.Popen([*command, *flags], cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=end_with_parent)


def end(process: subprocess.Popen[str], seconds: float) -> None:
    """Waits for a generator that has `seconds` to go, and for its record. Raises `TrafficError`."""
    try:
        if process.wait(seconds + 2 * CONFIRM_SECONDS):
            raise TrafficError("the traffic generator failed")
    except subprocess.TimeoutExpired as error:
        raise TrafficError("the traffic generator did not end") from error
    finally:
        process.kill()


def read_traffic(path: Path) -> Traffic:
    return msgspec.msgpack.decode(path.read_bytes(), type=Traffic)


def _step(text: str) -> tuple[float, float]:
    rate, _, seconds = text.partition(":")
    return float(rate), float(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--steps", type=_step, nargs="+", help="rates and seconds one after the other: 1500:5 9000:20")
    parser.add_argument("--connections", type=int, default=128)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample-seconds", type=float, default=0)
    parser.add_argument("--saturate", action="store_true", help="skip what finds no free connection")
    parser.add_argument("--once", action="store_true", help="what is refused is not sent again")
    parser.add_argument("--anonymous", action="store_true", help="nobody gives an address, and there are no bots")
    options = parser.parse_args()
    traffic = asyncio.Runner(loop_factory=uvloop.new_event_loop).run(Generator(options).run())
    options.record.write_bytes(msgspec.msgpack.encode(traffic))


if __name__ == "__main__":
    main()
