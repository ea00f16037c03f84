"""Who is erased over the API is gone as by the verb, whichever process dies meanwhile, and only for who may delete."""

from __future__ import annotations

import signal
import time
import uuid
from typing import Any

import httpx

from services.common import keys
from services.identity.faults import ERASURE_POINTS
from tests.integration.contacts.answers import told
from tests.integration.contacts.test_rights import client_of, closed_clients, made_user, role
from tests.integration.site import stop
from tests.integration.tools.conftest import Place
from tests.integration.tools.test_erase import (
    address,
    assert_nowhere,
    audit,
    dropped,
    dropped_in_all,
    hit,
    replay,
    start_resolver,
    waiting,
)
from tests.integration.tools.test_status import metric
from tests.processes import eventually

_ = closed_clients


def asked(api: httpx.Client, contact: int, status: int = 202) -> dict[str, Any]:
    answer = told(api.post(f"/api/contacts/{contact}/erase"), status)
    return dict(answer.get("erasure") or answer)


def state(api: httpx.Client, contact: int) -> dict[str, Any]:
    return dict(told(api.get(f"/api/contacts/{contact}/erasure"))["erasure"])


def ended(api: httpx.Client, contact: int) -> dict[str, Any]:
    eventually(lambda: state(api, contact)["dateEnded"], "the end of the erasure", 30)
    return state(api, contact)


def made(api: httpx.Client, **said: Any) -> int:
    return int(told(api.post("/api/contacts/new", json={"email": address("c"), **said}), 201)["contact"]["id"])


def test_a_person_is_nowhere_any_more_and_does_not_come_back(place: Place) -> None:
    site, api = place.site, place.site.api
    ada, name = address("ada"), f"Augusta{uuid.uuid4().hex[:8]}"
    stop(site.identity)
    with site.visitor() as laptop, site.visitor() as stranger:
        first_id = hit(laptop, "one", email=ada, firstname=name)
        kept = waiting(place)
        start_resolver(place)
        ada_id = int(site.contact(ada)["id"])
        site.events(ada_id, 1, "page.hit")
        assert told(api.post("/api/notes/new", json={"lead": ada_id, "text": f"{name} called"}), 201)
        file = place.folder / "data" / "exports" / f"{'a' * 32}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(ada)
        bob_id = hit(stranger, "bob", email=address("bob"))
        site.settle(stranger, "bob-is-there")

        first = asked(api, ada_id)
        assert (first["id"], first["status"], first["createdByUser"]) == (ada_id, "waiting", "admin")
        assert asked(api, ada_id)["dateAdded"] == first["dateAdded"], "it is the same one"
        done = ended(api, ada_id)
        assert (done["status"], done["message"], done["dateAdded"]) == ("done", None, first["dateAdded"])
        removed = done["removed"]
        assert (removed["contacts"], removed["values"], removed["events"], removed["notes"]) == (1, 1, 1, 1)
        assert removed["export_files"] == 1 and not file.exists() and place.redis.get("erased")
        assert_nowhere(place, ada, name, laptop.kept["mautic_device_id"])
        assert {api.get(f"/api/contacts/{one}").status_code for one in (first_id, ada_id)} == {404}
        assert audit(place, ada_id) == [("erase", "admin")]
        log = told(api.get("/api/auditlog", params={"object": "erasure", "objectId": ada_id}))["auditlog"]
        assert {(one["action"], one["userName"]) for one in log} == {("create", "admin")}
        assert len(site.history(bob_id, "page.hit")) == 2, "a neighbour keeps all"

        before = dropped(place, "contact_erased")
        replay(place, kept)
        site.settle(stranger, "ada-is-gone")
        dropped_in_all(place, "contact_erased", before + 1)
        assert site.contacts(f"email:{ada}") == []
        assert asked(api, ada_id)["status"] == "done", "nothing is left to do"
        listed = told(api.get("/api/erasures"))
        assert listed["total"] >= 1 and listed["erasures"][0]["id"] == ada_id


def test_whoever_is_killed_in_between_another_one_completes_it(place: Place) -> None:
    site, api = place.site, place.site.api
    eve = address("eve")
    with site.visitor() as visitor:
        hit(visitor, "known", email=eve)
        eve_id = int(site.contact(eve)["id"])
        site.events(eve_id, 1, "page.hit")
        stop(site.identity)
        page = f"/ui/contacts/{eve_id}"
        assert api.post(f"{page}/erase").status_code == 422, "it takes a tick"
        assert api.post(f"{page}/erase", data={"sure": "1"}).headers["location"] == f"{page}/erasure"
        looks_again = (f'hx-get="{page}/erasure"', 'http-equiv="refresh"')
        assert all(one in api.get(f"{page}/erasure").text for one in looks_again)
        for point in ERASURE_POINTS:
            doomed = place.start("identity", SPOOR_FAULT_POINT=point, SPOOR_LEASE_SECONDS="1")
            eventually(lambda one=doomed: "Unexpected exit" in one.process.said(), point, 30)  # type: ignore[misc]
            doomed.process.stop(signal.SIGKILL)
            doomed.http.close()
            assert state(api, eve_id)["status"] == "running"
        began = int(place.redis.hget(keys.ERASURE_BACKLOG, "since"))
        assert 0 <= time.time() - began < 300, "since when the oldest waits"
        start_resolver(place)
        done = ended(api, eve_id)
        assert (done["status"], done["removed"]["contacts"], done["removed"]["events"]) == ("done", 1, 1)
        shown = api.get(f"{page}/erasure").text
        assert "Nothing is left of this person." in shown and "<dt>Events</dt>" in shown
        assert not any(one in shown for one in looks_again)
        assert_nowhere(place, eve, visitor.kept["mautic_device_id"])
        assert audit(place, eve_id) == [("erase", "admin")]
        eventually(lambda: not place.redis.exists(keys.ERASURE_BACKLOG), "it is told that none waits")
        assert metric(place.site.identity, 'identity_erasures_total{outcome="done"}') == 1


def test_who_may_delete_their_own_may_erase_no_stranger(place: Place) -> None:
    api = place.site.api
    own = role(api, lead__leads=["viewown", "create", "deleteown"])
    ada, bob = (client_of(api, made_user(api, own)) for _ in range(2))
    reader = client_of(api, made_user(api, role(api, lead__leads=["viewother", "editother"])))
    mine = made(ada)
    for stranger in (bob, reader):
        asked(stranger, mine, 403)
        assert stranger.get(f"/api/contacts/{mine}/erasure").status_code in (403, 404)
        assert stranger.get("/api/erasures").status_code == 403
    assert api.get(f"/api/contacts/{mine}/erasure").status_code == 404, "nobody has asked for it"
    asked(ada, mine)
    assert ended(ada, mine)["status"] == "done", "they may see how it went, though nobody knows any more whose it was"
    assert bob.get(f"/api/contacts/{mine}/erasure").status_code == 403
    asked(bob, mine, 403)

    left = made(ada)
    told(ada.delete(f"/api/contacts/{left}/delete"))
    asked(ada, left, 403)
    asked(api, left)
    assert ended(api, left)["status"] == "done", "who was deleted before is erased for who may delete everybody"
    asked(api, 9_000_000_000_000, 404)


def test_who_merged_into_another_meanwhile_is_not_erased_with_that_one(place: Place) -> None:
    api = place.site.api
    one, other = made(api), made(api)
    stop(place.site.identity)
    asked(api, one)
    told(api.post(f"/api/contacts/{other}/merge", json={"contact": one}))
    start_resolver(place)
    [failed] = eventually(
        lambda: [
            each for each in told(api.get("/api/erasures"))["erasures"] if each["id"] == one and each["dateEnded"]
        ],
        "its end",
    )
    assert failed["status"] == "failed" and f"contact {other}" in failed["message"]
    assert api.get(f"/api/contacts/{other}").status_code == 200
    assert asked(api, one)["id"] == other, "who asks for it now means both"
    assert ended(api, one)["removed"]["contacts"] == 1
