"""Places of their own for tests of what is done beside the requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from services.common.settings import Settings
from services.contacts.stores import Stores
from tests.integration.contacts.own_place import Place

PlaceMaker = Callable[..., Place]


@pytest.fixture(scope="module")
def make_place(server_folder: Path, valkey_url: str, clickhouse_url: str) -> Iterator[PlaceMaker]:
    if "cluster" in valkey_url:
        pytest.skip("a cluster has no second database")
    made: list[Place] = []

    def make(**environ: str) -> Place:
        made.append(Place(server_folder, f"{valkey_url[:-1]}{7 + len(made)}", clickhouse_url, **environ))
        return made[-1]

    yield make
    for place in made:
        place.close()


@pytest.fixture
async def stores(valkey_url: str, clickhouse_url: str) -> AsyncIterator[Stores]:
    stores = Stores(Settings(redis_url=valkey_url, clickhouse_url=clickhouse_url))
    await stores.open()
    yield stores
    await stores.close()
