"""Real servers, as processes on free ports, for the tests of this folder."""

from __future__ import annotations

import dataclasses
import http.client
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.processes import free_port

ROOT = Path(__file__).parents[3]
USER = "spoor"
PASSWORD = 's3cret with "quotes"'
START_SECONDS = 60.0


@dataclasses.dataclass
class Server:
    """A server process; `process` is replaced when a test starts it again."""

    module: str
    data_dir: Path
    port: int
    arguments: tuple[str, ...]
    process: subprocess.Popen[bytes]

    def command(self) -> list[str]:
        return _command(self.module, self.data_dir, self.port, self.arguments)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)

    def start(self) -> None:
        self.process = _spawn(self.command(), self.data_dir)

    def errors(self) -> str:
        """What it has written to standard error."""
        return _errors(self.data_dir).read_text()

    def memory_peak_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        match = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert match is not None
        return int(match.group(1)) * 1024


Start = Callable[..., Server]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts a server of `deploy.embedded` and returns when it answers; all are stopped at the end."""
    servers: list[Server] = []

    def start(module: str, *arguments: str) -> Server:
        data_dir = tmp_path_factory.mktemp(module) / "data"
        data_dir.parent.joinpath("password").write_text(PASSWORD + "\n")
        port = free_port()
        process = _spawn(_command(module, data_dir, port, arguments), data_dir)
        servers.append(Server(module, data_dir, port, arguments, process))
        return servers[-1]

    yield start
    for server in servers:
        server.process.kill()
        server.process.wait()


@pytest.fixture(scope="session")
def clickhouse(start: Start) -> Server:
    server = start("clickhouse")
    wait_for_clickhouse(server)
    return server


def wait_for_clickhouse(server: Server) -> None:
    wait_until(lambda: _pings(server.port), server)


def wait_until(is_true: Callable[[], bool], server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_true():
        assert server.process.poll() is None, server.errors()
        assert time.monotonic() < deadline
        time.sleep(0.02)  # it shares the machine with what it waits for


def _pings(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().read() == b"Ok.\n"
    except OSError:
        return False
    finally:
        connection.close()


def _command(module: str, data_dir: Path, port: int, arguments: tuple[str, ...]) -> list[str]:
    fixed = ["--data-dir", str(data_dir), "--port", str(port), "--password-file", str(data_dir.parent / "password")]
    return [sys.executable, "-m", f"deploy.embedded.{module}", *fixed, *arguments]


def _spawn(command: list[str], data_dir: Path) -> subprocess.Popen[bytes]:
    with _errors(data_dir).open("ab") as errors:
        return subprocess.Popen(command, cwd=ROOT, stderr=errors)


def _errors(data_dir: Path) -> Path:
    return data_dir.parent / "stderr"
