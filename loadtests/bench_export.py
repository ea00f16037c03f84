"""How long an export of so many contacts takes in every format, and how far the export service grows meanwhile.

`python -m loadtests.bench_export --known 1000000`: 20 columns, one export after the other, from the request until the
file is whole; best of `--rounds`. Then two at once, beside which the list page is asked for.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from loadtests import report
from loadtests.filling import fill_contacts, fill_visits, run_rebuild
from loadtests.processes import tree
from loadtests.stack import Stack, StackError
from loadtests.timed_client import TimedClient

COLUMNS = (
    "id", "email", "firstname", "lastname", "company", "position", "phone", "mobile", "address1", "zipcode", "city",
    "country", "website", "points", "tags", "owner", "stage", "date_added", "date_modified", "date_identified",
)  # fmt: skip
# Seconds for 1 million contacts, and MB above the idle process.
BARS = {"csv": "5", "csv gzip": "", "ndjson": "", "xlsx": "20", "parquet": "5"}
BAR_MB = 150.0
POLL_SECONDS = 0.05
LISTS = 60


class Export(NamedTuple):
    seconds: float
    rows: int
    megabytes: float
    grown_mb: float  # the most that the process had above what it had before the first one
    cpu_seconds: float


def main() -> int:
    options = _options()
    try:
        facts = {"machine": report.machine(), "settings": vars(options), **_measure(options)}
    except StackError as error:
        print(f"bench-export: {error}", file=sys.stderr)
        return 1
    print(_as_table(facts))
    print(f"\nwritten to {report.write('bench-export', facts)}")
    return 0


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    with Stack(fsync="everysec", maxmemory="12gb") as stack:
        stack.start_valkey()
        stack.start_clickhouse()
        fill_contacts(stack, options.known)
        fill_visits(stack, options.known, 0)
        run_rebuild(stack)
        stack.environ |= {"SPOOR_EXPORT_LIMIT": "0", "SPOOR_EXPORT_PORT": str(stack.port("export"))}
        stack.environ["SPOOR_CONTACTS_PORT"] = str(stack.port("contacts"))
        stack.start("export", ["-m", "services.export"], "/readyz")
        with httpx.Client(
            base_url=stack.url("export"), headers={"authorization": stack.login()}, trust_env=False
        ) as http:
            idle = _megabytes(tree(stack.pid("export")), "VmRSS")
            best = {name: _best(stack, http, name, options.rounds, idle) for name in options.formats}
            stack.start("contacts", ["-m", "services.contacts"], "/readyz")
            lists = _lists(stack, http)
    return {"exports": {name: one._asdict() for name, one in best.items()}, "lists": lists}


def _best(stack: Stack, http: httpx.Client, name: str, rounds: int, idle: float) -> Export:
    """The quickest, with the most memory of any."""
    runs = [_exported(stack, http, name, idle) for _ in range(rounds)]
    return min(runs)._replace(grown_mb=max(run.grown_mb for run in runs))


def _exported(stack: Stack, http: httpx.Client, name: str, idle: float) -> Export:
    pids, spent = tree(stack.pid("export")), stack.cpu_seconds("export")
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak counts from now on
    begin = time.monotonic()
    job = _ended(http, _begun(http, name))
    taken = time.monotonic() - begin
    grown, cpu = _megabytes(pids, "VmHWM") - idle, stack.cpu_seconds("export") - spent
    http.delete(f"/exports/{job['id']}")
    return Export(taken, job["rows"], job["bytes"] / 1e6, grown, cpu)


def _begun(http: httpx.Client, name: str) -> str:
    form, _, packing = name.partition(" ")
    made = http.post("/exports", json={"columns": COLUMNS, "format": form, "packing": packing}, timeout=120)
    if made.status_code != 202:
        raise StackError(f"{name}: {made.text}")
    return str(made.json()["id"])


def _ended(http: httpx.Client, job_id: str) -> dict[str, Any]:
    while True:
        job: dict[str, Any] = http.get(f"/exports/{job_id}").json()
        if job["status"] == "failed":
            raise StackError(f"{job['format']}: {job['error']}")
        if job["status"] == "done":
            return job
        time.sleep(POLL_SECONDS)


def _lists(stack: Stack, http: httpx.Client) -> dict[str, float]:
    """The list page, p95 in ms: alone, and beside two exports."""
    client = TimedClient(stack, "contacts")

    def listed() -> float:
        return client.timed("/api/contacts?orderBy=last_active&orderByDir=DESC")[1]

    for _ in range(5):
        listed()
    alone = [listed() for _ in range(LISTS)]
    jobs = [_begun(http, "csv"), _begun(http, "parquet")]
    beside = []
    while any(http.get(f"/exports/{job}").json()["status"] != "done" for job in jobs):
        beside.append(listed())
    return {
        "alone": report.percentile(alone, 0.95),
        "beside two exports": report.percentile(beside, 0.95),
        "asked beside": len(beside),
    }


def _megabytes(pids: list[int], name: str) -> float:
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith(name)) / 1_024


def _as_table(facts: dict[str, Any]) -> str:
    rows = [
        [name, one["seconds"], BARS[name], one["rows"], one["megabytes"], one["grown_mb"], one["cpu_seconds"]]
        for name, one in facts["exports"].items()
    ]
    head = ["format", "seconds", "bar (1 million)", "rows", "MB", f"MB above idle (bar {BAR_MB:g})", "its CPU s"]
    lists = facts["lists"]
    said = ", ".join(f"{name} {number:.0f}" for name, number in lists.items())
    return f"{report.table(head, rows)}\n\nlist page, p95 ms: {said}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--known", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--formats", nargs="+", choices=BARS, default=list(BARS))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
