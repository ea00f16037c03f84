"""How many rows of a file a second become contacts, and how far the process grows that imports them.

`python -m loadtests.bench_import --rows 1000000`: a file of new contacts with 10 columns, then one that changes all of
them, then, with `--beside`, one of new contacts beside ingest at a set rate, whose p99 is told with and without.
The time is from the start of an import until it says that it is done, its process' start included.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from loadtests import report
from loadtests.processes import tree
from loadtests.stack import Stack, StackError
from loadtests.traffic import read_traffic, start_traffic

HEADER = "email,firstname,lastname,phone,mobile,address1,city,zipcode,country,website"
CITIES = (("Berlin", "Germany"), ("Paris", "France"), ("Rome", "Italy"), ("Łódź", "Poland"), ("Oslo", "Norway"))
BARS = {"new": "20,000", "updates": "10,000", "beside ingest": ""}
PARTS = ("contacts", "valkey", "clickhouse")
POLL_SECONDS = 0.25
WARM_UP = 2_000


class Import(NamedTuple):
    rows: int
    seconds: float
    grown_mb: float  # the most of the process that imports
    cpu_seconds: dict[str, float]


def main() -> int:
    options = _options()
    try:
        facts = {"machine": report.machine(), "settings": vars(options), **_measure(options)}
    except StackError as error:
        print(f"bench-import: {error}", file=sys.stderr)
        return 1
    print(_as_table(facts))
    print(f"\nwritten to {report.write('bench-import', facts)}")
    return 0


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    with Stack(fsync="everysec", maxmemory="8gb") as stack:
        stack.start_valkey()
        stack.start_clickhouse()
        stack.environ["SPOOR_CONTACTS_PORT"] = str(stack.port("contacts"))
        stack.start("contacts", ["-m", "services.contacts"], "/readyz")
        with httpx.Client(
            base_url=stack.url("contacts"), headers={"authorization": stack.login()}, trust_env=False, timeout=600
        ) as http:
            _imported(stack, http, "warm", WARM_UP, 0)
            best: dict[str, Import] = {}
            for number in range(options.rounds):
                for name, city in (("new", 0), ("updates", 1 + number)):
                    one = _imported(stack, http, f"r{number}", options.rows, city)
                    best[name] = min(best.get(name, one), one, key=lambda run: run.seconds / run.rows)
            facts: dict[str, Any] = {"imports": {name: one._asdict() for name, one in best.items()}}
            if options.beside:
                facts["beside"] = _beside(stack, http, options)
    return facts


def _imported(stack: Stack, http: httpx.Client, key: str, rows: int, city: int) -> Import:
    import_id = _uploaded(http, key, rows, city)
    before = {part: stack.cpu_seconds(part) for part in PARTS}
    http.post(f"/api/imports/{import_id}/start").raise_for_status()
    begin, most = time.monotonic(), 0.0
    while True:
        found: dict[str, Any] = http.get(f"/api/imports/{import_id}").json()["import"]
        most = max(most, _child_megabytes(stack))
        if found["status"] == "imported":
            break
        if found["status"] == "failed" or found["failed"]:
            raise StackError(f"{found['message']} {found.get('failures')}\n{stack.log_tail('contacts')}")
        time.sleep(POLL_SECONDS)
    seconds = time.monotonic() - begin
    if found["inserted"] + found["updated"] != rows:
        raise StackError(f"{rows} rows became {found['inserted']} and {found['updated']}")
    return Import(rows, seconds, most, {part: stack.cpu_seconds(part) - before[part] for part in PARTS})


def _uploaded(http: httpx.Client, key: str, rows: int, city: int) -> int:
    answer = http.post("/api/imports/new", params={"name": f"{key}.csv"}, content=_file(key, rows, city))
    answer.raise_for_status()
    made: dict[str, Any] = answer.json()["import"]
    assert all(column["field"] for column in made["columns"]), made["columns"]
    return int(made["id"])


def _file(key: str, rows: int, city: int) -> Iterator[bytes]:
    """`city` moves the places: an update changes address, city and country."""
    yield f"{HEADER}\n".encode()
    for start in range(0, rows, 1_000):
        lines = []
        for number in range(start, min(rows, start + 1_000)):
            place, country = CITIES[(number + city) % len(CITIES)]
            lines.append(
                f"{key}-{number}@example.com,First{number % 5_000},Last{number % 20_000},+49 30 {number:07},"
                f"+49 171 {number:07},Street {(number + city) % 999},{place},{number % 99_999:05},{country},"
                f"https://www.example{number % 3_000}.com/\n"
            )
        yield "".join(lines).encode()


def _beside(stack: Stack, http: httpx.Client, options: argparse.Namespace) -> dict[str, Any]:
    """Ingest at a set rate, alone and beside an import that lasts longer."""
    stack.start_identity()
    stack.start_ingest()
    alone = _traffic(stack, options, "alone")
    import_id = _uploaded(http, "beside", options.beside_rows, 0)
    http.post(f"/api/imports/{import_id}/start").raise_for_status()
    beside = _traffic(stack, options, "beside")
    found: dict[str, Any] = http.get(f"/api/imports/{import_id}").json()["import"]
    http.post(f"/api/imports/{import_id}/cancel")
    return {
        "hits a second": options.rate,
        "p99 alone, ms": alone,
        "p99 beside, ms": beside,
        "rows a second beside": found["rowsPerSecond"],
        "import": found["status"],
    }


def _traffic(stack: Stack, options: argparse.Namespace, name: str) -> float:
    record = stack.folder / f"traffic-{name}"
    process = start_traffic(stack.port("ingest"), record, rate=options.rate, seconds=options.seconds, seed=len(name))
    process.communicate()
    if process.returncode:
        raise StackError("the generator of hits ended too early")
    return float(read_traffic(record).accept_p99_ms)


def _child_megabytes(stack: Stack) -> float:
    """What the process that imports has, which is the one that is no worker."""
    most = 0.0
    for pid in tree(stack.pid("contacts")):
        with contextlib.suppress(OSError):
            if b"services.contacts.imports" in Path(f"/proc/{pid}/cmdline").read_bytes():
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                most += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1_024
    return most


def _as_table(facts: dict[str, Any]) -> str:
    rows = [
        [name, one["rows"], one["rows"] / one["seconds"], BARS[name], one["grown_mb"],
         *(one["cpu_seconds"][part] * 1e6 / one["rows"] for part in PARTS)]
        for name, one in facts["imports"].items()
    ]  # fmt: skip
    head = ["file", "rows", "rows a second", "bar", "MB of the process", *(f"{part}, CPU µs a row" for part in PARTS)]
    said = report.table(head, rows)
    if "beside" in facts:
        said += "\n\nbeside ingest: " + ", ".join(f"{name} {one}" for name, one in facts["beside"].items())
    return said


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--beside", action="store_true")
    parser.add_argument("--beside-rows", type=int, default=2_000_000)
    parser.add_argument("--rate", type=float, default=5_000)
    parser.add_argument("--seconds", type=float, default=20)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
