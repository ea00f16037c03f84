"""Users of the pages, as tests make them."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import httpx

from tests.integration.contacts.answers import told
from tests.integration.services import LOGIN

Visitor = Callable[[], httpx.Client]


def log_in(browser: httpx.Client, name: str = LOGIN[0], password: str = LOGIN[1], leads_to: str = "") -> httpx.Response:
    said = {"username": name, "password": password, "next": leads_to}
    return browser.post("/ui/login", data=said, headers={"Sec-Fetch-Site": "same-origin"})


def made_user(api: httpx.Client, **rights: list[str]) -> dict[str, str]:
    """Of a role of its own."""
    mark = uuid.uuid4().hex[:10]
    said = {level.replace("__", ":"): names for level, names in rights.items()}
    role = told(api.post("/api/roles/new", json={"name": mark, "rawPermissions": said}), 201)["role"]
    user = {"username": mark, "firstName": "Ada", "lastName": "B", "email": f"{mark}@x.org", "role": role["id"],
            "plainPassword": {"password": "secret-password", "confirm": "secret-password"}}  # fmt: skip
    made = told(api.post("/api/users/new", json=user), 201)["user"]
    return {"name": mark, "password": "secret-password", "id": made["id"], "role": role["id"]}
