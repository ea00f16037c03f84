"""How many hits a second ingest answers after Redis' acknowledgement, beside its baselines and rivals in one run.

`python -m loadtests.bench_accept`: all targets in turn, three rounds, for both fsync levels; then the pixel and the
script's POST at half of their saturated rate, in an open loop.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

from loadtests import payloads, report
from loadtests.constant_rate import constant_rate
from loadtests.rivals import RIVAL_STREAM
from loadtests.stack import Stack, StackError
from loadtests.wrk import MissingToolError, Run, check_wrk, prepare, run_wrk
from services.common import keys

REQUESTS = 4_000  # half of new visitors, half of returning ones
NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log;
events {{ worker_connections 1024; }}
http {{
  access_log {folder}/nginx-access.log combined buffer=64k;
  client_body_temp_path {folder}/nginx-body; proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi; uwsgi_temp_path {folder}/nginx-uwsgi; scgi_temp_path {folder}/nginx-scgi;
  keepalive_requests 1000000000;
  server {{ listen 127.0.0.1:{port} backlog=2048; location / {{ empty_gif; }} }}
}}
"""


class Target(NamedTuple):
    """What is measured: its name in the table, who serves it, and what it is asked."""

    name: str
    server: str
    requests: str  # pixels or events


TARGETS = (
    Target("Starlette no-op", "noop", "pixels"),
    Target("Spoor pixel", "ingest", "pixels"),
    Target("Spoor POST /mtc/event", "ingest", "events"),
    Target("FastAPI + XADD", "fastapi", "pixels"),
    Target("nginx empty_gif", "nginx", "pixels"),
)


def main() -> int:
    options = _options()
    try:
        check_wrk()
        facts: dict[str, Any] = {"machine": report.machine(), "settings": vars(options), "levels": {}}
        for level in options.fsync:
            facts["levels"][level] = _measure(level, options)
            print(_as_table(level, facts["levels"][level]), flush=True)
    except (MissingToolError, StackError) as error:
        print(f"bench-accept: {error}", file=sys.stderr)
        return 1
    print(f"\nwritten to {report.write('bench-accept', facts)}")
    return 0


def _measure(level: str, options: argparse.Namespace) -> dict[str, Any]:
    with Stack(fsync=level) as stack:
        stack.start_valkey()
        stack.start_ingest()
        targets = [target for target in TARGETS if _start_rival(stack, target.server)]
        files = _prepare(stack)
        runs: dict[str, list[Run]] = {target.name: [] for target in targets}
        for _ in range(options.rounds):
            for target in targets:
                run = run_wrk(
                    stack.url(target.server),
                    files[target.requests],
                    seconds=options.seconds,
                    connections=options.connections,
                )
                runs[target.name].append(run)
                empty_streams(stack)
        half = {
            target.name: _at_half_rate(stack, target, max(runs[target.name]).hits_per_second / 2, files, options)
            for target in targets
            if target.server == "ingest"
        }
        return {"runs": {name: [run._asdict() for run in each] for name, each in runs.items()}, "half_rate": half}


def _at_half_rate(
    stack: Stack, target: Target, rate: float, files: dict[str, Path], options: argparse.Namespace
) -> dict[str, Any]:
    result = constant_rate(
        stack.port(target.server), files[target.requests], rate, options.half_seconds, options.connections
    )
    empty_streams(stack)
    return result


def _start_rival(stack: Stack, server: str) -> bool:
    """Starts what serves a baseline, once; False where it is not installed."""
    if server in stack.names():
        return True
    if server == "nginx":
        nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
        if nginx is None:
            print("nginx is not installed and left out (apt-get install nginx-light)", file=sys.stderr)
            return False
        path = stack.folder / "nginx.conf"
        path.write_text(NGINX.format(folder=stack.folder, port=stack.port(server)))
        stack.folder.chmod(0o755)
        stack.start(server, [nginx, "-c", str(path), "-e", str(stack.folder / "nginx-error.log")], "/mtracking.gif")
        return True
    stack.start(server, ["-m", "loadtests.rivals", server, "--port", str(stack.port(server))], "/mtracking.gif")
    return True


def _prepare(stack: Stack) -> dict[str, Path]:
    """The requests for all targets: the returning visitors carry ids that ingest has just given out."""
    web = payloads.Web(seed=1)
    host = "127.0.0.1"
    cookies = [_mint(stack.url("ingest"), web) for _ in range(REQUESTS // 2)]
    empty_streams(stack)
    pixels, events = [], []
    for number in range(REQUESTS):
        cookie = cookies[number // 2] if number % 2 else ""
        agent, said = web.agent(), payloads.parameters(web.page(), number % 5)
        pixels.append(payloads.pixel(host, said, agent, cookie))
        events.append(payloads.event(host, said + payloads.device_parameter(cookie), agent, cookie))
    random.Random(2).shuffle(pixels)
    random.Random(2).shuffle(events)
    return {
        "pixels": prepare(stack.folder / "pixels", pixels),
        "events": prepare(stack.folder / "events", events),
    }


def _mint(url: str, web: payloads.Web) -> str:
    request = Request(f"{url}/mtracking.gif?{payloads.parameters(web.page())}", headers={"User-Agent": web.agent()})
    with urlopen(request, timeout=5) as answer:
        match = re.search(r"mautic_device_id=([0-9a-z]{23})", str(answer.headers))
    if match is None:
        raise StackError("ingest gave a new visitor no device id")
    return match[1]


def empty_streams(stack: Stack) -> None:
    """Nobody drains here: between rounds what was accepted is thrown away and the log rewritten."""
    client = stack.redis()
    client.delete(keys.hits(0), RIVAL_STREAM)
    client.bgrewriteaof()
    time.sleep(0.2)
    while any(client.info("persistence")[f"aof_rewrite_{state}"] for state in ("in_progress", "scheduled")):
        time.sleep(0.1)
    client.close()


def _as_table(level: str, facts: dict[str, Any]) -> str:
    runs = {name: sorted(each, key=lambda run: float(run["hits_per_second"])) for name, each in facts["runs"].items()}
    best = {name: each[-1]["hits_per_second"] for name, each in runs.items()}
    rows: list[list[Any]] = []
    for name, each in runs.items():
        median = each[len(each) // 2]
        bad = sum(run["bad_status"] + run["socket_errors"] for run in each)
        ratios = [f"{best[ours] / best[name]:.2f}" for ours in ("Spoor pixel", "Spoor POST /mtc/event")]
        rows.append([name, best[name], median["p50_ms"], median["p99_ms"], bad, *ratios])
    saturated = report.table(
        [f"appendfsync {level}", "hits/s", "p50 ms", "p99 ms", "errors", "pixel is x", "event is x"], rows
    )
    halves = report.table(
        ["at half of its saturated rate", "hits/s", "p50 ms", "p99 ms", "errors"],
        [
            [name, half["rate"], half["p50_ms"], half["p99_ms"], half["bad_status"] + half["unanswered"]]
            for name, half in facts["half_rate"].items()
        ],
    )
    return f"\n{saturated}\n\n{halves}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-accept", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="length of one round")
    parser.add_argument("--half-seconds", type=float, default=10, help="length of the run at half rate")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=128)
    parser.add_argument("--fsync", nargs="+", choices=("always", "everysec"), default=["always", "everysec"])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
