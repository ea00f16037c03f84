"""Notes, stages, categories, campaigns, tags and what clients ask of an installation, against real servers."""

from __future__ import annotations

import concurrent.futures
import itertools
import json
import time
import uuid
from typing import Any

import httpx
import pytest
from clickhouse_connect.driver.client import Client

from services.common.documents import STAGE
from services.common.tables import EventRow, columns, encode_rows
from tests.integration.conftest import Hit, event_row
from tests.integration.contacts.answers import told

_numbers = itertools.count()
PREFIX = uuid.uuid4().hex[:8]


def name(what: str = "thing") -> str:
    return f"{what}{next(_numbers)}-{PREFIX}"


def make(api: httpx.Client, plural: str, singular: str, **body: Any) -> dict[str, Any]:
    made: dict[str, Any] = told(api.post(f"/api/{plural}/new", json=body), 201)[singular]
    return made


def new_contact(api: httpx.Client, **body: Any) -> int:
    return int(make(api, "contacts", "contact", email=f"{name('registry')}@x.org", **body)["id"])


def shown(api: httpx.Client, contact_id: int) -> dict[str, Any]:
    contact: dict[str, Any] = told(api.get(f"/api/contacts/{contact_id}"))["contact"]
    return contact


@pytest.mark.parametrize(
    ("plural", "singular", "label", "more"),
    [
        ("stages", "stage", "name", {"weight": 1_007}),
        ("categories", "category", "title", {"bundle": "global", "color": "4e5d9d"}),
        ("campaigns", "campaign", "name", {"description": "d"}),
    ],
)
def test_a_registry_keeps_what_it_is_told(
    api: httpx.Client, plural: str, singular: str, label: str, more: dict[str, Any]
) -> None:
    said = {label: name(singular), **more}
    made = make(api, plural, singular, **said)
    assert {key: made[key] for key in said} == said and made["isPublished"] is True
    found = told(api.get(f"/api/{plural}", params={"search": said[label]}))
    assert (found["total"], found[plural]) == (1, [made])
    path = f"/api/{plural}/{made['id']}"
    other = name(singular)
    assert told(api.patch(f"{path}/edit", json={label: other}))[singular][label] == other
    assert told(api.patch(f"{path}/edit", json={label: ""}), 400)["errors"][0]["details"][label]
    assert told(api.delete(f"{path}/delete"))[singular]["id"] is None
    assert api.get(path).status_code == 404


def test_notes_stay_with_the_person(api: httpx.Client) -> None:
    one = new_contact(api)
    first = make(
        api,
        "notes",
        "note",
        lead=one,
        text="called <b>twice</b><script>x</script>",
        type="call",
        dateTime="2026-01-02 03:04:05",
    )
    assert (first["type"], first["dateTime"], first["lead"]["id"]) == ("call", "2026-01-02T03:04:05+00:00", one)
    assert first["text"] == "called <b>twice</b>"
    second = make(api, "notes", "note", lead={"id": str(one)}, text="wrote")
    assert second["type"] == "general" and second["dateTime"] == second["dateAdded"]
    body = told(api.get(f"/api/contacts/{one}/notes"))
    assert (body["total"], [note["id"] for note in body["notes"]]) == (2, [second["id"], first["id"]])
    assert told(api.get(f"/api/contacts/{one}/notes", params={"search": "TWICE"}))["total"] == 1
    assert told(api.post("/api/notes/new", json={"text": "x"}), 400)["errors"][0]["details"]["lead"] == [
        "lead ID is mandatory"
    ]
    assert told(api.post("/api/notes/new", json={"lead": one, "text": "x", "type": "fax"}), 400)["errors"]
    assert api.post("/api/notes/new", json={"lead": 5, "text": "x"}).status_code == 404
    assert api.get("/api/contacts/5/notes").status_code == 404
    email = shown(api, one)["fields"]["all"]["email"]
    winner = new_contact(api)
    told(api.patch(f"/api/contacts/{winner}/edit", json={"email": email}))
    assert told(api.get(f"/api/contacts/{winner}/notes"))["total"] == 2, "also of who merged into it"
    told(api.delete(f"/api/contacts/{winner}/delete"))
    assert [api.get(f"/api/notes/{note['id']}").status_code for note in (first, second)] == [404, 404]


@pytest.mark.parametrize("path", ["contact/{}/add", "contact/add/{}"])
def test_a_contact_is_in_one_stage(api: httpx.Client, path: str) -> None:
    lead, customer = (make(api, "stages", "stage", name=name("stage"), weight=2_000 + next(_numbers)) for _ in range(2))
    one = new_contact(api)
    assert shown(api, one)["stage"] is None
    for stage in (lead, customer):
        assert told(api.post(f"/api/stages/{stage['id']}/{path.format(one)}")) == {"success": 1}
        assert shown(api, one)["stage"] == {
            "id": stage["id"], "name": stage["name"], "weight": stage["weight"], "description": None, "category": None,
        }  # fmt: skip
    remove = path.format(one).replace("add", "remove")
    told(api.post(f"/api/stages/{lead['id']}/{remove}"))
    assert shown(api, one)["stage"]["id"] == customer["id"], "it is no longer in the one that it is taken out of"
    told(api.post(f"/api/stages/{customer['id']}/{remove}"))
    assert shown(api, one)["stage"] is None
    assert api.post(f"/api/stages/5555/{path.format(one)}").status_code == 404
    assert api.post(f"/api/stages/{lead['id']}/{path.format(5)}").status_code == 404


def test_a_stage_in_a_body(api: httpx.Client) -> None:
    stage = make(api, "stages", "stage", name=name("stage"))
    one = new_contact(api, stage=stage["id"])
    assert shown(api, one)["stage"]["id"] == stage["id"]
    told(api.put(f"/api/contacts/{one}/edit", json={"firstname": "Ada"}))
    assert shown(api, one)["stage"]["id"] == stage["id"], "PUT keeps it"
    told(api.patch(f"/api/contacts/{one}/edit", json={"stage": None}))
    assert shown(api, one)["stage"] is None
    wrong = told(api.patch(f"/api/contacts/{one}/edit", json={"stage": 5555}), 400)
    assert wrong["errors"][0]["details"]["stage"] == ["Stage with ID or name '5555' was not found."]


def test_a_stage_is_found_by_its_name_too(api: httpx.Client) -> None:
    called = f"Ready to buy_{PREFIX}"
    stage = make(api, "stages", "stage", name=called)
    one = new_contact(api, stage=called.upper())
    assert shown(api, one)["stage"]["id"] == stage["id"]
    assert [event["eventLabel"] for event in history(api, one, "stage.changed")] == [called.upper()]
    for wrong in (called.replace("_", "%"), "nothing", "x" * 300, ["x"]):
        details = told(api.patch(f"/api/contacts/{one}/edit", json={"stage": wrong}), 400)["errors"][0]["details"]
        assert "was not found" in details["stage"][0]
    number = make(api, "stages", "stage", name=str(70_000_000 + stage["id"]))
    told(api.patch(f"/api/contacts/{one}/edit", json={"stage": number["name"]}))
    assert shown(api, one)["stage"]["id"] == number["id"], "a name of digits"


def test_no_two_stages_have_one_weight(api: httpx.Client) -> None:
    first = make(api, "stages", "stage", name=name("stage"), weight=50_000 + next(_numbers))
    wrong = told(api.post("/api/stages/new", json={"name": name("stage"), "weight": first["weight"]}), 400)
    assert wrong["errors"][0]["details"]["weight"] == [f"There is a stage of the weight {first['weight']}."]
    second = make(api, "stages", "stage", name=name("stage"))
    assert second["weight"] > first["weight"], "one that says none comes last"
    path = f"/api/stages/{second['id']}/edit"
    assert told(api.patch(path, json={"weight": first["weight"]}), 400)["errors"]
    assert told(api.patch(path, json={"weight": second["weight"]}))["stage"]["weight"] == second["weight"]
    assert told(api.put(path, json={"name": name("stage")}))["stage"]["weight"] == second["weight"]
    items = [{"name": name("stage")}, {"name": name("stage"), "weight": second["weight"]}, {"name": name("stage")}]
    body = told(api.post("/api/stages/batch/new", json=items), 201)
    assert body["statusCodes"] == {"0": 201, "1": 400, "2": 201}
    assert len({stage["weight"] for stage in body["stages"].values()}) == 2
    weight = 60_000 + next(_numbers)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        said = [{"name": name("stage"), "weight": weight} for _ in range(4)]
        answers = list(pool.map(lambda one: api.post("/api/stages/new", json=one), said))
    made = [answer.json()["stage"] for answer in answers if answer.status_code == 201]
    now = [told(api.get(f"/api/stages/{stage['id']}"))["stage"]["weight"] for stage in made]
    assert made and len(set(now)) == len(now)


def test_a_stage_that_sees_another_one_of_its_weight_takes_another_whichever_is_older(
    api: httpx.Client, clickhouse: Client
) -> None:
    """The other one was written at once and has not seen this one, so it stays."""
    stage = make(api, "stages", "stage", name=name("stage"), weight=70_000 + next(_numbers))
    later, data = str(stage["id"] + 1_000_000), json.dumps({"name": name("stage"), "weight": stage["weight"]})
    columns = ["kind", "id", "version", "is_deleted", "data"]
    clickhouse.insert("records", [[STAGE, later, 1, 0, data]], columns)
    edited = told(api.patch(f"/api/stages/{stage['id']}/edit", json={"name": name("stage")}))["stage"]
    clickhouse.insert("records", [[STAGE, later, 2, 1, ""]], columns)
    assert edited["weight"] > stage["weight"]
    assert told(api.get(f"/api/stages/{stage['id']}"))["stage"]["weight"] == edited["weight"]


def test_no_two_categories_of_a_bundle_have_one_alias(api: httpx.Client) -> None:
    title = name("Shelf")
    said = {"title": title}
    first = make(api, "categories", "category", **said)
    second = make(api, "categories", "category", **said)
    assert second["alias"] == f"{first['alias']}1"
    assert make(api, "categories", "category", **said, bundle="email")["alias"] == first["alias"], "another bundle"
    path = f"/api/categories/{second['id']}/edit"
    assert told(api.patch(path, json={"color": "aabbcc"}))["category"]["alias"] == second["alias"]
    assert told(api.patch(path, json={"alias": first["alias"]}))["category"]["alias"] == second["alias"]
    body = told(api.post("/api/categories/batch/new", json=[said, said]), 201)
    assert {one["alias"] for one in body["categories"]} == {first["alias"] + number for number in "23"}


def test_categories_made_at_once_take_different_aliases(api: httpx.Client) -> None:
    said = {"title": name("Rush")}
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: make(api, "categories", "category", **said), range(6)))
    now = [told(api.get(f"/api/categories/{one['id']}"))["category"]["alias"] for one in made]
    assert len(set(now)) == 6


def test_categories_in_a_body_replace_those_that_there_were(api: httpx.Client) -> None:
    first, second = (make(api, "categories", "category", title=name("category"))["id"] for _ in range(2))
    other = make(api, "categories", "category", title=name("category"), bundle="email")["id"]

    def categories(contact_id: int) -> set[str]:
        return set(told(api.get(f"/api/contacts/{contact_id}/categories"))["categories"])

    one = new_contact(api, categories=[first, {"id": second}])
    assert categories(one) == {str(first), str(second)}
    told(api.patch(f"/api/contacts/{one}/edit", json={"categories": f"{second}"}))
    assert categories(one) == {str(second)}
    email = shown(api, one)["fields"]["all"]["email"]
    told(api.put(f"/api/contacts/{one}/edit", json={"email": email}))
    assert categories(one) == {str(second)}, "PUT keeps them"
    for wrong in ([first, 999_999], [other], ["x"], 7):
        assert told(api.patch(f"/api/contacts/{one}/edit", json={"categories": wrong}), 400)["errors"][0]["details"]
    told(api.patch(f"/api/contacts/{one}/edit", json={"categories": []}))
    assert categories(one) == set()
    told(api.post(f"/api/categories/{first}/contact/{one}/add"))
    assert categories(one) == {str(first)}
    winner = new_contact(api, categories=[second])
    told(api.patch(f"/api/contacts/{winner}/edit", json={"email": email}))
    assert categories(winner) == {str(first), str(second)}, "also of who merged into it"
    filters = [{"field": "globalcategory", "operator": "in", "filter": [first], "glue": "and", "object": "lead"}]
    segment = make(api, "segments", "list", name=name("segment"), filters=filters)["id"]
    assert str(segment) in told(api.get(f"/api/contacts/{winner}/segments"))["lists"]
    assert api.post(f"/api/categories/{other}/contact/{one}/add").status_code == 404


def test_members_of_a_campaign(api: httpx.Client) -> None:
    campaign = make(api, "campaigns", "campaign", name=name("campaign"))
    one, other = new_contact(api), new_contact(api)
    for contact_id in (one, other):
        told(api.post(f"/api/campaigns/{campaign['id']}/contact/{contact_id}/add"))
    told(api.post(f"/api/campaigns/{campaign['id']}/contacts/{other}/remove"))
    body = told(api.get(f"/api/campaigns/{campaign['id']}/contacts"))
    assert (body["total"], [member["lead_id"] for member in body["contacts"]]) == (1, [one])
    body = told(api.get(f"/api/contacts/{one}/campaigns"))
    assert (body["total"], body["campaigns"][str(campaign["id"])]["name"]) == (1, campaign["name"])
    assert told(api.get(f"/api/contacts/{other}/campaigns")) == {"total": 0, "campaigns": {}}
    told(api.post(f"/api/campaigns/{campaign['id']}/contact/add/{other}"))
    assert told(api.get(f"/api/contacts/{other}/campaigns"))["total"] == 1


def test_a_campaign_is_copied_unpublished_and_without_members(api: httpx.Client) -> None:
    category = make(api, "categories", "category", title=name("c"))["id"]
    said = {"name": name("campaign"), "description": "d", "category": category}
    original = make(api, "campaigns", "campaign", **said)
    told(api.patch(f"/api/campaigns/{original['id']}/edit", json={"description": "e"}))
    told(api.post(f"/api/campaigns/{original['id']}/contact/{new_contact(api)}/add"))
    answer = api.post(f"/api/campaigns/clone/{original['id']}")
    copy = told(answer)["campaign"]
    assert copy["id"] != original["id"] and answer.headers["location"] == f"/api/campaigns/{copy['id']}"
    assert told(api.get(answer.headers["location"]))["campaign"] == copy
    assert (copy["name"], copy["description"], copy["category"]) == (said["name"], "e", {"id": category})
    assert (copy["isPublished"], copy["dateModified"], copy["modifiedByUser"]) == (False, None, None)
    assert told(api.get(f"/api/campaigns/{copy['id']}/contacts"))["total"] == 0
    assert told(api.get(f"/api/campaigns/{original['id']}"))["campaign"]["isPublished"] is True
    for unknown in ("999999998", "none", "0"):
        assert api.post(f"/api/campaigns/clone/{unknown}").status_code == 404


def test_members_of_a_campaign_are_narrowed_and_ordered(api: httpx.Client) -> None:
    campaign = make(api, "campaigns", "campaign", name=name("campaign"))["id"]
    first, second, third, loser = (new_contact(api) for _ in range(4))
    for contact_id in (second, third, loser, first):
        told(api.post(f"/api/campaigns/{campaign}/contact/{contact_id}/add"))
        time.sleep(1.1 if contact_id == third else 0.0)
    email = shown(api, loser)["fields"]["all"]["email"]
    winner = new_contact(api)
    told(api.patch(f"/api/contacts/{winner}/edit", json={"email": email}))

    def members(query: str) -> list[int]:
        body = told(api.get(f"/api/campaigns/{campaign}/contacts?{query}"))
        return [member["lead_id"] for member in body["contacts"]]

    assert members("") == [first, second, third, winner]
    assert members("orderBy=date_added&orderByDir=DESC") == [first, winner, third, second]
    assert members("order[0][col]=dateAdded&order[0][dir]=ASC&limit=2&start=1") == [third, winner]
    assert members("orderBy=lead_id&orderByDir=DESC&limit=1") == [winner]
    assert members(f"where[0][col]=lead_id&where[0][expr]=gt&where[0][val]={second}") == [third, winner]
    every = told(api.get(f"/api/campaigns/{campaign}/contacts"))["contacts"]
    since = next(one["date_added"] for one in every if one["lead_id"] == winner)  # not after that of the first
    quoted = since.replace("+00:00", "Z")
    assert members(f"where[0][col]=date_added&where[0][expr]=lt&where[0][val]={quoted}") == [second, third]
    assert members("where[0][col]=manually_removed&where[0][expr]=eq&where[0][val]=1") == []
    assert members(f"where[0][col]=campaign_id&where[0][expr]=eq&where[0][val]={campaign}&limit=1") == [first]
    assert api.get(f"/api/campaigns/{campaign}/contacts?orderBy=email").status_code == 400
    assert api.get(f"/api/campaigns/{campaign}/contacts?where[0][col]=x&where[0][expr]=eq").status_code == 400


def test_tags_are_those_that_contacts_carry_and_those_that_were_made(api: httpx.Client) -> None:
    carried, made = name("carried"), name("made")
    one = new_contact(api, tags=[carried])
    tag = make(api, "tags", "tag", tag=made, description="d")
    assert told(api.post("/api/tags/new", json={"tag": made}))["tag"] == tag
    found = told(api.get("/api/tags", params={"search": PREFIX}))
    assert {(tag["tag"], tag["description"]) for tag in found["tags"]} >= {(carried, None), (made, "d")}
    [known] = [tag for tag in shown(api, one)["tags"] if tag["tag"] == carried]
    assert told(api.get(f"/api/tags/{known['id']}"))["tag"] == known
    told(api.patch(f"/api/tags/{known['id']}/edit", json={"description": "said"}))
    assert told(api.get(f"/api/tags/{known['id']}"))["tag"]["description"] == "said"
    assert told(api.patch(f"/api/tags/{known['id']}/edit", json={"tag": "other"}), 400)["errors"]
    told(api.delete(f"/api/tags/{known['id']}/delete"))
    assert shown(api, one)["tags"] == []
    assert api.get(f"/api/tags/{known['id']}").status_code == 404
    assert told(api.post("/api/tags/new", json={"tag": carried}), 201)["tag"]["id"] == known["id"]


def test_what_clients_ask_before_they_work(api: httpx.Client) -> None:
    fields = api.get("/api/contacts/list/fields").json()
    assert {"id", "label", "alias", "type", "group", "object", "order"} == set(fields[0])
    assert "email" in [field["alias"] for field in fields]
    made = make(api, "fields/contact", "field", label=name("field"))["alias"]
    fields = api.get("/api/contacts/list/fields").json()
    assert made in [field["alias"] for field in fields]
    assert [field["order"] for field in fields] == list(range(1, len(fields) + 1))
    [owner] = api.get("/api/contacts/list/owners?filter=admin").json()
    me = told(api.get("/api/users/self"))
    assert (owner["id"], me["username"]) == (me["id"], "admin")
    assert me in told(api.get("/api/users?search=ids:1"))["users"]
    assert told(api.get(f"/api/users/{me['id']}"))["user"] == me
    asked = {"permissions": ["lead:leads:viewown", "api:access:full"]}
    assert told(api.post(f"/api/users/{me['id']}/permissioncheck", json=asked)) == dict.fromkeys(
        asked["permissions"], True
    )


def history(api: httpx.Client, contact_id: int, kind: str) -> list[dict[str, Any]]:
    query = {"filters[includeEvents][]": kind, "order[0]": "timestamp", "order[1]": "ASC"}
    events: list[dict[str, Any]] = told(api.get(f"/api/contacts/{contact_id}/activity", params=query))["events"]
    return events


def test_what_changes_over_the_api_is_in_the_history(api: httpx.Client) -> None:
    one = new_contact(api, points=3)
    stage, campaign = make(api, "stages", "stage", name=name("s")), make(api, "campaigns", "campaign", name=name("c"))
    told(api.post(f"/api/contacts/{one}/points/plus/5", json={"eventName": "Gift", "actionName": "spring"}))
    told(api.post(f"/api/contacts/{one}/points/minus/2"))
    told(api.post(f"/api/contacts/{one}/points/plus/0"))
    gained = history(api, one, "point.gained")
    assert [event["eventLabel"] for event in gained] == ["API / +3", "Gift / +5", "API / -2"]
    assert gained[1]["details"]["log"] == {"eventName": "Gift", "actionName": "spring", "delta": 5, "type": "API"}
    told(api.post(f"/api/stages/{stage['id']}/contact/{one}/add"))
    told(api.post(f"/api/stages/{stage['id']}/contact/{one}/add"))
    assert [event["eventLabel"] for event in history(api, one, "stage.changed")] == [stage["name"]]
    told(api.post(f"/api/contacts/{one}/dnc/email/add", json={"reason": 1, "comments": "enough"}))
    [refused] = history(api, one, "lead.donotcontact")
    dnc = refused["details"]["dnc"]
    assert (refused["eventLabel"], dnc["reason"]) == ("Email", "unsubscribed")
    assert "2" < dnc["dateAdded"] <= refused["timestamp"]
    assert [dnc["id"]] == [entry["id"] for entry in shown(api, one)["doNotContact"]]
    for word in ("add", "add", "remove"):
        told(api.post(f"/api/campaigns/{campaign['id']}/contact/{one}/{word}"))
    assert [event["eventLabel"] for event in history(api, one, "campaign_membership")] == [
        f"Contact {word} campaign, {campaign['name']}" for word in ("added to", "removed from")
    ]
    told(api.post(f"/api/contacts/{one}/dnc/email/remove"))
    assert len(history(api, one, "lead.donotcontact")) == 2
    segment = told(api.post("/api/segments/new", json={"name": name("seg")}), 201)["list"]
    for word in ("add", "add", "remove"):
        told(api.post(f"/api/segments/{segment['id']}/contact/{one}/{word}"))
    assert [event["eventLabel"] for event in history(api, one, "segment_membership")] == [
        f"Contact {word} segment, {segment['name']}" for word in ("added to", "removed from")
    ]
    assert shown(api, one)["lastActive"] is None, "none of it is anything that the contact did"


def test_two_tags_whose_numbers_are_one_are_not_mixed_up(api: httpx.Client) -> None:
    one, other = "collision 78298", "collision 103452"
    known = make(api, "tags", "tag", tag=one, description="d")
    [error] = told(api.post("/api/tags/new", json={"tag": other}), 400)["errors"]
    assert one in error["message"] and list(error["details"]) == ["tag"]
    carrier = new_contact(api, tags=[other])
    found = told(api.get("/api/tags", params={"search": f"ids:{known['id']}"}))["tags"]
    assert {tag["tag"] for tag in found} == {one, other}
    for answer in (
        api.patch(f"/api/tags/{known['id']}/edit", json={"description": "x"}),
        api.delete(f"/api/tags/{known['id']}/delete"),
    ):
        assert one in told(answer, 409)["errors"][0]["message"]
    told(api.patch(f"/api/contacts/{carrier}/edit", json={"tags": [f"-{other}"]}))
    told(api.delete(f"/api/tags/{known['id']}/delete"))
    assert told(api.post("/api/tags/new", json={"tag": other}), 201)["tag"]["id"] == known["id"]


def test_tags_are_searched_as_all_else_is(api: httpx.Client) -> None:
    mark = uuid.uuid4().hex[:8]
    made = {word: make(api, "tags", "tag", tag=f"{mark} {word}")["id"] for word in ("big spender", "vip")}
    cases = {
        f"{mark} is:published": ["big spender", "vip"],
        f"{mark} is:unpublished": [],
        f"name:{mark} !vip": ["big spender"],
        f'"{mark} big"': ["big spender"],
        f'tag:+"{mark} VIP"': ["vip"],
        f"ids:{made['vip']},7": ["vip"],
        f"{mark} !ids:{made['vip']}": ["big spender"],
        "name:spender_": [],
    }
    found = {search: told(api.get("/api/tags", params={"search": search}))["tags"] for search in cases}
    assert {search: [one["tag"].removeprefix(f"{mark} ") for one in tags] for search, tags in found.items()} == cases
    assert told(api.get("/api/tags", params={"search": "is:mine"}), 400)["errors"][0]["details"]["character"] == ["1"]


@pytest.mark.parametrize("blank", ["-", "&nbsp;", " - "])
def test_a_tag_has_a_name(api: httpx.Client, blank: str) -> None:
    [error] = told(api.post("/api/tags/new", json={"tag": blank}), 400)["errors"]
    assert error["details"] == {"tag": ["This value should not be blank."]}


def test_a_record_is_made_by_put_under_a_number_alone(api: httpx.Client) -> None:
    for plural, said in (("stages", {"name": name()}), ("fields/contact", {"label": name()}), ("notes", {"text": "x"})):
        before = told(api.get(f"/api/{plural}", params={"limit": 1}))["total"]
        assert api.put(f"/api/{plural}/no-number/edit", json=said).status_code == 404
        assert told(api.get(f"/api/{plural}", params={"limit": 1}))["total"] == before
    assert told(api.put("/api/stages/987654321/edit", json={"name": name(), "weight": 5_005}), 201)["stage"]["id"]


def test_an_empty_limit_is_all(api: httpx.Client) -> None:
    for number in range(31):
        make(api, "tags", "tag", tag=f"{PREFIX}limit{number}")
    for limit, many in (("", 31), ("0", 31), ("7", 7)):
        found = told(api.get(f"/api/tags?search={PREFIX}limit&limit={limit}"))
        assert (found["total"], len(found["tags"])) == (31, many)
    assert len(told(api.get(f"/api/tags?search={PREFIX}limit"))["tags"]) == 30


def test_the_stage_of_a_contact_says_its_category(api: httpx.Client) -> None:
    category = make(api, "categories", "category", title=name("category"), bundle="stage")["id"]
    stage = make(api, "stages", "stage", name=name("stage"), weight=6_006, category=category)
    one = new_contact(api, stage=stage["id"])
    assert shown(api, one)["stage"]["category"] == stage["category"] == {"id": category}


def test_tags_are_narrowed_and_ordered(api: httpx.Client) -> None:
    word = uuid.uuid4().hex[:8]
    for name, description in (("b", "second"), ("A", "first"), ("c", "")):
        make(api, "tags", "tag", tag=f"{word}{name}", description=description)

    def names(**query: str) -> list[str]:
        found = told(api.get("/api/tags", params={"search": word, **query}))
        assert found["total"] == len(found["tags"])
        return [tag["tag"].removeprefix(word) for tag in found["tags"]]

    assert names() == names(orderBy="id") == ["A", "b", "c"]
    assert names(orderBy="tag", orderByDir="DESC") == ["c", "b", "A"]
    assert names(**{"order[0][col]": "description", "order[0][dir]": "desc"}) == ["b", "A", "c"]
    where = {"where[0][col]": "description", "where[0][expr]": "like", "where[0][val]": "%s%t%"}
    assert names(**where) == ["A"]
    assert names(**{"where[0][col]": "tag", "where[0][expr]": "eq", "where[0][val]": f"{word}B"}) == ["b"]
    for wrong in ({"orderBy": "color"}, {"where[0][col]": "id", "where[0][expr]": "eq", "where[0][val]": "1"}):
        assert api.get("/api/tags", params=wrong).status_code == 400


def test_of_those_who_make_a_tag_at_once_one_does(api: httpx.Client) -> None:
    said = {"tag": f"once-{uuid.uuid4().hex[:8]}"}
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: api.post("/api/tags/new", json=said), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["tag"]["id"] for answer in answers}) == 1


def test_utm_tags_that_no_hit_brought(api: httpx.Client) -> None:
    one = new_contact(api)
    said = {
        "utm_campaign": "may",
        "utm_source": "news",
        "url": "https://x.org/a",
        "referer": "https://y.org/",
        "query": {"a": "b c"},
    }
    [tags] = told(api.post(f"/api/contacts/{one}/utm/add", json=said))["contact"]["utmtags"]
    assert (tags["utmCampaign"], tags["utmSource"], tags["utmMedium"], tags["query"]) == ("may", "news", None, "a=b+c")
    [event] = history(api, one, "lead.utmtagsadded")
    assert (event["eventLabel"], event["details"]["utmtags"]) == ("UTM Campaign: may", tags)
    told(api.post(f"/api/contacts/{one}/utm/add", data={"utm_medium": "mail", "lastActive": "2026-01-02 03:04:05"}))
    contact = shown(api, one)
    assert (len(contact["utmtags"]), contact["lastActive"]) == (2, "2026-01-02T03:04:05+00:00")
    body = told(api.post(f"/api/contacts/{one}/utm/{tags['id']}/remove"))
    assert (body["recordFound"], [kept["utmMedium"] for kept in body["contact"]["utmtags"]]) == (True, ["mail"])
    assert told(api.post(f"/api/contacts/{one}/utm/{tags['id']}/remove"))["recordFound"] is False
    assert api.post(f"/api/contacts/{one}/utm/x/remove").status_code == 400
    assert told(api.post(f"/api/contacts/{one}/utm/add", json={"url": "x"}), 400)["errors"]
    assert api.post("/api/contacts/5/utm/add", json=said).status_code == 404


def test_utm_tags_that_a_call_recorded_are_no_visit(api: httpx.Client, store_hit: Hit) -> None:
    """The address that it names is none of the contact's, nor is there a device."""
    visitor = time.time_ns() // 1_000
    store_hit(visitor, time.time() - 60, ip="192.0.2.7", country="Italy", city="Rome")
    said = {"utm_source": "s", "remotehost": "198.51.100.9", "useragent": "curl/8", "query": "a=b"}
    contact = told(api.post(f"/api/contacts/{visitor}/utm/add", json=said))["contact"]
    assert [one["ipAddress"] for one in contact["ipAddresses"]] == ["192.0.2.7"]
    assert (contact["fields"]["all"]["country"], contact["fields"]["all"]["city"]) == ("Italy", "Rome")
    [tags] = contact["utmtags"]
    assert (tags["remoteHost"], tags["userAgent"], tags["query"]) == ("198.51.100.9", "curl/8", "a=b")
    told(api.post(f"/api/contacts/{visitor}/utm/add", json={"utm_source": "s", "query": '{"remote_host": "x"}'}))
    assert {one["query"] for one in shown(api, visitor)["utmtags"]} == {"a=b", '{"remote_host": "x"}'}
    assert told(api.get(f"/api/contacts/{visitor}/devices"))["total"] == 0
    assert told(api.post(f"/api/contacts/{visitor}/utm/{tags['id']}/remove"))["recordFound"] is True
    assert [one["ipAddress"] for one in shown(api, visitor)["ipAddresses"]] == ["192.0.2.7"]


def test_one_contact_has_all_its_utm_tags_and_a_list_the_newest(api: httpx.Client, store_hit: Hit) -> None:
    one, at = new_contact(api), time.time() - 60
    for number in range(25):
        store_hit(one, at + number, utm_source=f"s{number}", ip=f"192.0.2.{number}", type="lead.utmtagsadded")
    contact = shown(api, one)
    assert [tags["utmSource"] for tags in contact["utmtags"]] == [f"s{number}" for number in reversed(range(25))]
    assert len(contact["ipAddresses"]) == 25
    [listed] = told(api.get("/api/contacts", params={"search": f"ids:{one}"}))["contacts"].values()
    assert (len(listed["utmtags"]), len(listed["ipAddresses"])) == (20, 20)
    assert listed["utmtags"] == contact["utmtags"][:20] and listed["ipAddresses"] == contact["ipAddresses"][:20]


def test_utm_tags_that_are_too_old_to_be_shown_are_removed(api: httpx.Client, clickhouse: Client) -> None:
    one = new_contact(api)
    [oldest] = told(api.post(f"/api/contacts/{one}/utm/add", json={"utm_source": "oldest"}))["contact"]["utmtags"]
    hits = [event_row(uuid.uuid4().hex, one, time.time(), {"utm_source": "newer"}) for _ in range(1_000)]
    clickhouse.raw_insert("events", columns(EventRow), encode_rows(hits), fmt="JSONCompactEachRow")
    assert {tags["utmSource"] for tags in shown(api, one)["utmtags"]} == {"newer"}
    assert told(api.post(f"/api/contacts/{one}/utm/{oldest['id']}/remove"))["recordFound"] is True
    assert told(api.post(f"/api/contacts/{one}/utm/{oldest['id']}/remove"))["recordFound"] is False


@pytest.mark.parametrize("said", [{}, {"file": ""}, {"file": None}])
def test_an_asset_without_its_file_is_refused_in_words_that_clients_know(
    api: httpx.Client, said: dict[str, Any]
) -> None:
    [error] = told(api.post("/api/assets/new", json={"title": name("asset"), **said}), 400)["errors"]
    assert error["details"] == {"file": ["File of the asset is required."]}
