"""Mails to contacts, through a real queue to a real server: what arrives, what is tried again, what never leaves."""

from __future__ import annotations

import itertools
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from services.common import keys
from tests.integration.contacts.answers import told
from tests.integration.contacts.mailserver import MailServer, text
from tests.integration.services import Service, start_service
from tests.processes import eventually, free_port

PUBLIC = "http://127.0.0.1:8080"
FROM = "Shop <shop@example.com>"
_numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with MailServer(free_port()) as server:
        yield server


def mail_environ(port: int) -> dict[str, str]:
    return {"SPOOR_SMTP_URL": f"smtp://127.0.0.1:{port}", "SPOOR_MAIL_FROM": FROM, "SPOOR_PUBLIC_URL": PUBLIC}


@pytest.fixture(scope="module")
def service(server: MailServer, server_folder: Path, valkey_url: str, clickhouse_url: str) -> Iterator[Service]:
    one = start_service("contacts", server_folder, valkey_url, clickhouse_url, **mail_environ(server._controller.port))
    yield one
    one.http.close()
    one.process.stop()


@pytest.fixture(scope="module")
def mail(service: Service) -> httpx.Client:
    return service.http


@pytest.fixture(scope="module")
def queue(valkey_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey_url) as client:
        yield client


def address(name: str = "reader") -> str:
    return f"{name}{next(_numbers)}-{uuid.uuid4().hex[:8]}@example.org"


def new_contact(mail: httpx.Client, email: str, **body: Any) -> int:
    return int(told(mail.post("/api/contacts/new", json={"email": email, **body}), 201)["contact"]["id"])


def new_email(mail: httpx.Client, **body: Any) -> int:
    said = {"name": "Welcome", "subject": "Hello", "customHtml": "<p>Hi</p>", **body}
    return int(told(mail.post("/api/emails/new", json=said), 201)["email"]["id"])


def message(mail: httpx.Client, contact: int, status: str) -> dict[str, Any]:
    """The contact's one message, once it has this status."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        found[:] = told(mail.get(f"/api/contacts/{contact}/messages"))["messages"]
        return bool(found) and found[0]["status"] == status

    eventually(is_there, f"a message that is {status}")
    return found[0]


def hurry(queue: redis.Redis, message_id: str) -> None:
    """It is due now, and whoever was sending it has had the time."""
    queue.zadd(keys.MAILS, {message_id: 1}, xx=True)


def history(mail: httpx.Client, contact: int, kind: str) -> list[dict[str, Any]]:
    query = {"filters[includeEvents][0]": kind}
    found: list[dict[str, Any]] = told(mail.get(f"/api/contacts/{contact}/activity", params=query))["events"]
    return found


def test_a_template_arrives_filled_in_and_is_counted(mail: httpx.Client, server: MailServer) -> None:
    to = address()
    contact = new_contact(mail, to, firstname="<Ada> & Co", lastname="Löve")
    email = new_email(
        mail,
        subject="Grüße, {contactfield=firstname|you}",
        fromAddress="news@example.com",
        fromName="Näws",
        replyToAddress="re@example.com",
        customHtml="<html><body><p>{contactfield=firstname}, {contactfield=city|somewhere}: {code}</p>"
        '<a href="https://shop.example/a?b=1&amp;c=2">go</a> <a href="{unsubscribe_url}">no more</a></body></html>',
    )
    sent = mail.post(f"/api/emails/{email}/contact/{contact}/send", json={"tokens": {"code": "X-7"}})
    assert told(sent) == {"success": True}
    arrived = eventually(lambda: server.to(to), "the mail")[0]
    assert arrived["Subject"] == "Grüße, <Ada> & Co"
    assert (arrived["From"], arrived["Reply-To"], arrived["To"]) == ("Näws <news@example.com>", "re@example.com", to)
    html = text(arrived)
    assert "&lt;Ada&gt; &amp; Co, somewhere: X-7" in html
    assert re.search(rf'<a href="{PUBLIC}/r/m[0-9a-f]{{24}}\?ct=[^"]+">go</a>', html)
    assert re.search(rf'<a href="{PUBLIC}/email/unsubscribe/[^"]+">no more</a>', html)
    assert re.search(rf'<img src="{PUBLIC}/email/[^"]+\.gif"[^>]*></body>', html)
    assert "<Ada> & Co, somewhere: X-7" in text(arrived, "plain")
    assert arrived["List-Unsubscribe"] is None  # it is transactional
    done = message(mail, contact, "sent")
    assert (done["channelId"], done["subject"], done["attempts"]) == (email, arrived["Subject"], 1)
    told_sent = history(mail, contact, "email.sent")[0]
    assert told_sent["eventLabel"]["label"] == "Welcome"
    stat = told_sent["details"]["stat"]
    assert (stat["id"], stat["emailId"], stat["subject"], stat["isRead"]) == (
        done["id"],
        email,
        arrived["Subject"],
        False,
    )
    assert told(mail.get(f"/api/emails/{email}"))["email"]["sentCount"] == 1
    assert told(mail.get("/api/emails", params={"search": f"ids:{email}"}))["emails"][0]["sentCount"] == 1


def test_a_reply_is_in_the_history_and_counts_its_mail_as_opened_once(mail: httpx.Client, server: MailServer) -> None:
    to = address()
    contact, email = new_contact(mail, to), new_email(mail, name="Offer")
    told(mail.post(f"/api/emails/{email}/contact/{contact}/send"))
    sent = message(mail, contact, "sent")["id"]
    for _ in range(2):
        assert told(mail.post(f"/api/emails/reply/{sent}"), 201) == {"success": True}
    replies, [opened] = history(mail, contact, "email.replied"), history(mail, contact, "email.read")
    assert len({one["eventId"] for one in replies}) == 2
    for one in (*replies, opened):
        stat = one["details"]["stat"]
        assert one["eventLabel"] == {"label": "Offer", "href": f"{mail.base_url}/api/emails/{email}"}
        assert (stat["idHash"], stat["emailId"], stat["isRead"]) == (sent, email, True)
    assert opened["details"]["stat"]["dateRead"] == opened["timestamp"] and len(stat["openDetails"]) == 1
    shown = told(mail.get(f"/api/emails/{email}"))["email"]
    assert (shown["sentCount"], shown["readCount"]) == (1, 1)
    log = told(mail.get(f"/api/contacts/{contact}/auditlog"))["auditlog"]
    assert [one["details"] for one in log if one["action"] == "reply"] == [{"mail": [None, sent]}] * 2


def test_a_reply_follows_a_merge_and_only_to_what_was_sent(mail: httpx.Client, server: MailServer) -> None:
    to, email = address(), new_email(mail)
    contact, survivor = new_contact(mail, to), new_contact(mail, address())
    for one in ("999-0123456789abcdef0123456789abcdef", f"{contact}-0123456789abcdef0123456789abcdef", "x", str(email)):
        assert mail.post(f"/api/emails/reply/{one}").status_code == 404
    told(mail.post(f"/api/emails/{email}/contact/{contact}/send"))
    sent = message(mail, contact, "sent")["id"]
    assert told(mail.patch(f"/api/contacts/{survivor}/edit", json={"email": to}))["contact"]["id"] == survivor
    told(mail.post(f"/api/emails/reply/{sent}"), 201)
    assert len(history(mail, survivor, "email.replied")) == 1
    server.replies[to] = ["550 5.7.1 refused"]
    told(mail.post(f"/api/contacts/{survivor}/email", json={"subject": "s", "body": "b"}), 201)
    failed = message(mail, survivor, "failed")["id"]
    assert mail.post(f"/api/emails/reply/{failed}").status_code == 404


def test_an_own_text_is_from_the_sender_and_can_be_unsubscribed_from(mail: httpx.Client, server: MailServer) -> None:
    to = address()
    contact = new_contact(mail, to, firstname="Ada")
    body = {"subject": "A word", "body": "Dear {contactfield=firstname},\n1 < 2"}
    answer = told(mail.post(f"/api/contacts/{contact}/email", json=body), 201)
    assert answer["success"] is True and answer["message"]["status"] == "pending"
    arrived = eventually(lambda: server.to(to), "the mail")[0]
    assert (arrived["From"], arrived["Subject"]) == (FROM, "A word")
    assert "Dear Ada,<br>\n1 &lt; 2" in text(arrived).replace("\r", "")
    assert "Dear Ada,\n1 < 2" in text(arrived, "plain").replace("\r", "")
    assert arrived["List-Unsubscribe"].startswith(f"<{PUBLIC}/email/unsubscribe/")
    assert arrived["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert arrived["Message-ID"] == f"<{answer['message']['id']}@example.com>"


def test_an_own_text_is_from_the_user_who_sends_it(mail: httpx.Client, server: MailServer) -> None:
    to, name = address(), uuid.uuid4().hex[:8]
    contact = new_contact(mail, to)
    said = {"lead:leads": ["viewother", "editother"], "api:access": ["full"], "email:emails": ["viewother"]}
    role = told(mail.post("/api/roles/new", json={"name": name, "rawPermissions": said}), 201)["role"]["id"]
    user = {"username": name, "firstName": "Bea", "lastName": "Sales", "email": f"{name}@shop.example", "role": role}
    told(mail.post("/api/users/new", json={**user, "plainPassword": "a-long-password"}), 201)
    with httpx.Client(base_url=mail.base_url, auth=(name, "a-long-password"), timeout=30) as bea:
        told(bea.post(f"/api/contacts/{contact}/email", json={"subject": "Hi", "body": "<p>Hi</p>"}), 201)
    arrived = eventually(lambda: server.to(to), "the mail")[0]
    assert arrived["From"] == f"Bea Sales <{name}@shop.example>"


@pytest.mark.parametrize("key", ["subject", "fromName", "fromAddress"])
def test_headers_cannot_be_smuggled_in(mail: httpx.Client, key: str) -> None:
    contact = new_contact(mail, address())
    body = {"subject": "s", "body": "b", key: "a@b.example\r\nBcc: victim@example.net"}
    error = told(mail.post(f"/api/contacts/{contact}/email", json=body), 400)["errors"][0]
    assert key in error["details"]


def test_a_value_with_new_lines_stays_in_its_header(mail: httpx.Client, server: MailServer) -> None:
    to = address()
    contact = new_contact(mail, to, address1="one\nBcc: victim@example.net")
    email = new_email(mail, subject="To {contactfield=address1} {x}")
    told(mail.post(f"/api/emails/{email}/contact/{contact}/send", json={"tokens": {"x": "a\r\nCc: b@c.example"}}))
    arrived = eventually(lambda: server.to(to), "the mail")[0]
    assert arrived["Subject"] == "To one Bcc: victim@example.net a Cc: b@c.example"
    assert arrived["Bcc"] is None and arrived["Cc"] is None


def test_addresses_of_other_scripts_are_written_to(mail: httpx.Client, server: MailServer) -> None:
    to = f"jürgen{uuid.uuid4().hex[:6]}@bücher.example"
    contact = new_contact(mail, to)
    told(mail.post(f"/api/contacts/{contact}/email", json={"subject": "Übung", "body": "Grüße"}), 201)
    local = to.partition("@")[0]
    arrived = eventually(lambda: server.to(f"{local}@xn--bcher-kva.example"), "the mail")[0]
    assert arrived["Subject"] == "Übung" and "Grüße" in text(arrived, "plain")


def test_a_temporary_refusal_is_tried_again(mail: httpx.Client, server: MailServer, queue: redis.Redis) -> None:
    to = address()
    contact = new_contact(mail, to)
    server.replies[to] = ["451 4.3.0 later"]
    told(mail.post(f"/api/contacts/{contact}/email", json={"subject": "s", "body": "b"}), 201)
    waiting = message(mail, contact, "rescheduled")
    assert waiting["reason"].startswith("451") and waiting["attempts"] == 1 and not server.to(to)
    log = history(mail, contact, "message.queue")[0]["details"]["log"]
    assert log["status"] == "rescheduled" and log["rescheduledDate"]
    hurry(queue, waiting["id"])
    assert message(mail, contact, "sent")["attempts"] == 2
    assert len(server.to(to)) == 1
    assert history(mail, contact, "message.queue")[0]["details"]["log"]["status"] == "sent"
    assert history(mail, contact, "email.sent")[0]["details"]["stat"]["retryCount"] == 1


def test_no_such_mailbox_fails_at_once_and_is_not_written_to_again(mail: httpx.Client, server: MailServer) -> None:
    to = address()
    contact = new_contact(mail, to)
    server.replies[to] = ["550 5.1.1 no such user"]
    told(mail.post(f"/api/contacts/{contact}/email", json={"subject": "s", "body": "b"}), 201)
    assert message(mail, contact, "failed")["attempts"] == 1
    failed = eventually(lambda: history(mail, contact, "email.failed"), "the event")[0]
    assert failed["details"]["stat"]["isFailed"] is True and "5.1.1" in failed["details"]["stat"]["failReason"]
    shown = told(mail.get(f"/api/contacts/{contact}"))["contact"]
    assert [(one["channel"], one["reason"]) for one in shown["doNotContact"]] == [("email", 2)]
    answer = told(mail.post(f"/api/contacts/{contact}/email", json={"subject": "s", "body": "b"}))
    assert answer["success"] is False and answer["failed"]
    assert server.tried.count(to) == 1


def test_a_refusal_for_other_reasons_is_no_bounce(mail: httpx.Client, server: MailServer) -> None:
    to = address()
    contact = new_contact(mail, to)
    server.replies[to] = ["550 5.7.1 looks like spam"]
    told(mail.post(f"/api/contacts/{contact}/email", json={"subject": "s", "body": "b"}), 201)
    message(mail, contact, "failed")
    assert told(mail.get(f"/api/contacts/{contact}"))["contact"]["doNotContact"] == []


def test_who_does_not_want_mails_gets_only_what_is_transactional(mail: httpx.Client, server: MailServer) -> None:
    to = address()
    contact = new_contact(mail, to)
    told(mail.post(f"/api/contacts/{contact}/dnc/email/add", json={"reason": 1}))
    answer = told(mail.post(f"/api/contacts/{contact}/email", json={"subject": "ad", "body": "b"}))
    assert answer["success"] is False
    assert told(mail.get(f"/api/contacts/{contact}/messages"))["total"] == 0
    email = new_email(mail, name="Receipt", subject="Receipt")
    told(mail.post(f"/api/emails/{email}/send/contact/{contact}", data={"tokens[a]": "b"}))
    assert eventually(lambda: server.to(to), "the mail")[0]["Subject"] == "Receipt"
    answer = told(mail.post(f"/api/emails/{email}/contact/{contact}/send", json={"transactional": False}))
    assert answer["success"] is False and answer["failed"]


def test_a_frequency_rule_holds_a_mail_back_which_can_be_cancelled(mail: httpx.Client, server: MailServer) -> None:
    to = address()
    rules = {"email": {"frequency_number": 1, "frequency_time": "DAY"}}
    contact = new_contact(mail, to, frequencyRules=rules)
    body = {"subject": "one", "body": "b"}
    told(mail.post(f"/api/contacts/{contact}/email", json={**body, "subject": "receipt", "transactional": True}), 201)
    message(mail, contact, "sent")
    told(mail.post(f"/api/contacts/{contact}/email", json=body), 201)
    eventually(lambda: len(server.to(to)) == 2, "the first that counts")
    message(mail, contact, "sent")
    held = told(mail.post(f"/api/contacts/{contact}/email", json={**body, "subject": "two"}), 201)["message"]
    assert held["status"] == "rescheduled" and held["rescheduledDate"] > held["scheduledDate"]
    entry = history(mail, contact, "message.queue")[0]
    assert entry["details"]["log"]["status"] == "rescheduled" and entry["details"]["log"]["id"] == held["id"]
    path = f"/api/contacts/{contact}/messages/{held['id']}/cancel"
    assert told(mail.post(path))["message"]["status"] == "cancelled"
    assert told(mail.post(path))["success"] == 0
    assert history(mail, contact, "message.queue")[0]["details"]["log"]["status"] == "cancelled"
    assert mail.post(f"/api/contacts/{contact}/messages/{contact}-x/cancel").status_code == 404
    assert len(server.to(to)) == 2


@pytest.mark.parametrize("how", ["alone", "as one of a batch", "by a batch action"])
def test_a_deleted_contact_is_not_written_to(
    mail: httpx.Client, server: MailServer, queue: redis.Redis, how: str
) -> None:
    to = address()
    rules = {"email": {"pause_from_date": "2020-01-01", "pause_to_date": "2099-01-01"}}
    contact = new_contact(mail, to, frequencyRules=rules)
    held = told(mail.post(f"/api/contacts/{contact}/email", json={"subject": "s", "body": "b"}), 201)["message"]
    assert held["status"] == "rescheduled" and queue.exists(keys.mail(held["id"]))
    match how:
        case "alone":
            told(mail.delete(f"/api/contacts/{contact}/delete"))
        case "as one of a batch":
            told(mail.delete("/api/contacts/batch/delete", params={"ids": contact}))
        case "by a batch action":
            told(mail.post("/api/contacts/batch/delete", json={"ids": [contact]}))
    assert not queue.exists(keys.mail(held["id"])) and queue.zscore(keys.MAILS, held["id"]) is None
    assert not server.to(to)


def test_a_mail_reaches_whoever_the_contact_has_become(
    mail: httpx.Client, server: MailServer, queue: redis.Redis
) -> None:
    old, new = address("old"), address("new")
    pause = {"email": {"pause_from_date": "2020-01-01"}}
    contact = new_contact(mail, old, frequencyRules=pause)
    held = told(mail.post(f"/api/contacts/{contact}/email", json={"subject": "s", "body": "b"}), 201)["message"]
    survivor = new_contact(mail, new)
    told(mail.patch(f"/api/contacts/{survivor}/edit", json={"email": old}))  # merges the holder into it
    blank = {"frequencyRules": {"email": {}}}
    told(mail.patch(f"/api/contacts/{survivor}/edit", json=blank))
    hurry(queue, held["id"])
    eventually(lambda: server.to(old), "the mail")
    assert message(mail, survivor, "sent")["id"] == held["id"]
    assert history(mail, survivor, "email.sent")[0]["details"]["stat"]["id"] == held["id"]


def test_without_a_server_it_says_so(api: httpx.Client) -> None:
    contact = new_contact(api, address())
    error = told(api.post(f"/api/contacts/{contact}/email", json={"subject": "s", "body": "b"}), 409)["errors"][0]
    assert "SPOOR_SMTP_URL" in error["message"]


def test_what_cannot_be_sent_is_refused(mail: httpx.Client) -> None:
    contact = new_contact(mail, address())
    email = new_email(mail, isPublished=False)
    assert mail.post(f"/api/emails/{email}/contact/{contact}/send").status_code == 404
    assert mail.post(f"/api/emails/999999999/contact/{contact}/send").status_code == 404
    published = new_email(mail)
    assert mail.post(f"/api/emails/{published}/contact/5/send").status_code == 404
    nobody = int(told(mail.post("/api/contacts/new", json={"firstname": "No Address"}), 201)["contact"]["id"])
    answer = told(mail.post(f"/api/emails/{published}/contact/{nobody}/send"))
    assert answer["success"] is False and "address" in answer["failed"]
    assert told(mail.post(f"/api/contacts/{contact}/email", json={}), 400)["errors"][0]["details"].keys() == {
        "subject", "body"
    }  # fmt: skip


def test_a_segment_is_sent_a_mail_once(mail: httpx.Client, server: MailServer) -> None:
    city = f"Rome{uuid.uuid4().hex[:8]}"
    filters = [{"field": "city", "operator": "=", "properties": {"filter": city}}]
    segment = int(told(mail.post("/api/segments/new", json={"name": city, "filters": filters}), 201)["list"]["id"])
    readers = {to: new_contact(mail, to, city=city) for to in (address() for _ in range(5))}
    refusing = address()
    told(mail.post(f"/api/contacts/{new_contact(mail, refusing, city=city)}/dnc/email/add", json={"reason": 3}))
    new_contact(mail, address(), city="elsewhere")
    email = new_email(mail, emailType="list", lists=[segment])
    send = f"/api/emails/{email}/send"
    assert told(mail.post(send, json={"limit": 2})) == {"success": 1, "sentCount": 2, "failedRecipients": 0}
    assert told(mail.post(send))["sentCount"] == 3
    assert told(mail.post(send))["sentCount"] == 0
    for to, contact in readers.items():
        message(mail, contact, "sent")
        assert [one["List-Unsubscribe"] is not None for one in server.to(to)] == [True]
    assert not server.to(refusing)
    assert told(mail.get(f"/api/emails/{email}"))["email"]["sentCount"] == 5
    assert told(mail.post(send, json={"lists": [999_999]}), 400)["errors"][0]["details"]["lists"]
    assert told(mail.post(f"/api/emails/{new_email(mail)}/send"), 400)["errors"][0]["details"]["lists"]


def test_whom_a_mail_waits_for_is_found(mail: httpx.Client) -> None:
    pause = {"email": {"pause_from_date": "2020-01-01"}}
    contact, email = new_contact(mail, address(), frequencyRules=pause), new_email(mail)
    told(mail.post(f"/api/emails/{email}/contact/{contact}/send", json={"transactional": False}))
    found = told(mail.get("/api/contacts", params={"search": f"email_queued:{email}"}))["contacts"]
    assert list(found) == [str(contact)]
    survivor = new_contact(mail, address("survivor"))
    holder = told(mail.get(f"/api/contacts/{contact}"))["contact"]["fields"]["all"]["email"]
    told(mail.patch(f"/api/contacts/{survivor}/edit", json={"email": holder}))
    found = told(mail.get("/api/contacts", params={"search": f"email_queued:{email}"}))["contacts"]
    assert list(found) == [str(survivor)]
    assert told(mail.get("/api/contacts", params={"search": f"!email_queued:{email} ids:{survivor}"}))["total"] == "0"
