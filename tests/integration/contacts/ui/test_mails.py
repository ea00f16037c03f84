"""Templates of mails in the web pages: written, looked at, sent."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.contacts.answers import told
from tests.integration.contacts.mailserver import MailServer
from tests.integration.contacts.test_mail import mail_environ
from tests.integration.contacts.ui.logins import HOSTILE, HTMX, logged_in, page, went, words
from tests.integration.services import Service, start_service
from tests.processes import free_port


@pytest.fixture(scope="module")
def mail(server_folder: Path, valkey_url: str, clickhouse_url: str) -> Iterator[httpx.Client]:
    """Contacts with a mail server."""
    with MailServer(port := free_port()):
        service: Service = start_service("contacts", server_folder, valkey_url, clickhouse_url, **mail_environ(port))
        yield service.http
        service.http.close()
        service.process.stop()


def kept(api: httpx.Client, **said: Any) -> dict[str, Any]:
    data = {"name": f"Welcome {uuid.uuid4().hex[:6]}", "emailType": "template", "isPublished": "1", **said}
    email_id = went(api.post("/ui/emails/new", data=data)).rpartition("/")[2]
    return dict(told(api.get(f"/api/emails/{email_id}"))["email"])


def segment(api: httpx.Client, *addresses: str) -> int:
    """One with contacts of these addresses."""
    name = f"readers {uuid.uuid4().hex[:6]}"
    segment_id = int(told(api.post("/api/segments/new", json={"name": name}), 201)["list"]["id"])
    for address in addresses:
        contact = told(api.post("/api/contacts/new", json={"email": address}), 201)["contact"]["id"]
        assert api.post(f"/api/segments/{segment_id}/contact/{contact}/add").status_code == 200
    return segment_id


def test_a_template_is_written_and_edited_as_it_was_typed(api: httpx.Client) -> None:
    segment_id = segment(api)
    email = kept(
        api, name="Autumn", customHtml="<p>Hi</p>\n", fromName="Shop", fromAddress="shop@example.org",
        lists=str(segment_id), emailType="list", publishUp="2027-01-31 10:00",
    )  # fmt: skip
    assert (email["subject"], email["emailType"], email["fromName"]) == ("Autumn", "list", "Shop")
    assert [one["id"] for one in email["lists"]] == [segment_id]
    assert email["publishUp"].startswith("2027-01-31T10:00")
    assert f'<option value="{segment_id}" selected>' in page(api.get(f"/ui/emails/{email['id']}/edit"))
    data = {"name": "Autumn", "subject": "Hello", "emailType": "template", "publishUp": ""}
    went(api.post(f"/ui/emails/{email['id']}/edit", data=data))
    now = told(api.get(f"/api/emails/{email['id']}"))["email"]
    assert (now["subject"], now["lists"], now["publishUp"], now["isPublished"]) == ("Hello", [], None, False)


def test_what_is_wrong_is_said_beside_its_field(api: httpx.Client) -> None:
    data = {"name": "Autumn", "emailType": "template", "fromAddress": "nobody", "customHtml": "<p>kept</p>"}
    said = page(api.post("/ui/emails/new", data=data, headers=HTMX), 422)
    assert 'id="f-fromAddress-wrong"' in said
    assert "&lt;p&gt;kept&lt;/p&gt;" in said


def test_the_page_of_a_template_shows_it_in_a_frame_where_nothing_runs(api: httpx.Client) -> None:
    email = kept(api, subject=HOSTILE, customHtml=f"<p>Hello</p>{HOSTILE}", plainText=HOSTILE)
    path = f"/ui/emails/{email['id']}"
    shown = api.get(path)
    assert f'sandbox src="{path}/preview"' in page(shown)
    assert shown.headers["content-security-policy"].endswith("frame-src 'self'")
    assert "frame-src" not in api.get("/ui/emails").headers["content-security-policy"]
    preview = api.get(f"{path}/preview")
    policy = preview.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none';")
    assert "script" not in policy
    assert "allow-" not in policy
    assert preview.headers["x-frame-options"] == "SAMEORIGIN"
    assert "<p>Hello</p>" in preview.text
    page(api.get("/ui/emails"))


def test_nobody_sees_a_preview_without_a_login_or_the_right(api: httpx.Client) -> None:
    email = kept(api, customHtml="<p>Secret plans</p>")
    path = f"/ui/emails/{email['id']}/preview"
    assert httpx.get(f"{api.base_url}{path}").status_code == 303
    with logged_in(api, lead__leads=["full"]) as ada:
        assert "Secret plans" not in page(ada.get(path), 403)


def test_without_a_mail_server_a_page_says_so_and_offers_no_sending(api: httpx.Client) -> None:
    email = kept(api, lists=str(segment(api)), emailType="list")
    shown = api.get(f"/ui/emails/{email['id']}")
    assert "SPOOR_SMTP_URL names no server" in words(shown)
    assert f"/ui/emails/{email['id']}/send" not in shown.text


def test_it_is_asked_to_how_many_a_template_is_sent_and_then_sent_once(mail: httpx.Client) -> None:
    addresses = [f"{uuid.uuid4().hex[:8]}@example.org" for _ in range(2)]
    email = kept(mail, customHtml="<p>Hi</p>", lists=str(segment(mail, *addresses)), emailType="list")
    path = f"/ui/emails/{email['id']}"
    assert f'href="{path}/send"' in page(mail.get(path))
    assert told(mail.get(f"/api/emails/{email['id']}/recipients")) == {"recipients": 2}
    assert "Send to 2" in words(mail.get(f"{path}/send", headers=HTMX))
    assert went(mail.post(f"{path}/send")) == path
    assert "Send to 0" in words(mail.get(f"{path}/send", headers=HTMX))
    assert told(mail.get(f"/api/emails/{email['id']}/recipients")) == {"recipients": 0}


def test_how_many_is_told_to_who_may_send_alone_and_of_what_may_be_sent(api: httpx.Client) -> None:
    email = kept(api)
    assert told(api.get(f"/api/emails/{email['id']}/recipients")) == {"recipients": 0}
    with logged_in(api, email__emails=["viewother"], lead__leads=["editown"], api__access=["full"]) as ada:
        assert ada.get(f"/api/emails/{email['id']}/recipients").status_code == 403
    api.patch(f"/api/emails/{email['id']}/edit", json={"isPublished": False})
    assert api.get(f"/api/emails/{email['id']}/recipients").status_code == 404
    assert api.get(f"/ui/emails/{email['id']}/send").status_code == 404
