"""The embedded Valkey: what it keeps, whom it lets in, how it ends."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import redis

from tests.integration.embedded.conftest import PASSWORD, Server, Start, wait_until


def connect(server: Server, password: str = PASSWORD) -> Any:
    return redis.Redis(port=server.port, password=password)


def fill(client: Any) -> None:
    for _ in range(100):
        client.xadd("full", {"b": bytes(1 << 20)})


def _answers(server: Server) -> Callable[[], bool]:
    def answers() -> bool:
        with connect(server) as client:
            try:
                return bool(client.ping())
            except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
                return False

    return answers


@pytest.fixture(scope="module")
def valkey(start: Start) -> Server:
    server = start("valkey", "--fsync", "always", "--maxmemory", "64mb")
    wait_until(_answers(server), server)
    return server


def test_runs_as_told(valkey: Server) -> None:
    with connect(valkey) as client:
        settings = client.config_get("*")
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "always"
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["maxmemory"] == str(64 << 20)
    assert settings["save"] == ""
    assert settings["bind"] == "127.0.0.1"


def test_password_is_needed_and_only_in_a_private_file(valkey: Server) -> None:
    with connect(valkey, password="wrong") as client, pytest.raises(redis.exceptions.AuthenticationError):
        client.ping()
    with open(f"/proc/{valkey.process.pid}/cmdline") as file:
        assert PASSWORD not in file.read()
    assert (valkey.data_dir / "valkey.conf").stat().st_mode & 0o777 == 0o600


def test_acknowledged_entries_outlive_a_kill(valkey: Server) -> None:
    blob = bytes(range(256)) * 400
    with connect(valkey) as client:
        ids = [client.xadd("hits", {"b": blob}) for _ in range(50)]
    valkey.stop(signal.SIGKILL)
    valkey.start()
    wait_until(_answers(valkey), valkey)
    with connect(valkey) as client:
        assert [entry[0] for entry in client.xrange("hits")] == ids


def test_full_server_refuses_and_evicts_nothing(valkey: Server) -> None:
    with connect(valkey) as client:
        client.set("first", "kept")
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            fill(client)
        assert client.get("first") == b"kept"
        client.delete("full")


def test_second_process_on_the_directory_says_why_it_refuses(valkey: Server) -> None:
    second = subprocess.run(valkey.command(), capture_output=True, text=True, timeout=20, check=False)
    assert second.returncode == 1
    assert second.stderr == f"valkey: {valkey.data_dir} is in use by another Valkey process\n"


def test_signal_ends_it_clean(start: Start) -> None:
    server = start("valkey", "--fsync", "everysec")
    wait_until(_answers(server), server)
    assert server.stop() == 0
