"""The client `node-mautic` from npm, unchanged, through its flows on contacts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.integration.services import LOGIN

CLIENT = Path(__file__).parents[2] / "clients" / "node"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client, installed by its locked names and hashes."""
    folder = tmp_path_factory.mktemp("node") / "client"
    shutil.copytree(CLIENT, folder, ignore=shutil.ignore_patterns("node_modules"))
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True, timeout=600)
    return folder


def test_its_flows(client: Path, api: httpx.Client) -> None:
    login = {"API_URL": str(api.base_url).rstrip("/"), "API_USER": LOGIN[0], "API_PASSWORD": LOGIN[1]}
    done = subprocess.run(
        ["node", "flow.js"],
        cwd=client,
        env={**os.environ, **login},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
