"""`up` as a person runs it: start, stop, start again, and what it says when something is wrong."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from pathlib import Path

import httpx

from services.common.settings import PORTS
from tests.processes import Process, accepts, eventually, free_row, is_up
from tests.system.conftest import LOGIN, Stack, new_stack


def test_what_was_seen_is_still_there_after_a_restart(tmp_path: Path) -> None:
    stack = new_stack(tmp_path)
    with stack.start() as process:
        answer = httpx.get(
            stack.url("ingest", "/mtc/event?page_url=before&email=ada@example.com"), timeout=30, trust_env=False
        )
        assert process.stop(signal.SIGINT, 60) == 0
    contact = answer.json()["id"]

    def pages() -> list[str]:
        url = stack.url("contacts", f"/api/contacts/{contact}/activity?filters[includeEvents][]=page.hit")
        body = httpx.get(url, auth=LOGIN, timeout=30, trust_env=False).json()
        return [event["details"]["hit"]["url"] for event in body.get("events", [])]

    with stack.start() as process:
        eventually(lambda: pages() == ["before"], "the hit of before the restart")
        assert process.stop(signal.SIGTERM, 60) == 0


def test_two_at_once_are_refused_with_one_clear_line(stack: Stack, tmp_path: Path) -> None:
    with Process("deploy.up", tmp_path / "second.log", stack.environ()) as second:
        assert second.wait(60) == 1
    for port in stack.ports.values():
        assert re.search(rf"port {port} \([a-z]+\) is in use by process \d+ \(", second.said())
    assert "Spoor seems to run already" in second.said()
    assert "-m services.contacts)" in second.said()
    assert len(second.said().strip().splitlines()) == 1


def test_a_taken_port_is_named_with_whoever_has_it(tmp_path: Path) -> None:
    stack = new_stack(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", stack.ports["export"]))
        taken.listen()
        with Process("deploy.up", tmp_path / "up.log", stack.environ()) as process:
            assert process.wait(60) == 1
    port = stack.ports["export"]
    assert f"spoor: port {port} (export) is in use by process {os.getpid()} (" in process.said()
    assert "--port-base 9000 takes 9000 to 9006 instead" in process.said()


def test_all_ports_follow_one_that_is_told(tmp_path: Path) -> None:
    base = free_row(len(PORTS))
    environ = {"SPOOR_DATA_DIR": str(tmp_path / "data"), "SPOOR_ADMIN_PASSWORD": LOGIN[1]}
    with Process("deploy.up", tmp_path / "up.log", environ, "--port-base", str(base)) as process:
        process.wait_until(lambda: "Spoor runs" in process.said(), "up is ready", 90)
        assert f"http://127.0.0.1:{base + 2}/api/contacts" in process.said()
        assert f"SPOOR_PORT_BASE={base}" in process.said()
        assert httpx.get(f"http://127.0.0.1:{base}/mtracking.gif?page_url=x", trust_env=False).status_code == 200
        assert httpx.get(f"http://127.0.0.1:{base + 2}/docs", trust_env=False).status_code == 200
        assert all(accepts(base + number) for number in range(len(PORTS)))
        assert process.stop(signal.SIGINT, 60) == 0


def test_a_setting_that_cannot_work_is_named(tmp_path: Path) -> None:
    environ = {**new_stack(tmp_path).environ(), "SPOOR_GEO_DATABASE": "/nowhere.mmdb"}
    with Process("deploy.up", tmp_path / "up.log", environ) as process:
        assert process.wait(60) == 1
    assert "identity ended: SPOOR_GEO_DATABASE: [Errno 2]" in process.said()


def test_a_killed_service_is_started_again(tmp_path: Path) -> None:
    stack = new_stack(tmp_path)
    with stack.start() as process:
        os.kill(child_of(process, "services.ingest"), signal.SIGKILL)
        process.wait_until(lambda: "ingest ended with status -9 and is started again" in process.said(), "said so")
        eventually(lambda: is_up(stack.url("ingest", "/readyz")), "ingest is back", 30)
        assert httpx.get(stack.url("ingest", "/mtracking.gif?page_url=x"), trust_env=False).status_code == 200
        assert process.stop(signal.SIGINT, 60) == 0


def test_a_stop_during_the_start_leaves_nothing_behind(tmp_path: Path) -> None:
    for delay in (0.8, 1.4, 2.0, 2.6):
        stack = new_stack(tmp_path)
        with Process("deploy.up", tmp_path / "up.log", stack.environ()) as process:
            time.sleep(delay)
            assert process.stop(signal.SIGINT, 14) in (0, -signal.SIGINT)
        assert not [name for name, port in stack.ports.items() if accepts(port)]


def test_a_killed_main_process_takes_its_worker_along(tmp_path: Path) -> None:
    stack = new_stack(tmp_path)
    with stack.start() as process:
        main = child_of(process, "services.ingest")
        [worker] = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        os.kill(main, signal.SIGKILL)
        eventually(lambda: not Path(f"/proc/{worker}").exists(), "the worker has ended")
        assert process.stop(signal.SIGINT, 60) == 0


def child_of(process: Process, module: str) -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return next(int(pid) for pid in children if module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes())
