"""The process that sends mails dies in the middle: nothing is lost, and only what nobody can know is sent twice."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import cast

import pytest
import redis

from services.common import keys
from services.contacts.mail.postman import LINES
from tests.integration.contacts.mailserver import MailServer, read
from tests.integration.contacts.test_mail import address, mail_environ, message, new_contact, told
from tests.integration.services import Service, start_service
from tests.integration.site import stop
from tests.processes import eventually, free_port

COUNT = 24
Start = Callable[[], Service]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def start(server_folder: Path, valkey_url: str, clickhouse_url: str, port: int) -> Iterator[Start]:
    """Starts services that send to `port`, and ends those that a test leaves."""
    started: list[Service] = []

    def start() -> Service:
        started.append(start_service("contacts", server_folder, valkey_url, clickhouse_url, **mail_environ(port)))
        return started[-1]

    yield start
    for service in started:
        stop(service)


@pytest.fixture
def queue(valkey_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey_url) as client:
        yield client


def post(service: Service, to: str) -> tuple[int, str]:
    """The contact and the message."""
    contact = new_contact(service.http, to)
    body = {"subject": "s", "body": "b"}
    return contact, told(service.http.post(f"/api/contacts/{contact}/email", json=body), 201)["message"]["id"]


def waiting(queue: redis.Redis, contacts: Iterable[int]) -> list[bytes]:
    """Mails to these contacts; other tests leave theirs."""
    members = cast("list[bytes]", queue.zrange(keys.MAILS, 0, -1))
    return [one for one in members if int(one.partition(b"-")[0]) in set(contacts)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_every_mail_arrives_whenever_the_sender_dies(start: Start, port: int, queue: redis.Redis, number: int) -> None:
    first = start()
    contacts = {to: post(first, to)[0] for to in (address("crash") for _ in range(COUNT))}  # there is no server yet
    with MailServer(port) as server:
        server.slow_seconds = 0.1
        eventually(lambda: len(server.taken) >= 6, "some mails", seconds=75)
        first.process.stop(number)
        second = start()
        if number == signal.SIGKILL:
            queue.delete(keys.duty("mail"))  # it would expire, after 30 s
        for name in waiting(queue, contacts.values()):
            queue.zadd(keys.MAILS, {name: 1}, xx=True)  # and so would the hold on what was being sent
        for contact in contacts.values():
            message(second.http, contact, "sent")
        ids = Counter(str(read(one)["Message-ID"]) for one in server.taken)
        assert {to for one in server.taken for to in one.rcpt_tos} == set(contacts) and len(ids) == COUNT
        twice = [one for one, count in ids.items() if count > 1]
        assert len(twice) <= (LINES if number == signal.SIGKILL else 0) and max(ids.values()) <= 2
        eventually(lambda: waiting(queue, contacts.values()) == [], "the queue forgets what is sent")


def test_mails_that_redis_has_lost_are_queued_anew(start: Start, port: int, queue: redis.Redis) -> None:
    first, to = start(), address("lost")
    contact, message_id = post(first, to)
    first.process.stop()
    with MailServer(port) as server:
        queue.delete(keys.MAILS, keys.mail(message_id))
        message(start().http, contact, "sent")
        assert len(server.to(to)) == 1
