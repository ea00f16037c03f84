"""Lists narrowed, ordered and shortened by brackets, on real servers."""

from __future__ import annotations

import itertools
import time
import uuid
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.integration.conftest import Hit

_ids = itertools.count(9_500_000)


class People:
    """Contacts of one test, told from all others by their city."""

    def __init__(self, api: httpx.Client) -> None:
        self._api, self.city = api, "City " + uuid.uuid4().hex
        self.ids: dict[str, int] = {}

    def add(self, name: str, **said: Any) -> int:
        body = {"email": f"{name}.{uuid.uuid4().hex}@example.com", "firstname": name, "city": self.city, **said}
        answer = self._api.post("/api/contacts/new", json=body)
        assert answer.status_code == 201, answer.text
        self.ids[name] = answer.json()["contact"]["id"]
        return self.ids[name]

    def found(self, text: str, **params: str) -> str:
        """The names of those found, in the order of the page."""
        mine = urlencode({"where[c][col]": "city", "where[c][expr]": "eq", "where[c][val]": self.city, **params})
        answer = self._api.get(f"/api/contacts?{mine}&{text}")
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["total"] == str(len(body["contacts"]))
        names = {contact_id: name for name, contact_id in self.ids.items()}
        return " ".join(names[contact["id"]] for contact in body["contacts"].values())


@pytest.fixture(scope="module")
def people(api: httpx.Client) -> People:
    people = People(api)
    people.add("Ada", points=5, lastname="O'Neil_%", attribution=1.5, attribution_date="2024-01-02", country="Italy")
    people.add("bob", points=-3, lastname="back\\slash", phone="+49 40", owner=1)
    people.add("Cyd", points=12, attribution=20, lastname="O'Neil,x")
    return people


def condition(column: str, expr: str, value: str | list[str] = "", at: str = "where[0]") -> str:
    values = {f"{at}[val][]": value} if isinstance(value, list) else {f"{at}[val]": value}
    return urlencode({f"{at}[col]": column, f"{at}[expr]": expr, **values}, doseq=True)


@pytest.mark.parametrize(
    ("column", "expr", "value", "names"),
    [
        ("firstname", "eq", "ADA", "Ada"),
        ("firstname", "eq", "Ad%", ""),
        ("firstname", "neq", "ada", "bob Cyd"),
        ("phone", "neq", "x", "bob"),
        ("phone", "notLike", "x%", "bob"),
        ("phone", "isNull", "", "Ada Cyd"),
        ("phone", "isEmpty", "", "Ada Cyd"),
        ("phone", "isNotEmpty", "", "bob"),
        ("phone", "eq", "", "Ada Cyd"),
        ("phone", "in", "+49 40, x", "bob"),
        ("phone", "in", ["", "x"], "Ada Cyd"),
        ("lastname", "eq", "o'neil_%", "Ada"),
        ("lastname", "like", "%_%", "Ada"),
        ("lastname", "like", "%\\%", "bob"),
        ("lastname", "notLike", "o'%", "bob"),
        ("lastname", "in", "'x,\"O'Neil,x\",back\\slash", "bob Cyd"),
        ("lastname", "notIn", ["O'NEIL_%", "x"], "bob Cyd"),
        ("firstname", "between", "a,B", "Ada"),
        ("firstname", "gte", "BOB", "bob Cyd"),
        ("points", "gt", "4.5", "Ada Cyd"),
        ("points", "lte", "-3", "bob"),
        ("points", "between", "5,12", "Ada Cyd"),
        ("points", "notBetween", ["5", "12"], "bob"),
        ("points", "in", "12,-3", "bob Cyd"),
        ("points", "like", "1%", "Cyd"),
        ("attribution", "lt", "3", "Ada"),
        ("attribution", "isNull", "", "bob"),
        ("attribution", "neq", "20", "Ada"),
        ("attribution_date", "eq", "2024-01-02 00:00:00", "Ada"),
        ("attributionDate", "lt", "2030-01-01", "Ada"),
        ("attribution_date", "like", "2024-01-%", "Ada"),
        ("attribution_date", "isNotNull", "", "Ada"),
        ("country", "eq", "italy", "Ada"),
        ("country", "in", "Italy", "Ada"),
        ("owner", "eq", "1", "bob"),
        ("l.owner_id", "isNull", "", "Ada Cyd"),
        ("date_added", "gt", "2024-01-01", "Ada bob Cyd"),
        ("dateAdded", "lt", "2024-01-01", ""),
        ("dateModified", "isNull", "", "Ada bob Cyd"),
        ("dateIdentified", "isNotNull", "", "Ada bob Cyd"),
        ("last_active", "isNull", "", "Ada bob Cyd"),
        ("isPublished", "eq", "1", "Ada bob Cyd"),
    ],
)
def test_a_condition_finds(people: People, column: str, expr: str, value: str | list[str], names: str) -> None:
    assert people.found(condition(column, expr, value)) == names


def test_conditions_of_a_group(people: People) -> None:
    either = (
        "where[0][expr]=orX&"
        + condition("firstname", "eq", "Ada", "where[0][val][0]")
        + "&where[0][val][1][expr]=andX&"
        + condition("points", "gt", "1", "where[0][val][1][val][0]")
        + "&"
        + condition("lastname", "like", "%x", "where[0][val][1][val][1]")
    )
    assert people.found(either) == "Ada Cyd"
    assert people.found(either, search="!name:ada") == "Cyd"
    assert people.found(either + "&" + condition("points", "lt", "10", "where[1]")) == "Ada"


def test_addresses_and_ids_are_found_exactly(api: httpx.Client, people: People) -> None:
    ada, bob = people.ids["Ada"], people.ids["bob"]
    email = api.get(f"/api/contacts/{ada}").json()["contact"]["fields"]["all"]["email"]
    assert people.found(condition("email", "eq", email.upper())) == "Ada"
    assert people.found(condition("email", "in", [email, "x@example.com"])) == "Ada"
    assert people.found(condition("email", "like", "ada.%")) == "Ada"
    assert people.found(condition("id", "in", f"{ada},{bob}")) == "Ada bob"
    assert people.found(condition("id", "gt", str(ada))) == "bob Cyd"


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("orderBy=points", "bob Ada Cyd"),
        ("orderBy=points&orderByDir=DESC", "Cyd Ada bob"),
        ("orderBy=attribution,points", "bob Ada Cyd"),
        ("orderBy=firstname&orderByDir=desc", "Cyd bob Ada"),
        ("order[0][col]=phone&order[0][dir]=DESC&order[1][col]=points&order[1][dir]=DESC", "bob Cyd Ada"),
        ("order[0][col]=phone&order[0][dir]=DESC&orderBy=points", "bob Ada Cyd"),
        ("order[0][col]=dateAdded&order[0][dir]=DESC", "Cyd bob Ada"),
        ("order[0][col]=attribution_date&order[0][dir]=DESC&order[1][col]=id&order[1][dir]=DESC", "Ada Cyd bob"),
        ("orderBy=last_active,dateModified,owner,country", "Cyd Ada bob"),
    ],
)
def test_lists_have_several_orders(people: People, order: str, names: str) -> None:
    assert people.found(order) == names


def test_what_visits_say_counts_of_known_contacts_and_visitors(
    api: httpx.Client, people: People, store_hit: Hit
) -> None:
    visitor, now = next(_ids), time.time()
    store_hit(visitor, now - 86_400 * 3)
    store_hit(people.ids["bob"], now - 86_400 * 2)
    then = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now - 86_400))
    assert people.found(condition("last_active", "isNotNull")) == "bob"
    assert people.found(condition("last_active", "lt", then)) == "bob"
    assert people.found(condition("date_added", "lt", then)) == "bob"

    def found(text: str) -> list[str]:
        ids = f"{visitor},{people.ids['Ada']},{people.ids['bob']}"
        answer = api.get(f"/api/contacts?search=ids:{ids}&{text}")
        assert answer.status_code == 200, answer.text
        return [contact["fields"]["all"]["firstname"] or "visitor" for contact in answer.json()["contacts"].values()]

    assert found("orderBy=last_active&orderByDir=DESC") == ["bob", "visitor", "Ada"]
    assert found("orderBy=date_added,email") == ["visitor", "bob", "Ada"]
    assert found(condition("email", "isNull")) == ["visitor"]
    assert found(condition("last_active", "gt", "2024-01-01") + "&orderBy=firstname") == ["visitor", "bob"]
    assert found(condition("points", "eq", "0")) == ["visitor"]


def test_contacts_are_shown_short(api: httpx.Client, people: People) -> None:
    ada = people.ids["Ada"]
    body = api.get(f"/api/contacts?search=ids:{ada}&minimal=1&publishedOnly=1").json()
    assert list(body["contacts"][str(ada)]) == ["id", "points", "color", "fields"]
    body = api.get(f"/api/contacts?search=ids:{ada}&select[]=id&select[]=fields&select[]=owner").json()
    assert list(body["contacts"][str(ada)]) == ["id", "fields"]
    assert "phone" not in body["contacts"][str(ada)]["fields"]["all"]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("where[0][col]=secret&where[0][expr]=eq&where[0][val]=1", "where[0][col]"),
        ("where[0][expr]=eq&where[0][val]=1", "where[0][col]"),
        ("where[0][col]=email&where[0][val]=1", "where[0][expr]"),
        ("order[0][col]=1;SELECT 1", "order[0][col]"),
    ],
)
@pytest.mark.parametrize("path", ["contacts", "companies", "forms"])
def test_what_cannot_be_read_is_400_and_named(api: httpx.Client, path: str, query: str, place: str) -> None:
    answer = api.get(f"/api/{path}?{query}")
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert list(error["details"]) == [place]


def test_companies_are_narrowed_and_ordered(api: httpx.Client) -> None:
    city = "City " + uuid.uuid4().hex
    for name, staff, score in (("Acme", 5, 1), ("Bolt", 70, 1), ("Cog", None, 2)):
        body = {"companyname": f"{name} {city}", "companycity": city, "companynumber_of_employees": staff,
                "score": score}  # fmt: skip
        assert api.post("/api/companies/new", json=body).status_code == 201

    def found(text: str) -> list[str]:
        answer = api.get(f"/api/companies?{condition('companycity', 'eq', city, 'where[c]')}&{text}")
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["total"] == str(len(body["companies"]))
        return [company["fields"]["all"]["companyname"].split()[0] for company in body["companies"].values()]

    assert found(condition("companynumber_of_employees", "gt", "9")) == ["Bolt"]
    assert found(condition("companynumber_of_employees", "isNull")) == ["Cog"]
    assert found(condition("comp.companyname", "like", "a%")) == ["Acme"]
    assert found(condition("dateAdded", "gt", "2024-01-01")) == ["Acme", "Bolt", "Cog"]
    assert found("order[0][col]=score&order[0][dir]=DESC&order[1][col]=companynumber_of_employees"
                 "&order[1][dir]=DESC") == ["Cog", "Bolt", "Acme"]  # fmt: skip
    answer = api.get(f"/api/companies?{condition('companycity', 'eq', city)}&minimal=1")
    assert {tuple(company) for company in answer.json()["companies"].values()} == {("id", "score", "fields")}


def test_records_are_narrowed_ordered_and_published(api: httpx.Client) -> None:
    name = "Form " + uuid.uuid4().hex
    for letter, is_published in (("a", True), ("b", False), ("c", True)):
        body = {"name": f"{name} {letter}", "isPublished": is_published, "description": letter}
        assert api.post("/api/forms/new", json=body).status_code == 201

    def found(text: str) -> list[str]:
        answer = api.get(f"/api/forms?{condition('name', 'like', name + '%', 'where[c]')}&{text}")
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["total"] == len(body["forms"])
        return [form["name"][-1] for form in body["forms"]]

    assert found("order[0][col]=name&order[0][dir]=DESC") == ["c", "b", "a"]
    assert found("published=1") == found("publishedOnly=true") == ["a", "c"]
    assert found(condition("isPublished", "eq", "0")) == ["b"]
    assert found(condition("description", "in", "a,b")) == ["a", "b"]
    assert found(condition("dateModified", "isNull")) == ["a", "b", "c"]
    short = api.get(f"/api/forms?{condition('name', 'like', name + '%')}&minimal=1").json()["forms"]
    assert all("dateAdded" not in form and form["name"] for form in short)


@pytest.mark.parametrize("path", ["contacts", "companies", "stages", "fields/contact", "segments"])
def test_a_selection_of_what_there_is_not_is_refused(api: httpx.Client, path: str) -> None:
    word = uuid.uuid4().hex[:8]
    api.post("/api/contacts/new", json={"firstname": word})
    api.post("/api/companies/new", json={"companyname": word})
    api.post("/api/stages/new", json={"name": word})
    api.post("/api/segments/new", json={"name": word})
    refused = api.get(f"/api/{path}?select[]=id&select[]=nothing&select[]=notEither")
    assert refused.status_code == 400
    text = refused.json()["errors"][0]["details"]["select"]
    assert "There is no notEither, nothing to select; there are " in str(text)
    assert api.get(f"/api/{path}?select[]=id").status_code == 200
    if "fields" not in path:
        assert api.get(f"/api/{path}?select[]=date_added").status_code == 200


def test_an_owner_who_is_nobody_is_refused(api: httpx.Client) -> None:
    for path, body in (("contacts", {"firstname": "x"}), ("companies", {"companyname": uuid.uuid4().hex})):
        refused = api.post(f"/api/{path}/new", json={**body, "owner": 987_654_321})
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["details"] == {"owner": ["User with ID or name '987654321' was not found."]}
        assert api.post(f"/api/{path}/new", json={**body, "owner": {"id": "1"}}).status_code == 201
