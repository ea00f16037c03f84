"""Users with roles: what each may do over the API, whose contacts they see, and that nobody makes themselves more."""

from __future__ import annotations

import concurrent.futures
import itertools
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from services.common.documents import LINK, Link
from services.contacts.records.record_writer import RecordWriter
from services.contacts.stores import Stores
from tests.integration.conftest import Hit
from tests.integration.contacts.answers import told
from tests.integration.services import Service

PASSWORD = "correct horse"
OWN = ["viewown", "editown", "deleteown", "create"]
DENIED = "You do not have access to the requested area/action."
_names = itertools.count()
_clients: list[httpx.Client] = []


@pytest.fixture(autouse=True)
def closed_clients() -> Iterator[None]:
    yield
    while _clients:
        _clients.pop().close()


def denied(answer: httpx.Response) -> bool:
    [error] = told(answer, 403)["errors"]
    return bool((error["code"], error["message"]) == (403, DENIED))


def eventually(check: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it never was"
        time.sleep(0.05)


def role(api: httpx.Client, *, has_api: bool = True, **permissions: list[str]) -> int:
    levels = {name.replace("__", ":"): names for name, names in permissions.items()}
    levels |= {"api:access": ["full"]} if has_api else {}
    said = {"name": f"role {uuid.uuid4().hex[:8]}", "rawPermissions": levels}
    return int(told(api.post("/api/roles/new", json=said), 201)["role"]["id"])


def made_user(api: httpx.Client, role_id: int, name: str = "") -> dict[str, Any]:
    name = name or f"u{next(_names)}-{uuid.uuid4().hex[:8]}"
    said = {"username": name, "firstName": "Ada", "lastName": name, "email": f"{name}@users.org", "role": role_id,
            "plainPassword": {"password": PASSWORD, "confirm": PASSWORD}}  # fmt: skip
    user: dict[str, Any] = told(api.post("/api/users/new", json=said), 201)["user"]
    return user


def client_of(api: httpx.Client, user: dict[str, Any], password: str = PASSWORD) -> httpx.Client:
    client = httpx.Client(base_url=api.base_url, auth=(user["username"], password), trust_env=False, timeout=30)
    _clients.append(client)
    return client


@pytest.fixture
def someone(api: httpx.Client) -> Callable[..., httpx.Client]:
    """A client of a user of these rights: `someone(lead__leads=[...])`."""

    def log_in(**permissions: list[str]) -> httpx.Client:
        return client_of(api, made_user(api, role(api, **permissions)))

    return log_in


def contact(client: httpx.Client, **said: Any) -> int:
    body = {"email": f"{uuid.uuid4().hex[:12]}@rights.org", **said}
    return int(told(client.post("/api/contacts/new", json=body), 201)["contact"]["id"])


def ids(client: httpx.Client, search: str = "") -> set[int]:
    return {int(one) for one in told(client.get("/api/contacts", params={"search": search}))["contacts"]}


def test_a_user_logs_in_by_name_and_by_address_and_is_who_made_it(api: httpx.Client) -> None:
    user = made_user(api, role(api, lead__leads=OWN))
    assert "password" not in str(user).lower() and user["role"]["isAdmin"] is False
    client = client_of(api, user)
    me = told(client.get("/api/users/self"))
    assert (me["id"], me["username"]) == (user["id"], user["username"])
    client.auth = httpx.BasicAuth(user["email"].upper(), PASSWORD)
    body = told(client.get(f"/api/contacts/{contact(client, owner=user['id'])}"))["contact"]
    assert (body["createdBy"], body["createdByUser"]) == (user["id"], user["username"])
    assert (body["owner"]["id"], body["owner"]["lastName"]) == (user["id"], user["username"])
    assert ids(client, "is:mine") == {body["id"]} == ids(api, f"owner:{user['username']} ids:{body['id']}")
    owners = told(api.get("/api/contacts/list/owners", params={"filter": user["username"]}))
    assert owners == [{"id": user["id"], "firstName": "Ada", "lastName": user["username"]}]


def test_own_contacts_are_seen_and_edited_and_no_others(
    api: httpx.Client, someone: Callable[..., httpx.Client]
) -> None:
    ada, bob = someone(lead__leads=OWN), someone(lead__leads=OWN)
    city = f"town{uuid.uuid4().hex[:8]}"
    mine, theirs = contact(ada, city=city), contact(bob, city=city)
    nobodys = contact(api, city=city)
    given = contact(api, city=city, owner=told(ada.get("/api/users/self"))["id"])
    assert ids(ada, f"city:{city}") == {mine, given} and ids(api, f"city:{city}") == {mine, theirs, nobodys, given}
    listed = told(ada.get("/api/contacts", params={"search": f"city:{city}"}))
    assert listed["total"] == "2", "the total tells nothing either"
    filtered = {"where[0][col]": "city", "where[0][expr]": "eq", "where[0][val]": city}
    assert told(ada.get("/api/contacts", params=filtered))["total"] == "2", "also with a filter of one's own"
    for other in (theirs, nobodys):
        assert denied(ada.get(f"/api/contacts/{other}"))
        for path in ("activity", "companies", "notes", "devices", "segments", "campaigns", "auditlog"):
            assert denied(ada.get(f"/api/contacts/{other}/{path}")), path
        assert denied(ada.patch(f"/api/contacts/{other}/edit", json={"firstname": "x"}))
        assert denied(ada.put(f"/api/contacts/{other}/edit", json={"firstname": "x"}))
        assert denied(ada.post(f"/api/contacts/{other}/points/plus/5"))
        assert denied(ada.post(f"/api/contacts/{other}/dnc/email/add"))
        assert denied(ada.post(f"/api/contacts/{other}/utm/add", json={"utm_source": "x"}))
        assert denied(ada.post("/api/notes/new", json={"lead": other, "text": "x"}))
        assert denied(ada.delete(f"/api/contacts/{other}/delete"))
    assert told(ada.patch(f"/api/contacts/{given}/edit", json={"firstname": "A"}))["contact"]["modifiedByUser"]
    assert told(ada.delete(f"/api/contacts/{mine}/delete"))["contact"]["id"] is None
    assert told(api.get(f"/api/contacts/{theirs}"))["contact"]["points"] == 0


def test_a_batch_refuses_others_contacts_item_by_item(someone: Callable[..., httpx.Client]) -> None:
    ada, bob = someone(lead__leads=OWN), someone(lead__leads=OWN)
    mine, theirs = contact(ada), contact(bob)
    items = [{"id": mine, "firstname": "A"}, {"id": theirs, "firstname": "A"}]
    body = told(ada.patch("/api/contacts/batch/edit", json=items))
    assert (body["statusCodes"], body["errors"]["1"]["message"]) == ({"0": 200, "1": 403}, DENIED)
    gone = told(ada.delete(f"/api/contacts/batch/delete?ids={theirs},{mine}"))
    assert (gone["errors"]["0"]["code"], len(gone["contacts"])) == (403, 1)
    assert ids(bob) == {theirs}


def test_whoever_may_delete_tags_takes_them_off_everybody(
    someone: Callable[..., httpx.Client], api: httpx.Client
) -> None:
    one = someone(lead__leads=["viewown", "editown", "create"], tagManager__tagManager=["full"])
    tag = f"t{uuid.uuid4().hex[:10]}"
    theirs, mine = contact(api, tags=[tag]), contact(one, tags=[tag])
    [known] = told(api.get("/api/tags", params={"search": tag}))["tags"]
    told(one.delete(f"/api/tags/{known['id']}/delete"))
    assert [told(api.get(f"/api/contacts/{number}"))["contact"]["tags"] for number in (theirs, mine)] == [[], []]
    assert denied(one.patch(f"/api/contacts/{theirs}/edit", json={"tags": [tag]})), "nobody was made more by it"


def test_an_address_of_somebody_elses_contact_takes_nothing_from_it(someone: Callable[..., httpx.Client]) -> None:
    ada, bob = someone(lead__leads=OWN), someone(lead__leads=OWN)
    email = f"{uuid.uuid4().hex[:10]}@bobs.org"
    mine, theirs = contact(ada), contact(bob, email=email, firstname="Bob")
    assert denied(ada.post("/api/contacts/new", json={"email": email, "firstname": "Mine"}))
    assert denied(ada.patch(f"/api/contacts/{mine}/edit", json={"email": email})), "else it would merge"
    assert told(bob.get(f"/api/contacts/{theirs}"))["contact"]["fields"]["all"]["firstname"] == "Bob"


def test_other_implies_own(someone: Callable[..., httpx.Client], api: httpx.Client) -> None:
    ada = someone(lead__leads=["editother", "create"])
    mine, other = contact(ada), contact(api)
    for one in (mine, other):
        assert told(ada.patch(f"/api/contacts/{one}/edit", json={"firstname": "A"}))["contact"]["id"] == one
        assert denied(ada.delete(f"/api/contacts/{one}/delete"))


def test_what_a_role_has_not_is_refused(someone: Callable[..., httpx.Client], api: httpx.Client) -> None:
    ada = someone(lead__leads=["viewother"])
    assert told(ada.get("/api/contacts", params={"limit": 1}))["contacts"]
    for answer in (
        ada.post("/api/contacts/new", json={"email": "x@y.org"}),
        ada.post("/api/contacts/batch/new", json=[{"email": "x@y.org"}]),
        ada.get("/api/contacts/list/owners"),
        ada.get("/api/segments"),
        ada.post("/api/segments/new", json={"name": "x"}),
        ada.post("/api/fields/contact/new", json={"label": "x", "type": "text"}),
        ada.get("/api/users"),
        ada.get("/api/roles"),
        ada.get("/api/credentials"),
        ada.get("/api/auditlog"),
        ada.post("/api/stages/new", json={"name": "x"}),
    ):
        assert denied(answer), answer.request.url
    nobody = client_of(api, made_user(api, role(api, has_api=False, lead__leads=["full"])))
    assert denied(nobody.get("/api/contacts")) and denied(nobody.get("/api/users/self"))


@pytest.mark.parametrize("path", ["/api/stats/live", "/api/stats/overview", "/api/bothits"])
def test_who_sees_own_contacts_alone_does_not_watch_everybodys_hits(
    someone: Callable[..., httpx.Client], path: str
) -> None:
    assert denied(someone(lead__leads=["viewown"]).get(path))
    assert someone(lead__leads=["viewother"]).get(path).status_code == 200


def test_a_put_that_would_create_needs_the_right_to(someone: Callable[..., httpx.Client]) -> None:
    ada = someone(lead__leads=["editown"], campaign__campaigns=["editown"], stage__stages=["edit"])
    assert denied(ada.put("/api/contacts/999999998/edit", json={"firstname": "x"}))
    assert denied(ada.put("/api/companies/999999998/edit", json={"companyname": "x"}))
    assert denied(ada.put("/api/campaigns/999999998/edit", json={"name": "x"}))
    assert denied(ada.put("/api/stages/999999998/edit", json={"name": "x"}))
    body = told(ada.put("/api/contacts/batch/edit", json=[{"firstname": "x"}, {"id": 999999998, "firstname": "x"}]))
    assert body["statusCodes"] == {"0": 403, "1": 403}


def test_permissioncheck_tells_what_a_user_may(api: httpx.Client) -> None:
    user = made_user(api, role(api, lead__leads=["viewown"]))
    client, asked = client_of(api, user), ["lead:leads:viewown", "lead:leads:viewother", "no:such:right"]
    path = f"/api/users/{user['id']}/permissioncheck"
    said = dict(zip(asked, (True, False, False), strict=True))
    assert told(client.post(path, json={"permissions": asked})) == said
    assert (
        told(client.get(path, params={"permissions[]": asked}))
        == said
        == told(api.post(path, json={"permissions": asked}))
    )
    assert denied(client.post("/api/users/1/permissioncheck", json={"permissions": asked}))


def test_companies_follow_the_rights_on_contacts(someone: Callable[..., httpx.Client], api: httpx.Client) -> None:
    ada, bob = someone(lead__leads=OWN), someone(lead__leads=OWN)
    name = f"Acme {uuid.uuid4().hex[:8]}"
    company = told(ada.post("/api/companies/new", json={"companyname": name}), 201)["company"]["id"]
    search = {"search": f"companyname:{name}"}
    assert told(ada.get("/api/companies", params=search))["total"] == "1"
    assert told(bob.get("/api/companies", params=search))["total"] == "0"
    assert denied(bob.get(f"/api/companies/{company}"))
    assert denied(bob.patch(f"/api/companies/{company}/edit", json={"companycity": "Rome"}))
    assert denied(bob.post("/api/companies/new", json={"companyname": name, "companycity": "Rome"}))
    assert denied(bob.delete(f"/api/companies/{company}/delete"))
    assert denied(bob.post(f"/api/companies/{company}/contact/{contact(bob)}/add"))


def test_nobody_reads_a_company_of_somebody_else_by_way_of_their_own_contact(
    someone: Callable[..., httpx.Client], api: httpx.Client
) -> None:
    ada, bob = someone(lead__leads=OWN), someone(lead__leads=OWN)
    name = f"Acme {uuid.uuid4().hex[:8]}"
    said = {"companyname": name, "companyaddress1": "1 Secret Street"}
    company = told(ada.post("/api/companies/new", json=said), 201)["company"]["id"]
    bobs = contact(bob)
    assert denied(bob.patch(f"/api/contacts/{bobs}/edit", json={"companies": [company]}))
    assert denied(bob.post("/api/contacts/new", json={"companies": [company]}))
    told(bob.patch(f"/api/contacts/{bobs}/edit", json={"company": name}))
    assert told(bob.get(f"/api/contacts/{bobs}/companies")) == {"total": 0, "companies": []}
    [shown] = told(api.get(f"/api/contacts/{bobs}/companies"))["companies"]
    assert (shown["companyaddress1"], shown["is_primary"]) == ("1 Secret Street", "1")
    own = told(bob.post("/api/companies/new", json={"companyname": f"Bob {name}"}), 201)["company"]["id"]
    told(bob.patch(f"/api/contacts/{bobs}/edit", json={"companies": [own]}))
    assert [one["id"] for one in told(bob.get(f"/api/contacts/{bobs}/companies"))["companies"]] == [str(own)]


def test_a_note_moves_only_to_whom_one_may_edit(someone: Callable[..., httpx.Client], api: httpx.Client) -> None:
    ada, bob = someone(lead__leads=OWN), someone(lead__leads=OWN)
    adas, bobs, another = contact(ada), contact(bob), contact(bob)
    note = told(bob.post("/api/notes/new", json={"lead": bobs, "text": "Called"}), 201)["note"]["id"]
    assert denied(bob.patch(f"/api/notes/{note}/edit", json={"lead": adas}))
    assert denied(bob.put(f"/api/notes/{note}/edit", json={"lead": adas, "text": "Called"}))
    told(api.patch(f"/api/notes/{note}/edit", json={"lead": 999_999_999}), 404)
    assert told(ada.get(f"/api/contacts/{adas}/notes"))["total"] == 0
    told(bob.patch(f"/api/notes/{note}/edit", json={"lead": another}))
    assert told(bob.get(f"/api/contacts/{another}/notes"))["total"] == 1


def test_nobody_puts_contacts_by_batch_where_they_could_not_put_one(
    someone: Callable[..., httpx.Client], api: httpx.Client
) -> None:
    own = {"campaign__campaigns": ["viewown", "create"], "lead__lists": ["viewown", "create"], "lead__leads": OWN}
    bob, eve = someone(**own), someone(lead__leads=OWN)
    campaign = told(api.post("/api/campaigns/new", json={"name": "Hidden"}), 201)["campaign"]["id"]
    segment = told(api.post("/api/segments/new", json={"name": "Hidden", "isGlobal": False}), 201)["list"]["id"]
    seen = told(api.post("/api/segments/new", json={"name": "Seen", "isGlobal": True}), 201)["list"]["id"]
    stage = told(api.post("/api/stages/new", json={"name": f"Stage {uuid.uuid4().hex[:8]}"}), 201)["stage"]["id"]
    bobs, eves = contact(bob), contact(eve)
    assert denied(bob.post("/api/contacts/batch/campaigns", json={"ids": [bobs], "add": [campaign]}))
    assert denied(bob.post("/api/contacts/batch/segments", json={"ids": [bobs], "add": [segment]}))
    assert denied(bob.post("/api/contacts/batch/stages", json={"ids": [bobs], "add": [stage]}))
    assert denied(eve.post("/api/contacts/batch/segments", json={"ids": [eves], "add": [seen]}))
    event = f"/api/campaigns/events/7/contact/{bobs}/edit"
    said = {"campaignId": campaign, "name": "Mail", "triggerDate": "2027-01-01 00:00:00"}
    assert denied(bob.put(event, json=said))
    assert told(bob.get(f"/api/contacts/{bobs}/campaigns"))["total"] == 0
    assert told(bob.post("/api/contacts/batch/segments", json={"ids": [bobs], "add": [seen]}))["affected"] == 1
    mine = told(bob.post("/api/campaigns/new", json={"name": "Bob's"}), 201)["campaign"]["id"]
    assert told(bob.post("/api/contacts/batch/campaigns", json={"ids": [bobs], "add": [mine]}))["affected"] == 1
    told(bob.put(event, json={**said, "campaignId": mine}), 201)


def test_a_template_is_sent_only_by_whom_may_see_it(someone: Callable[..., httpx.Client]) -> None:
    rights = {"lead__leads": OWN, "email__emails": ["viewown", "editown", "create"]}
    ada, bob = someone(**rights), someone(**rights)
    email = told(ada.post("/api/emails/new", json={"name": "Secret", "subject": "Secret"}), 201)["email"]["id"]
    adas, bobs = contact(ada), contact(bob)
    assert denied(bob.post(f"/api/emails/{email}/contact/{bobs}/send"))
    assert denied(bob.post(f"/api/contacts/{bobs}/email", json={"template": email}))
    assert ada.post(f"/api/emails/{email}/contact/{adas}/send").status_code == 409  # no mail server is set here


def test_what_people_made_is_theirs(someone: Callable[..., httpx.Client], api: httpx.Client) -> None:
    rights = {"campaign__campaigns": ["viewown", "editown", "deleteown", "create"], "lead__leads": OWN,
              "lead__lists": ["viewown", "editown", "create"]}  # fmt: skip
    ada, bob = someone(**rights), someone(**rights)
    campaign = told(ada.post("/api/campaigns/new", json={"name": "Ada's"}), 201)["campaign"]
    assert campaign["createdBy"] == told(ada.get("/api/users/self"))["id"]
    assert campaign["id"] in [one["id"] for one in told(ada.get("/api/campaigns"))["campaigns"]]
    assert told(bob.get("/api/campaigns"))["total"] == 0 and denied(bob.get(f"/api/campaigns/{campaign['id']}"))
    assert denied(bob.patch(f"/api/campaigns/{campaign['id']}/edit", json={"name": "Bob's"}))
    assert denied(bob.delete(f"/api/campaigns/{campaign['id']}/delete"))
    assert denied(bob.post(f"/api/campaigns/clone/{campaign['id']}"))
    assert told(ada.post(f"/api/campaigns/clone/{campaign['id']}"))["campaign"]["createdBy"] == campaign["createdBy"]
    bobs = contact(bob)
    assert denied(bob.post(f"/api/campaigns/{campaign['id']}/contact/{bobs}/add"))
    assert denied(bob.get(f"/api/campaigns/{campaign['id']}/contacts"))
    hidden = told(ada.post("/api/segments/new", json={"name": "own", "isGlobal": False}), 201)["list"]
    shared = told(ada.post("/api/segments/new", json={"name": "all"}), 201)["list"]
    seen = {one["id"] for one in told(bob.get("/api/segments", params={"limit": 0}))["lists"]}
    assert shared["id"] in seen and hidden["id"] not in seen
    assert told(bob.get(f"/api/segments/{shared['id']}")) and denied(bob.get(f"/api/segments/{hidden['id']}"))
    assert denied(bob.patch(f"/api/segments/{shared['id']}/edit", json={"name": "Bob's"}))
    assert denied(bob.post(f"/api/segments/{hidden['id']}/contact/{bobs}/add"))
    assert told(bob.post(f"/api/segments/{shared['id']}/contact/{bobs}/add")) == {"success": 1}
    note = told(ada.post("/api/notes/new", json={"lead": contact(ada), "text": "x"}), 201)["note"]["id"]
    assert told(ada.get("/api/notes"))["total"] == 1 and told(bob.get("/api/notes"))["total"] == 0
    assert denied(bob.get(f"/api/notes/{note}")) and denied(bob.delete(f"/api/notes/{note}/delete"))


def test_a_hidden_segment_is_as_one_that_is_not_there(someone: Callable[..., httpx.Client], api: httpx.Client) -> None:
    rights = {"lead__leads": ["full"], "email__emails": ["full"],
              "lead__lists": ["viewown", "create"], "campaign__campaigns": ["viewown", "create"]}  # fmt: skip
    ada, bob = someone(**rights), someone(**rights)
    said = {"name": f"own {uuid.uuid4().hex[:8]}", "isGlobal": False}
    hidden = told(ada.post("/api/segments/new", json=said), 201)["list"]
    campaign = told(ada.post("/api/campaigns/new", json={"name": "Ada's"}), 201)["campaign"]["id"]
    member = contact(ada)
    told(ada.post(f"/api/segments/{hidden['id']}/contact/{member}/add"))
    told(ada.post(f"/api/campaigns/{campaign}/contact/{member}/add"))
    search, path = f"segment:{hidden['alias']}", f"/api/contacts/{member}"
    assert ids(ada, search) == {member}
    refused = told(bob.get("/api/contacts", params={"search": search}), 400)["errors"][0]
    nowhere = told(bob.get("/api/contacts", params={"search": "segment:nowhere"}), 400)["errors"][0]
    assert refused["message"].replace(hidden["alias"], "nowhere") == nowhere["message"]
    assert str(hidden["id"]) in told(ada.get(f"{path}/segments"))["lists"]
    assert str(hidden["id"]) not in told(bob.get(f"{path}/segments"))["lists"]
    assert str(campaign) in told(ada.get(f"{path}/campaigns"))["campaigns"]
    assert told(bob.get(f"{path}/campaigns"))["total"] == 0

    of_it = [{"field": "leadlist", "operator": "in", "properties": {"filter": [hidden["id"]]}}]
    there_is_none = f"There is no segment {hidden['id']}."
    error = told(bob.post("/api/segments/new", json={"name": "x", "filters": of_it}), 400)["errors"][0]
    assert error["details"] == {"filters[0]": [there_is_none]}
    shared = told(ada.post("/api/segments/new", json={"name": "of it", "filters": of_it}), 201)["list"]
    assert ids(bob, f"segment:{shared['alias']}") == {member}, "what ada made of it works for all"

    mail = {"name": "x", "subject": "x", "lists": [hidden["id"]]}
    assert told(bob.post("/api/emails/new", json=mail), 400)["errors"][0]["details"] == {"lists": [there_is_none]}
    email = told(ada.post("/api/emails/new", json=mail), 201)["email"]["id"]
    told(api.patch(f"/api/emails/{email}/edit", json={"name": "y", "lists": [hidden["id"]]}))
    told(bob.patch(f"/api/emails/{email}/edit", json={"name": "z", "lists": [hidden["id"]]}))
    for answer in (
        bob.post("/api/contacts/batch/owner", json={"segment": hidden["id"], "owner": 1}),
        bob.post(f"/api/segments/{hidden['id']}/contacts/delete"),
    ):
        assert answer.status_code == 404, answer.text
    assert ids(ada, search) == {member}


def test_a_template_does_not_show_hidden_segments_and_keeps_them(someone: Callable[..., httpx.Client]) -> None:
    rights = {"lead__lists": ["viewown", "create"], "email__emails": ["full"]}
    ada, bob, eve = someone(**rights), someone(**rights), someone(email__emails=["viewother", "editown"])
    hidden, other, mine, shared = (
        told(client.post("/api/segments/new", json={"name": name, "isGlobal": name == "shared"}), 201)["list"]["id"]
        for client, name in ((ada, "Ada's"), (ada, "other"), (bob, "Bob's"), (ada, "shared"))
    )
    said = {"name": f"x{uuid.uuid4().hex[:8]}", "lists": [hidden, shared]}
    email = told(ada.post("/api/emails/new", json=said), 201)["email"]["id"]

    def seen(answer: httpx.Response) -> set[int]:
        body = told(answer)
        [shown] = body["emails"] if "emails" in body else [body["email"]]
        return {one["id"] for one in shown["lists"]}

    def listed(client: httpx.Client) -> httpx.Response:
        return client.get("/api/emails", params={"search": said["name"]})

    path, batch = f"/api/emails/{email}", "/api/emails/batch/edit"
    assert seen(bob.get(path)) == seen(listed(bob)) == {shared}
    assert seen(ada.get(path)) == seen(listed(ada)) == {hidden, shared}
    assert seen(bob.patch(f"{path}/edit", json={"description": "y"})) == {shared}
    assert seen(ada.get(path)) == {hidden, shared}
    assert seen(bob.patch(f"{path}/edit", json={"lists": [mine]})) == {mine}
    assert seen(ada.get(path)) == {hidden}
    assert seen(bob.put(f"{path}/edit", json={"name": said["name"], "lists": [shared]})) == {shared}
    assert seen(ada.get(path)) == {hidden, shared}
    assert seen(bob.patch(batch, json=[{"id": email, "lists": []}])) == set()
    assert seen(ada.get(path)) == {hidden}
    assert seen(ada.patch(f"{path}/edit", json={"lists": [other]})) == {other}, "who sees it takes it out"
    for one in (hidden, other):
        assert denied(eve.patch(f"{path}/edit", json={"lists": [one]})), "nobody else is told which there are"
    assert seen(bob.delete(f"{path}/delete")) == set()


@pytest.mark.parametrize(
    ("field", "plural", "said"),
    [
        ("campaign", "campaigns", {"name": "x"}),
        ("lead_asset_download", "assets", {"title": "x", "file": "https://x.example/x.pdf"}),
        ("lead_email_sent", "emails", {"name": "x"}),
        ("lead_email_received", "emails", {"name": "x"}),
        ("email_id", "emails", {"name": "x"}),
        ("redirect_id", "links", {"url": "https://x.example"}),
    ],
)
def test_a_filter_names_only_what_its_writer_may_see(
    someone: Callable[..., httpx.Client], field: str, plural: str, said: dict[str, Any]
) -> None:
    own = ["viewown", "create"]
    rights = {"campaign__campaigns": own, "asset__assets": own, "email__emails": own, "page__pages": own}
    ada, bob = someone(lead__lists=["full"], **rights), someone(lead__lists=["full"], **rights)
    eve, singular = someone(lead__lists=["viewother", "editown"], **rights), plural[:-1]
    hidden, other, mine = (
        told(client.post(f"/api/{plural}/new", json=said), 201)[singular]["id"] for client in (ada, ada, bob)
    )

    def body(*numbers: int) -> dict[str, Any]:
        named = {"field": field, "operator": "in", "properties": {"filter": list(numbers)}}
        return {"name": "x", "filters": [{"field": "points", "operator": "gt", "filter": 0}, named]}

    def refused(answer: httpx.Response, number: int) -> bool:
        [error] = told(answer, 400)["errors"]
        return bool(error["details"] == {"filters[1]": [f"There is no {singular} {number}."]})

    for number in (hidden, 987_654_321):
        assert refused(bob.post("/api/segments/new", json=body(mine, number)), number)
    told(bob.post("/api/segments/new", json=body(mine)), 201)
    segment = told(ada.post("/api/segments/new", json=body(hidden)), 201)["list"]["id"]
    path = f"/api/segments/{segment}/edit"
    assert told(bob.patch(path, json={"description": "y"}))["list"]["filters"][1]["filter"] == [hidden]
    for send in (bob.patch, bob.put):
        assert refused(send(path, json=body(hidden, other)), other)
        assert told(send(path, json=body(hidden, mine)))["list"]["filters"][1]["filter"] == [hidden, mine]
    assert denied(eve.patch(path, json=body(hidden))) and denied(eve.patch(path, json=body(other))), (
        "who may not edit it is not told which of both it names"
    )


async def test_a_filter_may_name_a_link_of_a_mail_which_is_nobodys(
    someone: Callable[..., httpx.Client], stores: Stores
) -> None:
    bob = someone(lead__lists=["full"], page__pages=["viewown"])
    link = await RecordWriter(stores, LINK, Link, "mail").create(Link(name="x", url="https://x.example"))
    clicked = {"field": "redirect_id", "operator": "in", "properties": {"filter": [link]}}
    told(bob.post("/api/segments/new", json={"name": "x", "filters": [clicked]}), 201)


def test_no_history_names_a_hidden_segment_or_campaign(someone: Callable[..., httpx.Client], api: httpx.Client) -> None:
    rights = {"lead__leads": ["full"], "lead__lists": ["viewown", "create"],
              "campaign__campaigns": ["viewown", "create"]}  # fmt: skip
    ada, bob, member, mark = someone(**rights), someone(**rights), contact(api), uuid.uuid4().hex[:8]
    for client, name in ((ada, "Ada"), (bob, "Bob")):
        for plural, singular in (("segments", "list"), ("campaigns", "campaign")):
            said = {"name": f"{mark} {name}", "isGlobal": False}
            made = told(client.post(f"/api/{plural}/new", json=said), 201)[singular]["id"]
            told(client.post(f"/api/{plural}/{made}/contact/{member}/add"))

    def names(client: httpx.Client, path: str) -> list[str]:
        found = told(client.get(path, params={"filters[search]": mark}))
        assert found["total"] == len(found["events"]), "the total tells nothing either"
        return sorted(event["eventLabel"].rsplit(" ", 1)[1] for event in found["events"])

    for path in (f"/api/contacts/{member}/activity", "/api/contacts/activity"):
        assert names(api, path) == ["Ada", "Ada", "Bob", "Bob"]
        assert names(ada, path) == ["Ada", "Ada"]
        assert names(bob, path) == ["Bob", "Bob"]


def test_no_history_names_a_hidden_campaign_in_what_it_does(
    someone: Callable[..., httpx.Client], api: httpx.Client, store_hit: Hit
) -> None:
    rights = {"lead__leads": ["full"], "campaign__campaigns": ["viewown", "create"]}
    ada, bob, member, mark = someone(**rights), someone(**rights), contact(api), uuid.uuid4().hex[:8]
    done = time.strftime("%Y-%m-%d 00:00:00", time.gmtime())
    for event, (client, name) in enumerate(((ada, "Ada"), (bob, "Bob")), 1):
        campaign = told(client.post("/api/campaigns/new", json={"name": name}), 201)["campaign"]["id"]
        put = {"campaignId": campaign, "name": f"{mark} {name}"}
        for number, when in ((event, {"triggerDate": "2099-01-01 00:00:00"}), (10 * event, {"dateTriggered": done})):
            told(client.put(f"/api/campaigns/events/{number}/contact/{member}/edit", json={**put, **when}), 201)
        for kind, said in (("campaign.event", campaign), ("campaign.event.scheduled", f'"{campaign}"')):
            store_hit(
                member, time.time(), type=kind, title=f"{mark} {name}", query=f'{{"log":{{"campaignId":{said}}}}}'
            )

    def names(client: httpx.Client, path: str) -> list[str]:
        found = told(client.get(path, params={"filters[search]": mark}))
        assert found["total"] == len(found["events"]), "the total tells nothing either"
        return [event["eventLabel"].split(" ")[1] for event in found["events"]]

    def engagements(client: httpx.Client) -> int:
        return int(told(client.get(f"/api/contacts/{member}/engagement"))["datasets"][0]["data"][-1])

    one, all_of_them = f"/api/contacts/{member}/activity", "/api/contacts/activity"
    for client, name, event in ((ada, "Ada", 1), (bob, "Bob", 2)):
        assert names(client, one) == [name] * 4 and names(client, all_of_them) == [name] * 2
        listed = told(client.get(f"/api/campaigns/events/contact/{member}"))
        assert (listed["total"], set(listed["events"])) == (2, {str(event), str(10 * event)})
        assert engagements(client) == 2
    assert len(names(api, one)) == 8 and len(names(api, all_of_them)) == 4 and engagements(api) == 4
    assert told(api.get(f"/api/campaigns/events/contact/{member}"))["total"] == 4


def test_an_event_of_a_hidden_campaign_is_neither_moved_nor_told(someone: Callable[..., httpx.Client]) -> None:
    rights = {"lead__leads": ["full"], "campaign__campaigns": ["viewown", "create"]}
    ada, bob = someone(**rights), someone(**rights)
    member, later = contact(ada), "2099-01-01 00:00:00"
    campaign = told(ada.post("/api/campaigns/new", json={"name": "Ada's"}), 201)["campaign"]["id"]
    event, said = f"/api/campaigns/events/7/contact/{member}/edit", {"campaignId": campaign, "triggerDate": later}
    told(ada.put(event, json=said), 201)
    moves = f"/api/contacts/{member}/campaignevents"
    for number in (7, 8):
        assert bob.post(f"{moves}/{number}/reschedule", json={"date": later}).status_code == 404
        assert bob.post(f"{moves}/{number}/cancel").status_code == 404
    assert denied(bob.put(event, json=said)) and denied(bob.put(event, json={"triggerDate": later}))
    new = f"/api/campaigns/events/8/contact/{member}/edit"
    assert denied(bob.put(new, json={"campaign": campaign, "triggerDate": later}))
    assert told(ada.put(event, json={"triggerDate": later}))["event"]["campaign"]["id"] == campaign
    assert told(ada.post(f"{moves}/7/cancel")) == {"success": 1}


def test_a_segment_that_hidden_ones_are_made_of_stays_and_they_are_not_named(
    someone: Callable[..., httpx.Client],
) -> None:
    lists = ["viewown", "create", "editown", "deleteown"]
    ada, bob = someone(lead__lists=lists), someone(lead__lists=lists)
    used = told(ada.post("/api/segments/new", json={"name": "used"}), 201)["list"]["id"]
    of_it = [{"field": "leadlist", "operator": "in", "properties": {"filter": [used]}}]
    said = {"name": "Bob's secret", "isGlobal": False, "filters": of_it}
    secret = told(bob.post("/api/segments/new", json=said), 201)["list"]["id"]
    told(bob.post("/api/segments/new", json={"name": "shared", "filters": of_it}), 201)
    refused = told(ada.delete(f"/api/segments/{used}/delete"), 422)["errors"][0]
    named = str(refused["details"])
    assert f"({secret})" not in named and "secret" not in named and "shared" in named


def test_of_a_strangers_contact_is_told_only_that_it_has_the_value(someone: Callable[..., httpx.Client]) -> None:
    ada, bob = someone(lead__leads=OWN), someone(lead__leads=OWN)
    email = f"{uuid.uuid4().hex[:12]}@rights.org"
    contact(ada, email=email)
    bobs = contact(bob)
    for query in ({"email": email}, {"email": email, "id": bobs}):
        verdict = told(bob.get("/api/contacts/duplicates", params=query))
        assert (verdict["verdict"], verdict["contact"]) == ("refuse", None)
        assert verdict["holders"] == [{"field": "email", "id": None, "name": None, "email": None}]
        assert verdict["message"] == "A contact with this value already exists."
    assert denied(bob.post("/api/contacts/new", json={"email": email}))
    assert denied(bob.patch(f"/api/contacts/{bobs}/edit", json={"email": email}))


def test_the_verdict_on_a_save_knows_what_the_caller_may_write(
    someone: Callable[..., httpx.Client], api: httpx.Client
) -> None:
    ada, writer = someone(lead__leads=OWN), someone(lead__leads=["viewown", "editown"])

    def verdict(client: httpx.Client, **query: object) -> str:
        params = {name: str(value) for name, value in query.items()}
        return str(told(client.get("/api/contacts/duplicates", params=params))["verdict"])

    email, adas, nobody = f"{uuid.uuid4().hex[:12]}@rights.org", contact(ada), 999_999_998
    assert verdict(ada, email=email) == "new" and verdict(writer, email=email) == "refuse"
    assert denied(writer.post("/api/contacts/new", json={"email": email}))
    mine = contact(api, owner=told(writer.get("/api/users/self"))["id"])
    assert verdict(writer, email=email, id=mine) == "update"
    told(writer.patch(f"/api/contacts/{mine}/edit", json={"email": email}))
    for client in (api, ada):
        assert verdict(client, id=nobody) == "refuse"
        assert client.patch(f"/api/contacts/{nobody}/edit", json={"firstname": "x"}).status_code == 404
    for other in (mine, adas):
        found = told(ada.get("/api/contacts/duplicates", params={"email": email, "id": other}))
        assert (found["verdict"], len(found["holders"])) == ("refuse", 1), "no id tells whose the value is"


def test_nobody_makes_themselves_more(api: httpx.Client) -> None:
    full = {"user__users": ["full"], "user__roles": ["full"], "lead__leads": ["viewown"]}
    role_id = role(api, **full)
    user = made_user(api, role_id)
    client, admin = client_of(api, user), made_user(api, 1)
    for answer in (
        client.post("/api/roles/new", json={"name": "x", "isAdmin": True}),
        client.post("/api/roles/new", json={"name": "x", "rawPermissions": {"lead:leads": ["viewother"]}}),
        client.patch(f"/api/roles/{role_id}/edit", json={"rawPermissions": {"lead:leads": ["full"]}}),
        client.patch(f"/api/roles/{role_id}/edit", json={"isAdmin": True}),
        client.patch(f"/api/users/{user['id']}/edit", json={"role": 1}),
        client.patch(f"/api/users/{admin['id']}/edit", json={"plainPassword": "another one"}),
        client.patch(f"/api/users/{admin['id']}/edit", json={"isPublished": False}),
        client.patch("/api/users/1/edit", json={"email": "mine@x.org"}),
        client.delete(f"/api/users/{admin['id']}/delete"),
        client.post("/api/users/new", json={"username": "xx", "firstName": "x", "email": "xx@x.org", "role": 1,
                                            "password": PASSWORD}),
        client.post("/api/credentials/new", json={"name": "x", "role": 1}),
    ):  # fmt: skip
        assert denied(answer), (answer.request.method, answer.request.url)
    hidden = told(api.post("/api/roles/new", json={"name": "off", "isAdmin": True, "isPublished": False}), 201)["role"]
    assert denied(client.patch(f"/api/users/{user['id']}/edit", json={"role": hidden["id"]})), "it may be switched on"
    less = told(
        client.post("/api/roles/new", json={"name": "less", "rawPermissions": {"lead:leads": ["viewown"]}}), 201
    )
    assert made_user(client, less["role"]["id"])["role"]["id"] == less["role"]["id"]
    assert told(client_of(api, admin).get("/api/users/self"))["role"]["isAdmin"] is True


def test_the_admin_of_the_settings_can_not_be_shut_out(api: httpx.Client) -> None:
    assert api.delete("/api/users/1/delete").status_code == 422
    for said in ({"isPublished": False}, {"username": "x"}, {"password": "something else"}, {"role": 7}):
        assert api.patch("/api/users/1/edit", json=said).status_code == 422, said
    assert api.delete("/api/roles/1/delete").status_code == api.patch("/api/roles/1/edit", json={}).status_code == 422
    assert told(api.patch("/api/users/1/edit", json={"position": "Chief"}))["user"]["position"] == "Chief"
    assert told(api.get("/api/users/self"))["id"] == 1


def test_a_name_is_one_users(api: httpx.Client) -> None:
    role_id = role(api)
    ada, bob = made_user(api, role_id), made_user(api, role_id)
    said = {"firstName": "x", "role": role_id, "password": PASSWORD}
    for taken in (
        {"username": ada["username"].upper(), "email": "new1@users.org"},
        {"username": "new1", "email": ada["email"]},
        {"username": ada["email"], "email": "new2@users.org"},
        {"username": "ADMIN", "email": "new3@users.org"},
    ):
        assert told(api.post("/api/users/new", json={**said, **taken}), 400)["errors"][0]["details"], taken
    assert api.patch(f"/api/users/{bob['id']}/edit", json={"username": ada["username"]}).status_code == 400
    new_name = f"renamed-{uuid.uuid4().hex[:8]}"
    told(api.patch(f"/api/users/{ada['id']}/edit", json={"username": new_name}))
    assert told(client_of(api, {"username": new_name}).get("/api/users/self"))["id"] == ada["id"]
    eventually(lambda: client_of(api, ada).get("/api/users/self").status_code == 401, 15.0)


def test_one_of_many_who_take_a_name_at_once_gets_it(api: httpx.Client) -> None:
    role_id, name = role(api), f"race-{uuid.uuid4().hex[:8]}"

    def take(number: int) -> int:
        said = {"username": name, "firstName": "x", "email": f"{number}.{name}@users.org", "role": role_id}
        return api.post("/api/users/new", json={**said, "password": PASSWORD}).status_code

    with concurrent.futures.ThreadPoolExecutor(6) as threads:
        codes = sorted(threads.map(take, range(6)))
    assert codes == [201, 400, 400, 400, 400, 400]
    assert told(api.get("/api/users", params={"search": name}))["total"] == 1


@pytest.mark.parametrize(
    "wrong",
    [{"username": ""}, {"username": "a b"}, {"email": "nobody"}, {"password": "short"}, {"password": ["x"]},
     {"plainPassword": {"password": PASSWORD, "confirm": "another"}}, {"role": 999_999}, {"role": "x"}],
)  # fmt: skip
def test_a_user_that_can_not_be_is_refused(api: httpx.Client, wrong: dict[str, Any]) -> None:
    name = uuid.uuid4().hex[:8]
    said = {"username": name, "firstName": "x", "email": f"{name}@users.org", "role": role(api), "password": PASSWORD}
    if "plainPassword" in wrong:
        del said["password"]
    [error] = told(api.post("/api/users/new", json={**said, **wrong}), 400)["errors"]
    assert list(error["details"])


def test_whoever_is_disabled_is_out_within_two_seconds_and_a_role_changes_as_fast(api: httpx.Client) -> None:
    role_id = role(api, lead__leads=["viewown"])
    user = made_user(api, role_id)
    client = client_of(api, user)
    assert denied(client.post("/api/contacts/new", json={"email": "a@b.org"}))
    told(api.patch(f"/api/roles/{role_id}/edit",
                   json={"rawPermissions": {"lead:leads": ["create"], "api:access": ["full"]}}))  # fmt: skip
    eventually(lambda: client.post("/api/contacts/new", json={"firstname": "x"}).status_code == 201, 2.5)
    told(api.patch(f"/api/users/{user['id']}/edit", json={"plainPassword": "another password"}))
    eventually(lambda: client.get("/api/contacts").status_code == 401, 2.5)
    client = client_of(api, user, "another password")
    assert client.get("/api/contacts").status_code == 200
    told(api.patch(f"/api/users/{user['id']}/edit", json={"isPublished": False}))
    eventually(lambda: client.get("/api/contacts").status_code == 401, 2.5)
    assert api.delete(f"/api/roles/{role_id}/delete").status_code == 422, "somebody has it"
    told(api.delete(f"/api/users/{user['id']}/delete"))
    assert told(api.delete(f"/api/roles/{role_id}/delete"))["role"]["id"] is None


def test_everybody_changes_their_own_password_and_no_right(api: httpx.Client) -> None:
    user = made_user(api, role(api))
    client, path = client_of(api, user), "/api/users/self/edit"
    said = {"plainPassword": "a new password", "role": 1, "username": "admin2", "isPublished": False}
    assert client.patch(path, json=said).status_code == 400, "the current one is missing"
    assert client.patch(path, json={**said, "currentPassword": "wrong"}).status_code == 400
    changed = told(client.patch(path, json={**said, "currentPassword": PASSWORD, "lastName": "New"}))["user"]
    assert (changed["role"]["id"], changed["username"]) == (user["role"]["id"], user["username"])
    eventually(lambda: client.get("/api/users/self").status_code == 401, 2.5)
    assert told(client_of(api, user, "a new password").get("/api/users/self"))["lastName"] == "New"
    assert denied(api.patch(path, json={"lastName": "x"})), "the admin's is in the settings"


def test_who_made_a_user_and_when_outlives_what_the_user_changes(api: httpx.Client) -> None:
    user = made_user(api, role(api))
    client, made = client_of(api, user), {key: user[key] for key in ("dateAdded", "createdBy", "createdByUser")}
    assert all(made.values())
    told(client.patch("/api/users/self/edit", json={"lastName": "New"}))
    told(api.put(f"/api/users/{user['id']}/edit", json={"firstName": "Anew"}))
    for shown in (told(client.get("/api/users/self")), told(api.get(f"/api/users/{user['id']}"))["user"]):
        assert {key: shown[key] for key in made} == made
        assert (shown["firstName"], shown["lastName"], shown["modifiedBy"]) == ("Anew", "New", 1)


def test_lists_of_users_and_roles(api: httpx.Client) -> None:
    role_id = role(api, lead__lists=["create"])
    user = made_user(api, role_id)
    listed = told(api.get("/api/users", params={"search": user["username"]}))
    assert (listed["total"], listed["users"][0]["id"], listed["users"][0]["role"]["id"]) == (1, user["id"], role_id)
    assert "hash" not in str(listed)
    shown = told(api.get(f"/api/roles/{role_id}"))["role"]
    assert shown["rawPermissions"]["lead:leads"] == ["viewown"], "what is implied is kept"
    assert {"id": role_id, "name": shown["name"]} in told(api.get("/api/users/list/roles"))
    for name in ("password_hash", "passwordHash"):
        assert api.get(f"/api/users?where[0][col]={name}&where[0][expr]=like&where[0][val]=%25").status_code == 400


def test_pages_show_only_what_a_user_may_see(someone: Callable[..., httpx.Client], api: httpx.Client) -> None:
    ada = someone(lead__leads=OWN)
    mine, other = contact(ada), contact(api)
    page = ada.get("/ui/contacts").text
    assert f"/ui/contacts/{mine}" in page and f"/ui/contacts/{other}" not in page
    assert ada.get(f"/ui/contacts/{mine}").status_code == 200 and ada.get(f"/ui/contacts/{other}").status_code == 403


def test_a_contact_of_nobody_is_for_those_who_see_others(
    someone: Callable[..., httpx.Client], contacts_service: Service
) -> None:
    del contacts_service
    ada = someone(lead__leads=OWN, campaign__campaigns=["viewother"])
    assert told(ada.get("/api/contacts", params={"search": "is:anonymous"}))["total"] == "0"
