"""The settings as the admin reads them."""

from __future__ import annotations

import httpx

from tests.integration.contacts.ui.logins import logged_in, page, words


def test_settings_show_the_snippet_and_name_the_variable_of_each(api: httpx.Client) -> None:
    said = words(api.get("/ui/settings"))
    for variable in ("PUBLIC_URL", "CORS_ORIGINS", "UNIQUE_OPERATOR", "DO_NOT_TRACK_IPS", "TRACK_PRIVATE_IP_RANGES",
                     "GOOGLE_ANALYTICS_ID", "FACEBOOK_PIXEL_ID", "MAIL_FROM", "SMTP_URL", "TRACK_USERS"):  # fmt: skip
        assert f"SPOOR_{variable}" in said
    assert "/mtc.js" in said
    assert "/mtracking.gif" in said
    assert "is a guess" in said


def test_settings_link_the_fields_that_are_publicly_updatable(api: httpx.Client) -> None:
    fields = api.get("/api/fields/contact", params={"limit": 1_000}).json()["fields"]
    city = next(field for field in fields if field["alias"] == "city")
    assert api.patch(f"/api/fields/contact/{city['id']}/edit", json={"isPubliclyUpdatable": True}).status_code == 200
    shown = page(api.get("/ui/settings")).partition('id="public-fields"')[2].partition("</dd>")[0]
    assert f"/ui/fields/{city['id']}/edit" in shown
    api.patch(f"/api/fields/contact/{city['id']}/edit", json={"isPubliclyUpdatable": False})
    shown = page(api.get("/ui/settings")).partition('id="public-fields"')[2].partition("</dd>")[0]
    assert f"/ui/fields/{city['id']}/edit" not in shown


def test_nobody_but_the_admin_reads_settings(api: httpx.Client) -> None:
    with logged_in(api, lead__leads=["full"], user__users=["full"]) as ada:
        assert "SPOOR_SMTP_URL" not in page(ada.get("/ui/settings"), 403)
        assert 'href="/ui/settings"' not in page(ada.get("/ui/me"))
