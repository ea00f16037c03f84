"""Places of their own for tests of what is done beside the requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

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
