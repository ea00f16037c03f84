"""The contacts API against real servers: searches, merges, deletes, races, and strange input."""

from __future__ import annotations

import asyncio
import concurrent.futures
import itertools
import socket
import time
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx
import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from services.common.clickhouse import connect, insert_rows
from services.common.envelope import add_error_handlers
from services.common.profile import Move, Profile
from services.common.profiles import ProfileStore
from services.common.redis_client import connect as connect_redis
from services.common.settings import Settings
from services.common.tables import EVENTS
from services.common.values import Claim, UniqueValue
from services.contacts.metrics import ContactsMetrics
from services.contacts.people.api import ContactsApi
from services.contacts.stores import Stores
from tests.integration.conftest import Hit, event_row

_ids = itertools.count(9_000_000)


@pytest.fixture
def email() -> str:
    return f"ada.{uuid.uuid4().hex[:12]}@example.com"


@pytest.fixture
def visitor_id() -> int:
    """An id that nothing is stored under."""
    return next(_ids)


def new(api: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = api.post("/api/contacts/new", json=body)
    assert answer.status_code in (200, 201), answer.text
    contact: dict[str, Any] = answer.json()["contact"]
    return contact


async def holder(redis_url: str, value: UniqueValue) -> Claim | None:
    client = connect_redis(redis_url)
    try:
        return (await ProfileStore(client).holders([value]))[value]
    finally:
        await client.aclose()


def edit(api: httpx.Client, contact_id: int, **body: Any) -> dict[str, Any]:
    answer = api.patch(f"/api/contacts/{contact_id}/edit", json=body)
    assert answer.status_code == 200, answer.text
    contact: dict[str, Any] = answer.json()["contact"]
    return contact


def found(api: httpx.Client, search: str, **params: str) -> list[int]:
    answer = api.get("/api/contacts", params={"search": search, "limit": "100", **params})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert int(body["total"]) >= len(body["contacts"])
    return [contact["id"] for contact in body["contacts"].values()]


def get(api: httpx.Client, path: str) -> dict[str, Any]:
    answer = api.get(path)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def delete(api: httpx.Client, contact_id: int) -> None:
    assert api.delete(f"/api/contacts/{contact_id}/delete").status_code == 200


def urls(api: httpx.Client, contact_id: int, **params: str) -> list[str]:
    answer = api.get(f"/api/contacts/{contact_id}/activity", params={"filters[includeEvents][]": "page.hit", **params})
    assert answer.status_code == 200, answer.text
    return [event["details"]["hit"]["url"] for event in answer.json()["events"]]


def test_searches_find_what_they_say(api: httpx.Client, email: str) -> None:
    tag = "t" + uuid.uuid4().hex[:8]
    ada = new(api, email=email, firstname="Ädä_x", lastname="O'Neil%", city="London", tags=[tag], phone="+49 40 1")[
        "id"
    ]
    bob = new(api, email="bob" + email, firstname="Bob", tags=[tag, "b" + tag])["id"]
    cases = {
        f"email:{email}": [ada],
        f"email:+{email.upper()}": [ada],
        f"email:+{email[:-1]}": [],
        f"email:%{email[5:]}": [ada, bob],
        f"email:{email.replace('.', '_')}": [],  # an underscore is no wildcard
        f"tag:{tag} firstname:ÄDÄ_": [ada],
        f'tag:{tag} lastname:"o\'neil%"': [ada],
        f"tag:{tag} name:bob": [bob],
        f"tag:{tag} city:lon": [ada],
        f"tag:{tag} !city:lon": [bob],
        f"tag:{tag} phone:+49": [],
        f'tag:{tag} phone:"+49 40"': [ada],
        f"tag:+{tag}": [ada, bob],
        f"tag:b{tag} or (tag:{tag} ädä)": [ada, bob],
        f"ids:{ada},{bob} !tag:b{tag}": [ada],
        f"tag:{tag} is:anonymous": [],
        f"tag:{tag} !is:anonymous": [ada, bob],
        f"{email[:-4]}": [ada, bob],
        f"tag:{tag} nobody-at-all": [],
    }
    assert {search: sorted(found(api, search)) for search in cases} == {
        search: sorted(ids) for search, ids in cases.items()
    }


def test_values_reach_the_database_as_they_are(api: httpx.Client) -> None:
    strange = "a\\b'c{p0:String}f$%ü😀\\n_'" + uuid.uuid4().hex
    contact = new(api, company=strange, city=strange[1:])
    assert contact["fields"]["all"]["company"] == strange
    assert found(api, f"company:+{strange}") == [contact["id"]]
    assert found(api, f"company:+{strange.replace('_', 'x').replace('%', 'y')}") == []
    assert found(api, f"city:{strange[1:-4].upper()}%") == [contact["id"]]


def test_lists_are_ordered_and_paged_without_repeats(api: httpx.Client) -> None:
    tag = "p" + uuid.uuid4().hex[:8]
    ids = [new(api, firstname=name, points=points, tags=[tag])["id"] for name, points in
           (("c", 1), ("A", 2), ("b", 2), ("a", 3), ("d", 0))]  # fmt: skip
    assert found(api, f"tag:{tag}") == ids
    assert found(api, f"tag:{tag}", orderBy="points", orderByDir="DESC") == [ids[3], ids[2], ids[1], ids[0], ids[4]]
    assert found(api, f"tag:{tag}", orderBy="firstname") == [ids[1], ids[3], ids[2], ids[0], ids[4]]
    pages = [found(api, f"tag:{tag}", orderBy="lastActive", limit="2", start=str(start)) for start in (0, 2, 4)]
    assert sorted(itertools.chain(*pages)) == sorted(ids)
    assert len(found(api, f"tag:{tag}", limit="0")) == 5


def test_anonymous_visitors_are_listed_found_and_shown(api: httpx.Client, store_hit: Hit, visitor_id: int) -> None:
    ip = f"198.51.100.{visitor_id % 200}"
    now = time.time()
    store_hit(visitor_id, now - 5, ip=ip, url="https://x.example/1", city="Oslo", times=3)
    store_hit(visitor_id, now, ip=ip, url="https://x.example/2", city="Oslo")
    assert visitor_id in found(api, f"ip:+{ip}")
    assert visitor_id in found(api, f"is:anonymous ids:{visitor_id}")
    assert visitor_id not in found(api, f"!is:anonymous ids:{visitor_id}")
    contact = api.get(f"/api/contacts/{visitor_id}").json()["contact"]
    assert contact["fields"]["all"]["city"] == "Oslo"
    assert contact["ipAddresses"][0]["ipAddress"] == ip
    assert urls(api, visitor_id) == ["https://x.example/2", "https://x.example/1"]
    assert found(api, "is:anonymous", orderBy="last_active", orderByDir="DESC", limit="1") == [visitor_id]


def test_an_anonymous_visitor_can_be_named_and_deleted(api: httpx.Client, store_hit: Hit, email: str) -> None:
    named, deleted = next(_ids), next(_ids)
    for visitor in (named, deleted):
        store_hit(visitor, time.time() - 60, url="https://x.example/")
    contact = edit(api, named, email=email)
    assert contact["id"] == named
    assert found(api, f"email:{email}") == [named]
    assert urls(api, named) == ["https://x.example/"]
    gone = api.delete(f"/api/contacts/{deleted}/delete")
    assert (gone.status_code, gone.json()["contact"]["id"]) == (200, None)
    assert api.get(f"/api/contacts/{deleted}").status_code == 404
    assert found(api, f"ids:{deleted}") == []


async def test_the_id_that_a_caller_without_cookies_was_answered_leads_to_whom_its_device_moved_to_last(
    api: httpx.Client, valkey_url: str, visitor_id: int
) -> None:
    first, last = new(api, firstname="Ada")["id"], new(api, firstname="Bob")["id"]
    now_us = time.time_ns() // 1_000
    moves = [Move(now_us - 2, uuid.uuid4().bytes, first), Move(now_us - 1, uuid.uuid4().bytes, last)]
    redis = connect_redis(valkey_url)
    await ProfileStore(redis).write([Profile(visitor_id, moves=moves, is_brief=True)])
    await redis.aclose()
    contact = get(api, f"/api/contacts/{visitor_id}")["contact"]
    assert (contact["id"], contact["fields"]["all"]["firstname"]) == (last, "Bob")
    assert found(api, f"ids:{visitor_id}") == [], "it is no contact of its own"


def test_an_edit_to_anothers_address_merges_that_contact_into_the_edited_one(
    api: httpx.Client, store_hit: Hit, email: str
) -> None:
    first = new(api, email=email, firstname="Ada", tags=["x"], points=3)["id"]
    second = new(api, email="other" + email, lastname="Byron", points=4)["id"]
    now = time.time()
    store_hit(first, now - 2, url="https://x.example/first")
    store_hit(second, now - 1, url="https://x.example/second")
    merged = edit(api, second, email=email)
    every = merged["fields"]["all"]
    assert merged["id"] == second
    assert (every["email"], every["firstname"], every["lastname"], merged["points"]) == (email, "Ada", "Byron", 7)
    assert found(api, f"email:{email}") == [second]
    assert found(api, f"email:other{email}") == []
    assert api.get(f"/api/contacts/{first}").json()["contact"]["id"] == second
    assert urls(api, first) == urls(api, second) == ["https://x.example/second", "https://x.example/first"]
    assert new(api, email=email)["id"] == second, "the address leads to the survivor"
    assert new(api, email="other" + email)["id"] not in (first, second), "the former address is free"
    assert found(api, f"ids:{first}") == []
    assert edit(api, first, city="Rome")["id"] == second
    assert api.delete(f"/api/contacts/{first}/delete").status_code == 200
    assert api.get(f"/api/contacts/{second}").status_code == 404
    assert new(api, email=email)["id"] not in (first, second)


def test_a_former_address_is_free_and_can_come_back(api: httpx.Client, email: str) -> None:
    first = new(api, email=email)["id"]
    edit(api, first, email="z" + email)
    assert edit(api, first, email=email)["id"] == first
    edit(api, first, email="", overwriteWithBlank=True)
    second = new(api, email=email)
    assert second["id"] != first
    assert found(api, f"email:{email}") == [second["id"]]


def test_put_replaces_and_makes_contacts_of_unknown_ids(api: httpx.Client, email: str) -> None:
    made = api.put("/api/contacts/9007199254740000/edit", json={"email": email, "firstname": "Ada"})
    assert made.status_code == 201
    contact_id = made.json()["contact"]["id"]
    replaced = api.put(f"/api/contacts/{contact_id}/edit", json={"email": email, "lastname": "King"}).json()["contact"]
    assert (replaced["fields"]["all"]["firstname"], replaced["fields"]["all"]["lastname"]) == (None, "King")
    assert api.patch("/api/contacts/9007199254740000/edit", json={"firstname": "x"}).status_code == 404


def test_an_empty_body_creates_a_contact_of_nobody(api: httpx.Client) -> None:
    for body in ({"json": {}}, {"content": b""}, {"json": []}):
        answer = api.post("/api/contacts/new", **body)  # type: ignore[arg-type]
        assert answer.status_code == 201, answer.text
        assert answer.json()["contact"]["dateIdentified"] is None


def test_concurrent_creates_with_one_address_make_one_contact(api: httpx.Client, email: str) -> None:
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda n: new(api, email=email, tags=[f"n{n}"])["id"], range(32)))
    assert len(set(made)) == 1
    contact = api.get(f"/api/contacts/{made[0]}").json()["contact"]
    assert len(contact["tags"]) == 32, "no write is lost"


def test_concurrent_edits_of_different_fields_lose_none(api: httpx.Client, email: str) -> None:
    one, fields = new(api, email=email)["id"], ("firstname", "lastname", "city", "zipcode", "phone", "mobile", "fax")
    said = [{field: f"{field} {number}"} for number in range(3) for field in fields]
    with concurrent.futures.ThreadPoolExecutor(len(fields)) as pool:
        answers = list(pool.map(lambda body: api.patch(f"/api/contacts/{one}/edit", json=body), said))
    assert {answer.status_code for answer in answers} == {200}
    kept = api.get(f"/api/contacts/{one}").json()["contact"]["fields"]["all"]
    assert {field for field in fields if str(kept[field]).startswith(field)} == set(fields)


def test_concurrent_edits_that_merge_each_other_end_in_one_contact(api: httpx.Client, email: str) -> None:
    first, second = new(api, email=email)["id"], new(api, email="o" + email)["id"]

    def take(contact_id: int, address: str) -> int:
        return api.patch(f"/api/contacts/{contact_id}/edit", json={"email": address}).status_code

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(take, (first, second), ("o" + email, email)))
    assert set(answers) <= {200, 503}
    survivors = {api.get(f"/api/contacts/{one}").json()["contact"]["id"] for one in (first, second)}
    for address in (email, "o" + email):
        assert len(found(api, f"email:+{address}")) <= 1
    assert survivors <= {first, second}
    edit(api, first, city="Rome")
    assert len(found(api, f"ids:{first},{second}")) == len(survivors)


@asynccontextmanager
async def overtaken(
    store: type[ProfileStore], valkey_url: str, clickhouse_url: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A contacts service of its own on this kind of store."""
    stores = Stores(Settings(redis_url=valkey_url, clickhouse_url=clickhouse_url))
    await stores.open()
    stores.profiles = store(stores.redis)
    app = Starlette(routes=ContactsApi(stores, "admin", ContactsMetrics()).routes())
    add_error_handlers(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://spoor") as client:
        yield client
    await stores.close()


async def test_an_edit_that_loses_against_a_delete_finds_nobody(
    api: httpx.Client, valkey_url: str, clickhouse_url: str
) -> None:
    class Overtaken(ProfileStore):
        """Its writes find that the contact has just been deleted."""

        async def write(self, profiles: list[Profile], *arguments: Any) -> dict[int, int]:
            delete(api, profiles[0].id)
            return await super().write(profiles, *arguments)

    contact_id = new(api, firstname="Ada")["id"]
    async with overtaken(Overtaken, valkey_url, clickhouse_url) as client:
        answer = await client.patch(f"/api/contacts/{contact_id}/edit", json={"city": "Rome"})
    assert answer.status_code == 404, answer.text


async def test_an_address_that_is_taken_away_while_an_edit_gives_it_again_is_claimed_anew(
    api: httpx.Client, valkey_url: str, clickhouse_url: str, email: str
) -> None:
    """Whoever shows an address holds it, or a new contact would get it too."""

    class Overtaken(ProfileStore):
        """After it has looked who holds the address the contact gets another one, once."""

        looks, is_done = 100, False

        async def holders(self, values: Iterable[UniqueValue]) -> dict[UniqueValue, Claim | None]:
            self.looks = 0
            return await super().holders(values)

        async def resolve(self, contact_id: int) -> Profile | None:
            self.looks += 1
            if self.looks == 2 and not self.is_done:
                self.is_done = True
                edit(api, contact_id, email="o" + email)
            return await super().resolve(contact_id)

    contact_id = new(api, email=email)["id"]
    async with overtaken(Overtaken, valkey_url, clickhouse_url) as client:
        answer = await client.patch(f"/api/contacts/{contact_id}/edit", json={"email": email, "firstname": "Ada"})
    assert answer.status_code == 200, answer.text
    assert new(api, email=email, lastname="L")["id"] == contact_id
    assert len(found(api, f"email:+{email}")) == 1


def test_the_timeline_counts_each_event_once_and_pages_through_all(
    api: httpx.Client, store_hit: Hit, visitor_id: int
) -> None:
    now = int(time.time()) - 1_000
    for number in range(7):
        store_hit(visitor_id, now + number, url=f"https://x.example/{number}", title=f"Page {number}", times=2,
                  **({"utm_campaign": "may", "utm_source": "news"} if number == 3 else {}))  # fmt: skip
    body = api.get(f"/api/contacts/{visitor_id}/activity", params={"limit": "4"}).json()
    # With one UTM event, the address and the creation.
    assert (body["total"], body["maxPages"], len(body["events"])) == (10, 3, 4)
    seen = [
        event["eventId"]
        for page in (1, 2, 3)
        for event in api.get(f"/api/contacts/{visitor_id}/events", params={"limit": "4", "page": str(page)}).json()[
            "events"
        ]
    ]
    assert len(set(seen)) == len(seen) == 10
    utm = api.get(
        f"/api/contacts/{visitor_id}/activity", params={"filters[includeEvents][]": "lead.utmtagsadded"}
    ).json()
    assert [event["details"]["utmtags"]["utmCampaign"] for event in utm["events"]] == ["may"]
    assert urls(api, visitor_id, **{"filters[search]": "PAGE 5"}) == ["https://x.example/5"]
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now + 5))
    assert urls(api, visitor_id, **{"filters[dateFrom]": since}) == ["https://x.example/6", "https://x.example/5"]
    ascending = {"order[0]": "timestamp", "order[1]": "ASC", "limit": "2"}
    assert urls(api, visitor_id, **ascending) == ["https://x.example/0", "https://x.example/1"]
    nothing_chosen = {"filters[includeEvents]": "", "filters[excludeEvents][]": "", "filters[dateFrom]": "2024-01-01"}
    every = api.get(f"/api/contacts/{visitor_id}/activity", params=nothing_chosen).json()
    assert every["total"] == 10
    asked = {"search": "", "includeEvents": [], "excludeEvents": [], "dateFrom": "2024-01-01T00:00:00+00:00"}
    assert every["filters"] == asked
    without = api.get(f"/api/contacts/{visitor_id}/activity", params={"filters[excludeEvents][]": "page.hit"}).json()
    assert [event["event"] for event in without["events"]] == ["lead.utmtagsadded", "lead.create", "lead.ipadded"]


def test_a_history_tells_from_which_addresses_somebody_came_and_when_first(
    api: httpx.Client, store_hit: Hit, visitor_id: int
) -> None:
    now = int(time.time()) - 1_000
    for number, ip in enumerate(("192.0.2.7", "192.0.2.8", "192.0.2.7", "")):
        store_hit(visitor_id, now + number, url=f"https://x.example/{number}", ip=ip, city="Oslo", times=2)
    store_hit(visitor_id, now + 9, type="lead.ipadded", ip="192.0.2.9", title="198.51.100.1")  # told of other times

    def told(**more: str) -> list[tuple[str, int]]:
        query = {"filters[includeEvents][]": "lead.ipadded", **more}
        body = api.get(f"/api/contacts/{visitor_id}/activity", params=query).json()
        assert body["total"] == len(body["events"])
        times = [datetime.fromisoformat(event["timestamp"]).timestamp() for event in body["events"]]
        return [(event["eventLabel"], round(at) - now) for event, at in zip(body["events"], times, strict=True)]

    assert told() == [("198.51.100.1", 9), ("192.0.2.8", 1), ("192.0.2.7", 0)]
    assert told(**{"filters[search]": "192.0.2"}) == told()[1:]
    assert told(**{"filters[search]": "accessed FROM"}) == told()[1:]
    assert [ip for ip, _ in told(**{"order[0]": "eventLabel", "order[1]": "ASC"})] == [
        "192.0.2.7", "192.0.2.8", "198.51.100.1",
    ]  # fmt: skip
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now + 1))
    assert told(**{"filters[dateFrom]": since}) == told()[:2], "who was there before is not new"
    event = get(api, f"/api/contacts/{visitor_id}/activity?filters[includeEvents][]=lead.ipadded&start=2")["events"][0]
    assert event["details"]["ipAddress"] == "192.0.2.7"
    assert event["details"]["ipDetails"]["city"] == "Oslo"
    every = get(api, f"/api/contacts/{visitor_id}/activity")
    assert every["total"] == len(every["events"]) == 4 + 3 + 1


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_a_history_of_many_addresses_is_read_page_by_page(
    api: httpx.Client, store_hit: Hit, visitor_id: int, direction: str
) -> None:
    now = int(time.time()) - 1_000
    for number in range(15):  # always two at one time
        store_hit(visitor_id, now + number // 2, url=f"https://x.example/{number}", ip=f"192.0.2.{number}")
    every = [("page.hit", f"https://x.example/{number}") for number in range(15)]
    every += [("lead.ipadded", f"192.0.2.{number}") for number in range(15)]
    query = {"order[0]": "timestamp", "order[1]": direction, "filters[excludeEvents][]": "lead.create", "limit": "4"}
    found, times = [], []
    for page in range(1, 9):
        body = api.get(f"/api/contacts/{visitor_id}/activity", params={**query, "page": page}).json()
        assert (body["total"], body["maxPages"]) == (30, 8)
        for event in body["events"]:
            label = event["eventLabel"]
            found.append((event["event"], label["label"] if isinstance(label, dict) else label))
            times.append(event["timestamp"])
    assert sorted(found) == sorted(every), "each once"
    assert times == sorted(times, reverse=direction == "DESC")


async def test_an_event_id_that_a_client_uses_again_is_another_event(
    api: httpx.Client, clickhouse_url: str, visitor_id: int
) -> None:
    event_id, now = uuid.uuid4().hex, time.time() - 100
    rows = [event_row(event_id, visitor_id, now + n, {"url": f"https://x.example/{n}"}) for n in (1, 2)]
    client = await connect(clickhouse_url)
    await insert_rows(client, EVENTS, rows)
    await client.close()
    assert urls(api, visitor_id) == ["https://x.example/2", "https://x.example/1"]
    assert get(api, f"/api/contacts/{visitor_id}/activity")["total"] == 4, "two hits, their address and the creation"


def test_every_answer_of_the_api_names_its_version(api: httpx.Client) -> None:
    for path in ("/api/contacts?limit=1", "/api/contacts/1", "/api/nothing", "/api/contacts?limit=x"):
        assert api.get(path).headers["mautic-version"] == "5.1.1"
    denied = httpx.get(f"{api.base_url}/api/contacts", trust_env=False)
    assert (denied.status_code, denied.headers["mautic-version"]) == (401, "5.1.1")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "//api//contacts/", 200),
        ("GET", "/api/contacts/abc", 404),
        ("GET", "/api/contacts/" + "9" * 5_000, 404),
        ("GET", "/api/contacts/%2e%2e", 404),
        ("GET", "/nothing", 404),
        ("OPTIONS", "/api/contacts", 404),
        ("POST", "/api/contacts/1/edit", 405),
        ("GET", "/api/contacts?orderBy=password", 400),
        ("GET", "/api/contacts?search=(", 400),
        ("GET", "/api/contacts/1/activity?filters=x", 400),
        ("DELETE", "/api/contacts/1/delete", 404),
        ("GET", "/ui/contacts/1", 404),
    ],
)
def test_routes_answer_with_their_status(api: httpx.Client, method: str, path: str, status: int) -> None:
    answer = api.request(method, httpx.URL(f"{api.base_url.scheme}://{api.base_url.netloc.decode()}{path}"))
    assert answer.status_code == status, answer.text
    if status >= 400 and path.startswith("/api"):
        assert answer.json()["errors"][0]["code"] == status


def test_a_body_beyond_the_bound_is_413(api: httpx.Client) -> None:
    answer = api.post("/api/contacts/new", content=b'{"firstname":"' + b"x" * 1_100_000 + b'"}')
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, 413)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(st.binary(max_size=300), st.text('{}[]":,\\eEntruefalsmilfg0123.').map(str.encode)),
    st.sampled_from(["application/json", "application/x-www-form-urlencoded", "", "text/\xff", "multipart/form-data"]),
)
def test_no_body_breaks_it(api: httpx.Client, body: bytes, kind: str) -> None:
    answer = api.post("/api/contacts/new", content=body, headers=[(b"Content-Type", kind.encode("latin-1"))])
    assert answer.status_code < 500, answer.text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(), st.text("ab:%!+()\"' \\_{}é\t")))
def test_no_search_breaks_it(api: httpx.Client, search: str) -> None:
    data = search.encode("utf-8", "surrogatepass")
    quoted = "".join(f"%{byte:02x}" for byte in data)
    answer = api.get(f"/api/contacts?limit=1&search={quoted}")
    assert answer.status_code < 500, answer.text


def test_a_page_that_is_left_tells_its_utm_tags_no_second_time(
    api: httpx.Client, store_hit: Hit, visitor_id: int
) -> None:
    said = {"url": "https://x.org/?utm_campaign=may", "utm_campaign": "may"}
    store_hit(visitor_id, time.time() - 5, **said)
    store_hit(visitor_id, time.time(), **said, type="page.leave")
    tags = api.get(f"/api/contacts/{visitor_id}").json()["contact"]["utmtags"]
    assert [one["utmCampaign"] for one in tags] == ["may"]


def test_the_history_page_shows_the_visit_and_nothing_runs_in_it(
    api: httpx.Client, store_hit: Hit, visitor_id: int
) -> None:
    evil = "<script>alert(1)</script>"
    store_hit(visitor_id, time.time(), url="javascript:alert(1)", title=evil, referrer=evil, utm_campaign=evil)
    page = api.get(f"/ui/contacts/{visitor_id}")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
    assert 'href="javascript:' not in page.text
    assert "192.0.2.1" in page.text
    assert f"/ui/contacts/{visitor_id}" in api.get("/ui/contacts").text


def test_an_old_history_page_shows_the_survivor(api: httpx.Client, email: str) -> None:
    first, second = new(api, email=email, firstname="Ada")["id"], new(api, lastname="Byron")["id"]
    edit(api, second, email=email)
    page = api.get(f"/ui/contacts/{first}").text
    assert f"Contact {first} merged into this one, contact {second}" in page
    assert "Ada Byron" in page


def test_put_to_an_unknown_id_blanks_nobody_whom_it_matches(api: httpx.Client) -> None:
    email = f"victim-{uuid.uuid4().hex[:8]}@x.org"
    made = api.post("/api/contacts/new", json={"email": email, "firstname": "Ada"}).json()["contact"]
    answer = api.put("/api/contacts/4503599627370400/edit", json={"email": email})
    assert (answer.status_code, answer.json()["contact"]["id"]) == (200, made["id"])
    assert answer.json()["contact"]["fields"]["all"]["firstname"] == "Ada"


def test_an_address_that_a_merging_edit_gave_up_is_free_at_once(api: httpx.Client, valkey_url: str) -> None:
    """A claim that nobody carries would be waited for until it is void."""
    first, second = (f"{name}-{uuid.uuid4().hex[:8]}@x.org" for name in "ab")
    one, other = (
        api.post("/api/contacts/new", json={"email": email}).json()["contact"]["id"] for email in (first, second)
    )
    assert api.patch(f"/api/contacts/{one}/edit", json={"email": second}).json()["contact"]["id"] == one
    assert api.get(f"/api/contacts/{other}").json()["contact"]["id"] == one
    assert asyncio.run(holder(valkey_url, UniqueValue("email", first))) is None
    assert api.post("/api/contacts/new", json={"email": first}).status_code == 201


def test_the_devices_of_a_contact_are_those_that_it_came_with(
    api: httpx.Client, store_hit: Hit, visitor_id: int
) -> None:
    now = time.time() - 1_000
    phone = {
        "user_agent": "p",
        "device_id": "one",
        "device_type": "smartphone",
        "device_brand": "Fair",
        "os": "Android",
    }
    for number, said in enumerate((phone, {"user_agent": "d", "device_id": "two", "device_type": "desktop"}, phone)):
        store_hit(visitor_id, now + number, **said)
    body = get(api, f"/api/contacts/{visitor_id}/devices")
    assert (body["total"], [device["device"] for device in body["devices"]]) == (2, ["desktop", "smartphone"])
    assert (body["devices"][1]["deviceBrand"], body["devices"][1]["lead"]["id"]) == ("Fair", visitor_id)
    assert len(get(api, f"/api/contacts/{visitor_id}/devices?limit=1&start=1")["devices"]) == 1
    assert api.get("/api/contacts/5/devices").status_code == 404


def test_a_page_of_a_history_is_whole_however_often_its_events_were_stored(
    api: httpx.Client, clickhouse: Client, store_hit: Hit, visitor_id: int
) -> None:
    """More repeats than a first look at the newest rows has room for."""
    now = time.time()
    clickhouse.command("SYSTEM STOP MERGES events")  # they remove repeats
    try:
        store_hit(visitor_id, now, url="https://x.example/newest", times=12)
        for number in range(3):
            store_hit(visitor_id, now - 60 - number, url=f"https://x.example/{number}")
        asked = "filters[includeEvents][]=page.hit&limit=2"
        pages = [api.get(f"/api/contacts/{visitor_id}/activity?{asked}&page={page}").json() for page in (1, 2)]
    finally:
        clickhouse.command("SYSTEM START MERGES events")
    assert [one["total"] for one in pages] == [4, 4]
    urls = [event["details"]["hit"]["url"].rsplit("/", 1)[1] for one in pages for event in one["events"]]
    assert urls == ["newest", "0", "1", "2"]


@pytest.mark.parametrize("owner", [-1, 10**26, "x", {"id": "ada"}, "1; DROP", 999_999_998])
@pytest.mark.parametrize(("kind", "name"), [("contacts", "firstname"), ("companies", "companyname")])
def test_an_owner_that_is_nobody_is_refused(api: httpx.Client, kind: str, name: str, owner: object) -> None:
    answer = api.post(f"/api/{kind}/new", json={name: f"Owned {uuid.uuid4().hex}", "owner": owner})
    assert answer.status_code == 400, answer.text
    assert list(answer.json()["errors"][0]["details"]) == ["owner"]
    for nobody in (None, "", 0):
        assert api.post(f"/api/{kind}/new", json={name: f"Free {uuid.uuid4().hex}", "owner": nobody}).status_code == 201


@pytest.mark.parametrize("path", ["/api/contacts/new", "/oauth/v2/token", "/oauth/v2/authorize"])
@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_body_that_is_too_large_is_told_so(api: httpx.Client, path: str, is_chunked: bool) -> None:
    parts = (b"x" * 65_536 for _ in range(176))  # 11 MiB: most clients listen only when they have sent it all
    body = parts if is_chunked else b"".join(parts)
    answer = api.post(path, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["connection"]) == (413, "close")
    assert answer.json()["errors"][0]["message"] == "The body is larger than 1048576 bytes."


def test_a_body_beyond_all_measure_is_not_waited_for(api: httpx.Client) -> None:
    with socket.create_connection((api.base_url.host, api.base_url.port or 80), timeout=10) as connection:
        head = f"POST /oauth/v2/token HTTP/1.1\r\nHost: x\r\nContent-Length: {1 << 40}\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 1_000)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_a_history_tells_who_made_a_contact_and_who_it_was_made_by(api: httpx.Client, email: str) -> None:
    one = new(api, email=email)["id"]
    kinds = ("lead.apiadded", "lead.source.created", "lead.source.identified")
    query = {f"filters[includeEvents][{number}]": kind for number, kind in enumerate(kinds)}

    def told(contact_id: int, **more: str) -> dict[str, Any]:
        body = api.get(f"/api/contacts/{contact_id}/activity", params={**query, **more}).json()
        assert body["total"] == len(body["events"])
        return {event["event"]: event["eventLabel"] for event in body["events"]}

    made, known = "Contact was created by admin", "Contact was identified by admin"
    assert told(one) == dict(zip(kinds, ("admin", made, known), strict=True))
    assert told(one, **{"filters[search]": "IDENTIFIED BY"}) == {"lead.source.identified": known}
    assert "lead.apiadded" not in told(one, **{"filters[excludeEvents][]": "lead.apiadded"})
    assert made in api.get(f"/ui/contacts/{one}").text


@pytest.mark.parametrize(
    ("kind", "one", "name"), [("contacts", "contact", "firstname"), ("companies", "company", "companyname")]
)
def test_nothing_is_unpublished_and_who_asks_for_it_is_told(api: httpx.Client, kind: str, one: str, name: str) -> None:
    said = {name: f"Shown {uuid.uuid4().hex}"}
    made = api.post(f"/api/{kind}/new", json={**said, "isPublished": True}).json()[one]
    path = f"/api/{kind}/{made['id']}/edit"
    for unpublished in (False, 0, "0", "false", "no"):
        for answer in (
            api.post(f"/api/{kind}/new", json={**said, "isPublished": unpublished}),
            api.patch(path, json={"isPublished": unpublished}),
            api.put(path, json={**said, "isPublished": unpublished}),
        ):
            assert answer.status_code == 400, answer.text
            assert list(answer.json()["errors"][0]["details"]) == ["isPublished"]
    for published in (True, 1, "1", "true", "", None):
        shown = api.patch(path, json={"isPublished": published})
        assert (shown.status_code, shown.json()[one]["isPublished"]) == (200, True)
