"""Files that go out with mails: from where they may come, and what becomes of a mail whose file cannot be had."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.common.settings import Settings
from services.contacts.mail.attachments import AWAY_SECONDS, Attachments, PlaceAwayError, UnattachableError
from services.contacts.stores import Stores
from tests.integration.contacts.answers import told
from tests.integration.contacts.fileserver import FileServer, Reply
from tests.integration.contacts.mailserver import MailServer
from tests.integration.contacts.test_rights import client_of, closed_clients, made_user, role
from tests.integration.services import start_service
from tests.processes import eventually, free_port

_ = closed_clients
MOST = 10_000
_numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with MailServer(free_port()) as server:
        yield server


@pytest.fixture(scope="module")
def files() -> Iterator[FileServer]:
    with FileServer() as files:
        yield files


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files") / "mails"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def mail(
    server: MailServer, files: FileServer, folder: Path, server_folder: Path, valkey_url: str, clickhouse_url: str
) -> Iterator[httpx.Client]:
    environ = {
        "SPOOR_SMTP_URL": f"smtp://127.0.0.1:{server._controller.port}",
        "SPOOR_MAIL_FROM": "Shop <shop@example.com>",
        "SPOOR_PUBLIC_URL": "http://127.0.0.1:8080",
        "SPOOR_ATTACHMENT_SOURCES": f"{files.url}/pub,{folder}",
        "SPOOR_ATTACHMENT_MAX_BYTES": str(MOST),
    }
    one = start_service("contacts", server_folder, valkey_url, clickhouse_url, **environ)
    yield one.http
    one.http.close()
    one.process.stop()


def settings_of(files: FileServer, folder: Path) -> Settings:
    return Settings(attachment_sources=(f"{files.url}/pub", str(folder)), attachment_max_bytes=MOST)


def new_asset(api: httpx.Client, file: str, **body: Any) -> int:
    said = {"title": "Price list", "file": file, **body}
    return int(told(api.post("/api/assets/new", json=said), 201)["asset"]["id"])


def new_file(api: httpx.Client, files: FileServer, data: bytes = b"%PDF-1.7", end: str = ".pdf", **reply: Any) -> int:
    """An asset whose file the server has."""
    path = f"/pub/{uuid.uuid4().hex}{end}"
    files.replies[path] = Reply(data, **reply)
    return new_asset(api, f"{files.url}{path}")


def new_email(api: httpx.Client, **body: Any) -> int:
    said = {"name": "Prices", "subject": "Prices", "customHtml": "<p>See</p>", **body}
    return int(told(api.post("/api/emails/new", json=said), 201)["email"]["id"])


def new_contact(api: httpx.Client, **body: Any) -> tuple[int, str]:
    to = f"reader{next(_numbers)}-{uuid.uuid4().hex[:8]}@example.org"
    return int(told(api.post("/api/contacts/new", json={"email": to, **body}), 201)["contact"]["id"]), to


def send(api: httpx.Client, email: int, contact: int, **body: Any) -> dict[str, Any]:
    return told(api.post(f"/api/emails/{email}/contact/{contact}/send", json=body))


def parts(mail: EmailMessage) -> list[tuple[str | None, str, bytes]]:
    return [
        (one.get_filename(), one.get_content_type(), bytes(one.get_payload(decode=True)))  # type: ignore[arg-type]
        for one in mail.iter_attachments()
    ]


def became(api: httpx.Client, contact: int, status: str) -> dict[str, Any]:
    """The contact's one message, once it has this status."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        found[:] = told(api.get(f"/api/contacts/{contact}/messages"))["messages"]
        return bool(found) and found[0]["status"] == status

    eventually(is_there, f"a message that is {status}")
    return found[0]


def test_files_of_the_template_and_of_the_request_arrive(
    mail: httpx.Client, server: MailServer, files: FileServer, folder: Path
) -> None:
    (folder / "Preise für alle.txt").write_bytes("1 €".encode())
    first, second = new_file(mail, files), new_asset(mail, f"file://{folder}/Preise%20für%20alle.txt")
    email = new_email(mail, assetAttachments=[{"id": first}])
    assert told(mail.get(f"/api/emails/{email}"))["email"]["assetAttachments"] == [{"id": first}]
    contact, to = new_contact(mail)
    assert send(mail, email, contact, assetAttachments=[second, first]) == {"success": True}
    [arrived] = eventually(lambda: server.to(to), "the mail")
    pdf, text = parts(arrived)
    assert pdf[1:] == ("application/pdf", b"%PDF-1.7")
    assert text == ("Preise für alle.txt", "text/plain", "1 €".encode())
    body = arrived.get_body(("html",))
    assert body is not None and "See" in body.get_content()


def test_a_template_without_its_files_sends_none(mail: httpx.Client, server: MailServer, files: FileServer) -> None:
    email = new_email(mail, assetAttachments=[new_file(mail, files)])
    told(mail.patch(f"/api/emails/{email}/edit", json={"assetAttachments": []}))
    contact, to = new_contact(mail)
    send(mail, email, contact)
    [arrived] = eventually(lambda: server.to(to), "the mail")
    assert parts(arrived) == []


def test_a_template_to_segments_goes_out_with_its_files(
    mail: httpx.Client, server: MailServer, files: FileServer
) -> None:
    (contact, to), asset = new_contact(mail), new_file(mail, files)
    segment = told(mail.post("/api/segments/new", json={"name": f"Readers {uuid.uuid4().hex}"}), 201)["list"]["id"]
    told(mail.post(f"/api/segments/{segment}/contact/{contact}/add"))
    email = new_email(mail, emailType="list", lists=[segment])
    sent = told(mail.post(f"/api/emails/{email}/send", json={"assetAttachments": [asset]}))
    assert sent["sentCount"] == 1
    [arrived] = eventually(lambda: server.to(to), "the mail")
    assert [data for _, _, data in parts(arrived)] == [b"%PDF-1.7"]


def test_the_queue_keeps_ids_and_the_file_is_read_when_the_mail_is_written(
    mail: httpx.Client, server: MailServer, files: FileServer
) -> None:
    rule = {
        "email": {
            "frequency_number": 1,
            "frequency_time": "DAY",
            "pause_from_date": "2020-01-01",
            "pause_to_date": "2090-01-01",
        }
    }
    (contact, to), asset = new_contact(mail, frequencyRules=rule), new_file(mail, files, b"old")
    send(mail, new_email(mail), contact, assetAttachments=[asset], transactional=False)
    [path] = [path for path, reply in files.replies.items() if reply.data == b"old"]
    became(mail, contact, "rescheduled")
    assert path not in files.asked
    files.replies[path] = Reply(b"new")
    other, to = new_contact(mail)
    send(mail, new_email(mail), other, assetAttachments=[asset])
    [arrived] = eventually(lambda: server.to(to), "the mail")
    assert [data for _, _, data in parts(arrived)] == [b"new"]


@pytest.mark.parametrize(
    "file",
    [
        "https://files.example/prices.pdf",
        "http://127.0.0.1.evil.example/pub/prices.pdf",
        "{url}@evil.example/pub/prices.pdf",
        "{url}/pub/%2e%2e/secret.pdf",
        "{url}/public/prices.pdf",
        "file:///etc/passwd",
        "file://{folder}/../secret",
    ],
)
def test_what_is_in_no_named_place_is_refused_before_anything_is_queued(
    mail: httpx.Client, files: FileServer, folder: Path, file: str
) -> None:
    asset = new_asset(mail, file.format(url=files.url, folder=folder))
    contact, _ = new_contact(mail)
    body = {"assetAttachments": [asset]}
    email = new_email(mail)
    for answer in (
        mail.post(f"/api/emails/{email}/contact/{contact}/send", json=body),
        mail.post(f"/api/emails/{email}/send", json={"lists": [1], **body}),
        mail.patch(f"/api/emails/{email}/edit", json=body),
        mail.post("/api/emails/new", json={"name": "Prices", **body}),
    ):
        [error] = told(answer, 400)["errors"]
        assert "in none of the places" in error["details"]["assetAttachments"][0]
    assert told(mail.get(f"/api/contacts/{contact}/messages"))["total"] == 0


@pytest.mark.parametrize("said", [[999_999_999], ["x"], list(range(1, 12)), {"a": "x"}])
def test_what_is_no_list_of_assets_is_a_400_that_names_it(mail: httpx.Client, said: Any) -> None:
    contact, _ = new_contact(mail)
    email = new_email(mail)
    for answer in (
        mail.post(f"/api/emails/{email}/contact/{contact}/send", json={"assetAttachments": said}),
        mail.put(f"/api/emails/{email}/edit", json={"name": "Prices", "assetAttachments": said}),
    ):
        [error] = told(answer, 400)["errors"]
        assert list(error["details"]) == ["assetAttachments"]


def test_without_places_attaching_is_a_400_that_says_so(api: httpx.Client, files: FileServer) -> None:
    answer = api.post("/api/emails/new", json={"name": "Prices", "assetAttachments": [new_file(api, files)]})
    assert "SPOOR_ATTACHMENT_SOURCES" in told(answer, 400)["errors"][0]["message"]


def test_an_asset_that_is_deleted_meanwhile_fails_its_mail_for_good(
    mail: httpx.Client, server: MailServer, files: FileServer
) -> None:
    asset = new_file(mail, files)
    email = new_email(mail, assetAttachments=[asset])
    told(mail.delete(f"/api/assets/{asset}/delete"))
    contact, to = new_contact(mail)
    body = {"subject": "Prices", "template": email, "transactional": True}
    told(mail.post(f"/api/contacts/{contact}/email", json=body), 201)
    failed = became(mail, contact, "failed")
    assert failed["reason"] == f"The asset {asset} is not there, or not published, any more."
    assert server.to(to) == []


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(b"x" * (MOST + 1)), f"all files of a mail may have {MOST} bytes"),
        (Reply(status=404), "its place answers 404"),
        (Reply(status=302, headers=(("Location", "/pub/elsewhere"),)), "leads elsewhere, which is not followed"),
        (Reply(b"\x1f\x8b", headers=(("Content-Encoding", "gzip"),)), "packs what it sends"),
    ],
)
def test_a_file_that_cannot_be_had_fails_its_mail_for_good_and_says_why(
    mail: httpx.Client, server: MailServer, files: FileServer, reply: Reply, reason: str
) -> None:
    files.replies["/pub/elsewhere"] = Reply(b"elsewhere")
    asked = len(files.asked)
    asset = new_file(mail, files, *reply[:1], status=reply.status, headers=reply.headers)
    contact, to = new_contact(mail)
    send(mail, new_email(mail), contact, assetAttachments=[asset])
    failed = became(mail, contact, "failed")
    assert failed["reason"].startswith(f"The asset {asset} cannot be attached: ") and reason in failed["reason"]
    assert server.to(to) == [] and "/pub/elsewhere" not in files.asked[asked:]


def test_a_place_that_is_away_puts_its_mails_off(mail: httpx.Client, server: MailServer, folder: Path) -> None:
    (folder / "late.txt").write_text("late")
    asset = new_asset(mail, f"file://{folder}/late.txt")
    away = folder.rename(folder.with_name("away"))
    try:
        contact, to = new_contact(mail)
        send(mail, new_email(mail), contact, assetAttachments=[asset])
        waiting = became(mail, contact, "rescheduled")
    finally:
        away.rename(folder)
    assert (waiting["reason"], waiting["attempts"]) == (f"The place of an attachment does not answer: {folder}", 1)
    assert server.to(to) == []


async def test_a_place_that_was_away_is_left_alone_for_a_while_and_then_asked_again(
    stores: Stores, api: httpx.Client, files: FileServer, folder: Path
) -> None:
    now = [1_000.0]
    attachments = Attachments(stores.records, settings_of(files, folder), lambda: now[0])
    asset = new_file(api, files, b"there", status=503)
    (folder / "here.txt").write_text("here")
    local = new_asset(api, f"file://{folder}/here.txt")
    with pytest.raises(PlaceAwayError):
        await attachments.read([asset])
    [path] = [path for path, reply in files.replies.items() if reply.data == b"there"]
    files.replies[path] = Reply(b"there")
    now[0] += AWAY_SECONDS - 1
    with pytest.raises(PlaceAwayError):
        await attachments.read([asset])
    assert files.asked.count(path) == 1
    assert [one.data for one in await attachments.read([local])] == [b"here"], "another place is asked"
    now[0] += 1
    assert [one.data for one in await attachments.read([asset])] == [b"there"]


async def test_links_out_of_a_directory_are_refused_and_those_within_are_read(
    stores: Stores, api: httpx.Client, files: FileServer, folder: Path
) -> None:
    attachments = Attachments(stores.records, settings_of(files, folder))
    secret, inner = folder.with_name("secret"), folder / "real.txt"
    secret.write_text("secret")
    inner.write_text("real")
    for name, target in (("in.txt", inner), ("out.txt", secret), ("up", folder.parent)):
        (folder / name).symlink_to(target)
    (folder / "nested").mkdir()
    within = new_asset(api, f"file://{folder}/in.txt")
    assert [one.data for one in await attachments.read([within])] == [b"real"]
    for name in ("out.txt", "up/secret", "nested", "none.txt"):
        asset = new_asset(api, f"file://{folder}/{name}")
        with pytest.raises(UnattachableError):
            await attachments.read([asset])


async def test_the_bound_is_for_all_files_of_a_mail_together(
    stores: Stores, api: httpx.Client, files: FileServer, folder: Path
) -> None:
    attachments = Attachments(stores.records, settings_of(files, folder))
    half, rest = new_file(api, files, b"x" * (MOST // 2)), new_file(api, files, b"x" * (MOST // 2))
    (folder / "one.txt").write_text("1")
    one_more = new_asset(api, f"file://{folder}/one.txt")
    assert len(await attachments.read([half, rest])) == 2
    with pytest.raises(UnattachableError, match=f"{MOST} bytes"):
        await attachments.read([half, rest, one_more])


def test_only_assets_that_one_may_see_are_attached(mail: httpx.Client, files: FileServer) -> None:
    rights = {"email__emails": ["viewown", "create"], "asset__assets": ["viewown", "create"]}
    writer = client_of(mail, made_user(mail, role(mail, **rights)))
    said = {"name": "Prices", "assetAttachments": [new_file(mail, files)]}
    told(writer.post("/api/emails/new", json=said), 403)
    told(writer.post("/api/emails/new", json={**said, "assetAttachments": [new_file(writer, files)]}), 201)
