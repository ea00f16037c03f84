"""Three times as many hits as Redis takes: who is told to come again, and how long the others wait.

A proxy that lets about 3,000 hits a second through stands before Redis, and an open loop sends 9,000. `./just overload`
ends with status 1 when an accepted hit was lost or stored twice, when one in a hundred waited for more than a second,
or when full speed was not back within 5 s of the end.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from loadtests import report
from loadtests.faults import page
from loadtests.faults.stage import Stage
from loadtests.ledger import Ledger, check
from loadtests.report import percentile
from loadtests.stack import StackError
from loadtests.storage import addresses_of_contacts, aliases, drain, settle, stored_rows
from loadtests.traffic import Record, Traffic, TrafficError, end, read_traffic, start_traffic

CAPACITY = 3_000.0  # hits a second
TIMES = 3.0
CALM_SHARE = 0.8  # of the capacity, before and after
CALM_SECONDS = 6.0
CONNECTIONS = 3_500  # enough for all who wait; ingest's server takes 4,096
P99_SECONDS = 1.0
BACK_SECONDS = 5.0
CALIBRATION = ["2000:3"]
BEHIND_SECONDS = 0.25  # a generator that is further behind has no say


class Phase(NamedTuple):
    """What became of the hits that fell due in it."""

    name: str
    sent: int
    accepted: int
    refused: int
    broken: int
    p50_seconds: float  # of the accepted ones
    p99_seconds: float
    worst_seconds: float


class Verdict(NamedTuple):
    phases: list[Phase]
    behind_seconds: float  # of the generator: from due to sent, of 99 % in the overload
    back_seconds: float  # from the end of the overload to the last trouble
    refused_without_retry_after: int
    lost: int
    twice: int

    def faults(self) -> list[str]:
        """What was not as promised."""
        overload = self.phases[1]
        found = []
        if self.behind_seconds > BEHIND_SECONDS:
            found.append(f"the generator was {self.behind_seconds:.1f} s behind: this machine has too much else to do")
        if self.lost or self.twice:
            found.append(f"{self.lost} accepted hits lost, {self.twice} stored twice")
        if overload.p99_seconds > P99_SECONDS:
            found.append(f"the p99 of accepted hits was {overload.p99_seconds:.2f} s")
        if not overload.refused:
            found.append("nobody was refused: it was no overload")
        if overload.broken:
            found.append(f"{overload.broken} hits got no answer")
        if self.refused_without_retry_after:
            found.append(f"{self.refused_without_retry_after} refusals without Retry-After")
        if self.back_seconds > BACK_SECONDS:
            found.append(f"full speed was back after {self.back_seconds:.1f} s")
        return found


def main() -> int:
    options = _options()
    machine = report.machine()
    try:
        with Stage(fsync=options.fsync) as stage:
            traffic, ledger, capacity = _run(stage, options)
    except (StackError, TrafficError) as error:
        print(f"overload: {error}", file=sys.stderr)
        return 1
    verdict = judge(traffic, ledger, [CALM_SECONDS, options.seconds, CALM_SECONDS])
    print(as_text(verdict))
    for fault in verdict.faults():
        print(f"overload: {fault}")
    facts = {"machine": machine, "settings": vars(options), "verdict": verdict._asdict(), "faults": verdict.faults()}
    if verdict.behind_seconds > BEHIND_SECONDS:
        return 1  # nothing to be kept
    report.write("overload", facts)
    if options.write:
        what = f"{capacity:,.0f} hits/s get through, `{options.fsync}`"
        page.write("overload", f"{page.ran_on(machine, what)}\n\n{as_markdown(verdict)}")
    return 1 if verdict.faults() else 0


def judge(traffic: Traffic, ledger: Ledger, seconds: Sequence[float]) -> Verdict:
    """Of a calm phase, an overload, and a calm phase, which last for so long."""
    began = min(record.time_ms for record in traffic.records) / 1e3
    begins = [began, began + seconds[0], began + seconds[0] + seconds[1]]
    phases = []
    for name, start, stop in zip(("before", "overload", "after"), begins, [*begins[1:], float("inf")], strict=True):
        phases.append(_phase(name, [one for one in traffic.records if start <= one.time_ms / 1e3 < stop]))
    # Those that fell due in the overload are its own; of the others the last one that had trouble counts.
    after = [one.troubled_us / 1e6 for one in traffic.records if one.time_ms / 1e3 >= begins[2]]
    back = max(0.0, max(after, default=0.0) - begins[2])
    overload = [one for one in traffic.records if begins[1] <= one.time_ms / 1e3 < begins[2]]
    behind = percentile([_sent_late(one) for one in overload], 0.99)
    return Verdict(phases, behind, back, traffic.refused_without_retry_after, ledger.lost, ledger.twice)


def as_text(verdict: Verdict) -> str:
    return report.table(_HEAD, [_cells(phase) for phase in verdict.phases]) + "\n" + _words(verdict)


def as_markdown(verdict: Verdict) -> str:
    lines = [" | ".join(_HEAD), "|".join("---" for _ in _HEAD)]
    lines += [" | ".join(map(str, _cells(phase))) for phase in verdict.phases]
    return "\n".join(f"| {line} |" for line in lines) + "\n\n" + _words(verdict)


_HEAD = ("", "hits", "accepted", "told 503", "no answer", "p50 s", "p99 s", "worst s")


def _cells(phase: Phase) -> list[str]:
    counts = [f"{count:,}" for count in (phase.sent, phase.accepted, phase.refused, phase.broken)]
    return [phase.name, *counts, *(f"{one:.3f}" for one in (phase.p50_seconds, phase.p99_seconds, phase.worst_seconds))]


def _words(verdict: Verdict) -> str:
    return f"Full speed is back {verdict.back_seconds:.1f} s after the end; {verdict.lost} lost, {verdict.twice} twice."


def _phase(name: str, records: Iterable[Record]) -> Phase:
    records = list(records)
    waits = [one.answered_us / 1e6 - one.time_ms / 1e3 for one in records if one.answered_us]
    return Phase(
        name,
        len(records),
        len(waits),
        sum(one.refused for one in records),
        sum(one.broken for one in records),
        percentile(waits, 0.5),
        percentile(waits, 0.99),
        max(waits, default=0.0),
    )


def _sent_late(record: Record) -> float:
    """For how long it waited for a free connection; each is sent once here, and a refusal is trouble."""
    ended_us = record.answered_us or record.troubled_us
    return (ended_us - record.longest_us) / 1e6 - record.time_ms / 1e3


def _run(stage: Stage, options: argparse.Namespace) -> tuple[Traffic, Ledger, float]:
    stage.start_valkey()
    stage.start_clickhouse()
    stage.start_ingest()
    before, warm_up = stage.redis_proxy.bytes, _traffic(stage, "calibration", CALIBRATION, 3.0)
    hit_bytes = (stage.redis_proxy.bytes - before) / len(warm_up.records)
    stage.redis_proxy.bytes_a_second = hit_bytes * options.capacity
    calm, load = options.capacity * CALM_SHARE, options.capacity * TIMES
    steps = [f"{calm}:{CALM_SECONDS}", f"{load}:{options.seconds}", f"{calm}:{CALM_SECONDS}"]
    traffic = _traffic(stage, "overload", steps, 2 * CALM_SECONDS + options.seconds)
    # Whoever stores the hits comes later: two cores have enough to do with 9,000 callers a second.
    stage.lead_past_redis_proxy()
    stage.start_identity()
    drain(stage, stage.streams)
    settle(stage)
    earlier = {record.event_id for record in warm_up.records}
    rows = [row for row in stored_rows(stage) if row.event_id not in earlier]
    ledger = check(traffic.records, rows, aliases(stage), addresses_of_contacts(stage))
    return traffic, ledger, options.capacity


def _traffic(stage: Stage, name: str, steps: Sequence[str], seconds: float) -> Traffic:
    """Nothing that is refused is sent again: the load is what it is said to be."""
    record = stage.folder / name
    flags = ["--anonymous", "--once", "--connections", str(CONNECTIONS), "--steps", *steps]
    process = start_traffic(stage.port("ingest"), record, rate=0, seconds=0, seed=len(name), flags=flags)
    end(process, seconds)
    return read_traffic(record)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="overload", description=__doc__)
    parser.add_argument("--capacity", type=float, default=CAPACITY, help="hits a second that get through")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--fsync", choices=("always", "everysec"), default="always")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
