"""What contacts did: all of them in one history, one as a chart, and what was put into forms."""

from __future__ import annotations

import itertools
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
from clickhouse_connect.driver.client import Client

from tests.integration.conftest import Hit

DAY = 86_400
_visitors = itertools.count(4_600_000_000_001)


def contact(api: httpx.Client, **body: Any) -> int:
    return int(api.post("/api/contacts/new", json=body).json()["contact"]["id"])


def get(api: httpx.Client, path: str, status: int = 200, **query: Any) -> dict[str, Any]:
    answer = api.get(path, params=query)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_history_of_all_is_the_newest_first_within_its_range(api: httpx.Client, store_hit: Hit) -> None:
    mark, visitor, known = uuid.uuid4().hex, next(_visitors), contact(api, email=f"{uuid.uuid4().hex}@x.org")
    now = time.time()
    newest = store_hit(visitor, now - 10, url=f"https://x.org/{mark}/a", times=2)
    store_hit(known, now - 20, type="form.submitted", title=f"Form {mark}")
    store_hit(known, now - 30, url=f"https://x.org/{mark}/b")
    store_hit(known, now - 30 * DAY, url=f"https://x.org/{mark}/old")
    said = {"filters[search]": mark}
    found = get(api, "/api/contacts/activity", **said)
    assert [event["contactId"] for event in found["events"]] == [visitor, known, known]
    assert found["events"][0]["eventId"] == f"page.hit{uuid.UUID(newest)}"
    assert found["events"][0]["details"]["hit"]["url"] == f"https://x.org/{mark}/a"
    assert found["types"]["page.hit"] == "Page hit" and found["order"] == ["timestamp", "DESC"]
    oldest = get(api, "/api/contacts/activity", **said, **{"order[0]": "timestamp", "order[1]": "ASC", "limit": 1})
    assert oldest["events"][0]["details"]["hit"]["url"].endswith("/b") and oldest["maxPages"] >= 3
    forms = get(api, "/api/contacts/activity", **said, **{"filters[includeEvents][]": "form.submitted"})
    assert [event["event"] for event in forms["events"]] == ["form.submitted"]
    since = datetime.fromtimestamp(now - 31 * DAY, UTC).strftime("%Y-%m-%d %H:%M:%S")
    assert len(get(api, "/api/contacts/activity", **said, **{"filters[dateFrom]": since})["events"]) == 4
    get(api, "/api/contacts/activity", 400, **{"order[0]": "eventLabel"})
    get(api, "/api/contacts/activity", 400, page=99_999)


def test_what_is_rare_among_very_many_events_is_found(api: httpx.Client, clickhouse: Client) -> None:
    clickhouse.command(
        "INSERT INTO events (event_id, contact_id, time, type, url)"
        " SELECT generateUUIDv4(), 4600000000000 + number % 7,"
        " toDateTime64('1997-01-01 12:00:00', 3, 'UTC') - number / 1000, 'page.hit',"
        " if(number % 500 = 0, 'needle', 'hay') FROM numbers(100000)"
    )
    days = {"filters[dateFrom]": "1997-01-01 00:00:00", "filters[dateTo]": "1997-01-02 00:00:00"}
    found = get(api, "/api/contacts/activity", **days, **{"filters[search]": "needle"})
    assert (len(found["events"]), found["total"]) == (found["limit"], 200)


def test_a_search_of_histories_looks_at_what_was_told_and_not_at_its_names(api: httpx.Client, store_hit: Hit) -> None:
    mark, now = uuid.uuid4().hex[:8], time.time()
    known = contact(api, email=f"{mark}@x.org")
    told = {"submission": {"results": {"city": f'Zürich "{mark}"'}}, "form": {"name": f"{mark}form"}}
    store_hit(known, now, type="form.submitted", title=f"{mark} label", query=msgspec.json.encode(told).decode())
    store_hit(known, now - 1, type="email.read", query=msgspec.json.encode({"stat": {"subject": "city"}}).decode())
    store_hit(known, now - 2, url=f"https://x.org/{mark}", query='{"city":"city"}')

    def kinds(search: str) -> list[str]:
        found = get(api, f"/api/contacts/{known}/activity", **{"filters[search]": search})
        assert found["total"] == len(found["events"])
        return [event["event"] for event in found["events"]]

    assert kinds(f'ZÜRICH "{mark}') == kinds(f"{mark}FORM") == kinds(f"{mark} label") == ["form.submitted"]
    assert kinds("city") == ["email.read"], "a name in the one, a value in the other"
    assert kinds("results") == kinds("submission") == []
    assert kinds(mark) == ["form.submitted", "page.hit"]
    of_all = get(api, "/api/contacts/activity", **{"filters[search]": f"{mark}form"})
    assert [event["event"] for event in of_all["events"]] == ["form.submitted"]


def test_a_history_begins_at_start_as_lists_do(api: httpx.Client, store_hit: Hit) -> None:
    mark, now = uuid.uuid4().hex, time.time()
    known = contact(api, email=f"{mark}@x.org")
    for number in range(5):
        store_hit(known, now - number, url=f"https://x.org/{mark}/{number}")
    for path in (f"/api/contacts/{known}/activity", "/api/contacts/activity"):
        asked = {"filters[search]": mark, "limit": "2"}

        def shown(path: str = path, asked: dict[str, str] = asked, **query: Any) -> tuple[list[str], int]:
            found = get(api, path, **asked, **query)
            return [event["details"]["hit"]["url"][-1] for event in found["events"]], found["page"]

        assert shown() == shown(start=0) == (["0", "1"], 1)
        assert shown(start=0, page=2) == shown(start=2) == (["2", "3"], 2)
        assert shown(start=3) == (["3", "4"], 2)
        assert "start" in get(api, path, 400, start=2, page=2)["errors"][0]["details"]
        get(api, path, 400, start="x")


def test_who_merged_away_is_shown_as_the_one_that_survives(api: httpx.Client, store_hit: Hit) -> None:
    mark = uuid.uuid4().hex
    winner, loser = contact(api, email=f"{mark}@x.org"), contact(api, email=f"{mark}@y.org")
    store_hit(loser, time.time() - 5, url=f"https://x.org/{mark}")
    api.patch(f"/api/contacts/{winner}/edit", json={"email": f"{mark}@y.org"})
    found = get(api, "/api/contacts/activity", **{"filters[search]": f"x.org/{mark}"})
    assert [event["contactId"] for event in found["events"]] == [winner]


def test_the_chart_has_a_half_year_of_engagements_and_points(api: httpx.Client, store_hit: Hit) -> None:
    one, now = contact(api, email=f"{uuid.uuid4().hex}@x.org"), datetime.now(UTC)
    store_hit(one, now.timestamp(), url="https://x.org/a", times=2)
    store_hit(one, now.timestamp() - 400 * DAY, url="https://x.org/old")
    store_hit(one, datetime(now.year - (now.month == 1), now.month - 1 or 12, 2, tzinfo=UTC).timestamp())
    api.post(f"/api/contacts/{one}/points/plus/7")
    api.post(f"/api/contacts/{one}/points/minus/3")
    chart = get(api, f"/api/contacts/{one}/engagement")
    assert len(chart["labels"]) == 7 and chart["labels"][-1] == now.strftime("%b %Y")
    assert [dataset["label"] for dataset in chart["datasets"]] == ["Engagements", "Points"]
    engagements, points = (dataset["data"] for dataset in chart["datasets"])
    assert engagements == [0, 0, 0, 0, 0, 1, 3] and points == [0, 0, 0, 0, 0, 0, 4]
    get(api, "/api/contacts/4599999999999/engagement", 404)


def test_submissions_are_listed_filtered_and_shown(api: httpx.Client, store_hit: Hit) -> None:
    fields = [{"label": "City", "alias": "city"}, {"label": "Size", "alias": "size"}]
    form = api.post("/api/forms/new", json={"name": "A form", "fields": fields}).json()["form"]["id"]
    one, other = contact(api, email=f"{uuid.uuid4().hex}@x.org"), next(_visitors)

    def submit(contact_id: int, age: float, **results: str) -> str:
        told = {"submission": {"results": results, "referer": "https://x.org/f"}, "form": {"id": str(form)}}
        query = msgspec.json.encode(told).decode()
        return store_hit(contact_id, time.time() - age, type="form.submitted", query=query, times=2)

    first = submit(one, 30, city="Rome", size="5")
    submit(other, 20, city="Bern", size="7")
    store_hit(one, time.time(), type="form.submitted", query='{"form":{"id":"another"}}')
    path = f"/api/forms/{form}/submissions"
    listed = get(api, path)
    assert listed["total"] == 2
    assert [item["results"]["city"] for item in listed["submissions"]] == ["Bern", "Rome"]
    assert listed["submissions"][1]["lead"]["id"] == one and listed["submissions"][1]["form"]["name"] == "A form"
    rome = {"where[0][col]": "r.city", "where[0][expr]": "eq", "where[0][val]": "rome"}
    assert [item["id"] for item in get(api, path, **rome)["submissions"]] == [str(uuid.UUID(first))]
    ordered = get(api, path, orderBy="r.size", orderByDir="DESC")["submissions"]
    assert [item["results"]["size"] for item in ordered] == ["7", "5"]
    assert get(api, path, search="bern")["total"] == 1 == len(get(api, path, limit=1, start=1)["submissions"])
    assert [item["lead"]["id"] for item in get(api, f"{path}/contact/{other}")["submissions"]] == [other]
    shown = get(api, f"{path}/{first}")["submission"]
    assert shown["results"] == {"city": "Rome", "size": "5"} and shown["referer"] == "https://x.org/f"
    for wrong in (f"{path}/{uuid.uuid4()}", f"{path}/x", "/api/forms/999999/submissions"):
        get(api, wrong, 404)
    get(api, path, 400, **{**rome, "where[0][col]": "nothing"})
