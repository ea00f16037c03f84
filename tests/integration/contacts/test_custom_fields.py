"""Fields that people make, against real servers: made, told by API, server and hit, shown, searched, deleted."""

from __future__ import annotations

import concurrent.futures
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.integration.site import Site
from tests.processes import eventually

CACHED_SECONDS = 1.2  # the registry is read anew after one second
LIST = {"list": [{"label": "Small size", "value": "s"}, {"label": "Large size", "value": "l"}]}


class Maker:
    def __init__(self, api: httpx.Client) -> None:
        self.api, self.made = api, list[int]()

    def make(self, **said: Any) -> dict[str, Any]:
        answer = self.api.post("/api/fields/contact/new", json={"label": f"F {uuid.uuid4().hex[:12]}", **said})
        assert answer.status_code == 201, answer.text
        field: dict[str, Any] = answer.json()["field"]
        assert answer.headers["location"] == f"/api/fields/contact/{field['id']}"
        self.made.append(field["id"])
        return field

    def contact(self, status: int = 201, **said: Any) -> dict[str, Any]:
        body = {"email": f"{uuid.uuid4().hex}@example.com", **said}
        answer = self.api.post("/api/contacts/new", json={key: value for key, value in body.items() if value != "-"})
        assert answer.status_code == status, answer.text
        contact: dict[str, Any] = answer.json()["contact"]
        return contact

    def found(self, **query: str) -> list[int]:
        answer = self.api.get("/api/contacts", params=query)
        assert answer.status_code == 200, answer.text
        return [contact["id"] for contact in answer.json()["contacts"].values()]


@pytest.fixture
def maker(api: httpx.Client) -> Iterator[Maker]:
    maker = Maker(api)
    yield maker
    for field_id in maker.made:
        assert api.delete(f"/api/fields/contact/{field_id}/delete").status_code in (200, 404)


def test_a_field_is_made_shown_changed_and_deleted(api: httpx.Client, maker: Maker) -> None:
    word = uuid.uuid4().hex[:8]
    field = maker.make(label=f"Size {word}", type="select", group="professional", properties=LIST, isShortVisible=True)
    assert (field["alias"], field["object"], field["isFixed"]) == (f"size_{word}", "lead", False)
    assert field["properties"] == LIST and field["isShortVisible"] is True
    path = f"/api/fields/contact/{field['id']}"
    assert api.get(path).json()["field"] == field == api.get(f"/api/fields/contact/{field['alias']}").json()["field"]
    assert api.get("/api/fields/contact", params={"search": word}).json() == {"total": 1, "fields": [field]}
    assert field["alias"] in [one["alias"] for one in api.get("/api/contacts/list/fields").json()]
    changed = api.patch(f"{path}/edit", json={"label": "Width", "alias": field["alias"], "isUniqueIdentifier": False})
    assert changed.json()["field"]["label"] == "Width" and changed.json()["field"]["isShortVisible"] is True
    assert changed.json()["field"]["modifiedByUser"] == "admin"
    assert api.patch(f"{path}/edit", json={"type": "text"}).status_code == 400
    replaced = api.put(f"{path}/edit", json={"label": "Width", "properties": LIST}).json()["field"]
    assert (replaced["isShortVisible"], replaced["group"]) == (False, "core")
    assert api.delete(f"{path}/delete").json()["field"]["id"] is None
    assert api.get(path).status_code == api.delete(f"{path}/delete").status_code == 404
    assert api.put("/api/fields/contact/999999/edit", json={"label": ""}).status_code == 400
    assert api.patch("/api/fields/contact/999999/edit", json={"label": "x"}).status_code == 404


def test_what_cannot_be_a_field_is_refused_by_name(api: httpx.Client, maker: Maker) -> None:
    alias = maker.make()["alias"]
    for body, name in (
        ({}, "label"),
        ({"label": "x", "alias": "email"}, "alias"),
        ({"label": "x", "alias": alias}, "alias"),
        ({"label": "x", "type": "select"}, "properties"),
        ({"label": "x", "type": "boolean", "isUniqueIdentifier": 1}, "isUniqueIdentifier"),
        ({"label": "x", "type": "date", "defaultValue": "soon"}, "defaultValue"),
        ({"label": "x", "type": "time", "defaultValue": "today"}, "defaultValue"),
    ):
        answer = api.post("/api/fields/contact/new", json=body)
        assert answer.status_code == 400, answer.text
        assert list(answer.json()["errors"][0]["details"]) == [name]
    assert api.delete("/api/fields/contact/email/delete").status_code == 400


def test_fields_made_at_once_are_all_there_under_aliases_of_their_own(api: httpx.Client, maker: Maker) -> None:
    word = uuid.uuid4().hex[:8]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        fields = list(pool.map(lambda _: maker.make(label=f"Twin {word}"), range(6)))
    assert len({field["alias"] for field in fields}) == len({field["id"] for field in fields}) == 6
    assert api.get("/api/fields/contact", params={"search": word}).json()["total"] == 6


def test_contacts_have_values_of_it_that_are_checked_shown_and_found(api: httpx.Client, maker: Maker) -> None:
    size = maker.make(type="multiselect", properties=LIST, group="personal")
    vip = maker.make(type="boolean", properties={"yes": "Aye", "no": "Nay"}, group="personal")
    born, shoe = maker.make(type="date"), maker.make(type="number", properties={"scale": 1})
    motto = maker.make(type="textarea")
    a = maker.contact(**{size["alias"]: ["s", "l"], vip["alias"]: "no", born["alias"]: "1985-03-04",
                         shoe["alias"]: "42.55", motto["alias"]: "x" * 3_000})  # fmt: skip
    b = maker.contact(**{size["alias"]: "l", vip["alias"]: True, shoe["alias"]: 38})
    personal = a["fields"]["personal"]
    assert personal[size["alias"]]["value"] == "s|l"
    assert personal[size["alias"]]["normalizedValue"] == "Small size|Large size"
    assert personal[size["alias"]]["properties"] == LIST and personal[size["alias"]]["is_fixed"] == "0"
    assert personal[vip["alias"]]["value"] == 0 and personal[vip["alias"]]["normalizedValue"] == "Nay"
    values = a["fields"]["all"]
    assert (values[born["alias"]], values[shoe["alias"]], len(values[motto["alias"]])) == ("1985-03-04", 42.5, 3_000)
    assert api.get(f"/api/contacts/{a['id']}").json()["contact"]["fields"] == a["fields"]
    refused = api.patch(f"/api/contacts/{a['id']}/edit", json={size["alias"]: "m", born["alias"]: "soon"})
    assert list(refused.json()["errors"][0]["details"]) == [size["alias"], born["alias"]]

    both = f"ids:{a['id']},{b['id']}"
    assert maker.found(search=f"{both} {size['alias']}:s") == [a["id"]]
    for yes, no in (("1", "0"), ("yes", "NO"), ("true", "False"), ("on", "off"), ("+1", "+0")):
        assert maker.found(search=f"{both} {vip['alias']}:{yes}") == [b["id"]]
        assert maker.found(search=f"{both} !{vip['alias']}:{yes}") == [a["id"]]
        assert maker.found(search=f"{both} {vip['alias']}:{no}") == [a["id"]]
    assert maker.found(search=f"{both} {vip['alias']}:maybe") == []
    assert maker.found(search=both, orderBy=shoe["alias"]) == [b["id"], a["id"]]
    assert maker.found(search=both, orderBy=f"l.{born['alias']}", orderByDir="DESC") == [a["id"], b["id"]]
    for column, expr, value, ids in (
        (shoe, "gt", "40", [a["id"]]),
        (vip, "eq", "0", [a["id"]]),
        (vip, "neq", "0", [b["id"]]),
        (vip, "eq", "Yes", [b["id"]]),
        (vip, "neq", "true", [a["id"]]),
        (vip, "in", "off,no", [a["id"]]),
        (born, "lt", "1990-01-01", [a["id"]]),
        (born, "isNull", "", [b["id"]]),
        (size, "like", "%l%", [a["id"], b["id"]]),
    ):
        where = {"where[0][col]": column["alias"], "where[0][expr]": expr, "where[0][val]": value}
        assert maker.found(search=both, **where) == ids, (column["type"], expr)
    unknown = {"where[0][col]": "nothing", "where[0][expr]": "isNull"}
    assert api.get("/api/contacts", params=unknown).status_code == 400


def test_defaults_are_filled_in_on_post_and_put_only(api: httpx.Client, maker: Maker) -> None:
    field = maker.make(type="select", properties=LIST, defaultValue="s")
    alias = field["alias"]
    contact = maker.contact()
    path = f"/api/contacts/{contact['id']}/edit"
    assert contact["fields"]["all"][alias] == "s"
    assert maker.contact(200, email=contact["fields"]["all"]["email"], **{alias: "l"})["fields"]["all"][alias] == "l"
    assert maker.contact(200, email=contact["fields"]["all"]["email"])["fields"]["all"][alias] == "l"
    cleared = api.patch(path, json={alias: "", "overwriteWithBlank": 1}).json()["contact"]
    assert cleared["fields"]["all"][alias] is None
    email = {"email": contact["fields"]["all"]["email"]}
    assert api.put(path, json=email).json()["contact"]["fields"]["all"][alias] == "s"


def test_a_deleted_field_is_nowhere_and_comes_back_with_its_values(api: httpx.Client, maker: Maker) -> None:
    alias = f"gone_{uuid.uuid4().hex[:8]}"
    field = maker.make(alias=alias)
    contact = maker.contact(**{alias: "kept"})
    assert api.delete(f"/api/fields/contact/{field['id']}/delete").status_code == 200
    path = f"/api/contacts/{contact['id']}"
    assert alias not in api.get(path).json()["contact"]["fields"]["all"]
    assert api.get("/api/contacts", params={"orderBy": alias}).status_code == 400
    other = api.post("/api/fields/contact/new", json={"label": "x", "alias": alias, "type": "number"})
    assert other.status_code == 400 and "text" in other.text
    again = maker.make(alias=alias)
    assert again["id"] != field["id"]
    assert api.get(path).json()["contact"]["fields"]["all"][alias] == "kept"
    api.patch(f"/api/fields/contact/{again['id']}/edit", json={"isPublished": False})
    assert alias not in api.get(path).json()["contact"]["fields"]["all"]


@pytest.mark.parametrize(("owner", "name"), [("contact", "lead"), ("company", "company")])
def test_a_field_that_a_segment_asks_for_is_not_deleted(api: httpx.Client, owner: str, name: str) -> None:
    alias, path = f"asked_{uuid.uuid4().hex[:8]}", f"/api/fields/{owner}"
    field = api.post(f"{path}/new", json={"label": alias, "alias": alias}).json()["field"]["id"]
    time.sleep(CACHED_SECONDS)
    asked = [{"field": alias, "object": name, "operator": "=", "properties": {"filter": "x"}}]
    segment = api.post("/api/segments/new", json={"name": alias, "filters": asked}).json()["list"]["id"]
    refused = api.delete(f"{path}/{field}/delete")
    assert (refused.status_code, refused.json()["errors"][0]["details"]) == (422, {"segments": [alias]})
    assert api.get(f"{path}/{field}").status_code == 200
    assert api.delete(f"{path}/batch/delete", params={"ids": field}).json()["errors"]["0"]["code"] == 422
    assert api.delete(f"/api/segments/{segment}/delete").status_code == 200
    assert api.delete(f"{path}/{field}/delete").status_code == 200


def test_servers_may_tell_it_and_hits_where_it_is_publicly_updatable(site: Site, maker: Maker) -> None:
    opened, closed = maker.make(isPubliclyUpdatable=True, type="boolean"), maker.make()
    time.sleep(CACHED_SECONDS)
    email = f"{uuid.uuid4().hex}@example.com"
    with site.visitor() as visitor:
        said = {"page_url": "https://x/custom", "email": email, opened["alias"]: "no", closed["alias"]: "x"}
        visitor.post("/mtc/event", data=said)
    values = site.contact(email)["fields"]["all"]
    assert (values[opened["alias"]], values[closed["alias"]]) == (0, None)
    answer = site.send({"type": "sms.sent", "email": email, "fields": {closed["alias"]: "y"}})
    assert answer["accepted"] == 1
    wrong = site.send({"type": "sms.sent", "email": email, "fields": {opened["alias"]: "maybe"}})
    assert wrong["accepted"] == 0
    eventually(lambda: site.contact(email)["fields"]["all"][closed["alias"]] == "y", "what a server told")


def test_contacts_are_matched_by_one_that_identifies(maker: Maker) -> None:
    field = maker.make(isUniqueIdentifier=True)
    assert field["isUniqueIdentifer"] is True
    number = uuid.uuid4().hex
    first = maker.contact(**{field["alias"]: number})
    assert maker.contact(200, email="-", **{field["alias"]: f" {number.upper()} "})["id"] == first["id"]


def test_the_list_of_fields_is_searched_and_paged(api: httpx.Client, maker: Maker) -> None:
    word = uuid.uuid4().hex[:8]
    a = maker.make(label=f"A {word}", type="date", group="social", order=2)["alias"]
    b = maker.make(label=f"B {word}", isPublished=False, isUniqueIdentifier=True, order=1)["alias"]

    def found(search: str, **query: str) -> list[str]:
        answer = api.get("/api/fields/contact", params={"search": search, **query})
        assert answer.status_code == 200, answer.text
        return [field["alias"] for field in answer.json()["fields"]]

    assert found(word) == [b, a]
    assert found(f"{word} is:unique") == found(f"{word} is:unpublished") == found(f"{word} !type:date") == [b]
    assert found(f"{word} is:published") == found(word, published="1") == found(f"{word} type:+date group:soc") == [a]
    assert found(word, limit="1", start="1") == [a]
    assert found("alias:+firstname or name:email") == ["firstname", "email"]
    assert len(found("")) >= 30
    assert api.get("/api/fields/contact", params={"search": "is:nice"}).status_code == 400
    short = api.get(f"/api/fields/contact?search={word}&select[]=id&select[]=defaultValue").json()["fields"]
    assert [list(field) for field in short] == [["id"], ["id"]]


def test_a_form_fills_one_in(site: Site, maker: Maker) -> None:
    field = maker.make(type="multiselect", properties=LIST)
    asked = [
        {"label": "E-mail", "alias": "email", "type": "email", "mappedField": "email"},
        {"label": "Size", "alias": "size", "mappedField": field["alias"]},
    ]
    form = site.api.post("/api/forms/new", json={"name": "Sizes", "fields": asked})
    assert form.status_code == 201, form.text
    time.sleep(CACHED_SECONDS)
    email = f"{uuid.uuid4().hex}@example.com"
    said = {"mauticform[formId]": str(form.json()["form"]["id"]), "mauticform[email]": email, "mauticform[size]": "l"}
    with site.visitor() as visitor:
        assert visitor.post("/form/submit", data=said).status_code in (200, 302)
    assert site.contact(email)["fields"]["all"][field["alias"]] == "l"


def test_companies_have_fields_of_their_own(api: httpx.Client) -> None:
    path, word = "/api/fields/company", uuid.uuid4().hex[:8]
    own = api.get(f"{path}/companyname").json()["field"]
    assert (own["object"], own["isFixed"], own["isUniqueIdentifier"]) == ("company", True, True)
    made = [
        api.post(f"{path}/new", json={"label": f"{label} {word}", **said}).json()["field"]
        for label, said in (
            ("Size", {"type": "select", "properties": LIST, "defaultValue": "s", "group": "professional"}),
            ("Vip", {"type": "boolean"}),
            ("Since", {"type": "date"}),
        )
    ]
    size, vip, since = (field["alias"] for field in made)
    try:
        assert api.post(f"{path}/new", json={"label": "x", "isUniqueIdentifier": 1}).status_code == 400
        assert api.patch(f"{path}/companycity/edit", json={"label": "x"}).status_code == 400

        def company(**said: Any) -> dict[str, Any]:
            answer = api.post("/api/companies/new", json={"companyname": f"Co {uuid.uuid4().hex}", **said})
            assert answer.status_code == 201, answer.text
            shown: dict[str, Any] = answer.json()["company"]
            return shown

        a, b = company(**{vip: "no", since: "1985-03-04"}), company(**{size: "l", vip: "yes", since: "2020-01-01"})
        assert a["fields"]["professional"][size]["normalizedValue"] == "Small size"
        assert (a["fields"]["all"][vip], b["fields"]["all"][size]) == (0, "l")
        refused = api.patch(f"/api/companies/{a['id']}/edit", json={size: "m"})
        assert list(refused.json()["errors"][0]["details"]) == [size]

        def found(**query: str) -> list[int]:
            answer = api.get("/api/companies", params=query)
            assert answer.status_code == 200, answer.text
            return [one["id"] for one in answer.json()["companies"].values()]

        ids = f"ids:{a['id']},{b['id']}"
        assert found(search=f"{ids} {size}:l") == [b["id"]]
        assert found(search=ids, orderBy=since, orderByDir="DESC") == [b["id"], a["id"]]
        assert found(search=f"{ids} {vip}:no") == found(search=f"{ids} !{vip}:on") == [a["id"]]
        for column, expr, value in (
            (vip, "eq", "0"),
            (vip, "eq", "off"),
            (since, "lt", "2000-01-01"),
            (size, "eq", "s"),
        ):
            where = {"where[0][col]": column, "where[0][expr]": expr, "where[0][val]": value}
            assert found(search=ids, **where) == [a["id"]]
    finally:
        for field in made:
            assert api.delete(f"{path}/{field['id']}/delete").status_code == 200
    assert size not in api.get(f"/api/companies/{a['id']}").json()["company"]["fields"]["all"]


def test_dates_are_taken_as_clients_write_them(api: httpx.Client, maker: Maker) -> None:
    def days(*ahead: int) -> set[str]:
        """The test may run over midnight."""
        now = datetime.now(UTC)
        return {f"{moment + timedelta(days=number):%Y-%m-%d}" for moment in (began, now) for number in ahead}

    began = datetime.now(UTC)
    born, joined = maker.make(type="date")["alias"], maker.make(type="date", defaultValue="today")["alias"]
    made = maker.contact(**{born: "Jan 31, 1985", "attribution_date": "01/31/2026 10:00", "lastActive": "@1767225600"})
    values = made["fields"]["all"]
    assert (values[born], values["attribution_date"]) == ("1985-01-31", "2026-01-31 10:00:00")
    assert values["last_active"] == "2026-01-01 00:00:00" and values[joined] in days(0)
    path = f"/api/contacts/{made['id']}"
    edited = api.patch(f"{path}/edit", json={born: "+1 week", "attribution_date": "tomorrow"}).json()["contact"]
    assert edited["fields"]["all"][born] in days(7)
    assert edited["fields"]["all"]["attribution_date"].removesuffix(" 00:00:00") in days(1)
    refused = api.patch(f"{path}/edit", json={born: "31/01/1985"})
    assert refused.status_code == 400 and list(refused.json()["errors"][0]["details"]) == [born]
    note = api.post("/api/notes/new", json={"lead": made["id"], "text": "x", "dateTime": "yesterday 10:00"}).json()
    assert note["note"]["dateTime"].removesuffix("T10:00:00+00:00") in days(-1)
    for history in (f"{path}/activity", "/api/contacts/activity"):
        ahead = api.get(history, params={"filters[dateFrom]": "tomorrow", "filters[dateTo]": "+2 days"})
        assert ahead.status_code == 200 and ahead.json()["total"] == 0
        assert api.get(history, params={"filters[dateFrom]": "soon"}).status_code == 400
    assert api.get("/api/auditlog", params={"dateFrom": "tomorrow"}).status_code == 200


def test_segments_ask_for_fields_that_were_made(api: httpx.Client, maker: Maker) -> None:
    plan = maker.make(type="select", properties=LIST)["alias"]
    vip = maker.make(type="boolean", properties={"yes": "Y", "no": "N"})["alias"]
    since, likes = maker.make(type="date")["alias"], maker.make(type="multiselect", properties=LIST)["alias"]
    wakes, seen = maker.make(type="time")["alias"], maker.make(type="datetime")["alias"]
    one = maker.contact(**{plan: "l", vip: "on", since: "1 January 2020", likes: "s|l", wakes: "9:05 am",
                           seen: "01/31/2020 10:11"})["id"]  # fmt: skip
    other = maker.contact(**{plan: "s", vip: "off", since: "01.01.1959", likes: "s", wakes: "22:00:30"})["id"]
    both = [one, other]
    cases = [
        (plan, "=", "l", [one]), (plan, "in", ["s"], [other]), (plan, "!=", "l", [other]), (vip, "=", 1, [one]),
        (vip, "=", 0, [other]), (since, "gt", "2000-01-01", [one]), (likes, "in", ["l"], [one]),
        (likes, "!in", ["l"], [other]), (likes, "empty", None, []), (vip, "!=", "yes", [other]),
        (since, "=", "2020-01-01", [one]), (since, "gt", "2020-01-01", []), (since, "gte", "01.01.2020", [one]),
        (since, "lte", "Jan 1, 1959", [other]), (since, "lt", "1960-01-01", [other]), (since, "lt", "1959-01-01", []),
        (since, "between", ["1959-01-01", "2020-01-01"], both), (since, "date", "2020-01-01", [one]),
        (seen, "=", "2020-01-31 10:11", [one]), (seen, "=", "2020-01-31 10:10", []), (seen, "like", "10:11", [one]),
        (seen, "date", "31.01.2020 9:00", [one]), (seen, "date", "yesterday", []),
        (wakes, "=", "09:05", [one]), (wakes, "=", "9:05", [one]), (wakes, "!=", "9:05 AM", [other]),
        (wakes, "gt", "9:05", [other]), (wakes, "gte", "9:05", both), (wakes, "lt", "22:00:30", [one]),
        (wakes, "lte", "22:00", [one]), (wakes, "between", ["9:00", "10 pm"], [one]),
        (wakes, "!between", ["9:00", "10 pm"], [other]), (wakes, "empty", None, []), (wakes, "!empty", None, both),
        (wakes, "like", "9:05", [one]), (wakes, "startsWith", "22", [other]), (wakes, "!regexp", "^09", [other]),
    ]  # fmt: skip
    for field, operator, value, expected in cases:
        said = {"field": field, "operator": operator, "properties": {"filter": value}}
        made = api.post("/api/segments/new", json={"name": uuid.uuid4().hex, "filters": [said]})
        assert made.status_code == 201, made.text
        segment = made.json()["list"]
        found = maker.found(search=f"ids:{one},{other} segment:{segment['alias']}")
        assert sorted(found) == expected, (field, operator, value)
        assert api.delete(f"/api/segments/{segment['id']}/delete").status_code == 200
    for field, operator, value in (
        ("nope", "=", ""), (since, "in", ["2020-01-01"]), (wakes, "date", "today"), (wakes, "gt", "25:00"),
        (since, "date", "31/01/2020"), (likes, "date", "today"), (vip, "like", "1"),
    ):  # fmt: skip
        said = {"field": field, "operator": operator, "filter": value}
        refused = api.post("/api/segments/new", json={"name": "x", "filters": [said]})
        assert refused.status_code == 400 and list(refused.json()["errors"][0]["details"]) == ["filters[0]"]


def test_a_default_is_no_word_that_a_merge_would_take_for_newer(api: httpx.Client, maker: Maker) -> None:
    plan = maker.make(defaultValue="free")["alias"]
    said, silent = maker.contact(**{plan: "pro"}), maker.contact()
    assert silent["fields"]["all"][plan] == "free"
    email = silent["fields"]["all"]["email"]
    merged = api.patch(f"/api/contacts/{said['id']}/edit", json={"email": email}).json()["contact"]
    assert merged["fields"]["all"][plan] == "pro"
