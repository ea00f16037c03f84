"""What Redis does not take waits on the disk, and is there once afterwards."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from services.ingest.spill import SUFFIX, TORN_SUFFIX
from tests.integration.ingest.test_ingest import Door
from tests.processes import eventually, free_port, is_up


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    door = Door(tmp_path, SPOOR_SPILL_DIR=str(tmp_path / "spill"), SPOOR_SPILL_MAX_BYTES="4000")
    yield door
    door.close()


def spilled(door: Door, suffix: str = SUFFIX) -> list[Path]:
    return list((door.folder / "spill").glob(f"*{suffix}"))


def send(door: Door, *numbers: int) -> list[httpx.Response]:
    return [door.http.get(f"/mtracking.gif?n={number}") for number in numbers]


def queries(door: Door) -> list[bytes]:
    return [hit.query for hit in door.hits()]


def test_hits_wait_while_redis_is_away_and_are_there_once_it_is_back(door: Door) -> None:
    send(door, 1)
    door.valkey.stop(signal.SIGKILL)
    answers = send(door, 2, 3)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len({answer.headers["set-cookie"] for answer in answers}) == 2
    ready = door.http.get("/readyz")
    assert (ready.status_code, ready.json()["warning"]) == (200, "hits_are_spilled")
    assert "ingest_hits_spilled_total 2.0" in door.http.get("/metrics").text
    door.restart_valkey()
    eventually(lambda: len(queries(door)) == 3, "replayed")
    send(door, 4)
    assert queries(door) == [b"n=1", b"n=2", b"n=3", b"n=4"]
    eventually(lambda: not spilled(door), "nothing left on the disk")
    assert door.http.get("/readyz").json()["warning"] is None


def test_what_a_killed_process_left_is_replayed_by_the_next(door: Door) -> None:
    door.valkey.stop(signal.SIGKILL)
    send(door, 1, 2)
    door.process.stop(signal.SIGKILL)
    [left] = spilled(door)
    with left.open("ab") as file:
        file.write(b"\0\0\0\x09\0\x01cut off in the middle")
    door.restart_valkey()
    door.start_ingest()
    eventually(lambda: queries(door) == [b"n=1", b"n=2"], "replayed")
    eventually(lambda: not spilled(door), "nothing left to replay")
    assert len(spilled(door, TORN_SUFFIX)) == 1


def test_two_processes_share_a_folder_and_take_nothing_from_each_other(door: Door) -> None:
    other = door.process
    door.port = free_port()
    door.url = f"http://127.0.0.1:{door.port}"
    door.start_ingest()
    door.valkey.stop(signal.SIGKILL)
    send(door, 1)  # its client knows the first one's address
    assert httpx.get(f"{door.url}/mtracking.gif?n=2", trust_env=False).status_code == 200
    assert len(spilled(door)) == 2
    door.restart_valkey()
    eventually(lambda: sorted(queries(door)) == [b"n=1", b"n=2"], "replayed")
    eventually(lambda: not spilled(door), "nothing left to replay")
    other.stop()


def test_a_full_folder_is_503_and_loses_nothing(door: Door) -> None:
    door.valkey.stop(signal.SIGKILL)
    answers = send(door, *range(40))
    taken = [number for number, answer in enumerate(answers) if answer.status_code == 200]
    assert 5 < len(taken) < 40
    assert {(answer.status_code, answer.headers["retry-after"]) for answer in answers[len(taken) :]} == {(503, "1")}
    assert not is_up(f"{door.url}/readyz")
    door.restart_valkey()
    eventually(lambda: queries(door) == [b"n=%d" % number for number in taken], "replayed")
    eventually(lambda: is_up(f"{door.url}/readyz"), "ready")


def test_a_full_redis_spills_until_it_is_drained(door: Door) -> None:
    door.redis.config_set("maxmemory", "1mb")
    eventually(lambda: send(door, 1)[0].status_code == 200 and spilled(door), "spilled")
    before = len(queries(door))
    door.redis.config_set("maxmemory", "0")
    eventually(lambda: len(queries(door)) > before, "replayed")
    eventually(lambda: not spilled(door), "nothing left on the disk")
