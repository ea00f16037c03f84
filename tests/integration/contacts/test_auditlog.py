"""Who changed what: every write over the API is told, field by field, with the user, the time and the address."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx
import pytest
import redis
from clickhouse_connect.driver.client import Client

from services.common import keys
from services.common.audit import AuditLog
from services.common.clickhouse import connect
from services.common.redis_client import connect as connect_redis
from services.common.tables import AuditRow
from tests.integration.contacts.test_rights import client_of, closed_clients, contact, made_user, role, told
from tests.processes import eventually

_ = closed_clients


def entries(api: httpx.Client, path: str = "/api/auditlog", **query: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = told(api.get(path, params={name: str(one) for name, one in query.items()}))[
        "auditlog"
    ]
    return found


def test_a_contacts_changes_are_told_field_by_field(api: httpx.Client) -> None:
    user = made_user(api, role(api, lead__leads=["full"]))
    client = client_of(api, user)
    one = contact(client, firstname="Ada", tags="x")
    told(client.patch(f"/api/contacts/{one}/edit", json={"firstname": "Grace", "points": 3, "tags": "-x,y"}))
    told(client.post(f"/api/contacts/{one}/dnc/email/add"))
    told(client.post(f"/api/contacts/{one}/utm/add", json={"utm_source": "s"}))
    told(client.delete(f"/api/contacts/{one}/delete"))
    found = entries(api, object="lead", objectId=one)
    assert [entry["action"] for entry in found] == ["delete", "utmadd", "update", "update", "create"]
    assert {(entry["userId"], entry["userName"], entry["ipAddress"]) for entry in found} == {
        (user["id"], user["username"], "127.0.0.1")
    }
    assert found[3]["details"] == {"firstname": ["Ada", "Grace"], "points": [0, 3], "tags": [["x"], ["y"]]}
    assert found[2]["details"] == {"dnc.email": [None, [3, ""]]}
    assert found[4]["details"]["firstname"] == [None, "Ada"] and found[0]["details"]["firstname"] == ["Grace", None]


def test_the_log_of_one_contact_has_what_merged_into_it(api: httpx.Client) -> None:
    email = f"{uuid.uuid4().hex[:10]}@audit.org"
    loser, winner = contact(api, email=email), contact(api)
    told(api.patch(f"/api/contacts/{winner}/edit", json={"email": email}))
    found = entries(api, f"/api/contacts/{winner}/auditlog")
    assert {entry["objectId"] for entry in found} == {winner, loser}
    assert {"merged": loser} in [entry["details"] for entry in found]
    assert found == entries(api, f"/api/contacts/{loser}/auditlog")
    assert api.get("/api/contacts/999999999/auditlog").status_code == 404


def test_a_batch_is_told_item_by_item(api: httpx.Client) -> None:
    mark = uuid.uuid4().hex[:8]
    items = [{"email": f"{number}.{mark}@audit.org", "city": mark} for number in range(5)]
    made = [one["id"] for one in told(api.post("/api/contacts/batch/new", json=items), 201)["contacts"]]
    for one in made:
        [entry] = entries(api, objectId=one, object="lead")
        assert (entry["action"], entry["details"]["city"]) == ("create", [None, mark])


def test_records_companies_fields_users_and_calls_are_told_without_secrets(api: httpx.Client) -> None:
    stage = told(api.post("/api/stages/new", json={"name": "cold"}), 201)["stage"]["id"]
    told(api.patch(f"/api/stages/{stage}/edit", json={"name": "hot"}))
    told(api.delete(f"/api/stages/{stage}/delete"))
    found = entries(api, object="stage", objectId=stage)
    assert [(one["action"], one["details"].get("name")) for one in found] == [
        ("delete", ["hot", None]), ("update", ["cold", "hot"]), ("create", [None, "cold"]),
    ]  # fmt: skip
    name = f"Acme {uuid.uuid4().hex[:8]}"
    company = told(api.post("/api/companies/new", json={"companyname": name}), 201)["company"]["id"]
    [entry] = entries(api, object="company", objectId=company)
    assert name in str(entry["details"])
    alias = f"f{uuid.uuid4().hex[:8]}"
    told(api.post("/api/fields/contact/new", json={"label": alias, "alias": alias, "type": "text"}), 201)
    assert f"custom.{alias}.label" in str(entries(api, object="fields", limit=2))
    user = made_user(api, role(api))
    told(api.patch(f"/api/users/{user['id']}/edit", json={"password": "another password"}))
    changed, _ = entries(api, object="user", objectId=user["id"])
    assert changed["details"] == {"password": ["***", "***"]}
    one = contact(api)
    said = {"service": "google_analytics", "category": "c", "action": "a", "label": "l"}
    told(api.post(f"/api/contacts/{one}/trackingevents/new", json=said), 201)
    assert entries(api, object="contacts", objectId=one)[0]["action"] == "new"


def test_a_note_is_told_by_its_names_of_the_api(api: httpx.Client) -> None:
    one, other = contact(api), contact(api)
    said = {"lead": one, "text": "called", "dateTime": "2026-01-31 12:00:00", "isPublished": False}
    note = told(api.post("/api/notes/new", json=said), 201)["note"]["id"]
    told(api.patch(f"/api/notes/{note}/edit", json={"lead": other, "isPublished": True}))
    changed, made = entries(api, object="note", objectId=note)
    assert changed["details"] == {"lead": [one, other], "isPublished": [False, None]}
    assert made["details"] == {
        "lead": [None, one], "text": [None, "called"], "dateTime": [None, "2026-01-31T12:00:00+00:00"],
        "isPublished": [None, False],
    }  # fmt: skip


def test_what_only_reads_or_fails_is_not_told(api: httpx.Client) -> None:
    before = told(api.get("/api/auditlog"))["total"]
    api.post("/api/users/1/permissioncheck", json={"permissions": ["x"]})
    api.get("/api/contacts?limit=1")
    api.post("/api/contacts/new", json={"email": "no address"})
    api.patch("/api/contacts/999999999/edit", json={"firstname": "x"})
    assert told(api.get("/api/auditlog"))["total"] == before


def test_filters_and_pages(api: httpx.Client) -> None:
    user = made_user(api, role(api, lead__leads=["full"]))
    client = client_of(api, user)
    made = [contact(client) for _ in range(3)]
    for said in (user["username"], user["id"]):
        assert [one["objectId"] for one in entries(api, user=said)] == made[::-1]
    body = told(api.get("/api/auditlog", params={"user": user["username"], "limit": 1, "start": 1}))
    assert (body["total"], [one["objectId"] for one in body["auditlog"]]) == (3, [made[1]])
    assert entries(api, user=user["username"], action="delete") == []
    assert entries(api, user=user["username"], dateTo="2020-01-01 00:00:00") == []
    assert len(entries(api, user=user["username"], dateFrom="2020-01-01 00:00:00")) == 3
    assert api.get("/api/auditlog?dateFrom=soon").status_code == 400
    assert entries(api, user="' OR 1 --") == entries(api, objectId="{p}") == []


def test_the_log_is_searched_narrowed_and_ordered_as_lists_are(api: httpx.Client) -> None:
    user = made_user(api, role(api, lead__leads=["full"]))
    client, mark = client_of(api, user), uuid.uuid4().hex[:8]
    names = [f'Zoë "{mark}" {number}' for number in range(3)]
    made = [contact(client, firstname=name) for name in names]
    told(client.delete(f"/api/contacts/{made[0]}/delete"))
    name = {"where[0][col]": "userName", "where[0][expr]": "eq", "where[0][val]": user["username"]}

    def found(**query: str) -> list[tuple[str, int]]:
        body = told(api.get("/api/auditlog", params={**name, **query}))
        assert body["total"] == len(body["auditlog"])
        return [(one["action"], made.index(one["objectId"])) for one in body["auditlog"]]

    oldest = [("create", 0), ("create", 1), ("create", 2), ("delete", 0)]
    assert found() == found(orderByDir="DESC") == found(start="0", orderBy="id", orderByDir="DESC") == oldest[::-1]
    assert found(orderByDir="ASC") == found(orderBy="dateAdded") == oldest
    by_both = {"order[0][col]": "action", "order[0][dir]": "DESC", "order[1][col]": "date_added"}
    assert found(**by_both) == [oldest[3], *oldest[:3]]
    assert found(search=f'zoë "{mark}" 1') == [("create", 1)]
    assert found(search="DELETE") == [("delete", 0)] and found(search="nothing of it") == []
    more = {"where[1][col]": "object_id", "where[1][expr]": "in", "where[1][val]": f"{made[1]},{made[2]}"}
    assert found(**more) == [("create", 2), ("create", 1)]
    for wrong in ({"orderBy": "color"}, {"where[0][col]": "details", "where[0][expr]": "eq", "where[0][val]": "x"}):
        assert api.get("/api/auditlog", params=wrong).status_code == 400


@pytest.mark.anyio
async def test_what_waits_is_worked_off_once_and_twice_does_no_harm(
    api: httpx.Client, clickhouse: Client, valkey_url: str, clickhouse_url: str
) -> None:
    del api
    connection, server = connect_redis(valkey_url), await connect(clickhouse_url)
    log, kind = AuditLog(connection), uuid.uuid4().hex[:8]
    rows = [AuditRow(uuid.uuid4().hex, 0, 1_700_000_000_000, "x", "who", "{}", kind, str(one)) for one in range(700)]
    await log.append(rows)
    await log.append(rows[:3])  # as if nobody had known that it was done
    await log.work_off(server)
    assert await connection.xlen(keys.AUDIT) == 0
    count = clickhouse.query(f"SELECT count() FROM audit FINAL WHERE object = '{kind}'").result_rows[0][0]
    assert count == 700
    await connection.aclose()
    await server.close()


@pytest.mark.anyio
async def test_whoever_reads_does_not_wait_until_nobody_writes(
    api: httpx.Client, valkey_url: str, clickhouse_url: str
) -> None:
    del api
    connection, server = connect_redis(valkey_url), await connect(clickhouse_url)
    log, kind = AuditLog(connection), uuid.uuid4().hex[:8]
    is_read = asyncio.Event()

    async def write() -> None:
        while not is_read.is_set():
            await log.append([AuditRow(uuid.uuid4().hex, 0, 1_700_000_000_000, "x", "who", "{}", kind, "1")])

    await log.append([AuditRow(uuid.uuid4().hex, 0, 1_700_000_000_000, "x", "who", "{}", kind, "1")])
    writer = asyncio.create_task(write())
    try:
        assert await asyncio.wait_for(log.work_off(server), 20) >= 0
    finally:
        is_read.set()
        await writer
        await log.work_off(server)
    await connection.aclose()
    await server.close()


def test_a_duty_works_it_off_without_being_asked(api: httpx.Client, clickhouse: Client, valkey_url: str) -> None:
    one = contact(api)
    sql = f"SELECT count() FROM audit WHERE object = 'lead' AND object_id = '{one}'"
    eventually(lambda: clickhouse.query(sql).result_rows[0][0] == 1, "the entry")
    if valkey_url.startswith("redis://"):
        with redis.Redis.from_url(valkey_url) as client:
            eventually(lambda: client.xlen(keys.AUDIT) == 0, "the log is worked off")
