"""Pictures of contacts, social profiles and ids in other systems, against real servers."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx
from clickhouse_connect.driver.client import Client

from tests.integration.contacts.answers import told
from tests.integration.contacts.pictures import GIF, PNG

_numbers = itertools.count()
PREFIX = uuid.uuid4().hex[:8]
Hit = Callable[..., str]


def new(api: httpx.Client, **body: Any) -> int:
    said = {"email": f"presence{next(_numbers)}.{PREFIX}@x.org", **body}
    return int(told(api.post("/api/contacts/new", json=said), 201)["contact"]["id"])


def shown(api: httpx.Client, contact_id: int) -> dict[str, Any]:
    contact: dict[str, Any] = told(api.get(f"/api/contacts/{contact_id}"))["contact"]
    return contact


def picture(api: httpx.Client, contact_id: int) -> tuple[int, str, bytes]:
    answer = api.get(f"/api/contacts/{contact_id}/image")
    return answer.status_code, answer.headers["content-type"], answer.content if answer.status_code == 200 else b""


def kept(clickhouse: Client, contact_id: int) -> int:
    return int(clickhouse.query(f"SELECT count() FROM images WHERE contact_id = {contact_id}").result_rows[0][0])


def merge(api: httpx.Client, winner: int, loser: int) -> None:
    told(api.patch(f"/api/contacts/{winner}/edit", json={"email": shown(api, loser)["fields"]["all"]["email"]}))
    assert shown(api, loser)["id"] == winner


def test_a_picture_is_uploaded_shown_replaced_and_removed(api: httpx.Client, clickhouse: Client) -> None:
    one = new(api)
    path = f"/api/contacts/{one}/image"
    assert picture(api, one)[0] == 404 and shown(api, one)["preferredProfileImage"] == "gravatar"
    body = told(api.post(path, content=PNG, headers={"Content-Type": "application/octet-stream"}))
    assert body["image"] == {"type": "image/png", "width": 1, "height": 1, "bytes": len(PNG), "path": path}
    assert shown(api, one)["preferredProfileImage"] == "custom"
    answer = api.get(path)
    assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")
    assert (
        answer.headers["x-content-type-options"] == "nosniff" and "sandbox" in answer.headers["content-security-policy"]
    )
    assert answer.headers["cache-control"] == "private, no-cache"
    again = api.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    told(api.post(path, files={"custom_avatar": ("x.png", GIF, "image/png")}, data={"a": "b"}))
    assert picture(api, one) == (200, "image/gif", GIF), "told by its content, not by its name"
    assert api.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 200
    assert kept(clickhouse, one) == 1, "the former one is gone"
    assert told(api.delete(path)) == {"recordFound": True}
    assert (picture(api, one)[0], kept(clickhouse, one)) == (404, 0)
    assert told(api.delete(path)) == {"recordFound": False}
    assert shown(api, one)["preferredProfileImage"] == "gravatar"


def test_what_is_no_picture_is_refused(api: httpx.Client, clickhouse: Client) -> None:
    one = new(api)
    path = f"/api/contacts/{one}/image"
    for data in (b"", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", b"GIF89a"):
        assert told(api.post(path, content=data, headers={"Content-Type": "image/png"}), 400)["errors"][0]["details"][
            "image"
        ]
    assert told(api.post(path, data={"image": "text"}, files={}), 400)["errors"]
    assert told(api.post(path, content=b"x", headers={"Content-Type": "multipart/form-data; boundary=y"}), 400)[
        "errors"
    ]
    assert told(api.post(path, content=b"x", headers={"Content-Type": "multipart/form-data"}), 400)["errors"]
    assert api.post(path, content=PNG + b"\0" * (1 << 20)).status_code == 413
    assert api.post(path, files={"image": PNG + b"\0" * (1 << 20)}).status_code == 413
    assert api.post("/api/contacts/5/image", content=PNG).status_code == 404
    assert kept(clickhouse, one) == 0


def test_a_picture_follows_its_contact(api: httpx.Client, clickhouse: Client, store_hit: Hit) -> None:
    one, other = new(api), new(api)
    told(api.post(f"/api/contacts/{other}/image", content=PNG))
    merge(api, one, other)
    assert picture(api, one) == (200, "image/png", PNG), "that of who merged into it"
    told(api.post(f"/api/contacts/{one}/image", content=GIF))
    assert picture(api, one)[2] == GIF and kept(clickhouse, other) == 1, "needed when they are parted again"
    told(api.delete(f"/api/contacts/{one}/delete"))
    assert (picture(api, one)[0], kept(clickhouse, one), kept(clickhouse, other)) == (404, 0, 0)
    visitor = int(time.time() * 1_000) * 1_000 + 77
    store_hit(visitor, time.time())
    told(api.post(f"/api/contacts/{visitor}/image", content=PNG))
    assert picture(api, visitor)[0] == 200
    told(api.post("/api/contacts/batch/delete", json={"ids": [visitor]}))
    assert kept(clickhouse, visitor) == 0


def test_which_picture_is_preferred(api: httpx.Client) -> None:
    one = new(api, preferredProfileImage="twitter")
    assert shown(api, one)["preferredProfileImage"] == "twitter"
    told(api.patch(f"/api/contacts/{one}/edit", json={"preferred_profile_image": "custom"}))
    assert shown(api, one)["preferredProfileImage"] == "gravatar", "there is no custom one yet"
    told(api.post(f"/api/contacts/{one}/image", content=PNG))
    told(api.patch(f"/api/contacts/{one}/edit", json={"preferredProfileImage": "gravatar"}))
    assert shown(api, one)["preferredProfileImage"] == "gravatar" and picture(api, one)[0] == 200
    wrong = told(api.patch(f"/api/contacts/{one}/edit", json={"preferredProfileImage": "city"}), 400)
    assert wrong["errors"][0]["details"]["preferredProfileImage"]


def test_social_profiles_are_links(api: httpx.Client, store_hit: Hit) -> None:
    one = new(api, twitter="@ada", linkedin="https://www.linkedin.com/in/ada/")
    body = told(api.get(f"/api/contacts/{one}/social"))
    assert body["total"] == 2 and body["profiles"]["twitter"]["url"] == "https://twitter.com/ada"
    visitor = int(time.time() * 1_000) * 1_000 + 78
    store_hit(visitor, time.time())
    assert told(api.get(f"/api/contacts/{visitor}/social")) == {"total": 0, "profiles": {}}
    assert api.get("/api/contacts/5/social").status_code == 404


def test_another_system_says_by_which_id_it_knows_the_contact(api: httpx.Client) -> None:
    one, other, key = new(api), new(api), uuid.uuid4().hex
    path = f"/api/contacts/{one}/integrations"
    assert told(api.get(path)) == {"total": 0, "integrations": []}
    said = {"externalId": f"{key}/a:b", "url": "https://crm.example/a", "lastSynced": "2026-01-02 03:04:05"}
    link = told(api.put(f"{path}/CRM", json=said), 201)["integration"]
    assert {name: link[name] for name in ("integration", "externalId", "url", "lastSynced")} == {
        "integration": "crm", "externalId": f"{key}/a:b", "url": "https://crm.example/a",
        "lastSynced": "2026-01-02T03:04:05+00:00",
    }  # fmt: skip
    synced = told(api.put(f"{path}/crm", json={"externalId": f"{key}/a:b", "lastSynced": "2026-02-03"}))["integration"]
    assert (synced["url"], synced["lastSynced"]) == (link["url"], "2026-02-03T00:00:00+00:00"), "the url stays"

    def known(external_id: str) -> set[str]:
        found = told(api.get("/api/integrations/crm/contacts", params={"externalId": external_id}))
        assert found["total"] == str(len(found["contacts"]))
        return set(found["contacts"])

    assert known(f"{key}/a:b") == {str(one)}
    told(api.put(f"{path}/crm", json={"externalId": key}), 201)
    assert (known(f"{key}/a:b"), known(key)) == (set(), {str(one)}), "one id of one system"
    told(api.put(f"/api/contacts/{other}/integrations/crm", json={"externalId": f"{key}2"}), 201)
    told(api.put(f"/api/contacts/{other}/integrations/shop", json={"externalId": 7}), 201)
    merge(api, one, other)
    assert known(key) == known(f"{key}2") == {str(one)}, "both after a merge"
    assert {link["integration"] for link in told(api.get(path))["integrations"]} == {"crm", "shop"}
    assert told(api.delete(f"{path}/crm"))["integration"]["integration"] == "crm"
    assert (known(key), known(f"{key}2")) == (set(), set())
    assert told(api.get(path))["total"] == 1
    assert api.get(f"{path}/crm").status_code == api.delete(f"{path}/crm").status_code == 404
    told(api.delete(f"/api/contacts/{one}/delete"))
    assert (
        told(api.get("/api/integrations/shop/contacts", params={"externalId": "7"}))["contacts"].get(str(one)) is None
    )


def test_what_cannot_be_a_link_is_refused(api: httpx.Client) -> None:
    path = f"/api/contacts/{new(api)}/integrations"
    for system, said, name in (
        ("crm", {}, "externalId"),
        ("crm", {"externalId": "x" * 192}, "externalId"),
        ("crm", {"externalId": "1", "url": "javascript:x"}, "url"),
        ("crm", {"externalId": "1", "lastSynced": "soon"}, "lastSynced"),
        ("c:m", {"externalId": "1"}, "integration"),
    ):
        assert told(api.put(f"{path}/{system}", json=said), 400)["errors"][0]["details"][name]
    assert told(api.get("/api/integrations/crm/contacts"), 400)["errors"][0]["details"]["externalId"]
    assert api.put("/api/contacts/5/integrations/crm", json={"externalId": "1"}).status_code == 404
