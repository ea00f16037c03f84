"""Exports of users: who may, of whose contacts, and whose the files are."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.integration.contacts.test_rights import PASSWORD, contact, denied, made_user, role, told
from tests.integration.export.test_export import exported
from tests.integration.services import Service


@pytest.fixture
def ada(api: httpx.Client, exports: Service) -> Iterator[httpx.Client]:
    """Of the export service, in the name of somebody who sees their own contacts."""
    user = made_user(api, role(api, lead__leads=["viewown", "create"], lead__export=["enable"]))
    with httpx.Client(
        base_url=exports.http.base_url, auth=(user["username"], PASSWORD), timeout=30, trust_env=False
    ) as client:
        yield client


def test_an_export_has_the_callers_own_contacts_and_is_theirs(
    api: httpx.Client, exports: Service, ada: httpx.Client
) -> None:
    other = contact(api)
    with httpx.Client(base_url=api.base_url, auth=ada.auth, timeout=30, trust_env=False) as by_ada:
        mine = contact(by_ada)
        token = told(by_ada.post("/api/tokens/new", json={"name": "x"}), 201)["token"]["token"]
    job, rows = exported(ada, search="", columns=["id", "email"])
    assert [int(row["id"]) for row in rows] == [mine]
    assert exported(ada, search=f"ids:{other}")[1] == []
    bearer = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=exports.http.base_url, headers=bearer, timeout=30, trust_env=False) as by_token:
        assert job["id"] in [one["id"] for one in told(by_token.get("/exports"))["exports"]]
    assert exports.http.get(f"/exports/{job['id']}/download").status_code == 200, "the admin sees all"
    admins, _ = exported(exports.http, search=f"ids:{other}")
    assert admins["id"] not in [one["id"] for one in told(ada.get("/exports"))["exports"]]
    for path in (f"/exports/{admins['id']}", f"/exports/{admins['id']}/download"):
        assert ada.get(path).status_code == 404
    assert ada.delete(f"/exports/{admins['id']}").status_code == 404


def test_a_hidden_segment_is_exported_only_by_whom_may_see_it(
    api: httpx.Client, exports: Service, ada: httpx.Client
) -> None:
    said = {"name": f"own {uuid.uuid4().hex[:8]}", "isGlobal": False}
    alias = told(api.post("/api/segments/new", json=said), 201)["list"]["alias"]
    refused, unknown = (ada.post("/exports", json={"search": f"segment:{one}"}) for one in (alias, "nowhere"))
    assert refused.status_code == unknown.status_code == 400
    assert refused.text.replace(alias, "nowhere") == unknown.text
    assert exported(exports.http, search=f"segment:{alias}", columns=["id"])[1] == []


def test_who_may_not_export_is_refused(api: httpx.Client, exports: Service) -> None:
    user = made_user(api, role(api, lead__leads=["full"]))
    with httpx.Client(
        base_url=exports.http.base_url, auth=(user["username"], PASSWORD), timeout=30, trust_env=False
    ) as client:
        assert denied(client.get("/exports")) and denied(client.post("/exports", json={}))
        client.auth = httpx.BasicAuth("nobody", "x")
        assert client.get("/exports").status_code == 401
