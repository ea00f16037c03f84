"""Users of the pages with a role of their own, and what a page says."""

from __future__ import annotations

import html
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.integration.contacts.answers import told

PASSWORD = "correct horse"
HOSTILE = "\"><script>alert(1)</script>' onerror='x"
HTMX = {"HX-Request": "true"}


@contextmanager
def logged_in(api: httpx.Client, **permissions: list[str]) -> Iterator[httpx.Client]:
    """Somebody with a role of these rights (lead__leads=[...])."""
    name = f"u{uuid.uuid4().hex[:10]}"
    levels = {level.replace("__", ":"): names for level, names in permissions.items()}
    role = told(api.post("/api/roles/new", json={"name": name, "rawPermissions": levels}), 201)["role"]["id"]
    said = {"username": name, "firstName": "Ada", "email": f"{name}@users.org", "role": role, "plainPassword": PASSWORD}
    told(api.post("/api/users/new", json=said), 201)
    with httpx.Client(base_url=api.base_url, auth=(name, PASSWORD), trust_env=False, timeout=30) as client:
        yield client


def page(answer: httpx.Response, status: int = 200) -> str:
    """The text of a page, which runs nothing that somebody else wrote."""
    assert answer.status_code == status, answer.text[-2_000:]
    assert "<script>alert" not in answer.text
    return answer.text


def words(answer: httpx.Response, status: int = 200) -> str:
    """What somebody reads on it."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page(answer, status))).split())


def went(answer: httpx.Response) -> str:
    """Where a page leads after a change."""
    assert answer.status_code == 303, answer.text[-2_000:]
    return answer.headers["location"]
