"""Schedules of exports: made once whenever they are due, by the rights that their user has then."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.contacts.test_rights import PASSWORD, contact, denied, made_user, role, told
from tests.integration.export.test_export import ended
from tests.integration.services import Service, start_service
from tests.processes import eventually

DAY = 86_400.0
RIGHTS_SECONDS = 1.1  # those that a service knows are a second old at most
TOKEN = "a-token-of-a-service"
HOUR = (datetime.now(UTC) - timedelta(hours=2)).hour  # that it was due a while ago may be said of it
DAILY = {"name": "every morning", "every": "daily", "hour": HOUR, "export": {"columns": ["id"]}}
Start = Callable[[], Service]


@pytest.fixture
def start(tmp_path: Path, valkey_url: str, clickhouse_url: str, api: httpx.Client) -> Iterator[Start]:
    """Starts a process over one and the same folder."""
    started: list[Service] = []

    def start() -> Service:
        environ = {"SPOOR_API_TOKENS": f"billing:{TOKEN}"}
        started.append(start_service("export", tmp_path, valkey_url, clickhouse_url, **environ))
        return started[-1]

    yield start
    for service in started:
        service.http.close()
        service.process.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "exports"


def made(http: httpx.Client, **said: Any) -> dict[str, Any]:
    return told(http.post("/schedules", json={**DAILY, **said}), 201)


def rewritten(path: Path, **said: Any) -> None:
    """What is kept, with something of it changed: appears at once, as the services write it."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps({**json.loads(path.read_text()), **said}))
    new.replace(path)


def make_due(folder: Path, schedule: dict[str, Any], number: int = 0, days_ago: int = 0) -> float:
    """As though so many days had passed without a process; with another number it is another time. Returns the one
    that is to be made, the last of them."""
    due_at = float(schedule["next_due_at"]) - DAY + number
    rewritten(folder / "schedules" / f"{schedule['id']}.json", due_at=due_at - days_ago * DAY)
    return due_at


def last(http: httpx.Client, schedule: dict[str, Any], due_at: float) -> dict[str, Any]:
    """What became of this due time, as soon as something has."""
    path = f"/schedules/{schedule['id']}"

    def probe() -> Any:
        found = told(http.get(path))["last"]
        return found if found and found["due_at"] == due_at else None

    found: dict[str, Any] = eventually(probe, "it is made")
    return found


def of_schedule(http: httpx.Client, schedule: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in told(http.get("/exports"))["exports"] if one["schedule_id"] == schedule["id"]]


def test_a_schedule_is_kept_shown_changed_paused_and_removed(start: Start) -> None:
    first = start()
    schedule = made(first.http)
    now = time.time()
    assert now < schedule["next_due_at"] <= now + DAY and schedule["next_due_at"] % DAY == HOUR * 3_600
    assert schedule["last"] is None and schedule["user"] == "admin" and schedule["timezone"] == "UTC"
    path = f"/schedules/{schedule['id']}"
    first.process.stop()
    http = start().http
    assert told(http.get(path)) == schedule
    assert told(http.get("/schedules")) == {"schedules": [schedule]}
    weekly = told(http.patch(path, json={"every": "weekly", "weekday": "sunday", "timezone": "Asia/Tokyo"}))
    assert weekly["next_due_at"] % DAY == (HOUR - 9) % 24 * 3_600 and weekly["export"] == DAILY["export"]
    assert told(http.patch(path, json={"paused": True}))["next_due_at"] is None
    again = told(http.patch(path, json={"paused": False, "name": "y"}))
    assert again == {**weekly, "name": "y"}
    for wrong in ({"export": {"columns": "shoe"}}, {"hour": 99}):
        assert http.patch(path, json=wrong).status_code == 400
    assert told(http.get(path)) == again
    assert told(http.delete(path))["id"] == schedule["id"]
    assert http.get(path).status_code == http.delete(path).status_code == 404
    assert told(http.get("/schedules")) == {"schedules": []}


def test_what_could_not_be_exported_now_is_no_schedule(start: Start) -> None:
    http = start().http
    for name, export in (
        ("columns", {"columns": "shoe"}),
        ("to", {"to": "s3"}),
        ("notify", {"notify": True}),
        ("", {"search": "segment:nowhere"}),
    ):
        refused = http.post("/schedules", json={**DAILY, "export": export})
        assert refused.status_code == 400 and name in str(refused.json()["errors"][0]["details"])
    assert told(http.get("/schedules")) == {"schedules": []}


def test_what_is_due_is_made_once_by_several_processes(start: Start, folder: Path) -> None:
    services = [start(), start(), start()]
    http = services[0].http
    schedules = [made(http, hour=(HOUR - number) % 24) for number in range(6)]
    due = [make_due(folder, one) for one in schedules]
    for schedule, due_at in zip(schedules, due, strict=True):
        outcome = last(http, schedule, due_at)
        job = ended(http, outcome["export_id"])
        assert job["status"] == "done" and job["schedule_id"] == schedule["id"]
    time.sleep(1.5)
    for schedule in schedules:
        assert len(of_schedule(http, schedule)) == 1
        shown = told(http.get(f"/schedules/{schedule['id']}"))
        assert (shown["last"]["status"], shown["next_due_at"]) == ("done", schedule["next_due_at"])


def test_of_many_that_were_missed_one_is_made_at_a_start(start: Start, folder: Path) -> None:
    first = start()
    schedule = made(first.http)
    paused = made(first.http, paused=True)
    first.process.stop()
    due_at = make_due(folder, schedule, days_ago=30)
    http = start().http
    assert ended(http, last(http, schedule, due_at)["export_id"])["status"] == "done"
    time.sleep(1.5)
    assert len(of_schedule(http, schedule)) == 1 and of_schedule(http, paused) == []


def test_one_that_was_made_before_a_crash_is_not_made_again(start: Start, folder: Path) -> None:
    """The export was there, and the schedule still said that it was due."""
    http = start().http
    schedule = made(http)
    due_at = make_due(folder, schedule)
    before = (folder / "schedules" / f"{schedule['id']}.json").read_text()
    made_id = last(http, schedule, due_at)["export_id"]
    downloaded = told(http.get(f"/exports/{made_id}"))
    path = folder / "schedules" / f"{schedule['id']}.json"
    path.with_suffix(".new").write_text(before)
    path.with_suffix(".new").replace(path)
    assert last(http, schedule, due_at)["export_id"] == made_id
    assert told(http.get(f"/exports/{made_id}"))["created_at"] == downloaded["created_at"]
    assert len(of_schedule(http, schedule)) == 1


def test_a_pause_is_not_made_up_for(start: Start, folder: Path) -> None:
    http = start().http
    schedule = made(http, paused=True)
    rewritten(folder / "schedules" / f"{schedule['id']}.json", due_at=time.time() - 3 * DAY)
    path = f"/schedules/{schedule['id']}"
    assert told(http.patch(path, json={"paused": False}))["next_due_at"] > time.time()
    time.sleep(1.5)
    assert of_schedule(http, schedule) == [] and told(http.get(path))["last"] is None


def test_words_for_days_are_of_the_time_that_is_due(start: Start, folder: Path) -> None:
    http = start().http
    events = {"of": "events", "since": "yesterday", "until": "today", "columns": "event_id"}
    schedule = made(http, export=events)
    due_at = make_due(folder, schedule, days_ago=4)
    job = told(http.get(f"/exports/{last(http, schedule, due_at)['export_id']}"))
    midnight = due_at // DAY * DAY
    assert (job["since"], job["until"]) == ((midnight - DAY) * 1e6, midnight * 1e6)


def test_it_is_made_by_the_rights_of_now(api: httpx.Client, start: Start, folder: Path) -> None:
    service = start()
    own, more = (
        role(api, lead__leads=["viewown", "create"], lead__export=["enable"]),
        role(api, lead__leads=["viewown", "create"]),
    )
    user = made_user(api, own)
    base = {"auth": (user["username"], PASSWORD), "timeout": 30, "trust_env": False}
    with (
        httpx.Client(base_url=service.http.base_url, **base) as ada,
        httpx.Client(base_url=api.base_url, **base) as by_ada,
    ):
        contact(api)
        mine = contact(by_ada)
        schedule = made(ada)
        outcome = last(ada, schedule, make_due(folder, schedule))
        ended(ada, outcome["export_id"])
        assert ada.get(f"/exports/{outcome['export_id']}/download").text == f'id\n"{mine}"\n'
    path = f"/api/users/{user['id']}"
    rest = service.http
    told(api.patch(f"{path}/edit", json={"role": more}))
    assert "may no longer export" in refused(rest, folder, schedule, 1)
    told(api.patch(f"{path}/edit", json={"role": own, "isPublished": False}))
    assert "gone, or may not log in" in refused(rest, folder, schedule, 2)
    told(api.patch(f"{path}/edit", json={"isPublished": True}))
    time.sleep(RIGHTS_SECONDS)
    assert last(rest, schedule, make_due(folder, schedule, 3))["status"] in ("queued", "running", "done")
    told(api.delete(f"{path}/delete"))
    assert "gone, or may not log in" in refused(rest, folder, schedule, 4)
    assert len(of_schedule(rest, schedule)) == 2


def refused(http: httpx.Client, folder: Path, schedule: dict[str, Any], number: int) -> str:
    """Why a due time made nothing; the next one is then due as usual."""
    time.sleep(RIGHTS_SECONDS)
    outcome = last(http, schedule, make_due(folder, schedule, number))
    assert (outcome["export_id"], outcome["status"]) == (None, "not_made")
    assert told(http.get(f"/schedules/{schedule['id']}"))["next_due_at"] == schedule["next_due_at"]
    return str(outcome["error"])


def test_a_schedule_is_its_users(api: httpx.Client, start: Start) -> None:
    http = start().http
    user = made_user(api, role(api, lead__leads=["viewown"], lead__export=["enable"]))
    admins = made(http)
    with httpx.Client(base_url=http.base_url, auth=(user["username"], PASSWORD), timeout=30, trust_env=False) as ada:
        theirs = made(ada)
        assert [one["id"] for one in told(ada.get("/schedules"))["schedules"]] == [theirs["id"]]
        for answer in (ada.get, ada.delete):
            assert answer(f"/schedules/{admins['id']}").status_code == 404
        assert ada.patch(f"/schedules/{admins['id']}", json={}).status_code == 404
    changed = told(http.patch(f"/schedules/{theirs['id']}", json={"name": "of ada"}))
    assert changed["user_id"] == user["id"], "the admin may, and it stays theirs"
    assert len(told(http.get("/schedules"))["schedules"]) == 2


def test_who_may_not_export_or_is_no_user_has_no_schedules(api: httpx.Client, start: Start) -> None:
    base_url = start().http.base_url
    user = made_user(api, role(api, lead__leads=["full"]))
    with httpx.Client(base_url=base_url, auth=(user["username"], PASSWORD), timeout=30, trust_env=False) as client:
        assert denied(client.get("/schedules")) and denied(client.post("/schedules", json=DAILY))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=base_url, headers=headers, timeout=30, trust_env=False) as service:
        answer = service.post("/schedules", json=DAILY)
        assert answer.status_code == 403 and "user" in answer.json()["errors"][0]["message"]


def test_what_may_pass_is_tried_again_and_nothing_is_skipped(start: Start, folder: Path) -> None:
    """There are too many exports, until somebody removes some."""
    http = start().http
    schedule = made(http)
    job = told(http.post("/exports", json={"columns": "id"}), 202)["id"]
    ended(http, job)
    kept = json.loads((folder / f"{job}.json").read_text())
    others = [folder / f"{uuid.uuid4().hex}.json" for _ in range(1_000)]
    for path in others:
        path.write_text(json.dumps({**kept, "id": path.stem}))
    due_at = make_due(folder, schedule)
    outcome = last(http, schedule, due_at)
    assert "too many exports" in outcome["error"] and outcome["status"] == "not_made"
    assert told(http.get(f"/schedules/{schedule['id']}"))["next_due_at"] == due_at
    for path in others:
        path.unlink()
    eventually(lambda: last(http, schedule, due_at)["status"] == "done", "it is made after all", 40)


def test_what_a_schedule_made_is_forgotten_when_its_time_is_over(start: Start, folder: Path) -> None:
    http = start().http
    schedule, other = made(http), made(http)
    first, others = (last(http, one, make_due(folder, one))["export_id"] for one in (schedule, other))
    for job in (first, others):
        ended(http, job)
        rewritten(folder / f"{job}.json", finished_at=time.time() - 8 * DAY, expires_at=time.time() - DAY)
        eventually(lambda job=job: told(http.get(f"/exports/{job}"))["status"] == "expired", "it expires")
    assert told(http.get(f"/schedules/{schedule['id']}"))["last"]["status"] == "expired"
    second = last(http, schedule, make_due(folder, schedule, 1))["export_id"]
    assert [one["id"] for one in of_schedule(http, schedule)] == [second]
    assert [one["id"] for one in of_schedule(http, other)] == [others]
    http.delete(f"/exports/{second}")
    assert told(http.get(f"/schedules/{schedule['id']}"))["last"]["status"] == "removed"
