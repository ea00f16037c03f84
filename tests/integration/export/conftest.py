"""The export service for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.services import Service, serving


@pytest.fixture(scope="module")
def exports(server_folder: Path, valkey_url: str, clickhouse_url: str) -> Iterator[Service]:
    yield from serving("export", server_folder, valkey_url, clickhouse_url)
