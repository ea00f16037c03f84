"""Tables, percentiles, process accounting and prepared requests."""

from __future__ import annotations

import os
import time
from pathlib import Path

from loadtests import payloads
from loadtests.constant_rate import read_requests
from loadtests.processes import cpu_seconds, parse_stat, tree
from loadtests.report import percentile, table
from loadtests.wrk import prepare


def test_table_has_columns_as_wide_as_they_need() -> None:
    assert table(["name", "hits/s"], [["a", 12_345.6], ["longer", 3]]).splitlines() == [
        "name    hits/s",
        "a       12,346",
        "longer       3",
    ]


def test_percentile_of_few_and_of_none() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([1.0], 0.99) == 1.0
    assert percentile([], 0.99) == 0.0


def test_cpu_seconds_are_read_behind_whatever_a_process_is_called() -> None:
    hertz = os.sysconf("SC_CLK_TCK")
    line = f"7 (a) b (c) S 1 7 7 0 -1 4194304 1 2 3 4 {hertz} {hertz} {hertz} {hertz} 20 0 1 0"
    assert parse_stat(line) == 4.0


def test_own_process_is_its_tree_and_uses_time() -> None:
    assert os.getpid() in tree(os.getpid())
    began = time.process_time()
    while time.process_time() - began < 0.05:
        pass
    assert cpu_seconds(os.getpid()) > 0


def test_prepared_requests_are_read_as_they_were_written(tmp_path: Path) -> None:
    requests = [payloads.pixel("h", "page_url=a", "agent"), payloads.event("h", "page_url=b", "agent", "cookie")]
    assert read_requests(prepare(tmp_path / "requests", requests)) == requests


def test_event_says_how_long_its_body_is() -> None:
    request = payloads.event("h", "page_url=a%20b", "agent", "abc")
    head, _, body = request.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"Cookie: mautic_device_id=abc" in head


def test_same_seed_gives_the_same_web() -> None:
    one, other = payloads.Web(4), payloads.Web(4)
    assert [one.page() for _ in range(20)] == [other.page() for _ in range(20)]


def test_agents_of_people_and_of_bots_are_kept_apart() -> None:
    people, bots = payloads.read_agents()
    assert len(people) > 30
    assert bots
    assert all(weight > 0 for weight, _ in people)
