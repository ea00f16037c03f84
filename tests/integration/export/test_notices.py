"""The mail about an export that is done: its link opens for its user alone; it is tried again while that may help."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.integration.contacts.mailserver import MailServer
from tests.integration.contacts.test_rights import PASSWORD, made_user, role
from tests.integration.export.test_export import ended
from tests.integration.services import Service, start_service
from tests.processes import eventually, free_port

URL = "https://export.example"


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(port: int) -> Iterator[MailServer]:
    with MailServer(port) as server:
        yield server


@pytest.fixture(scope="module")
def mailing(
    tmp_path_factory: pytest.TempPathFactory, valkey_url: str, clickhouse_url: str, port: int
) -> Iterator[Service]:
    service = start_service(
        "export", tmp_path_factory.mktemp("mailing"), valkey_url, clickhouse_url,
        SPOOR_SMTP_URL=f"smtp://127.0.0.1:{port}", SPOOR_MAIL_FROM="Spoor <spoor@shop.example>",
        SPOOR_PUBLIC_URL="https://track.example", SPOOR_EXPORT_URL=URL,
    )  # fmt: skip
    yield service
    service.http.close()
    service.process.stop()


@contextmanager
def someone(api: httpx.Client, service: Service) -> Iterator[tuple[httpx.Client, str]]:
    """Who sees their own contacts, and their address."""
    user = made_user(api, role(api, lead__leads=["viewown"], lead__export=["enable"]))
    with httpx.Client(
        base_url=service.http.base_url, auth=(user["username"], PASSWORD), timeout=30, trust_env=False
    ) as http:
        yield http, user["email"]


def told(http: httpx.Client) -> tuple[str, Any]:
    job = http.post("/exports", json={"columns": "id", "notify": True}).json()["id"]
    ended(http, job)
    path = f"/exports/{job}"
    return job, eventually(lambda: (one := http.get(path).json())["notice"] not in ("", "waiting") and one, "a mail")


def test_the_link_of_a_mail_opens_for_its_user_alone(api: httpx.Client, mailing: Service, server: MailServer) -> None:
    with someone(api, mailing) as (ada, email), someone(api, mailing) as (bob, _):
        job, shown = told(ada)
        assert (shown["notice"], shown["notice_to"]) == ("sent", email)
        [mail] = server.to(email)
        text = mail.get_body().get_content()  # type: ignore[union-attr]
        [link] = re.findall(rf"{URL}(/\S+)", text)
        assert mail["Subject"].startswith("Export: contacts-") and "0 rows" in text
        assert ada.get(link).text == "id\n"
        assert bob.get(link).status_code == 404 and mailing.http.get(link).status_code == 403
        assert httpx.get(f"{mailing.http.base_url}{link}", timeout=30, trust_env=False).status_code == 401
        assert ada.get(f"{link}x").status_code == ada.get(f"/exports/{job}/download?link=").status_code == 403
        assert len(server.to(email)) == 1


def test_a_mail_that_is_refused_for_now_is_tried_again_and_for_good_is_told(
    api: httpx.Client, mailing: Service, server: MailServer
) -> None:
    for reply, notice, mails in (("451 4.3.0 later", "sent", 1), ("550 5.1.1 nobody", "550", 0)):
        with someone(api, mailing) as (ada, email):
            server.replies[email] = [reply]
            _, shown = told(ada)
        assert shown["notice"].startswith(notice) and shown["status"] == "done"
        assert len(server.to(email)) == mails


def test_who_would_get_no_mail_is_told_so(mailing: Service, exports: Service) -> None:
    for service, why in ((mailing, "no e-mail address"), (exports, "SPOOR_EXPORT_URL")):
        refused = service.http.post("/exports", json={"notify": True})
        assert refused.status_code == 400 and why in refused.json()["errors"][0]["message"]


def test_without_being_asked_it_sends_none(mailing: Service, server: MailServer) -> None:
    before = len(server.taken)
    job = ended(mailing.http, mailing.http.post("/exports", json={"columns": "id"}).json()["id"])
    assert (job["notice"], len(server.taken)) == ("", before)
