"""Passwords and keys cannot be tried without end, whichever service is asked."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from services.common.guesses import FAILURES_A_MINUTE
from tests.integration.services import Service, serving

TRUSTED = {"SPOOR_TRUSTED_PROXIES": "127.0.0.1", "SPOOR_WRITE_KEYS": "a-shop-key"}


@pytest.fixture(scope="module", params=["ingest", "identity"])
def service(
    request: pytest.FixtureRequest, server_folder: Path, valkey_url: str, clickhouse_url: str
) -> Iterator[Service]:
    yield from serving(request.param, server_folder, valkey_url, clickhouse_url, **TRUSTED)


def test_wrong_passwords_are_limited_by_name_and_the_right_one_waits_too(service: Service) -> None:
    """Of identity, which stands behind no proxy, the name is made up: others of these tests come from this address."""
    is_door = "/v1/drops" if service.http.get("/v1/drops").status_code != 404 else ""
    path = is_door or "/v1/resolve"
    name = f"somebody-{uuid.uuid4().hex}"
    url, headers = str(service.http.base_url), {"x-forwarded-for": f"192.0.2.{uuid.uuid4().int % 250}"}
    with httpx.Client(base_url=url, trust_env=False, headers=headers, timeout=30) as guesser:
        said = [guesser.get(path, auth=(name, f"guess {number}")) for number in range(FAILURES_A_MINUTE + 3)]
    assert [one.status_code for one in said] == [401] * FAILURES_A_MINUTE + [429] * 3
    assert int(said[-1].headers["retry-after"]) > 0
    assert "Too many failed logins" in said[-1].text


def test_whoever_shows_nothing_is_not_counted(service: Service) -> None:
    url = str(service.http.base_url)
    said = [httpx.get(f"{url}/v1/drops", trust_env=False).status_code for _ in range(FAILURES_A_MINUTE + 3)]
    assert set(said) == {401}
