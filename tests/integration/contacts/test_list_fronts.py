"""A list that is cut from its front is the same list: on contacts that visited, were told times, merged, went."""

from __future__ import annotations

import itertools
import random
import time

import httpx
import pytest

from services.common.php_query import parse_php_query
from services.contacts.people.contact_list import FEW, Statement, page_statements, read_list_query
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.latest_active import latest_rows, latest_statement, read_latest, versions_statement
from services.contacts.stores import Stores
from tests.integration.conftest import Hit

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
def crowd(api: httpx.Client, store_hit: Hit) -> None:
    """60 contacts and 30 visitors; some contacts visited, some were told when, some merged into others or are gone."""
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
    found = latest_rows(query, latest, versions)
    [whole] = page_statements(query, 1)
    assert found == (await stores.clickhouse.query(whole.sql, parameters=whole.parameters)).result_rows
    assert len(found) == limit


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
