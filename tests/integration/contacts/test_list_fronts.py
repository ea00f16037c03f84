"""A list that is cut from its front is the same list: on contacts that visited, were told times, merged, went."""

from __future__ import annotations

import itertools
import random
import time
import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
from clickhouse_connect.driver.client import Client

from services.common.clickhouse import insert_rows
from services.common.migrate import migrate
from services.common.php_query import parse_php_query
from services.common.profile import Part, Profile, Stamped
from services.common.settings import Settings
from services.common.tables import CONTACTS, EVENTS, contact_row
from services.contacts.people.contact_list import FEW, Statement, page_statements, read_list_query
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.latest_active import latest_rows, latest_statement, read_latest, versions_statement
from services.contacts.stores import Stores
from tests.integration.conftest import Hit, event_row

SEARCHES = ("", "!is:anonymous", "is:anonymous", "city:frontville", "ip:198.51.100.", "tag:none or city:frontville")
FILTERS = (
    "",
    "where[0][col]=date_added&where[0][expr]=gt&where[0][val]=2020-01-01",
    "where[0][col]=points&where[0][expr]=gt&where[0][val]=3",
)
COLUMNS = ("id", "last_active", "date_added", "last_active,date_added")
ORDERS = [
    f"orderBy={column}&orderByDir={direction}"
    for column, direction in itertools.product(
        ("id", "last_active", "date_added", "last_active,date_added"), ("ASC", "DESC")
    )
]


@pytest.fixture(scope="module")
def crowd(api: httpx.Client, store_hit: Hit, clickhouse: Client) -> None:
    """60 contacts and 30 visitors; some contacts visited, some were told when, some merged into others or are gone."""
    for table in ("recent", "activity", "contacts"):
        clickhouse.command(f"OPTIMIZE TABLE {table} FINAL")  # of what other files left each row once
    chance = random.Random(3)
    now = time.time()
    made = []
    for number in range(60):
        body = {"firstname": f"Front {number}", "city": "Frontville", "points": number % 7}
        if number % 5 == 0:
            body["lastActive"] = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now - chance.randrange(4_000_000)))
        made.append(api.post("/api/contacts/new", json=body).json()["contact"]["id"])
    for contact_id in made[::2]:
        for _ in range(3):
            store_hit(contact_id, now - chance.randrange(4_000_000), ip=f"198.51.100.{contact_id % 200}")
    for number in range(30):
        store_hit(3_100_000_000 + number, now - chance.randrange(4_000_000), ip="198.51.100.7")
    for number in range(0, 24, 2):
        email = f"front{number}-{made[0]}@example.com"
        api.patch(f"/api/contacts/{made[number]}/edit", json={"email": email})
        api.patch(f"/api/contacts/{made[number + 1]}/edit", json={"email": email})  # it merges the two
    for contact_id in made[40:44]:
        api.delete(f"/api/contacts/{contact_id}/delete")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("search", SEARCHES)
async def test_each_front_is_the_begin_of_the_whole_list(crowd: None, stores: Stores, search: str, order: str) -> None:
    async def rows(statement: Statement) -> list[tuple[int, int]]:
        return list((await stores.clickhouse.query(statement.sql, parameters=statement.parameters)).result_rows)

    for narrowed in FILTERS:
        query = read_list_query({**parse_php_query(f"{order}&{narrowed}"), "search": search, "limit": "20"})
        *fronts, last = [await rows(one) for one in page_statements(query, FEW + 1)]
        [whole] = [await rows(one) for one in page_statements(query, 1)]
        assert last == whole
        assert all(front == whole[: len(front)] for front in fronts), (narrowed, fronts)


@pytest.mark.parametrize(("start", "limit"), [(0, 1), (0, 20), (7, 5), (40, 5)])
async def test_who_was_active_last_is_the_begin_of_the_whole_list(
    crowd: None, stores: Stores, start: int, limit: int
) -> None:
    query = read_list_query({"orderBy": "last_active", "orderByDir": "DESC", "start": str(start), "limit": str(limit)})
    statement = latest_statement(query)
    assert statement
    rows = (await stores.clickhouse.query(statement.sql, parameters=statement.parameters)).result_rows
    latest = read_latest(query, rows[0])
    assert latest
    statement = versions_statement(latest)
    versions = (await stores.clickhouse.query(statement.sql, parameters=statement.parameters)).result_rows
    found = latest_rows(latest, versions)[start : start + limit]
    [whole] = page_statements(query, 1)
    assert found == (await stores.clickhouse.query(whole.sql, parameters=whole.parameters)).result_rows
    assert len(found) == limit


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize(("start", "limit"), [(0, 1), (0, 20), (7, 5), (40, 5), (0, 1_000)])
async def test_the_first_ids_are_the_begin_of_the_whole_list(
    crowd: None, stores: Stores, start: int, limit: int, direction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.contacts.people.first_ids._SLACK", 1)
    query = read_list_query({"orderByDir": direction, "start": str(start), "limit": str(limit)})
    [whole] = page_statements(query, 1)
    expected = list((await stores.clickhouse.query(whole.sql, parameters=whole.parameters)).result_rows)
    found = await ContactReader(stores)._begin(query)
    assert found and found == expected[: len(found)]


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_all_ids_of_a_short_list_are_found_and_the_begin_of_one_that_goes_on(
    quiet: Stores, direction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, total = ContactReader(quiet), 28 + 4
    for least, start, limit in itertools.product((1, 5, 40), range(0, total + 2, 3), (1, 4, 30)):
        monkeypatch.setattr("services.contacts.people.first_ids._LEAST", least)
        query = read_list_query({"orderByDir": direction, "start": str(start), "limit": str(limit)})
        [whole] = page_statements(query, 1)
        expected = list((await quiet.clickhouse.query(whole.sql, parameters=whole.parameters)).result_rows)
        found = await reader._begin(query)
        assert found == expected[: len(found)], (least, start, limit)
        assert len(found) == len(expected) or least < 40, (start, limit)
        assert (await reader.page(query)).total == total


@pytest.fixture
async def quiet(valkey_url: str, clickhouse_url: str) -> AsyncIterator[Stores]:
    """A database of 30 contacts, most of whom nobody has seen, and 4 visitors. Of the contacts 3 visited, 2 were told
    when, one of these no longer, one has merged into another, and one is gone."""
    url = clickhouse_url.rsplit("/", 1)[0] + f"/quiet_{uuid.uuid4().hex[:8]}"
    await migrate(url)
    stores = Stores(Settings(redis_url=valkey_url, clickhouse_url=url))
    await stores.open()
    told = {5: "2026-01-05 10:00:00", 6: "2026-01-06 10:00:00"}
    profiles = [
        Profile(one, own=Part(1, fields={"last_active": Stamped(told[one], 1)} if one in told else {}), version=1)
        for one in range(1, 31)
    ]
    later = [Profile(6, own=Part(1), version=2), Profile(8, alias=7, version=2), Profile(9, deleted_us=1, version=2)]
    for some in (profiles, later):  # one after the other: both versions are there
        await insert_rows(stores.clickhouse, CONTACTS, [contact_row(profile) for profile in some])
    await stores.clickhouse.command("INSERT INTO aliases VALUES (8, 7, 2)")
    seen = [(3, 1), (4, 2), (8, 3), *((100 + one, 4 + one) for one in range(4))]
    await insert_rows(stores.clickhouse, EVENTS, [event_row(uuid.uuid4().hex, one, 1.7e9 + at, {}) for one, at in seen])
    yield stores
    await stores.clickhouse.command(f"DROP DATABASE {url.rpartition('/')[2]}")
    await stores.close()


async def test_after_those_who_ever_were_active_come_the_others(quiet: Stores) -> None:
    reader, total = ContactReader(quiet), 28 + 4
    for start, limit in itertools.product(range(0, total + 2, 3), (1, 4, 30)):
        asked = {"orderBy": "last_active", "orderByDir": "DESC", "start": str(start), "limit": str(limit)}
        query = read_list_query(asked)
        [whole] = page_statements(query, 1)
        expected = (await quiet.clickhouse.query(whole.sql, parameters=whole.parameters)).result_rows
        assert await reader._latest(query) == list(expected), (start, limit)
        assert len(expected) == min(limit, max(total - start, 0))


async def test_a_short_front_is_made_up_for_and_few_are_found_as_among_many(
    crowd: None, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = ContactReader(stores)
    query = read_list_query(
        {"search": "city:frontville", "orderBy": "last_active", "orderByDir": "DESC", "limit": "200"}
    )
    few = await reader.page(query)
    monkeypatch.setattr("services.contacts.people.contact_reader.FEW", -1)
    monkeypatch.setattr("services.contacts.people.contact_list.FEW", 0)
    monkeypatch.setattr("services.contacts.people.contact_list._SLACKS", (0,))
    monkeypatch.setattr("services.contacts.people.contact_list._LEAST", 3)
    many = await reader.page(query)
    assert [one.id for one in many.contacts] == [one.id for one in few.contacts]
    assert len(many.contacts) == many.total > 30


SEARCHED = ("frontville", "!rome frontville", "city:frontville", "!city:rome", "city:frontville city:%ville")


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("search", SEARCHED)
async def test_very_few_are_told_by_their_profiles_as_by_their_rows(
    crowd: None, stores: Stores, monkeypatch: pytest.MonkeyPatch, search: str, direction: str
) -> None:
    reader = ContactReader(stores)
    for start, limit in ((0, 200), (3, 4)):
        asked = {"search": search, "orderByDir": direction, "start": str(start), "limit": str(limit)}
        query = read_list_query({"orderBy": "id", **asked})
        very_few = await reader.page(query)
        with monkeypatch.context() as patch:
            patch.setattr("services.contacts.people.contact_list.VERY_FEW", 0)
            patch.setattr("services.contacts.people.contact_reader.VERY_FEW", 0)
            few = await reader.page(query)
        assert [one.id for one in very_few.contacts] == [one.id for one in few.contacts]
        assert very_few.total == few.total


@pytest.fixture
def stays(api: httpx.Client) -> tuple[str, int]:
    """A word, and the contact that alone still has it: others had it, and were changed, deleted or merged into it."""
    word = f"w{uuid.uuid4().hex[:10]}"
    moved, stays, gone, merged = (
        api.post("/api/contacts/new", json={"lastname": f"{word} {name}"}).json()["contact"]["id"]
        for name in ("moved", "stays", "gone", "merged")
    )
    api.patch(f"/api/contacts/{moved}/edit", json={"lastname": "elsewhere"})
    api.delete(f"/api/contacts/{gone}/delete")
    api.patch(f"/api/contacts/{merged}/edit", json={"email": f"{word}@x.example"})
    api.patch(f"/api/contacts/{stays}/edit", json={"email": f"{word}@x.example"})  # it takes the other one in
    return word, stays


async def test_a_version_that_no_longer_counts_finds_nobody(stores: Stores, stays: tuple[str, int]) -> None:
    (word, contact_id), reader = stays, ContactReader(stores)
    page = await reader.page(read_list_query({"search": word}))
    assert ([one.id for one in page.contacts], page.total) == ([contact_id], 1)
    assert (await reader.page(read_list_query({"search": f"{word} moved"}))).total == 0


async def test_who_is_being_written_is_found_by_what_was_answered_last(stores: Stores, stays: tuple[str, int]) -> None:
    (word, contact_id), reader = stays, ContactReader(stores)
    profile = (await stores.profiles.load([contact_id]))[contact_id]
    assert profile
    assert (await stores.profiles.write([profile]))[contact_id] > profile.version  # not in ClickHouse yet
    page = await reader.page(read_list_query({"search": word}))
    assert ([one.id for one in page.contacts], page.total) == ([contact_id], 1)
    assert (await reader.page(read_list_query({"search": f"{word} moved"}))).total == 0
