"""Devices that somebody told of, beside those that a contact came with, against real servers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.integration.contacts.answers import told
from tests.integration.contacts.test_rights import OWN, closed_clients, denied, someone

__all__ = ["closed_clients", "someone"]  # fixtures
PHONE = {
    "device": "smartphone",
    "deviceBrand": "Fair",
    "deviceModel": "FP5",
    "deviceOsName": "Android",
    "deviceOsShortName": "AND",
    "deviceOsVersion": "14",
    "deviceOsPlatform": "ARM",
    "clientInfo": {"name": "Firefox", "version": "133"},
}


def new_contact(api: httpx.Client, **said: Any) -> int:
    body = {"email": f"{uuid.uuid4().hex[:12]}@devices.org", **said}
    return int(told(api.post("/api/contacts/new", json=body), 201)["contact"]["id"])


def new_device(api: httpx.Client, contact: int, **said: Any) -> dict[str, Any]:
    made: dict[str, Any] = told(api.post("/api/devices/new", json={"lead": contact, **said}), 201)["device"]
    return made


def devices_of(api: httpx.Client, contact: int) -> list[dict[str, Any]]:
    body = told(api.get(f"/api/contacts/{contact}/devices"))
    devices: list[dict[str, Any]] = body["devices"]
    assert body["total"] == len(devices)
    return devices


def test_a_device_keeps_what_it_is_told(api: httpx.Client) -> None:
    contact = new_contact(api)
    made = new_device(api, contact, **PHONE)
    assert {key: made[key] for key in PHONE} == PHONE and made["lead"] == {"id": contact} and made["dateAdded"]
    path = f"/api/devices/{made['id']}"
    assert told(api.get(path)) == {"device": made}
    changed = told(api.patch(f"{path}/edit", json={"deviceOsVersion": "15", "clientInfo": []}))["device"]
    assert changed == {**made, "deviceOsVersion": "15", "clientInfo": []}
    replaced = told(api.put(f"{path}/edit", json={"contact": contact, "device": "tablet"}))["device"]
    assert (replaced["device"], replaced["deviceBrand"], replaced["deviceModel"]) == ("tablet", None, None)
    assert told(api.delete(f"{path}/delete"))["device"]["id"] is None
    assert api.get(path).status_code == 404 and devices_of(api, contact) == []


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"lead": None}, "lead"),
        ({"lead": "nobody"}, "lead"),
        ({"device": ["desktop"]}, "device"),
        ({"deviceModel": "x" * 192}, "deviceModel"),
        ({"clientInfo": "Firefox"}, "clientInfo"),
        ({"clientInfo": {"name": {"deep": 1}}}, "clientInfo"),
        ({"clientInfo": {"na\0me": "Firefox"}}, "clientInfo"),
        ({"clientInfo": {str(number): "x" for number in range(21)}}, "clientInfo"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_name(api: httpx.Client, said: dict[str, Any], name: str) -> None:
    body = {"lead": new_contact(api), **said}
    assert told(api.post("/api/devices/new", json=body), 400)["errors"][0]["details"].keys() == {name}


def test_a_device_is_of_a_contact_that_there_is(api: httpx.Client) -> None:
    device = new_device(api, new_contact(api), device="desktop")
    assert api.post("/api/devices/new", json={"lead": 999_999_999, "device": "desktop"}).status_code == 404
    assert api.patch(f"/api/devices/{device['id']}/edit", json={"lead": 999_999_999}).status_code == 404


def test_devices_are_searched_narrowed_and_ordered(api: httpx.Client) -> None:
    contact, mark = new_contact(api), uuid.uuid4().hex[:8]
    for kind, model in (("smartphone", "a"), ("desktop", "b")):
        new_device(api, contact, device=kind, deviceBrand=mark, deviceModel=f"{mark}-{model}")

    def models(**query: str) -> list[str]:
        body = told(api.get("/api/devices", params=query))
        assert body["total"] == len(body["devices"])
        return [device["deviceModel"][-1] for device in body["devices"]]

    assert models(search=mark, orderBy="deviceModel", orderByDir="DESC") == ["b", "a"]
    assert models(search=f"{mark} type:desk") == ["b"]
    narrow = {"where[0][col]": "deviceBrand", "where[0][expr]": "eq", "where[0][val]": mark}
    assert sorted(models(**narrow)) == ["a", "b"]
    assert models(**narrow, **{"where[1][col]": "device", "where[1][expr]": "neq", "where[1][val]": "desktop"}) == ["a"]


def test_those_that_a_contact_came_with_stand_beside_them_and_have_no_record(
    api: httpx.Client, store_hit: Callable[..., Any]
) -> None:
    contact = new_contact(api)
    for seconds, kind in ((-1_000, "console"), (60, "tv")):
        store_hit(contact, time.time() + seconds, user_agent=kind, device_id=kind, device_type=kind)
    new_device(api, contact, device="smartphone", deviceBrand="Fair")
    devices = devices_of(api, contact)
    assert [device["device"] for device in devices] == ["tv", "smartphone", "console"], "the newest first"
    assert [device.keys() for device in devices] == [devices[0].keys()] * 3
    for query, kinds in (
        ("orderBy=dateAdded&orderByDir=ASC", ["console", "smartphone", "tv"]),
        ("orderBy=d.device&orderByDir=DESC", ["tv", "smartphone", "console"]),
        ("order[0][col]=deviceBrand&order[0][dir]=DESC&order[1][col]=device&order[1][dir]=ASC",
         ["smartphone", "console", "tv"]),
    ):  # fmt: skip
        body = told(api.get(f"/api/contacts/{contact}/devices?{query}"))
        assert [device["device"] for device in body["devices"]] == kinds
    assert api.get(f"/api/contacts/{contact}/devices?orderBy=nothing").status_code == 400
    path = f"/api/contacts/{contact}/devices?start=1&limit=1"
    assert told(api.get(path)) == {"total": 3, "devices": [devices[1]]}
    seen = devices[0]["id"]
    assert api.get(f"/api/devices/{seen}").status_code == 404
    assert api.delete(f"/api/devices/{seen}/delete").status_code == 404


def test_devices_follow_a_merge_and_go_with_their_contact(api: httpx.Client) -> None:
    email = f"{uuid.uuid4().hex[:12]}@devices.org"
    loser, winner = new_contact(api, email=email), new_contact(api)
    device = new_device(api, loser, device="desktop")
    told(api.patch(f"/api/contacts/{winner}/edit", json={"email": email}))
    assert [one["id"] for one in devices_of(api, winner)] == [device["id"]]
    told(api.delete(f"/api/contacts/{winner}/delete"))
    assert api.get(f"/api/devices/{device['id']}").status_code == 404


def test_devices_of_other_peoples_contacts_are_theirs(api: httpx.Client, someone: Callable[..., httpx.Client]) -> None:
    ada, bob = someone(lead__leads=OWN), someone(lead__leads=OWN)
    mine, theirs = new_contact(ada), new_contact(bob)
    device, other = new_device(ada, mine, device="desktop"), new_device(bob, theirs, device="tv")
    assert [one["id"] for one in told(ada.get("/api/devices"))["devices"]] == [device["id"]]
    path = f"/api/devices/{other['id']}"
    assert denied(ada.get(path)) and denied(ada.delete(f"{path}/delete"))
    assert denied(ada.patch(f"{path}/edit", json={"device": "x"}))
    assert denied(ada.post("/api/devices/new", json={"lead": theirs, "device": "x"}))
    assert denied(ada.patch(f"/api/devices/{device['id']}/edit", json={"lead": theirs}))


def test_the_audit_log_names_what_the_api_names(api: httpx.Client) -> None:
    device = new_device(api, new_contact(api), device="desktop")
    told(api.patch(f"/api/devices/{device['id']}/edit", json={"device": "tv", "deviceOsName": "Tizen"}))
    log = told(api.get("/api/auditlog", params={"object": "device", "objectId": device["id"]}))["auditlog"]
    assert log[0]["details"] == {"device": ["desktop", "tv"], "deviceOsName": [None, "Tizen"]}
