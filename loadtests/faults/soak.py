"""Everything at a modest rate for an hour or a day: memory, file handles, lag and latency have to stay flat.

`./just soak --hours 24`, or `--minutes 10` to try it. People, bots and repeats call ingest all the time, somebody looks
at lists and histories, and now and then makes an export. A sample of every service is taken each interval, and a line
printed. Status 1 when something grows, or when the ledger of any slice is not clean.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import sys
import time
from collections import defaultdict
from typing import Any

from loadtests import report
from loadtests.faults import page
from loadtests.faults.sampling import Visits, sample
from loadtests.faults.slopes import Allowance, Slope, slopes
from loadtests.faults.stage import Stage
from loadtests.ledger import Ledger, check
from loadtests.stack import StackError
from loadtests.storage import addresses_of_contacts, aliases, drain, settle, stored_rows
from loadtests.traffic import TrafficError, end, read_traffic, start_traffic

RATE = 300.0  # hits a second: two cores have other things to do in an hour
SLICE_SECONDS = 300.0  # of traffic, after which its ledger is read: a generator that ran on would grow itself
SAMPLES = 60  # at least 1 s apart, at most a minute
LONGEST_INTERVAL_SECONDS = 60.0
# What may be added between the first and the last third, by the kind of what is measured.
ALLOWED = {
    "MB": Allowance(share=0.10, amount=16),  # allocators and caches give back late
    "handles": Allowance(share=0.10, amount=16),
    "s": Allowance(share=0.5, amount=0.5),
    "ms": Allowance(share=0.5, amount=15),
    "entries": Allowance(share=0.5, amount=20),
}
# They keep what they are given, so they grow with the data: shown, not judged.
GROWING_BY_NATURE = ("valkey MB", "clickhouse MB", "clickhouse handles", "search of many found")
_HEAD = ("", "first", "last", "worst", "an hour", "")


def main() -> int:
    options = _options()
    machine = report.machine()
    seconds = options.minutes * 60 or options.hours * 3_600
    try:
        with Stage(fsync=options.fsync) as stage:
            stage.start_all()
            with stage.with_pages():
                series, ledgers = _soak(stage, seconds, options.rate)
    except (StackError, TrafficError) as error:
        print(f"soak: {error}", file=sys.stderr)
        return 1
    found = slopes(series, ALLOWED, ALLOWED["MB"])
    print("\n" + report.table(_HEAD, [_cells(one) for one in found]))
    words = _words(ledgers)
    print(words)
    facts = {"machine": machine, "settings": vars(options), "slopes": [one._asdict() for one in found], "words": words}
    report.write("soak", facts)
    if options.write:
        what = f"{seconds / 3_600:.1f} hours at {options.rate:,.0f} hits/s, `{options.fsync}`"
        page.write("soak", f"{page.ran_on(machine, what)}\n\n{_as_markdown(found)}\n\n{words}")
    is_flat = not any(one.grows for one in found if one.name not in GROWING_BY_NATURE)
    return 0 if is_flat and all(ledger.is_clean() for ledger in ledgers) else 1


def _soak(stage: Stage, seconds: float, rate: float) -> tuple[dict[str, list[tuple[float, float]]], list[Ledger]]:
    series: dict[str, list[tuple[float, float]]] = defaultdict(list)
    ledgers: list[Ledger] = []
    interval = min(LONGEST_INTERVAL_SECONDS, max(1.0, seconds / SAMPLES))
    began, visits = time.monotonic(), Visits(stage)
    while (left := seconds - (time.monotonic() - began)) > 1:
        with _traffic(stage, min(left, SLICE_SECONDS), rate, len(ledgers)) as process:
            while process.poll() is None:
                time.sleep(interval)
                now = time.monotonic() - began
                taken = {**sample(stage), **visits.looks()}
                for name, value in taken.items():
                    series[name].append((now, value))
                print(_line(now, taken), flush=True)
            end(process, 0)
        ledger, accept_p99_ms = _judge(stage, len(ledgers))
        ledgers.append(ledger)
        series["ingest p99 ms"].append((time.monotonic() - began, accept_p99_ms))
        if not ledger.is_clean():
            print(f"    {ledger}", flush=True)
    return series, ledgers


@contextlib.contextmanager
def _traffic(stage: Stage, seconds: float, rate: float, number: int) -> Any:
    record = stage.folder / "traffic"
    process = start_traffic(stage.port("ingest"), record, rate=rate, seconds=seconds, seed=number + 1)
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _judge(stage: Stage, number: int) -> tuple[Ledger, float]:
    """The ledger of a slice, as soon as it is drained, and the p99 of its answers in milliseconds."""
    traffic = read_traffic(stage.folder / "traffic")
    drain(stage, stage.streams)
    settle(stage)
    sent = {record.event_id for record in traffic.records}
    since_ms = min(record.time_ms for record in traffic.records) - 1_000
    rows = [row for row in stored_rows(stage, since_ms) if row.event_id in sent]
    return check(traffic.records, rows, aliases(stage), addresses_of_contacts(stage)), traffic.accept_p99_ms


def _line(now: float, taken: dict[str, float]) -> str:
    """Of processes MB and handles, one after the other."""
    parts = []
    for name, value in taken.items():
        subject, _, unit = name.rpartition(" ")
        if unit == "MB":
            parts.append(f"{subject} {value:.0f}/{taken[f'{subject} handles']:.0f}")
        elif unit != "handles":
            parts.append(f"{name} {value:,.1f}")
    return f"{now / 60:6.1f} min  " + "  ".join(parts)


def _cells(one: Slope) -> list[str]:
    figures = [f"{value:,.1f}" for value in (one.first, one.last, one.worst, one.per_hour)]
    verdict = "grows with the data" if one.grows and one.name in GROWING_BY_NATURE else one.verdict()
    return [one.name, *figures, verdict]


def _as_markdown(found: list[Slope]) -> str:
    lines = [" | ".join(_HEAD), "|".join("---" for _ in _HEAD), *(" | ".join(_cells(one)) for one in found)]
    return "\n".join(f"| {line} |" for line in lines)


def _words(ledgers: list[Ledger]) -> str:
    answered = sum(ledger.answered for ledger in ledgers)
    lost, twice = sum(ledger.lost for ledger in ledgers), sum(ledger.twice for ledger in ledgers)
    wrong = sum(not ledger.is_clean() for ledger in ledgers)
    return f"{answered:,} hits answered, {lost} lost, {twice} twice; {wrong} of {len(ledgers)} ledgers not clean."


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--hours", type=float, default=1.0)
    length.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--rate", type=float, default=RATE, help="hits a second")
    parser.add_argument("--fsync", choices=("always", "everysec"), default="always")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
