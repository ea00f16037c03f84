"""Places of their own for tests of what is done beside the requests."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from services.common.settings import Settings
from services.contacts.stores import Stores
from tests.integration.cluster.nodes import Cluster
from tests.integration.contacts.own_place import Place

PlaceMaker = Callable[..., Place]


@pytest.fixture(scope="module")
def make_place(server_folder: Path, valkey_url: str, clickhouse_url: str) -> Iterator[PlaceMaker]:
    made: list[Place] = []
    with ExitStack() as clusters:

        def redis_url() -> str:
            """Another database of the server; a cluster has but one, so another cluster."""
            if "cluster" in valkey_url:
                return clusters.enter_context(Cluster(server_folder / f"cluster-{uuid.uuid4().hex}")).url
            return f"{valkey_url[:-1]}{7 + len(made)}"

        def make(**environ: str) -> Place:
            made.append(Place(server_folder, redis_url(), clickhouse_url, **environ))
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
