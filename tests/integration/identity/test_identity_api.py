"""`/v1/merge`, `/v1/unmerge`, `/v1/identify`, `/v1/resolve` on real servers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.integration.site import Site, Visitor

_numbers = itertools.count()
TOKEN = {"authorization": "Bearer a-token-of-sixteen-characters"}

Come = Callable[[], Visitor]


@pytest.fixture
def come(site: Site) -> Iterator[Come]:
    """Another visitor, each with cookies of its own."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(site.visitor())


def post(site: Site, path: str, body: Any, **headers: str) -> httpx.Response:
    return site.identity.http.post(f"/v1/{path}", json=body, headers=headers)


def done(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def new_contact(site: Site, **fields: Any) -> int:
    answer = site.api.post("/api/contacts/new", json=fields)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["contact"]["id"])


def address() -> str:
    return f"merges{next(_numbers)}@x.org"


def shown(site: Site, contact_id: int) -> dict[str, Any]:
    answer = site.api.get(f"/api/contacts/{contact_id}")
    assert answer.status_code == 200, answer.text
    contact: dict[str, Any] = answer.json()["contact"]
    return contact


def value(contact: dict[str, Any], field: str) -> Any:
    return contact["fields"]["all"][field]


def resolved(site: Site, *ids: Any) -> list[Any]:
    results = done(post(site, "resolve", {"ids": list(ids)}))["results"]
    return [one.get("contact_id", one.get("error")) for one in results]


# ---- merge and unmerge ----


def test_a_merge_is_seen_by_the_next_read_and_an_undo_gives_both_back(site: Site) -> None:
    his, hers = address(), address()
    one = new_contact(site, email=his, city="Rome", points=3, tags=["one"])
    other = new_contact(site, email=hers, phone="12", points=4, tags=["other"])
    body = done(post(site, "merge", {"winner": one, "loser": other}))
    assert (body["merged"], body["contact"]["contact_id"], body["contact"]["ids"]) == (True, one, [one, other])
    whole = shown(site, other)
    assert (whole["id"], value(whole, "phone"), value(whole, "city"), whole["points"]) == (one, "12", "Rome", 7)
    assert resolved(site, one, other, {"email": his}, {"email": hers}) == [one] * 4
    assert [found["id"] for found in site.contacts(f"ids:{one},{other}")] == [one]

    body = done(post(site, "unmerge", {"contact": other}))
    assert (body["unmerged"], body["contact"]["contact_id"], body["from"]["contact_id"]) == (True, other, one)
    first, second = shown(site, one), shown(site, other)
    assert (first["id"], value(first, "email"), value(first, "phone"), first["points"]) == (one, his, None, 3)
    assert (second["id"], value(second, "email"), value(second, "city"), second["points"]) == (other, hers, None, 4)
    assert [tag["tag"] for tag in second["tags"]] == ["other"]
    assert resolved(site, one, other, {"email": his}, {"email": hers}) == [one, other, one, other]
    assert [found["id"] for found in site.contacts(f"ids:{one},{other}")] == [one, other]


def test_scores_in_groups_add_up_in_a_merge_and_part_again_in_an_undo(site: Site) -> None:
    one, other = new_contact(site, email=address()), new_contact(site, email=address())
    groups = [site.api.post("/api/points/groups/new", json={"name": "G"}).json()["pointGroup"]["id"] for _ in range(2)]

    def scores(contact_id: int) -> list[int]:
        found = site.api.get(f"/api/contacts/{contact_id}/points/groups").json()["groupScores"]
        by_group = {each["group"]["id"]: each["score"] for each in found}
        return [by_group.get(group, 0) for group in groups]

    for contact_id, score in ((one, 3), (other, 4)):
        site.api.post(f"/api/contacts/{contact_id}/points/groups/{groups[0]}/plus/{score}")
    site.api.post(f"/api/contacts/{other}/points/groups/{groups[1]}/set/-5")
    done(post(site, "merge", {"winner": one, "loser": other}))
    assert scores(one) == scores(other) == [7, -5]
    site.api.post(f"/api/contacts/{one}/points/groups/{groups[0]}/times/2")
    assert scores(one) == [14, -5]
    done(post(site, "unmerge", {"contact": other}))
    assert (scores(one), scores(other)) == ([10, 0], [4, -5])


def test_a_merge_made_twice_and_an_undo_made_twice_change_nothing(site: Site) -> None:
    one, other = new_contact(site, email=address()), new_contact(site, email=address())
    assert done(post(site, "merge", {"winner": one, "loser": other}))["merged"] is True
    assert done(post(site, "merge", {"winner": one, "loser": other}))["merged"] is False
    assert done(post(site, "merge", {"winner": other, "loser": one}))["contact"]["contact_id"] == one
    assert done(post(site, "unmerge", {"contact": other}))["unmerged"] is True
    again = done(post(site, "unmerge", {"contact": other}))
    assert (again["unmerged"], again["from"]["contact_id"]) == (False, one)
    site.api.delete(f"/api/contacts/{one}/delete")
    again = done(post(site, "unmerge", {"contact": other}))
    assert (again["unmerged"], again["contact"]["contact_id"], again["from"]) == (False, other, None)


def test_each_gets_its_own_events_back_also_those_since_the_merge(site: Site, come: Come) -> None:
    his, hers = address(), address()
    one, other = come(), come()
    one.post("/mtc/event", data={"page_url": "https://x/one", "email": his})
    other.post("/mtc/event", data={"page_url": "https://x/other", "email": hers})
    winner, loser = site.contact(his)["id"], site.contact(hers)["id"]
    done(post(site, "merge", {"winner": winner, "loser": loser}))
    one.post("/mtc/event", data={"page_url": "https://x/one/since"})
    other.post("/mtc/event", data={"page_url": "https://x/other/since"})
    newcomer = come()
    newcomer.post("/mtc/event", data={"page_url": "https://x/newcomer"})
    newcomer.post("/mtc/event", data={"page_url": "https://x/newcomer/named", "email": hers})
    assert len(site.events(winner, 6, "page.hit")) == 6

    done(post(site, "unmerge", {"contact": loser}))
    for visitor, name in ((one, "one"), (other, "other"), (newcomer, "newcomer")):
        visitor.post("/mtc/event", data={"page_url": f"https://x/{name}/after"})
    urls = sorted(event["eventLabel"]["label"] for event in site.events(winner, 3, "page.hit"))
    assert urls == ["https://x/one", "https://x/one/after", "https://x/one/since"]
    urls = sorted(event["eventLabel"]["label"] for event in site.events(loser, 6, "page.hit"))
    names = ("newcomer", "newcomer/after", "newcomer/named", "other", "other/after", "other/since")
    assert urls == [f"https://x/{name}" for name in names], "who came by her address since is hers"


def test_chains_resolve_and_come_apart_link_by_link(site: Site) -> None:
    ids = [new_contact(site, email=address(), firstname=str(number)) for number in range(4)]
    for loser, winner in itertools.pairwise(ids):
        done(post(site, "merge", {"winner": winner, "loser": loser}))
    assert resolved(site, *ids) == [ids[3]] * 4
    body = done(post(site, "unmerge", {"contact": ids[1]}))
    assert sorted(body["contact"]["ids"]) == ids[:2]
    assert resolved(site, *ids) == [ids[1], ids[1], ids[3], ids[3]]
    assert [found["id"] for found in site.contacts("ids:" + ",".join(map(str, ids)))] == [ids[1], ids[3]]
    done(post(site, "merge", {"winner": ids[3], "loser": ids[0]}))
    assert resolved(site, *ids) == [ids[3]] * 4


def test_a_value_that_somebody_else_took_meanwhile_stays_there(site: Site) -> None:
    his, hers = address(), address()
    one, other = new_contact(site, email=his), new_contact(site, email=hers, phone="12")
    done(post(site, "merge", {"winner": one, "loser": other}))
    assert site.api.patch(f"/api/contacts/{one}/edit", json={"email": address()}).status_code == 200
    third = new_contact(site, email=hers)
    body = done(post(site, "unmerge", {"contact": other}))
    assert body["taken"] == ["email"]
    assert value(shown(site, other), "phone") == "12"
    assert not value(shown(site, other), "email")
    assert resolved(site, {"email": hers}) == [third]


def test_who_was_parted_is_not_merged_again_by_a_hit(site: Site, come: Come) -> None:
    mail, visitor = address(), come()
    anonymous = visitor.get("/mtc/event?page_url=https://x/before").json()["id"]
    visitor.post("/mtc/event", data={"page_url": "https://x/named", "email": mail})
    known = site.contact(mail)["id"]
    assert known == anonymous, "nobody had the address"
    stranger = come()
    second = stranger.get("/mtc/event?page_url=https://x/second").json()["id"]
    stranger.post("/mtc/event", data={"page_url": "https://x/second/named", "email": mail})
    site.events(known, 4, "page.hit")
    done(post(site, "unmerge", {"contact": second}))
    stranger.post("/mtc/event", data={"page_url": "https://x/second/again", "email": mail})
    site.settle(come(), "https://x/marker-of-the-parted")
    assert resolved(site, second, {"device_id": stranger.kept["mautic_device_id"]}) == [second, known]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "winner"),
        ({"winner": 5}, 400, "loser"),
        ({"winner": 5, "loser": 5}, 400, "loser"),
        ({"winner": "x", "loser": 5}, 400, "winner"),
        ({"winner": -1, "loser": 5}, 400, "winner"),
        ({"winner": True, "loser": 5}, 400, "winner"),
        ({"winner": 2**60, "loser": 5}, 400, "winner"),
        ({"winner": {"email": "no address"}, "loser": 5}, 400, "winner"),
        ({"winner": {"city": "Rome"}, "loser": 5}, 400, "winner"),
        ({"winner": {"email": "a@x.org", "device_id": "y"}, "loser": 5}, 400, "winner"),
        ({"winner": {"device_id": 7}, "loser": 5}, 400, "winner"),
        ({"winner": 5, "loser": 6}, 404, "winner"),
        ({"winner": {"email": "nobody-has-this@x.org"}, "loser": 6}, 404, "winner"),
    ],
)
def test_a_merge_that_cannot_be_says_why(site: Site, body: Any, status: int, field: str) -> None:
    answer = post(site, "merge", body)
    assert answer.status_code == status
    assert list(answer.json()["errors"][0]["details"]) == [field]


def test_what_is_not_merged_or_was_deleted_is_no_undo(site: Site) -> None:
    one = new_contact(site, email=address())
    answer = post(site, "unmerge", {"contact": one})
    assert (answer.status_code, answer.json()["errors"][0]["type"]) == (409, "not_merged")
    site.api.delete(f"/api/contacts/{one}/delete")
    assert post(site, "unmerge", {"contact": one}).status_code == 404
    assert post(site, "merge", {"winner": one, "loser": new_contact(site)}).status_code == 404


def test_an_anonymous_visitor_can_be_merged_by_its_device(site: Site, come: Come) -> None:
    visitor, known = come(), new_contact(site, email=address())
    anonymous = visitor.get("/mtc/event?page_url=https://x/anonymous").json()["id"]
    site.events(anonymous, 1, "page.hit")
    device = visitor.kept["mautic_device_id"]
    done(post(site, "merge", {"winner": known, "loser": {"device_id": device}}))
    assert len(site.events(known, 1, "page.hit")) == 1
    assert resolved(site, {"device_id": device}, anonymous) == [known, known]


# ---- identify ----


def test_a_device_becomes_a_contacts_with_its_history_where_it_was_anonymous(site: Site, come: Come) -> None:
    visitor, known = come(), new_contact(site, email=address())
    anonymous = visitor.get("/mtc/event?page_url=https://x/linked").json()["id"]
    site.events(anonymous, 1, "page.hit")
    device = visitor.kept["mautic_device_id"]
    body = done(post(site, "identify", {"device_id": device, "contact": known}))
    assert (body["contact"]["contact_id"], body["outcomes"]) == (known, ["merged_anonymous"])
    assert done(post(site, "identify", {"device_id": device, "contact": known}))["outcomes"] == ["known"]
    other = new_contact(site, email=address())
    assert done(post(site, "identify", {"device_id": device, "contact": other}))["outcomes"] == ["moved_to_known"]
    visitor.get("/mtc/event?page_url=https://x/moved")
    assert len(site.events(other, 1, "page.hit")) == len(site.events(known, 1, "page.hit")) == 1


def test_a_device_says_who_it_is_as_by_a_hit(site: Site, come: Come) -> None:
    mail, visitor = address(), come()
    anonymous = visitor.get("/mtc/event?page_url=https://x/says").json()["id"]
    site.events(anonymous, 1, "page.hit")
    body = {"device_id": visitor.kept["mautic_device_id"], "email": f" {mail.upper()} "}
    answer = done(post(site, "identify", body))
    assert (answer["contact"]["contact_id"], answer["outcomes"]) == (anonymous, ["identified"])
    assert value(shown(site, anonymous), "email") == mail


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"contact": 1}, 400, "device_id"),
        ({"device_id": "some-device-1"}, 400, "contact"),
        ({"device_id": "some-device-1", "contact": 1, "email": "a@x.org"}, 400, "contact"),
        ({"device_id": "some-device-1", "email": "none"}, 400, "email"),
        ({"device_id": "some-device-1", "colour": "red"}, 400, "colour"),
        ({"device_id": "!", "email": "a@x.org"}, 400, "device_id"),
        ({"device_id": "some-device-1", "contact": 5}, 404, "contact"),
    ],
)
def test_an_identify_that_cannot_be_says_why(site: Site, body: Any, status: int, field: str) -> None:
    answer = post(site, "identify", body)
    assert answer.status_code == status
    assert list(answer.json()["errors"][0]["details"]) == [field]


# ---- resolve ----


def test_a_thousand_are_resolved_in_their_order_and_what_is_wrong_says_so(site: Site, come: Come) -> None:
    mail = address()
    known = new_contact(site, email=mail)
    visitor = come()
    anonymous = visitor.get("/mtc/event?page_url=https://x/resolved").json()["id"]
    site.events(anonymous, 1, "page.hit")
    gone = new_contact(site, email=address())
    site.api.delete(f"/api/contacts/{gone}/delete")
    device = {"device_id": visitor.kept["mautic_device_id"]}
    ids = [known, str(known), {"contact_id": known}, {"email": mail.upper()}, anonymous, device,
           gone, 5, {"email": "nobody@x.org"}, {"colour": "red"}]  # fmt: skip
    results = done(post(site, "resolve", {"ids": ids * 100}))["results"]
    assert results[:10] == results[-10:]
    assert [one.get("status", "error") for one in results[:10]] == [
        "known", "known", "known", "known", "anonymous", "anonymous", "deleted", "unknown", "unknown", "error",
    ]  # fmt: skip
    assert [one["contact_id"] for one in results[:9]] == [known] * 4 + [anonymous] * 2 + [None] * 3
    assert post(site, "resolve", {"ids": [1] * 1_001}).status_code == 400
    assert post(site, "resolve", {}).status_code == 400
    assert done(post(site, "resolve", {"ids": []}))["results"] == []


# ---- who may, and again ----


def test_only_the_login_and_tokens_are_let_in(site: Site) -> None:
    url = f"{site.identity.http.base_url}/v1/resolve"
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer"}):
        assert httpx.post(url, json={"ids": []}, headers=headers, trust_env=False).status_code == 401
    assert httpx.post(url, json={"ids": []}, headers=TOKEN, trust_env=False).status_code == 200
    described = httpx.get(f"{site.identity.http.base_url}/openapi.json", trust_env=False)
    assert (described.status_code, described.json()["info"]["title"]) == (200, "Spoor identity")


def test_a_request_that_comes_again_under_its_key_gets_the_first_answer(site: Site) -> None:
    one, other = new_contact(site, email=address()), new_contact(site, email=address())
    body, key = {"winner": one, "loser": other}, {"Idempotency-Key": f"key-{one}"}
    first = post(site, "merge", body, **key)
    assert first.json()["merged"] is True
    done(post(site, "unmerge", {"contact": other}))
    again = post(site, "merge", body, **key)
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert resolved(site, other) == [other], "nothing was done again"
    assert post(site, "merge", {"winner": other, "loser": one}, **key).status_code == 422
    assert post(site, "merge", body, **{"Idempotency-Key": "x" * 256}).status_code == 400
    failed = {"Idempotency-Key": f"failed-{one}"}
    assert post(site, "merge", {"winner": one, "loser": 5}, **failed).status_code == 404
    assert post(site, "merge", {"winner": one, "loser": 5}, **failed).status_code == 404


def test_merges_and_undoes_are_in_the_audit(site: Site, clickhouse: Any) -> None:
    one, other = new_contact(site, email=address()), new_contact(site, email=address())
    url = f"{site.identity.http.base_url}/v1/merge"
    done(httpx.post(url, json={"winner": one, "loser": other}, headers=TOKEN, trust_env=False))
    done(post(site, "unmerge", {"contact": other}))
    rows = clickhouse.query(
        "SELECT contact_id, action, user FROM audit WHERE contact_id IN {ids:Array(UInt64)} AND action LIKE '%merge'"
        " ORDER BY time, contact_id",
        parameters={"ids": [one, other]},
    ).result_rows
    assert rows == [
        (one, "merge", "crm"),
        (other, "merge", "crm"),
        (one, "unmerge", "admin"),
        (other, "unmerge", "admin"),
    ]
