"""Segments against real servers: defined, found by what contacts are and do, changed by hand, made of each other."""

from __future__ import annotations

import concurrent.futures
import itertools
import json
import time
import uuid
from datetime import UTC, date, datetime
from string import Template
from typing import Any

import httpx
import pytest

from services.common.documents import Segment, SegmentFilter
from services.common.queries.segments import who_fits
from services.contacts.stores import Stores
from tests.integration.conftest import Hit

DAY = 86_400
_visitors = itertools.count(4_200_000_000_001)


@pytest.fixture
def mark() -> str:
    return f"m{uuid.uuid4().hex[:12]}"


def new(api: httpx.Client, name: str, *filters: dict[str, Any], status: int = 201, **body: Any) -> dict[str, Any]:
    answer = api.post("/api/segments/new", json={"name": name, "filters": list(filters), **body})
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found["list"] if status == 201 else found["errors"][0]


def by(field: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"glue": "and", "field": field, "operator": operator, "properties": {"filter": value}, **more}


def did(field: str, operator: str, value: Any = None, **more: Any) -> SegmentFilter:
    return SegmentFilter(field=field, operator=operator, value=value, **more)


def contact(api: httpx.Client, **body: Any) -> int:
    answer = api.post("/api/contacts/new", json=body)
    assert answer.status_code in (200, 201), answer.text
    return int(answer.json()["contact"]["id"])


def found(api: httpx.Client, search: str) -> list[int]:
    answer = api.get("/api/contacts", params={"search": search, "limit": 0})
    assert answer.status_code == 200, answer.text
    return sorted(one["id"] for one in answer.json()["contacts"].values())


def lists_of(api: httpx.Client, contact_id: int) -> dict[int, dict[str, Any]]:
    answer = api.get(f"/api/contacts/{contact_id}/segments")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["total"] == len(body["lists"])
    return {int(number): one for number, one in body["lists"].items()}


def post(api: httpx.Client, path: str, status: int = 200, **body: Any) -> dict[str, Any]:
    answer = api.post(path, json=body)
    assert answer.status_code == status, answer.text
    said: dict[str, Any] = answer.json()
    return said


def test_a_segment_is_made_and_shown_as_clients_know_it(api: httpx.Client, mark: str) -> None:
    made = new(
        api, f"Big {mark}!", {"field": "city", "object": "lead", "type": "text", "operator": "=", "filter": "Rome"}
    )
    assert made["alias"] == f"big-{mark}"
    assert (made["publicName"], made["isGlobal"], made["isPreferenceCenter"]) == (f"Big {mark}!", True, False)
    assert made["filters"] == [
        {
            "glue": "and", "field": "city", "object": "lead", "type": "text", "operator": "=",
            "properties": {"filter": "Rome", "display": None}, "filter": "Rome", "display": None,
        }
    ]  # fmt: skip
    assert api.get(f"/api/lists/{made['id']}").json()["list"] == made
    assert new(api, f"big {mark}")["alias"] == f"big-{mark}1"
    listed = api.get("/api/segments", params={"search": mark}).json()
    assert listed["total"] == 2 and made in listed["lists"]
    assert {"id": made["id"], "name": made["name"], "alias": made["alias"]} in api.get(
        "/api/contacts/list/segments"
    ).json()
    edited = api.patch(f"/api/segments/{made['id']}/edit", data={"description": "x", "filters[0][field]": "phone",
                       "filters[0][operator]": "empty"}).json()["list"]  # fmt: skip
    assert (edited["alias"], edited["description"], edited["filters"][0]["field"]) == (f"big-{mark}", "x", "phone")
    gone = api.delete(f"/api/segments/{made['id']}/delete").json()["list"]
    assert (gone["id"], gone["name"]) == (None, made["name"])
    assert api.get(f"/api/segments/{made['id']}").status_code == 404


def test_wrong_filters_are_told_by_their_place(api: httpx.Client, mark: str) -> None:
    error = new(api, mark, by("city", "empty"), by("points", "gt", "x"), status=400)
    assert error["details"] == {"filters[1]": ["The value must be a number."]}
    assert "filters[0]" in new(api, mark, {"field": "city"}, status=400)["details"]
    assert "name" in post(api, "/api/segments/new", 400)["errors"][0]["details"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("campaign", by("campaign", "in", [987_654_321])),
        ("segment", by("leadlist", "!in", [987_654_321])),
        ("category", by("globalcategory", "in", [987_654_321])),
        ("stage", by("stage", "!=", 987_654_321)),
    ],
    ids=lambda value: str(value.get("field")) if isinstance(value, dict) else "",
)
def test_a_filter_names_only_what_there_is(api: httpx.Client, mark: str, kind: str, said: dict[str, Any]) -> None:
    error = new(api, mark, by("city", "empty"), said, status=400)
    assert error["details"] == {"filters[1]": [f"There is no {kind} 987654321."]}


TOLD_BY_OTHERS = [
    by("lead_asset_download", "!in", [987_654_321]),
    by("lead_email_sent", "in", "987654321"),
    by("lead_email_received", "in", [987_654_321]),
    by("email_id", "!in", ["987654321"]),
    by("redirect_id", "in", ["987654321"]),
]


@pytest.mark.parametrize("said", TOLD_BY_OTHERS, ids=lambda said: str(said["field"]))
def test_what_events_of_another_system_tell_of_is_asked_for_by_who_sees_all(
    api: httpx.Client, mark: str, said: dict[str, Any]
) -> None:
    assert new(api, mark, said)["filters"][0]["field"] == said["field"]


def test_what_is_no_id_is_told_by_its_place(api: httpx.Client, mark: str) -> None:
    told = new(api, mark, by("leadlist", "in", ["x y"]), status=400)["details"]
    assert told == {"filters[0]": ["The value must be an id."]}


def test_requests_at_once_take_different_aliases(api: httpx.Client, mark: str) -> None:
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        ids = [one["id"] for one in pool.map(lambda _: new(api, mark), range(6))]
    aliases = {api.get(f"/api/segments/{one}").json()["list"]["alias"] for one in ids}
    assert len(aliases) == 6 and all(alias.startswith(mark) for alias in aliases)


def person(api: httpx.Client, mark: str, **more: Any) -> int:
    return contact(api, company=mark, email=f"{uuid.uuid4().hex[:10]}@x.example", **more)


CASES: list[tuple[dict[str, Any], set[str]]] = [
    (by("city", "=", "ROME"), {"ada"}),
    (by("city", "!=", "rome"), {"bob", "eve"}),
    (by("city", "empty"), {"eve"}),
    (by("city", "!empty"), {"ada", "bob"}),
    (by("city", "like", "o"), {"ada", "bob"}),
    (by("city", "like", "R%"), {"ada"}),
    (by("city", "!like", "R%"), {"bob", "eve"}),
    (by("city", "startsWith", "lon"), {"bob"}),
    (by("city", "endsWith", "ME"), {"ada"}),
    (by("city", "contains", "%"), set()),
    (by("city", "regexp", "^r.me$"), {"ada"}),
    (by("city", "!regexp", "^r.me$"), {"bob", "eve"}),
    (by("country", "in", ["Italy", "france"]), {"ada"}),
    (by("country", "in", "Italy|United Kingdom"), {"ada", "bob"}),
    (by("country", "!in", ["Italy"]), {"bob", "eve"}),
    (by("points", "gte", 5), {"ada"}),
    (by("points", "lt", "5"), {"bob", "eve"}),
    (by("points", "empty"), {"eve"}),
    (by("attribution", "gt", 1.5), {"bob"}),
    (by("attribution", "!=", 2), {"ada", "eve"}),
    (by("tags", "in", ["red", "none"]), {"ada"}),
    (by("tags", "!in", ["red"]), {"bob", "eve"}),
    (by("tags", "empty"), {"eve"}),
    (by("owner_id", "=", 1), {"bob"}),
    (by("owner_id", "!=", 1), {"ada", "eve"}),
    (by("owner_id", "empty"), {"ada", "eve"}),
    (by("dnc_bounced", "=", 1), {"ada"}),
    (by("dnc_bounced", "=", 0), {"bob", "eve"}),
    (by("dnc_unsubscribed_sms", "=", "1"), {"bob"}),
    (by("date_added", "=", "2020-05-01"), {"bob"}),
    (by("date_added", "date", "2020-05-01 23:00"), {"bob"}),
    (by("date_added", "like", "2020-05"), {"bob"}),
    (by("date_added", "!like", "2020-05"), {"ada", "eve"}),
    (by("date_added", "lt", "-1 day"), {"bob"}),
    (by("date_added", "gte", "01/01/1960"), {"ada", "bob", "eve"}),
    (by("date_identified", "date", "today"), {"ada", "bob", "eve"}),
    (by("date_identified", "startsWith", "20"), {"ada", "bob", "eve"}),
    (by("date_modified", "regexp", "^20"), {"ada", "bob"}),
    (by("date_modified", "!regexp", "^20"), {"eve"}),
    (by("date_added", "gt", "-2 days"), {"ada", "eve"}),
    (by("date_identified", "gte", "yesterday"), {"ada", "bob", "eve"}),
    (by("date_identified", "!between", ["2020-01-01", "2020-02-01"]), {"ada", "bob", "eve"}),
    (by("date_modified", "empty"), {"eve"}),
    (by("last_active", "empty"), {"eve"}),
    (by("last_active", "between", ["2020-05-01", "2020-05-01"]), {"bob"}),
    (by("last_active", "gt", "2020-05-01"), {"ada"}),
    (by("last_active", "date", "1 May 2020"), {"bob"}),
    (by("last_active", "contains", "2020-05"), {"bob"}),
    (by("last_active", "!like", "2020-05"), {"ada", "eve"}),
    (by("last_active", "lt", "today"), {"bob"}),
    (by("attribution_date", "=", "2021-03-04"), {"ada"}),
    (by("attribution_date", "!=", "2021-03-04"), {"bob", "eve"}),
    (by("attribution_date", "between", {"date_from": "2021-01-01", "date_to": "2021-03-04"}), {"ada"}),
    (by("attribution_date", "!between", ["2021-01-01", "2021-03-04"]), set()),
    (by("attribution_date", "like", "2021-"), {"ada"}),
    (by("attribution_date", "date", "03/04/2021"), {"ada"}),
    (by("attribution_date", "=", "4 March 2021 10:00"), {"ada"}),
    (by("hit_url", "like", "/pricing"), {"ada", "bob"}),
    (by("hit_url", "!like", "/pricing"), {"eve"}),
    (by("hit_url", "=", "https://x.example/pricing"), {"ada", "bob"}),
    (by("hit_url_count", "gte", 2), {"ada"}),
    (by("hit_url_count", "lt", 2), {"bob", "eve"}),
    (by("hit_url_count", "empty"), {"eve"}),
    (by("hit_url_count", "=", 1), {"bob"}),
    (by("sessions", "=", 2), {"ada"}),
    (by("sessions", "=", 0), {"eve"}),
    (by("hit_url_date", "gt", "-2 days"), {"ada"}),
    (by("hit_url_date", "empty"), {"eve"}),
    (by("hit_url_date", "date", "01.05.2020"), {"bob"}),
    (by("hit_url_date", "startsWith", "2020-05"), {"bob"}),
    (by("referer", "contains", "search."), {"bob"}),
    (by("url_title", "=", "prices"), {"ada"}),
    (by("utm_source", "=", "mail"), {"bob"}),
    (by("device_type", "in", ["Smartphone"]), {"bob"}),
    (by("device_os", "=", "linux"), {"ada"}),
    (by("redirect_id", "=", 1), {"ada"}),
    (by("redirect_id", "in", ["$link"]), {"ada"}),
    (by("redirect_id", "!in", ["$link"]), {"bob", "eve"}),
    (by("email_id", "=", 1), {"ada"}),
    (by("email_id", "in", ["$read", "$other"]), {"ada"}),
    (by("email_id", "!in", ["$read"]), {"bob", "eve"}),
    (by("email_clicked_link_date", "gte", "yesterday"), {"ada"}),
    (by("email_clicked_link_date", "empty"), {"bob", "eve"}),
    (by("source", "=", "email"), {"ada"}),
    (by("source", "empty"), {"bob", "eve"}),
    (by("source_id", "=", "$read"), {"ada"}),
    (by("companycity", "=", "paris", object="company"), {"ada"}),
    (by("companycity", "!=", "Paris", object="company"), {"bob", "eve"}),
    (by("companycity", "empty", object="company"), {"eve"}),
    (by("companycity", "!empty", object="company"), {"ada", "bob"}),
    (by("companyindustry", "in", "Banking|Retail", object="company"), {"ada"}),
    (by("companynumber_of_employees", "gt", 100, object="company"), {"ada"}),
    (by("companynumber_of_employees", "empty", object="company"), {"bob", "eve"}),
    (by("companydescription", "like", '"Ét', object="company"), {"bob"}),
    (by("lead_asset_download", "in", ["$asset"]), {"bob"}),
    (by("lead_asset_download", "empty"), {"ada", "eve"}),
    (by("lead_email_received", "in", ["$read"]), {"ada"}),
    (by("lead_email_sent", "in", "$other|$sent"), {"bob"}),
    (by("lead_email_sent_date", "between", ["2020-05-01", "2020-05-01"]), {"bob"}),
    (by("lead_email_read_count", "gt", 0), {"ada"}),
    (by("lead_email_read_date", "gte", "yesterday"), {"ada"}),
]  # fmt: skip


MAILS = ("read", "sent", "other")


class Cast:
    """Three people: ada's visits were made before she was merged in, bob's long ago, eve has none. Cases name the
    `things` as $read."""

    def __init__(self, api: httpx.Client, store_hit: Hit) -> None:
        self.company = f"c{uuid.uuid4().hex[:12]}"
        address = f"{uuid.uuid4().hex[:10]}@x.example"
        ada = person(api, self.company, city="Rome", country="Italy", points=7, tags="red,blue",
                     attribution_date="2021-03-04 10:00:00")  # fmt: skip
        bob = person(api, self.company, city="London", country="United Kingdom", points=1, tags="green", owner=1,
                     attribution=2, doNotContact=[{"channel": "sms", "reason": 1}])  # fmt: skip
        eve = person(api, self.company)
        self.ids = {ada: "ada", bob: "bob", eve: "eve"}
        for who, said in ((ada, {"companycity": "Paris", "companyindustry": "Banking",
                                 "companynumber_of_employees": 120}),
                          (bob, {"companycity": "Oslo", "companydescription": 'the "Été"'})):  # fmt: skip
            company = post(api, "/api/companies/new", 201, companyname=f"{self.company}{who}", **said)["company"]
            post(api, f"/api/companies/{company['id']}/contact/{who}/add")
        post(api, f"/api/contacts/{ada}/dnc/email/add", reason=2)
        self.things = {one: post(api, "/api/emails/new", 201, name=one)["email"]["id"] for one in MAILS}
        self.things["asset"] = post(api, "/api/assets/new", 201, title="a", file="https://x.example/a")["asset"]["id"]
        self.things["link"] = post(api, "/api/links/new", 201, url="https://x.example/")["link"]["id"]
        read, sent, asset, link = (self.things[one] for one in ("read", "sent", "asset", "link"))
        loser, now = contact(api, email=address), time.time()
        click = json.dumps({"redirect": {"id": f"{link}"}, "stat": {"source": ["email", read], "emailId": read}})
        store_hit(loser, now - 7_200, times=2, url="https://x.example/pricing", os="Linux", title="Prices", query=click)
        store_hit(loser, now - 60, url="https://x.example/other")
        store_hit(loser, now, type="email.read", query=f'{{"stat":{{"emailId":{read}}}}}')
        store_hit(bob, 1_588_300_000, url="https://x.example/pricing", referrer="https://search.example/",
                  utm_source="Mail", device_type="smartphone")  # fmt: skip
        store_hit(bob, 1_588_300_002, type="email.sent", query=f'{{"stat":{{"emailId":"{sent}"}}}}')
        store_hit(bob, 1_588_300_001, type="asset.download", query=f'{{"asset":{{"id":"{asset}"}}}}')
        email = api.get(f"/api/contacts/{ada}").json()["contact"]["fields"]["all"]["email"]
        answer = api.patch(f"/api/contacts/{ada}/edit", json={"email": address})  # takes the loser in
        assert answer.status_code == 200 and email != address


@pytest.fixture(scope="module")
def casts() -> dict[date, Cast]:
    return {}


@pytest.fixture
def cast(api: httpx.Client, store_hit: Hit, casts: dict[date, Cast]) -> Cast:
    """One a day, for cases say today and yesterday."""
    while (now := datetime.now(UTC)).strftime("%H:%M") == "23:59" and now.second >= 45:
        time.sleep(0.5)  # the day is not to turn within a case
    today = now.date()
    if today not in casts:
        casts[today] = Cast(api, store_hit)
    return casts[today]


@pytest.mark.parametrize(
    ("said", "names"), CASES, ids=lambda value: str(value.get("field")) if isinstance(value, dict) else ""
)
def test_a_filter_finds(api: httpx.Client, cast: Cast, said: dict[str, Any], names: set[str]) -> None:
    segment = new(api, f"f{uuid.uuid4().hex[:12]}", json.loads(Template(json.dumps(said)).safe_substitute(cast.things)))
    hits = found(api, f"segment:{segment['alias']} company:+{cast.company}")
    assert {cast.ids[one] for one in hits} == names
    others = found(api, f"!segment:{segment['alias']} company:+{cast.company}")
    assert {cast.ids[one] for one in others} == set(cast.ids.values()) - names
    assert {cast.ids[one] for one in cast.ids if segment["id"] in lists_of(api, one)} == names


def test_groups_are_alternatives(api: httpx.Client, cast: Cast) -> None:
    filters = [by("city", "=", "Rome"), by("points", "gt", 100), by("city", "empty", glue="or")]
    segment = new(api, f"g{uuid.uuid4().hex[:12]}", *filters)
    hits = found(api, f"segment:{segment['alias']} company:+{cast.company}")
    assert {cast.ids[one] for one in hits} == {"eve"}


def test_several_segments_at_once(api: httpx.Client, cast: Cast, mark: str) -> None:
    one = new(api, f"one {mark}", by("hit_url", "like", "/pricing"))["alias"]
    two = new(api, f"two {mark}", by("city", "=", "London"))["alias"]
    hits = found(api, f"common:{one}+{two} company:+{cast.company}")
    assert {cast.ids[one] for one in hits} == {"bob"}
    either = found(api, f"(segment:{two} or segment:{one}) company:+{cast.company}")
    assert {cast.ids[one] for one in either} == {"ada", "bob"}
    answer = api.get("/api/contacts", params={"search": f"!segment:none-{mark}"})
    assert answer.status_code == 400, "an unknown segment is not everybody"


def test_visitors_are_in_segments_by_what_they_do(api: httpx.Client, store_hit: Hit, mark: str) -> None:
    often, once = next(_visitors), next(_visitors)
    now = time.time()
    for contact_id, pages in ((often, 3), (once, 1)):
        for page in range(pages):
            store_hit(contact_id, now - page, times=2, url=f"https://{mark}.example/{page}", utm_source=mark)
    filters = [by("hit_url", "contains", mark), by("hit_url_count", "gte", 2), by("last_active", "gt", "-1 day")]
    segment = new(api, mark, *filters)
    assert found(api, f"segment:{segment['alias']}") == [often]
    assert found(api, f"!segment:{segment['alias']} ids:{often},{once}") == [once]
    assert segment["id"] in lists_of(api, often)
    assert segment["id"] not in lists_of(api, once)
    shown = api.get(f"/api/segments/{segment['id']}", params={"contactCount": "1"}).json()["list"]
    assert shown["contactCount"] == 1
    assert "contactCount" not in api.get(f"/api/segments/{segment['id']}").json()["list"]


OUTER, INNER = 900_000_001, 900_000_002  # ids into which nobody was put by hand
FEW_FILTERS: list[tuple[list[SegmentFilter], set[str]]] = [
    ([did("hit_url", "like", "/pricing"), did("hit_url_count", "gte", 2)], {"ada"}),
    ([did("hit_url", "like", "/pricing"), did("hit_url_count", "lt", 2)], {"bob"}),
    ([did("hit_url", "like", "/pricing"), did("sessions", "=", 1)], {"bob"}),
    ([did("hit_url", "like", "/pricing"), did("utm_source", "!=", "mail")], {"ada"}),
    ([did("hit_url", "like", "/pricing"), did("last_active", "gt", "2020-05-01")], {"ada"}),
    ([did("hit_url", "like", "/other"), did("utm_source", "=", "mail", glue="or")], {"ada", "bob"}),
    ([did("hit_url", "=", f"https://{uuid.uuid4().hex}.example/"), did("hit_url_count", "lt", 9)], set()),
    ([did("leadlist", "in", [INNER]), did("hit_url", "like", "/pricing")], {"bob"}),
    ([did("leadlist", "!in", [INNER]), did("hit_url", "like", "/pricing")], {"ada"}),
]


@pytest.mark.parametrize(("filters", "names"), FEW_FILTERS)
async def test_few_and_many_who_did_it_are_found_the_same(
    stores: Stores, cast: Cast, monkeypatch: pytest.MonkeyPatch, filters: list[SegmentFilter], names: set[str]
) -> None:
    """They are looked up first, and where they are few all else is asked about them alone."""
    inner = Segment(name="y", alias="y", filters=[did("utm_source", "=", "mail")])
    asked = {OUTER: Segment(name="x", alias="x", filters=filters), INNER: inner}
    for few, is_narrowed in ((10_000, True), (0, not names)):
        monkeypatch.setattr("services.common.queries.segments.FEW", few)
        where = await who_fits(stores.clickhouse, OUTER, asked, datetime.now(UTC))
        assert ("arrayJoin" in where.condition.among) is is_narrowed
        sql = f"SELECT id FROM contacts FINAL WHERE ({where.condition.known}) AND id IN {{cast:Array(UInt64)}}"
        rows = (await stores.clickhouse.query(sql, parameters={**where.parameters, "cast": list(cast.ids)})).result_rows
        assert {cast.ids[row[0]] for row in rows} == names


def test_who_is_added_by_hand_stays(api: httpx.Client, mark: str) -> None:
    eve = person(api, mark)
    segment = new(api, mark)
    search, lists = f"segment:{segment['alias']}", f"/api/segments/{segment['id']}"
    assert found(api, search) == []
    assert post(api, f"{lists}/contact/{eve}/add") == {"success": 1}
    assert found(api, search) == [eve]
    member = lists_of(api, eve)[segment["id"]]
    assert (member["name"], member["alias"]) == (mark, segment["alias"])
    assert (member["manuallyAdded"], member["manuallyRemoved"]) == (True, False)
    assert member["dateAdded"]
    api.patch(f"{lists}/edit", json={"filters": [by("city", "=", mark)]})
    assert found(api, search) == [eve], "whatever the filters say"
    assert post(api, f"/api/lists/{segment['id']}/contact/remove/{eve}") == {"success": 1}
    assert found(api, search) == []


def test_who_is_removed_by_hand_is_not_found_by_filters(api: httpx.Client, mark: str) -> None:
    ada, bob = person(api, mark, city="Rome"), person(api, mark, city="Rome")
    segment = new(api, mark, by("company", "=", mark))
    search, path = f"segment:{segment['alias']}", f"/api/segments/{segment['id']}"
    assert found(api, search) == [ada, bob]
    post(api, f"{path}/contact/{ada}/remove")
    assert found(api, search) == [bob]
    assert segment["id"] not in lists_of(api, ada)
    assert lists_of(api, bob)[segment["id"]]["manuallyAdded"] is False
    post(api, f"{path}/contact/add/{ada}")
    assert found(api, search) == [ada, bob]


def test_a_merge_keeps_the_newest_word_by_hand(api: httpx.Client, mark: str) -> None:
    ada, loser = person(api, mark), contact(api, email=f"{mark}@x.example")
    added, removed = new(api, f"added {mark}"), new(api, f"removed {mark}", by("company", "=", mark))
    post(api, f"/api/segments/{added['id']}/contact/{loser}/add")
    post(api, f"/api/segments/{removed['id']}/contact/{loser}/remove")
    api.patch(f"/api/contacts/{ada}/edit", json={"email": f"{mark}@x.example"})
    assert found(api, f"segment:{added['alias']}") == [ada]
    assert found(api, f"segment:{removed['alias']}") == []


def test_several_are_added_and_each_is_told(api: httpx.Client, store_hit: Hit, mark: str) -> None:
    eve, visitor, segment = person(api, mark), next(_visitors), new(api, mark)
    store_hit(visitor, time.time())
    said = post(api, f"/api/segments/{segment['id']}/contacts/add", ids=[eve, visitor, 999_999_999, "x"])
    assert {one: told["success"] for one, told in said["details"].items()} == {
        str(eve): True, str(visitor): True, "999999999": False, "x": False,
    }  # fmt: skip
    assert found(api, f"segment:{segment['alias']}") == sorted([eve, visitor])
    post(api, f"/api/segments/{segment['id']}/contacts/add", 400)
    post(api, "/api/segments/999999999/contacts/add", 404, ids=[eve])
    post(api, f"/api/segments/999999999/contact/{eve}/add", 404)
    post(api, f"/api/segments/{segment['id']}/contact/999999999/add", 404)


def test_segments_are_made_of_each_other_and_not_of_themselves(api: httpx.Client, cast: Cast, mark: str) -> None:
    inner = new(api, f"inner {mark}", by("city", "!empty"))
    outer = new(api, f"outer {mark}", by("leadlist", "in", [inner["id"]]), by("points", "gt", 5))
    search = f"segment:{outer['alias']} company:+{cast.company}"
    assert {cast.ids[one] for one in found(api, search)} == {"ada"}
    post(api, f"/api/segments/{inner['id']}/contact/{min(cast.ids)}/remove")
    assert found(api, search) == [], "also by what is said of the inner one by hand"
    circle = api.patch(f"/api/segments/{inner['id']}/edit", json={"filters": [by("leadlist", "in", [outer["id"]])]})
    assert circle.status_code == 400
    assert "made of itself" in circle.text
    for refused in (
        api.delete(f"/api/segments/{inner['id']}/delete"),
        api.patch(f"/api/segments/{inner['id']}/edit", json={"isPublished": False}),
    ):
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["details"] == {"leadlist": [f"outer {mark} ({outer['id']})"]}
    post(api, f"/api/segments/{inner['id']}/contact/{min(cast.ids)}/add")
    assert api.delete(f"/api/segments/{outer['id']}/delete").status_code == 200
    assert api.delete(f"/api/segments/{inner['id']}/delete").status_code == 200


@pytest.mark.parametrize(
    "value", ["' OR 1=1 --", "\\", "%' OR '%'='", "{s1p0:String}", "`", "\x00", "x) UNION ALL SELECT 1"]
)
def test_values_are_never_part_of_the_statement(api: httpx.Client, cast: Cast, value: str) -> None:
    for field, operator in (("city", "="), ("city", "like"), ("hit_url", "regexp"), ("country", "in"), ("tags", "in")):
        answer = api.post("/api/segments/new", json={"name": "i", "filters": [by(field, operator, value)]})
        assert answer.status_code in (201, 400), answer.text
        if answer.status_code == 201:
            segment = answer.json()["list"]
            assert found(api, f"segment:{segment['alias']} company:+{cast.company}") == []
            assert api.delete(f"/api/segments/{segment['id']}/delete").status_code == 200
