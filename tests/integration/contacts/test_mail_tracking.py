"""What the reader of a mail does: opens, clicks and unsubscribes, through ingest and identity, into the history."""

from __future__ import annotations

import re
import time
import uuid
from html import unescape

import httpx
import pytest

from services.common.clickthrough import Clickthrough, Clickthroughs
from tests.integration.contacts.answers import told
from tests.integration.contacts.mailserver import MailServer, text
from tests.integration.contacts.test_mail import (
    PUBLIC,
    address,
    history,
    mail,
    message,
    new_contact,
    new_email,
    queue,
    server,
    service,
)
from tests.integration.site import BROWSER, Site
from tests.processes import eventually

__all__ = ["mail", "queue", "server", "service"]  # fixtures


class Received:
    """A mail that arrived, with its addresses led to the ingest of this test."""

    def __init__(self, mail: httpx.Client, server: MailServer, site: Site, *, is_transactional: bool = False) -> None:
        self.to = address()
        self.contact = new_contact(mail, self.to, firstname="Ada <3")
        html = '<a href="https://shop.example/offer?a=1">offer</a> <a href="{unsubscribe_url}">no more</a>'
        html += ' <p>Dear {contactfield=firstname}</p><a href="{webview_url}">view</a>'
        self.email = new_email(mail, name="Offer", customHtml=html)
        said = {"transactional": is_transactional}
        told(mail.post(f"/api/emails/{self.email}/contact/{self.contact}/send", json=said))
        self.mail = eventually(lambda: server.to(self.to), "the mail")[0]
        self.id = message(mail, self.contact, "sent")["id"]
        self.html = unescape(text(self.mail)).replace(PUBLIC, site.url)

    def url(self, pattern: str) -> str:
        found = re.search(pattern, self.html)
        assert found, self.html
        return found[1]


def test_opens_and_clicks_are_in_the_history_and_counted(mail: httpx.Client, server: MailServer, site: Site) -> None:
    received = Received(mail, server, site)
    pixel, link = received.url(r'src="([^"]+\.gif)"'), received.url(r'href="([^"]+)">offer')
    for agent in ("one", "two"):
        httpx.get(pixel, headers={"user-agent": agent}, trust_env=False)
    with site.visitor() as visitor:
        answer = visitor.get(link)
        assert (answer.status_code, answer.headers["location"]) == (302, "https://shop.example/offer?a=1")
    site.events(received.contact, 1, "page.hit")
    opened = eventually(lambda: history(mail, received.contact, "email.read"), "the open")

    def both() -> bool:
        opened[:] = history(mail, received.contact, "email.read")
        return len(opened[0]["details"]["stat"]["openDetails"]) == 3

    eventually(both, "both opens, and the click")
    assert len(opened) == 1, "one entry a mail"
    stat = opened[0]["details"]["stat"]
    assert opened[0]["eventLabel"] == {"label": "Offer", "href": f"{mail.base_url}/api/emails/{received.email}"}
    assert (stat["id"], stat["emailId"], stat["emailName"]) == (received.id, received.email, "Offer")
    assert [one["useragent"] for one in stat["openDetails"]] == ["one", "two", BROWSER]
    assert stat["isRead"] and stat["dateRead"] == opened[0]["timestamp"] and stat["timeToRead"].startswith("P0DT0H0M")
    named = {"filters[includeEvents][]": ["email.read", "email.sent"], "order[0]": "eventLabel", "order[1]": "ASC"}
    for search in ("offer", "hello", ""):  # by its name, by its subject; two of one name, the newest first
        found = told(mail.get(f"/api/contacts/{received.contact}/activity", params={**named, "search": search}))
        assert [one["event"] for one in found["events"]] == ["email.read", "email.sent"]
        assert found["total"] == 2
    assert history(mail, received.contact, "email.sent")[0]["details"]["stat"]["isRead"] is True
    shown = told(mail.get(f"/api/emails/{received.email}"))["email"]
    assert (shown["sentCount"], shown["readCount"]) == (1, 1)
    assert [one["id"] for one in site.contacts(f"email_read:{received.email}")] == [received.contact]
    assert [one["id"] for one in site.contacts(f"email_sent:{received.email}")] == [received.contact]
    for field, operator, value in (("email_id", "in", [received.email]), ("source_id", "=", str(received.email))):
        clicked = {"object": "behaviors", "field": field, "operator": operator, "properties": {"filter": value}}
        said = {"name": f"Clicked {uuid.uuid4().hex[:8]}", "filters": [clicked]}
        segment = told(mail.post("/api/segments/new", json=said), 201)["list"]
        assert [one["id"] for one in site.contacts(f"segment:{segment['alias']}")] == [received.contact]


def test_a_click_opens_its_mail_where_no_pixel_is_shown(mail: httpx.Client, server: MailServer, site: Site) -> None:
    received = Received(mail, server, site)
    with site.visitor() as visitor:
        visitor.get(received.url(r'href="([^"]+)">offer'))
    [opened] = eventually(lambda: history(mail, received.contact, "email.read"), "the open")
    assert opened["details"]["stat"]["id"] == received.id
    shown = told(mail.get(f"/api/emails/{received.email}"))["email"]
    assert (shown["sentCount"], shown["readCount"]) == (1, 1)
    assert [one["id"] for one in site.contacts(f"email_read:{received.email}")] == [received.contact]


def test_a_mail_can_be_read_as_a_page(mail: httpx.Client, server: MailServer, site: Site) -> None:
    received = Received(mail, server, site)
    page = httpx.get(received.url(r'href="([^"]+)">view'), trust_env=False)
    assert page.status_code == 200 and "<p>Dear Ada &lt;3</p>" in page.text
    assert "sandbox" in page.headers["content-security-policy"]
    told(mail.delete(f"/api/contacts/{received.contact}/delete"))
    assert httpx.get(received.url(r'href="([^"]+)">view'), trust_env=False).status_code == 404


@pytest.mark.parametrize("is_one_click", [True, False])
def test_whoever_unsubscribes_gets_no_more(
    mail: httpx.Client, server: MailServer, site: Site, *, is_one_click: bool
) -> None:
    received = Received(mail, server, site)
    if is_one_click:
        url = received.mail["List-Unsubscribe"].strip("<>").replace(PUBLIC, site.url)
        headers = {"sec-gpc": "1", "user-agent": "Googlebot"}
        answer = httpx.post(url, data={"List-Unsubscribe": "One-Click"}, headers=headers, trust_env=False)
    else:
        page = httpx.get(received.url(r'href="([^"]+)">no more'), trust_env=False)
        assert page.status_code == 200 and not refusals(mail, received.contact)
        action = re.search(r'method=post action="([^"]+)"', page.text)
        assert action
        answer = httpx.post(site.url + action[1], trust_env=False)
    assert answer.status_code == 200 and not answer.headers.get_list("set-cookie")
    eventually(lambda: refusals(mail, received.contact) == [("email", 1, received.email)], "the refusal")
    [told_once] = eventually(lambda: history(mail, received.contact, "lead.donotcontact"), "it is in the history")
    assert told_once["details"]["dnc"]["reason"] == "unsubscribed"
    body = {"subject": "s", "body": "b"}
    assert told(mail.post(f"/api/contacts/{received.contact}/email", json=body))["success"] is False
    told(mail.post(f"/api/contacts/{received.contact}/dnc/email/remove"))
    assert not refusals(mail, received.contact)


def test_a_click_through_is_no_word_on_unsubscribing(mail: httpx.Client, site: Site) -> None:
    contact = new_contact(mail, address())
    ct = Clickthroughs(("integration-tests",)).sign(Clickthrough(contact, 1 << 33))
    assert httpx.post(f"{site.url}/email/unsubscribe/{ct}", trust_env=False).status_code == 404


def refusals(mail: httpx.Client, contact: int) -> list[tuple[str, int, int]]:
    shown = told(mail.get(f"/api/contacts/{contact}"))["contact"]["doNotContact"]
    return [(one["channel"], one["reason"], one["channelId"]) for one in shown]


def test_a_server_may_say_that_somebody_unsubscribed_and_say_it_again(mail: httpx.Client, site: Site) -> None:
    to = address()
    contact = new_contact(mail, to)
    said = {"type": "lead.donotcontact", "email": to, "unsubscribe": "sms", "details": {"dnc": {"channelId": 4}}}
    event = {**said, "event_id": uuid.uuid4().hex, "time": time.time() - 5}
    site.send(event, {"type": "lead.donotcontact", "email": to, "unsubscribe": "no channel"})
    eventually(lambda: refusals(mail, contact) == [("sms", 1, 4)], "the refusal")
    told(mail.post(f"/api/contacts/{contact}/dnc/sms/remove"))
    site.send(event)
    with site.visitor() as visitor:
        site.settle(visitor, f"settled-{uuid.uuid4().hex}")
    assert refusals(mail, contact) == [], "it was said before it was taken back"
