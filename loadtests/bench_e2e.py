"""Realistic traffic from the door to ClickHouse at a set rate, then the loss ledger; with `--faults` under fire.

`python -m loadtests.bench_e2e --rate 5000 --seconds 60 --resolvers 1 3 --fsync always --faults` ends with status 1
when a hit was lost, stored twice or put under the wrong contact.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

from loadtests import report
from loadtests.ledger import Ledger, check
from loadtests.redis_memory import growing_bytes, kept_for_contacts
from loadtests.report import percentile
from loadtests.stack import Stack, StackError
from loadtests.storage import addresses_of_contacts, aliases, drain, stored_ids, stored_rows
from loadtests.traffic import Traffic, TrafficError, end, read_traffic, start_traffic
from loadtests.visibility import Watcher
from services.common import keys

STREAMS = {1: 1}  # as `./just up` has; several resolvers share six
STREAMS_OF_SEVERAL = 6
ANONYMOUS_SECONDS = 5.0
SATURATED_SECONDS = 8.0
NOOP_SECONDS = 6.0
UNREACHABLE_RATE = 50_000.0
OVERLOAD_MS = 1_000.0
TROUBLE_SECONDS = 2.0
RESTART_SECONDS = 0.5  # what a supervisor takes
Fault = tuple[float, str, Callable[[Stack], None]]


def main() -> int:
    options = _options()
    facts: dict[str, Any] = {"machine": report.machine(), "settings": vars(options), "runs": []}
    is_clean = True
    try:
        for fsync in options.fsync:
            for resolvers in options.resolvers:
                run, ledger = _measure(fsync, resolvers, options)
                facts["runs"].append(run)
                is_clean = is_clean and ledger.is_clean()
                print(_as_text(run), flush=True)
    except (StackError, TrafficError) as error:
        print(f"bench-e2e: {error}", file=sys.stderr)
        return 1
    path = report.write("bench-e2e-faults" if options.faults else "bench-e2e", facts)
    print(f"written to {path}")
    return 0 if is_clean else 1


def _measure(fsync: str, resolvers: int, options: argparse.Namespace) -> tuple[dict[str, Any], Ledger]:
    with Stack(fsync=fsync, streams=_streams(resolvers)) as stack:
        if options.spill:
            stack.environ["SPOOR_SPILL_DIR"] = str(stack.folder / "spill")
        stack.start_valkey()
        stack.start_clickhouse()
        for number in range(resolvers):
            stack.start_identity(number)
        stack.start_ingest()
        saturated, saturated_cpu = (0.0, {}) if options.rate else _saturate(stack, resolvers)
        rate = options.rate or saturated / 2
        per_visitor = _redis_per_visitor(stack, resolvers, rate)
        before = stored_ids(stack)
        traffic, cpu, drain, watcher = _under_load(stack, resolvers, fsync, rate, options)
        rows = [row for row in stored_rows(stack) if row.event_id not in before]
        addresses = addresses_of_contacts(stack)
        ledger = check(traffic.records, rows, aliases(stack), addresses)
        kept = kept_for_contacts(stack.redis())
        dead = stack.redis().xlen(keys.DEAD_HITS)
        noop_cpu = {"at this rate": _noop_cpu(stack, rate)}
        if saturated:
            noop_cpu["saturated"] = _noop_cpu(stack, UNREACHABLE_RATE)
    contacts = len(addresses)
    return {
        "fsync": fsync,
        "resolvers": resolvers,
        "faults": options.faults,
        "rate": rate,
        "saturated_rate": saturated,
        "saturated_cpu_seconds_per_million": saturated_cpu,
        "ledger": ledger._asdict(),
        "dead_letters": dead,
        "accept_p50_ms": traffic.accept_p50_ms,
        "accept_p99_ms": traffic.accept_p99_ms,
        "visible_p50_s": percentile(watcher.seconds, 0.5),
        "visible_p99_s": percentile(watcher.seconds, 0.99),
        "visible_samples": len(watcher.seconds),
        "visible_never": watcher.unseen,
        "drain_after_seconds": drain,
        "cpu_seconds_per_million": cpu,
        "noop_cpu_seconds_per_million": noop_cpu,
        "redis_bytes_per_anonymous_visitor": per_visitor,
        "redis_bytes_per_contact": kept.bytes / contacts if contacts else 0,
        "contacts": contacts,
        "profiles": kept.profiles,
        "generator_cpu_seconds": traffic.generator_cpu_seconds,
    }, ledger


def _saturate(stack: Stack, resolvers: int) -> tuple[float, dict[str, float]]:
    """(hits a second from the first one sent to the last one stored, CPU-seconds of each service a million of them),
    with as many as the connections carry."""
    record, started = stack.folder / "saturated", time.time()
    cpu_before = {name: stack.cpu_seconds(name) for name in stack.names()}
    process = start_traffic(
        stack.port("ingest"), record, rate=UNREACHABLE_RATE, seconds=SATURATED_SECONDS, seed=3, flags=["--saturate"]
    )
    end(process, SATURATED_SECONDS)
    drain(stack, _streams(resolvers))
    stored = time.time()
    records = read_traffic(record).records
    cpu = {name: (stack.cpu_seconds(name) - before) / len(records) * 1e6 for name, before in cpu_before.items()}
    return len(records) / (stored - max(started, min(one.time_ms for one in records) / 1e3)), cpu


def _noop_cpu(stack: Stack, rate: float) -> float:
    """CPU-seconds a million hits of the same traffic cost a Starlette app that only answers, alone on the machine."""
    name, record = "noop", stack.folder / "noop-traffic"
    if name not in stack.names():
        stack.start(name, ["-m", "loadtests.rivals", name, "--port", str(stack.port(name))], "/mtracking.gif")
    before = stack.cpu_seconds(name)
    flags = ["--saturate"] if rate == UNREACHABLE_RATE else []
    end(start_traffic(stack.port(name), record, rate=rate, seconds=NOOP_SECONDS, seed=4, flags=flags), NOOP_SECONDS)
    return (stack.cpu_seconds(name) - before) / len(read_traffic(record).records) * 1e6


def _redis_per_visitor(stack: Stack, resolvers: int, rate: float) -> float:
    """The growth by visitors who give no address: once to warm everything up, then measured."""
    grown = visitors = 0
    for seed, seconds in ((1, 2.0), (2, ANONYMOUS_SECONDS)):
        before = growing_bytes(stack.redis())
        record = stack.folder / f"anonymous-{seed}"
        end(
            start_traffic(stack.port("ingest"), record, rate=rate, seconds=seconds, seed=seed, flags=["--anonymous"]),
            seconds,
        )
        drain(stack, _streams(resolvers))
        grown, visitors = growing_bytes(stack.redis()) - before, read_traffic(record).visitors
    return grown / visitors


def _under_load(
    stack: Stack, resolvers: int, fsync: str, rate: float, options: argparse.Namespace
) -> tuple[Traffic, dict[str, float], float, Watcher]:
    """The run itself. Samples are followed in its first half, CPU is accounted over the second, when nobody polls."""
    record, seconds = stack.folder / "traffic", options.seconds
    started = time.time()
    process = start_traffic(
        stack.port("ingest"), record, rate=rate, seconds=seconds, seed=options.seed, sampled=seconds / 2
    )
    watcher = Watcher(stack, process)
    names = [name for name in stack.names() if name != "traffic"]
    plan: list[Fault] = [(0.5, "account", lambda _: None)]
    plan += _faults(resolvers, fsync) if options.faults else []
    halfway, cpu_before = started, {name: stack.cpu_seconds(name) for name in names}
    for share, what, fault in sorted(plan, key=lambda one: one[0]):
        time.sleep(max(0.0, started + share * seconds - time.time()))
        if what == "account":
            halfway, cpu_before = time.time(), {name: stack.cpu_seconds(name) for name in names}
        else:
            print(f"{time.time() - started:6.1f} s  {what}", flush=True)
            fault(stack)
    end(process, seconds)
    ended = time.time()
    drain(stack, _streams(resolvers))
    drained = time.time() - ended
    traffic = read_traffic(record)
    hits = sum(1 for one in traffic.records if one.answered_us > halfway * 1e6)
    cpu = {name: (stack.cpu_seconds(name) - cpu_before[name]) / max(1, hits) * 1e6 for name in names}
    watcher.join()
    return traffic, cpu, drained, watcher


def _faults(resolvers: int, fsync: str) -> list[Fault]:
    """When what is done to whom, as shares of the run."""
    last = resolvers - 1
    plan: list[Fault] = [
        (0.10, "kill -9 identity", lambda stack: _kill_identity(stack, 0)),
        (0.25, "kill -9 ingest", _kill_ingest),
        (0.32, f"valkey is full for {TROUBLE_SECONDS:.0f} s", _fill_valkey),
        (0.40, "restart valkey", _restart_valkey),
        (0.50, f"valkey hangs for {TROUBLE_SECONDS:.0f} s", lambda stack: stack.pause("valkey", TROUBLE_SECONDS)),
        (0.60, "kill -9 identity", lambda stack: _kill_identity(stack, last)),
        (0.70, "kill -9 ingest", _kill_ingest),
    ]
    if fsync == "always":
        plan.append((0.85, "kill -9 valkey", _kill_valkey))
    return plan


def _kill_ingest(stack: Stack) -> None:
    stack.kill("ingest")
    time.sleep(RESTART_SECONDS)
    stack.start_ingest(waits=False)


def _kill_identity(stack: Stack, number: int) -> None:
    stack.kill(f"identity-{number}")
    time.sleep(RESTART_SECONDS)
    stack.start_identity(number, waits=False)


def _restart_valkey(stack: Stack) -> None:
    stack.stop("valkey")
    stack.start_valkey()


def _fill_valkey(stack: Stack) -> None:
    """No room for one more hit, and then as much as before."""
    redis = stack.redis()
    usual = redis.config_get("maxmemory")["maxmemory"]
    redis.config_set("maxmemory", redis.info("memory")["used_memory"])
    time.sleep(TROUBLE_SECONDS)
    redis.config_set("maxmemory", usual)
    redis.close()


def _kill_valkey(stack: Stack) -> None:
    stack.kill("valkey")
    time.sleep(RESTART_SECONDS)
    stack.start_valkey()


def _streams(resolvers: int) -> int:
    return STREAMS.get(resolvers, STREAMS_OF_SEVERAL)


def _as_text(run: dict[str, Any]) -> str:
    ledger, cpu = run["ledger"], run["cpu_seconds_per_million"]
    title = f"{run['resolvers']} resolver(s), {run['rate']:,.0f} hits/s, {run['fsync']}"
    if run["saturated_rate"]:
        title += f", half of {run['saturated_rate']:,.0f}"
    if run["accept_p99_ms"] > OVERLOAD_MS and not run["faults"]:
        title += " (OVERLOADED: latencies are those of a queue that grows)"
    rows = [[name, ledger[name]] for name in Ledger._fields if name != "examples"]
    rows += [[name, run[name]] for name in (
        "dead_letters", "accept_p50_ms", "accept_p99_ms", "visible_p50_s", "visible_p99_s", "visible_samples",
        "visible_never", "drain_after_seconds", "redis_bytes_per_anonymous_visitor", "redis_bytes_per_contact",
        "contacts")]  # fmt: skip
    noop = run["noop_cpu_seconds_per_million"]
    rows += _cpu_rows("", cpu, noop["at this rate"])
    if run["saturated_rate"]:
        rows += _cpu_rows(", saturated", run["saturated_cpu_seconds_per_million"], noop["saturated"])
    examples = [f"  {kind}: {one}" for kind, each in ledger["examples"].items() for one in each]
    return "\n".join([report.table([title, "faults" if run["faults"] else ""], rows), *examples, ""])


def _cpu_rows(when: str, cpu: dict[str, float], noop: float) -> list[list[Any]]:
    each = [*cpu.items(), ("all", sum(cpu.values())), ("(a Starlette app that only answers, alone)", noop)]
    return [[f"CPU-s per million hits{when}: {name}", seconds] for name, seconds in each]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-e2e", description=__doc__)
    parser.add_argument(
        "--rate", type=float, default=0, help="hits a second; by default half of the rate that is found to saturate"
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--resolvers", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--fsync", nargs="+", choices=("always", "everysec"), default=["always", "everysec"])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--faults", action="store_true", help="kill -9, restarts, Redis full and hanging")
    parser.add_argument("--spill", action="store_true", help="hits that Redis does not take wait on ingest's disk")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
