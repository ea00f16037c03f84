"""Browsers that nobody has logged in with."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.integration.contacts.ui.somebody import Visitor
from tests.integration.services import Service


@pytest.fixture
def browser(contacts_service: Service) -> Iterator[Visitor]:
    """A browser that nobody has logged in with; it keeps cookies."""
    made: list[httpx.Client] = []

    def new() -> httpx.Client:
        made.append(httpx.Client(base_url=contacts_service.http.base_url, trust_env=False, timeout=30))
        return made[-1]

    yield new
    for one in made:
        one.close()
