"""Whose imports one sees, and whose contacts one reaches by them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import httpx

from tests.integration.conftest import Hit
from tests.integration.contacts.imports.importing import (
    counts,
    edited,
    fields,
    imported,
    started,
    table,
    uploaded,
    waited,
)
from tests.integration.contacts.test_rights import OWN, closed_clients, contact, denied, someone

_ = closed_clients, someone
Someone = Callable[..., httpx.Client]
IMPORTS = ["view", "create", "edit", "delete", "publish"]


def test_an_import_reaches_what_whoever_started_it_may_edit(api: httpx.Client, someone: Someone) -> None:
    key = uuid.uuid4().hex[:10]
    ada = someone(lead__leads=OWN, lead__imports=IMPORTS)
    theirs, mine = contact(api, email=f"{key}t@x.org"), contact(ada, email=f"{key}m@x.org")
    rows = [[f"{key}t@x.org", "Hacked"], [f"{key}m@x.org", "Rome"], [f"{key}n@x.org", "Oslo"]]
    done = imported(ada, table(["email", "city"], *rows))
    assert counts(done) == (1, 1, 1), done
    assert [(one["line"], one["error"]) for one in done["failures"]] == [
        (2, "You do not have access to the requested area/action.")
    ]
    assert fields(api.get(f"/api/contacts/{theirs}").json()["contact"]).get("city") is None
    assert fields(ada.get(f"/api/contacts/{mine}").json()["contact"])["city"] == "Rome"
    [new] = ada.get("/api/contacts", params={"search": f"email:+{key}n@x.org"}).json()["contacts"].values()
    assert new["createdByUser"] == done["createdByUser"]


def test_who_sees_their_own_sees_their_own_imports(api: httpx.Client, someone: Someone) -> None:
    ada, bob = (someone(lead__leads=OWN, lead__imports=IMPORTS) for _ in range(2))
    of_api, of_ada = (uploaded(http, table(["email"], ["secret@x.org"]))["id"] for http in (api, ada))
    assert {one["id"] for one in ada.get("/api/imports").json()["imports"]} == {of_ada}
    assert bob.get("/api/imports").json()["total"] == 0
    assert {of_api, of_ada} <= {one["id"] for one in api.get("/api/imports", params={"limit": 500}).json()["imports"]}
    for import_id in (of_api, of_ada):
        for method, end in (
            ("GET", ""), ("GET", "/failed"), ("POST", "/start"), ("POST", "/pause"), ("POST", "/cancel"),
            ("PATCH", "/edit"), ("DELETE", "/delete"),
        ):  # fmt: skip
            answer = bob.request(method, f"/api/imports/{import_id}{end}", json={} if method == "PATCH" else None)
            assert answer.status_code == 404, (method, end, answer.text)
    assert ada.get(f"/api/imports/{of_ada}").status_code == 200


def test_an_import_needs_its_rights(api: httpx.Client, someone: Someone) -> None:
    viewer = someone(lead__leads=[*OWN, "viewother"], lead__imports=["view"])
    nobody = someone(lead__leads=OWN)
    made = uploaded(api, table(["email"], ["a@x.org"]))["id"]
    assert viewer.get(f"/api/imports/{made}").status_code == 200
    assert denied(viewer.post("/api/imports/new", content=b"email\na@x.org\n"))
    assert denied(viewer.post(f"/api/imports/{made}/start"))
    assert denied(viewer.delete(f"/api/imports/{made}/delete"))
    assert denied(nobody.get("/api/imports"))


def test_visitors_segments_and_stages_are_reached_as_over_the_api(
    api: httpx.Client, someone: Someone, store_hit: Hit
) -> None:
    key = uuid.uuid4().hex[:10]
    ada = someone(lead__leads=OWN, lead__imports=IMPORTS)
    visitor = 8_800_000_000_000 + int(key, 16) % 1_000_000_000
    store_hit(visitor, time.time(), url="https://x.example/")
    done = imported(ada, table(["id", "email", "stage"], [visitor, f"{key}@x.org", ""], ["", f"{key}2@x.org", key]))
    assert counts(done) == (0, 0, 2), done
    segment = api.post("/api/segments/new", json={"name": key}).json()["list"]["id"]
    made = uploaded(ada, table(["email"], [f"{key}3@x.org"]))["id"]
    assert denied(ada.patch(f"/api/imports/{made}/edit", json={"defaults": {"segments": [segment]}}))
    assert counts(imported(api, table(["id", "email"], [visitor, f"{key}@x.org"]))) == (1, 0, 0)
    assert api.get(f"/api/contacts/{visitor}").json()["contact"]["fields"]["all"]["email"] == f"{key}@x.org"


def test_who_starts_it_is_who_wrote(api: httpx.Client, someone: Someone) -> None:
    key = uuid.uuid4().hex[:10]
    bob = someone(lead__leads=[*OWN, "viewother"], lead__imports=IMPORTS)
    theirs = contact(api, email=f"{key}@x.org")
    made = uploaded(api, table(["email", "city"], [f"{key}@x.org", "Hacked"]))["id"]
    edited(bob, made, mapping=["email", "city"])
    started(bob, made)
    assert counts(waited(api, made)) == (0, 0, 1)
    assert fields(api.get(f"/api/contacts/{theirs}").json()["contact"]).get("city") is None
