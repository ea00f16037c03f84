"""Users, roles and credentials in the web pages."""

from __future__ import annotations

import re
import uuid
from typing import Any

import httpx

from services.common.rights import CATALOG
from services.contacts.ui.users.roles_page import LEVELS
from tests.integration.contacts.answers import told
from tests.integration.contacts.ui.logins import HOSTILE, HTMX, logged_in, page, went, words


def newest(api: httpx.Client, plural: str) -> dict[str, Any]:
    query = {"orderBy": "id", "orderByDir": "DESC", "limit": 1}
    return dict(told(api.get(f"/api/{plural}", params=query))[plural][0])


def made_role(api: httpx.Client, *rights: str, **said: str) -> dict[str, Any]:
    data = {"name": f"role {uuid.uuid4().hex[:8]}", "isPublished": "1", "right": list(rights), **said}
    assert went(api.post("/ui/users/roles/new", data=data)) == "/ui/users/roles"
    return newest(api, "roles")


def user_data(role: int, **said: str) -> dict[str, str]:
    name = f"u{uuid.uuid4().hex[:8]}"
    return {"username": name, "firstName": "Ada", "lastName": "Lovelace", "email": f"{name}@users.org",
            "role": str(role), "plainPassword": " correct horse ", "isPublished": "1", **said}  # fmt: skip


def test_every_level_of_rights_has_a_name() -> None:
    assert set(LEVELS) == set(CATALOG)


def test_a_role_has_the_rights_that_are_ticked_and_what_they_imply(api: httpx.Client) -> None:
    role = made_role(api, "lead:leads:viewother", "form:forms:full", "nothing:like:it", name=HOSTILE)
    assert role["rawPermissions"]["lead:leads"] == ["viewown", "viewother"]
    assert role["rawPermissions"]["form:forms"] == list(CATALOG["form:forms"])
    shown = page(api.get(f"/ui/users/roles/{role['id']}/edit"))
    assert re.search(r'value="lead:leads:viewother" checked', shown)
    assert not re.search(r'value="lead:leads:create" checked', shown)
    went(api.post(f"/ui/users/roles/{role['id']}/edit", data={"name": "Less", "right": "lead:leads:viewown"}))
    assert told(api.get(f"/api/roles/{role['id']}"))["role"]["rawPermissions"] == {"lead:leads": ["viewown"]}
    page(api.get("/ui/users/roles"))


def test_a_role_that_is_refused_keeps_what_was_ticked(api: httpx.Client) -> None:
    shown = page(api.post("/ui/users/roles/new", data={"name": "", "right": "lead:leads:create"}), 422)
    assert 'id="f-name-wrong"' in shown
    assert 'value="lead:leads:create" checked' in shown


def test_nobody_ticks_a_right_that_they_do_not_have(api: httpx.Client) -> None:
    with logged_in(api, user__roles=["full"]) as ada:
        shown = page(ada.get("/ui/users/roles/new"))
        assert 'value="lead:leads:create" disabled' in shown
        assert 'value="user:roles:view">' in shown
        data = {"name": "More", "right": "lead:leads:create"}
        assert ada.post("/ui/users/roles/new", data=data).status_code == 403


def test_a_role_that_users_have_stays_and_says_why(api: httpx.Client) -> None:
    role = made_role(api)
    went(api.post("/ui/users/new", data=user_data(role["id"])))
    assert "1 users have this role" in words(api.post(f"/ui/users/roles/{role['id']}/delete"), 422)


def test_a_user_logs_in_with_the_password_that_was_typed_until_another_one_is(api: httpx.Client) -> None:
    role = made_role(api, "lead:leads:viewown")
    data = user_data(role["id"], lastName=HOSTILE)
    went(api.post("/ui/users/new", data=data))
    user = newest(api, "users")
    assert user["username"] == data["username"]

    def login(password: str) -> httpx.Response:
        said = {"username": data["username"], "password": password}
        return httpx.post(f"{api.base_url}/ui/login", data=said, timeout=30)

    assert login(" correct horse ").status_code == 303
    went(api.post(f"/ui/users/{user['id']}/edit", data={**data, "plainPassword": "", "position": "Engineer"}))
    assert told(api.get(f"/api/users/{user['id']}"))["user"]["position"] == "Engineer"
    assert login(" correct horse ").status_code == 303
    went(api.post(f"/ui/users/{user['id']}/edit", data={**data, "plainPassword": "another horse"}))
    assert login("another horse").status_code == 303
    page(api.get("/ui/users", params={"search": data["username"]}))
    went(api.post(f"/ui/users/{user['id']}/delete"))


def test_a_user_that_is_refused_says_why_and_never_shows_the_password(api: httpx.Client) -> None:
    data = user_data(made_role(api)["id"], username="two words", plainPassword="correct horse secret")
    shown = page(api.post("/ui/users/new", data=data, headers=HTMX), 422)
    assert 'id="f-username-wrong"' in shown
    assert 'value="two words"' in shown
    assert "correct horse secret" not in shown


def test_the_admin_of_the_settings_is_not_deleted(api: httpx.Client) -> None:
    assert "The admin of the settings stays" in words(api.post("/ui/users/1/delete"), 422)


def test_a_credential_shows_its_secret_once(api: httpx.Client) -> None:
    uris = "https://shop.example/oauth\r\nhttps://two.example/oauth"
    data = {"name": HOSTILE, "role": "", "redirectUris": uris, "isPublished": "1"}
    shown = page(api.post("/ui/users/credentials/new", data=data, headers=HTMX))
    secret = re.search(r'id="client-secret">([^<]+)<', shown)
    assert secret
    one = newest(api, "credentials")
    assert one["redirectUris"] == uris.split()
    assert one["clientId"] in shown
    for path in ("", f"/{one['id']}/edit", f"/{one['id']}/delete"):
        assert secret[1] not in page(api.get(f"/ui/users/credentials{path}"))
    went(api.post(f"/ui/users/credentials/{one['id']}/edit", data={**data, "role": "1", "redirectUris": ""}))
    assert told(api.get(f"/api/credentials/{one['id']}"))["credential"]["role"] == 1
    went(api.post(f"/ui/users/credentials/{one['id']}/delete"))


def test_credentials_are_the_admins_alone(api: httpx.Client) -> None:
    with logged_in(api, user__users=["full"], user__roles=["full"]) as ada:
        page(ada.get("/ui/users/credentials"), 403)
        shown = page(ada.get("/ui/users"))
        assert 'href="/ui/users/roles"' in shown
        assert 'href="/ui/users/credentials"' not in shown
