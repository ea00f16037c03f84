"""Where files of mails may come from, and what only looks as if it were there."""

from __future__ import annotations

import pytest

from services.contacts.mail.places import find, read_places

PLACES = read_places(("https://files.example/mails", "http://10.0.0.7:8000", "/srv/für mails/"))


@pytest.mark.parametrize(
    ("url", "name", "kind"),
    [
        ("https://files.example/mails/prices.pdf", "prices.pdf", "application/pdf"),
        ("HTTPS://Files.Example:443/mails/a/b.PNG?v=2#top", "b.PNG", "image/png"),
        ("https://files.example/mails/Preise%20f%C3%BCr%20alle.txt", "Preise für alle.txt", "text/plain"),
        ("http://10.0.0.7:8000/x", "x", "application/octet-stream"),
        ("http://10.0.0.7:8000/all.tar.gz", "all.tar.gz", "application/octet-stream"),
        ("file:///srv/f%C3%BCr%20mails/old.eml", "old.eml", "application/octet-stream"),
        ("file:///srv/für mails/a/list.csv", "list.csv", "text/csv"),
    ],
)
def test_what_lies_in_a_place_is_found(url: str, name: str, kind: str) -> None:
    found = find(url, PLACES)
    assert found and (found.name, found.kind) == (name, kind)


@pytest.mark.parametrize(
    "url",
    [
        "https://files.example.evil/mails/prices.pdf",
        "https://files.example@evil.example/mails/prices.pdf",
        "https://me@files.example/mails/prices.pdf",
        "https://files.example\\@evil.example/mails/prices.pdf",
        "https://evil.example/https://files.example/mails/prices.pdf",
        "https://files.example:8443/mails/prices.pdf",
        "http://files.example/mails/prices.pdf",
        "https://files.example/mails2/prices.pdf",
        "https://files.example/mails",
        "https://files.example/mails/",
        "https://files.example/mails/../secret.pdf",
        "https://files.example/mails/%2e%2e/secret.pdf",
        "https://files.example/mails/%252e%252e/secret.pdf",
        "https://files.example/mails/..%2fsecret.pdf",
        "https://files.example/mails%2fsecret.pdf",
        "https://files.example/mails/..%5c..%5csecret.pdf",
        "https://files.example/mails/..;/secret.pdf",
        "https://files.example/mails/..%3b/secret.pdf",
        "https://files.example/mails/a%00.pdf",
        "https://files.example/mails/a%ff.pdf",
        "https://files.example//mails/prices.pdf",
        "http://10.0.0.7/x",
        "http://10.0.0.77:8000/x",
        "file:///srv/f%C3%BCr%20mails/../../etc/passwd",
        "file:///srv/f%C3%BCr%20mails/%2e%2e/%2e%2e/etc/passwd",
        "file://evil.example/srv/f%C3%BCr%20mails/a",
        "file:///etc/passwd",
        "/srv/für mails/a",
        "ftp://files.example/mails/a",
        "https://[",
        "",
    ],
)
def test_what_only_looks_like_it_is_not(url: str) -> None:
    assert find(url, PLACES) is None


def test_without_places_nothing_is_found() -> None:
    assert find("https://files.example/mails/prices.pdf", read_places(())) is None
