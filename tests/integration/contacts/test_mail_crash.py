"""The process that sends mails dies in the middle: nothing is lost, and only what nobody can know is sent twice."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest
import redis

from services.common import keys
from services.contacts.mail.postman import LINES
from tests.integration.contacts.mailserver import MailServer, read
from tests.integration.contacts.test_mail import address, mail_environ, message, new_contact, told
from tests.integration.services import Service, start_service
from tests.processes import eventually, free_port

COUNT = 24


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_every_mail_arrives_whenever_the_sender_dies(
    server_folder: Path, valkey_url: str, clickhouse_url: str, number: int
) -> None:
    port = free_port()

    def start() -> Service:
        return start_service("contacts", server_folder, valkey_url, clickhouse_url, **mail_environ(port))

    first = start()
    contacts = {address("crash"): 0 for _ in range(COUNT)}
    for to in contacts:
        contacts[to] = new_contact(first.http, to)
        body = {"subject": "s", "body": "b"}
        told(first.http.post(f"/api/contacts/{contacts[to]}/email", json=body), 201)  # there is no server yet
    with MailServer(port) as server, redis.Redis.from_url(valkey_url) as queue:
        server.slow_seconds = 0.1
        eventually(lambda: len(server.taken) >= 6, "some mails", seconds=75)
        first.process.stop(number)
        first.http.close()
        second = start()
        if number == signal.SIGKILL:
            queue.delete(keys.duty("mail"))  # it would expire, after 30 s
        for name, score in queue.zrange(keys.MAILS, 0, -1, withscores=True):
            if score > 1:
                queue.zadd(keys.MAILS, {name: 1})  # and so would what was being sent
        for contact in contacts.values():
            message(second.http, contact, "sent")
        ids = Counter(str(read(one)["Message-ID"]) for one in server.taken)
        assert {to for one in server.taken for to in one.rcpt_tos} == set(contacts) and len(ids) == COUNT
        twice = [one for one, count in ids.items() if count > 1]
        assert len(twice) <= (LINES if number == signal.SIGKILL else 0) and max(ids.values()) <= 2
        assert queue.zcard(keys.MAILS) == 0
        second.http.close()
        second.process.stop()


def test_mails_that_redis_has_lost_are_queued_anew(server_folder: Path, valkey_url: str, clickhouse_url: str) -> None:
    port = free_port()
    first = start_service("contacts", server_folder, valkey_url, clickhouse_url, **mail_environ(port))
    to = address("lost")
    contact = new_contact(first.http, to)
    posted = told(first.http.post(f"/api/contacts/{contact}/email", json={"subject": "s", "body": "b"}), 201)
    first.http.close()
    first.process.stop()
    with MailServer(port) as server, redis.Redis.from_url(valkey_url) as queue:
        queue.delete(keys.MAILS, keys.mail(posted["message"]["id"]))
        second = start_service("contacts", server_folder, valkey_url, clickhouse_url, **mail_environ(port))
        message(second.http, contact, "sent")
        assert len(server.to(to)) == 1
        second.http.close()
        second.process.stop()
