"""One's own account in the web pages: names, password, tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.integration.contacts.answers import told
from tests.integration.contacts.ui.logins import HOSTILE, HTMX, PASSWORD, logged_in, page, went, words


@pytest.fixture(scope="module")
def ada(api: httpx.Client) -> Iterator[httpx.Client]:
    with logged_in(api, lead__leads=["viewown"], api__access=["full"]) as client:
        yield client


def test_names_are_changed_and_shown_as_they_were_typed(ada: httpx.Client) -> None:
    assert went(ada.post("/ui/me/names", data={"firstName": HOSTILE, "lastName": "Lovelace"})) == "/ui/me"
    assert HOSTILE in told(ada.get("/api/users/self"))["firstName"]
    assert "&lt;script&gt;alert(1)" in page(ada.get("/ui/me"))


def test_a_name_that_is_refused_stays_in_the_form_and_says_why(ada: httpx.Client) -> None:
    answer = ada.post("/ui/me/names", data={"firstName": "x" * 200}, headers=HTMX)
    assert "too long" in words(answer, 422)
    assert "x" * 200 in answer.text
    assert "<h1>" not in answer.text


def test_a_password_needs_the_one_before_it(api: httpx.Client) -> None:
    with logged_in(api) as eve:
        new = {"plainPassword": " a new one ", "confirm": " a new one "}
        assert "current password" in words(eve.post("/ui/me/password", data={"currentPassword": "wrong", **new}), 422)
        other = {"currentPassword": PASSWORD, "plainPassword": "a new one", "confirm": "another"}
        assert "not the same" in words(eve.post("/ui/me/password", data=other), 422)
        assert "is needed" in words(eve.post("/ui/me/password", data={"currentPassword": PASSWORD}), 422)
        went(eve.post("/ui/me/password", data={"currentPassword": PASSWORD, **new}))
        user = told(api.get("/api/users", params={"orderBy": "id", "orderByDir": "DESC", "limit": 1}))["users"][0]
        login = {"username": user["username"], "password": " a new one "}
        assert went(httpx.post(f"{api.base_url}/ui/login", data=login, timeout=30)) == "/ui"


def test_whoever_changes_the_password_stays_logged_in_here_and_nowhere_else(api: httpx.Client) -> None:
    with logged_in(api) as eve:
        name = page(eve.get("/ui/me")).partition("You log in as <strong>")[2].partition("<")[0]
        login = {"username": name, "password": PASSWORD}
        here, there = (httpx.Client(base_url=api.base_url, timeout=30, trust_env=False) for _ in range(2))
        with here, there:
            for browser in (here, there):
                went(browser.post("/ui/login", data=login))
                page(browser.get("/ui/me"))
            new = {"currentPassword": PASSWORD, "plainPassword": "another horse", "confirm": "another horse"}
            assert went(here.post("/ui/me/password", data=new)) == "/ui/me"
            assert "Your password is changed." in page(here.get("/ui/me"))
            assert there.get("/ui/me").status_code == 303


def test_a_token_is_shown_once_lets_in_and_is_revoked(ada: httpx.Client, api: httpx.Client) -> None:
    made = page(ada.post("/ui/me/tokens", data={"name": HOSTILE, "days": "7"}, headers=HTMX))
    token = re.search(r'id="new-token">([^<]+)<', made)
    assert token
    assert 'data-copies="new-token"' in made
    login = {"Authorization": f"Bearer {token[1]}"}
    asked = httpx.get(f"{api.base_url}/api/users/self", headers=login, timeout=30)
    assert asked.status_code == 200
    assert token[1] not in page(ada.get("/ui/me"))
    [kept] = told(ada.get("/api/tokens"))["tokens"]
    assert "let in no more" in words(ada.get(f"/ui/me/tokens/{kept['id']}/revoke"))
    went(ada.post(f"/ui/me/tokens/{kept['id']}/revoke"))
    assert told(ada.get("/api/tokens"))["tokens"] == []


def test_a_token_without_a_name_or_for_too_long_is_refused_beside_its_field(ada: httpx.Client) -> None:
    answer = page(ada.post("/ui/me/tokens", data={"name": "long", "days": "99999"}), 422)
    assert 'id="days-wrong"' in answer
    assert 'value="99999"' in answer
    assert 'id="name-wrong"' in page(ada.post("/ui/me/tokens", data={"name": ""}), 422)


def test_the_admin_of_the_settings_is_told_where_the_password_is(api: httpx.Client) -> None:
    answer = page(api.get("/ui/me"))
    assert "SPOOR_ADMIN_PASSWORD" in answer
    assert 'name="currentPassword"' not in answer
