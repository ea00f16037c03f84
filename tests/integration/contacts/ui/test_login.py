"""Who may look at the pages: sessions, their ends, and requests that come from elsewhere."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.integration.contacts.answers import told
from tests.integration.contacts.ui.somebody import Visitor, log_in, made_user


def test_whoever_is_not_logged_in_is_led_to_the_login_and_back(browser: Visitor) -> None:
    somebody = browser()
    asked = somebody.get("/ui/contacts?search=ada")
    assert (asked.status_code, asked.headers["location"]) == (303, "/ui/login?next=%2Fui%2Fcontacts%3Fsearch%3Dada")
    form = somebody.get(asked.headers["location"])
    assert 'value="/ui/contacts?search=ada"' in form.text
    entered = log_in(somebody, leads_to="/ui/contacts?search=ada")
    assert (entered.status_code, entered.headers["location"]) == (303, "/ui/contacts?search=ada")
    assert somebody.get("/ui/contacts").status_code == 200


def test_a_login_never_leads_to_another_site(browser: Visitor) -> None:
    assert log_in(browser(), leads_to="https://evil.example/ui/").headers["location"] == "/ui"
    assert "evil" not in browser().get("/ui/login?next=//evil.example").text


def test_a_login_leads_to_an_address_in_any_script(browser: Visitor) -> None:
    entered = log_in(browser(), leads_to="/ui/contacts?search=Łódź&segment=a%2Fb")
    assert entered.headers["location"] == "/ui/contacts?search=%C5%81%C3%B3d%C5%BA&segment=a%2Fb"


def test_the_cookie_of_a_session_is_for_the_pages_alone(browser: Visitor) -> None:
    somebody = browser()
    cookie = log_in(somebody).headers["set-cookie"]
    assert re.match(r"spoor_session=sps_[\w-]{40,}; max-age=43200; path=/ui; httponly; samesite=lax$", cookie)
    value = cookie.partition("=")[2].partition(";")[0]
    assert somebody.get("/api/contacts").status_code == 401
    assert browser().get("/api/contacts", headers={"Cookie": f"spoor_session={value}"}).status_code == 401


def test_a_wrong_password_is_told_and_nothing_else(browser: Visitor) -> None:
    refused = log_in(browser(), password="wrong")
    assert (refused.status_code, "set-cookie" in refused.headers) == (401, False)
    assert "Name or password is wrong." in refused.text
    assert "Name or password is wrong." in log_in(browser(), name='"><script>alert(1)</script>').text


def test_a_session_ends_with_the_sign_out(browser: Visitor) -> None:
    somebody = browser()
    log_in(somebody)
    kept = somebody.cookies["spoor_session"]
    out = somebody.post("/ui/logout", headers={"Sec-Fetch-Site": "same-origin"})
    assert (out.status_code, out.headers["location"]) == (303, "/ui/login")
    assert "spoor_user=; max-age=0" in str(out.headers.get_list("set-cookie"))
    again = browser()
    again.cookies.set("spoor_session", kept)
    assert again.get("/ui/contacts").status_code == 303


def test_a_session_ends_with_its_password_and_with_its_user(browser: Visitor, api: httpx.Client) -> None:
    user, somebody = made_user(api, lead__leads=["viewown"]), browser()
    log_in(somebody, user["name"], user["password"])
    assert somebody.get("/ui/contacts").status_code == 200
    fresh = {"plainPassword": {"password": "another-password", "confirm": "another-password"}}
    told(api.patch(f"/api/users/{user['id']}/edit", json=fresh))
    assert somebody.get("/ui/contacts").status_code == 303
    log_in(somebody, user["name"], "another-password")
    assert somebody.get("/ui/contacts").status_code == 200
    told(api.patch(f"/api/users/{user['id']}/edit", json={"isPublished": False}))
    assert somebody.get("/ui/contacts").status_code == 303


def test_a_user_without_a_right_to_the_api_may_look_at_pages_by_their_other_rights(
    browser: Visitor, api: httpx.Client
) -> None:
    user, somebody = made_user(api, lead__leads=["viewown"]), browser()
    log_in(somebody, user["name"], user["password"])
    page = somebody.get("/ui/contacts")
    assert page.status_code == 200
    assert "New contact" not in page.text and 'href="/ui/users"' not in page.text
    assert somebody.get("/ui").headers["location"] == "/ui/contacts", "the dashboard counts the contacts of all"
    refused = somebody.get("/ui/imports")
    assert (refused.status_code, "Not yours to see" in refused.text) == (403, True)
    with httpx.Client(base_url=api.base_url, auth=(user["name"], user["password"]), trust_env=False) as program:
        assert program.get("/api/contacts").status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"},
     {"Origin": "null"}],
)  # fmt: skip
def test_a_form_of_another_site_changes_nothing(browser: Visitor, headers: dict[str, str]) -> None:
    somebody = browser()
    log_in(somebody)
    for path in ("/ui/logout", "/ui/login", "/ui/contacts/columns", "/ui/exports/new", "/ui/imports/new"):
        answer = somebody.post(path, data={"column": "id", "of": "contacts"}, headers=headers)
        assert (answer.status_code, "nothing was changed" in answer.text) == (403, True), path
        assert "spoor_session" not in answer.headers.get("set-cookie", "")
    assert somebody.get("/ui/contacts").status_code == 200


@pytest.mark.parametrize("token", ["", "sps_", "sps_" + "x" * 43, "sps_" + "x" * 5_000, "spa_x", "é"])
def test_a_session_that_there_is_not_leads_to_the_login(browser: Visitor, token: str) -> None:
    cookie = f"spoor_session={token}".encode()
    assert browser().get("/ui/contacts", headers=[(b"Cookie", cookie)]).status_code == 303


def test_parts_of_pages_tell_the_browser_to_log_in_again(browser: Visitor) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://spoor.example/ui/contacts?kind=known"}
    answer = browser().get("/ui/contacts", headers=headers)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (
        401,
        "/ui/login?next=%2Fui%2Fcontacts%3Fkind%3Dknown",
    )


def test_pages_say_what_may_run_in_them_and_are_kept_by_nobody(api: httpx.Client) -> None:
    page = api.get("/ui/contacts")
    policy = page.headers["content-security-policy"]
    for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert "spoor_user=" in page.headers["set-cookie"], "their own visits are nobody's"


def test_assets_are_compressed_and_kept_for_ever(api: httpx.Client, browser: Visitor) -> None:
    found = re.search(r'"(/ui/assets/[0-9a-f]+/app\.css)"', api.get("/ui/contacts").text)
    assert found
    style = browser().get(found[1])
    assert (style.status_code, style.headers["content-encoding"]) == (200, "gzip")
    assert "immutable" in style.headers["cache-control"]
    font = re.search(r"url\((\"?)(/ui/assets/[^\")]+)", style.text)
    assert font and browser().get(font[2]).status_code == 200
    assert "immutable" not in browser().get("/ui/assets/000000000000/app.css").headers["cache-control"]
    assert browser().get("/ui/assets/x/..%2fdesk.py").status_code in (303, 404)


def test_an_id_longer_than_any_names_no_page(api: httpx.Client) -> None:
    for path in ("contacts/{}", "contacts/1/merge/{}", "segments/{}/edit", "jobs/{}"):
        assert "There is no such page." in api.get(f"/ui/{path.format('9' * 5_000)}").text


def test_a_page_that_there_is_not_says_so(api: httpx.Client) -> None:
    page = api.get("/ui/nothing/here")
    assert (page.status_code, "There is no such page." in page.text) == (404, True)


def test_the_front_door_leads_to_the_pages(browser: Visitor) -> None:
    assert browser().get("/").headers["location"] == "/ui"
