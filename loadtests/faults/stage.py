"""The stack of the fault suite: every service, with a proxy before Redis and one before ClickHouse."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import redis

from loadtests.faults.fault import NotRunError
from loadtests.faults.proxy import Proxy
from loadtests.processes import signal_tree
from loadtests.stack import Stack, StackError

STREAMS = 4
RESOLVERS = 2
PAGES = ("contacts", "export")
LEASE_SECONDS = 3.0  # shorter than the default of 10: so much of each outage of a resolver would be nothing but that
RESTART_SECONDS = 0.5  # what a supervisor takes
READY_SECONDS = 60.0


class Stage(Stack):
    """Two resolvers share four streams. The services see the databases through proxies, the judge does not."""

    def __init__(self, *, on_cluster: bool = False, fsync: str = "always") -> None:
        super().__init__(fsync=fsync, streams=STREAMS)
        self.on_cluster = on_cluster
        self.streams = STREAMS
        self.clickhouse_proxy = Proxy(self.port("clickhouse"), self.port("clickhouse-proxy"))
        self.redis_proxy = Proxy(self.port("valkey"), self.port("valkey-proxy"))
        self._mounts: list[Path] = []
        self.over_at = 0.0
        self.environ["SPOOR_LEASE_SECONDS"] = str(LEASE_SECONDS)
        self._lead_through(self.clickhouse_proxy)
        if on_cluster:
            self.environ["SPOOR_REDIS_WAIT_REPLICAS"] = "1"
        else:
            self._lead_through(self.redis_proxy)  # the nodes of a cluster name each other, and no proxy

    def _lead_through(self, proxy: Proxy) -> None:
        for name in ("SPOOR_REDIS_URL", "SPOOR_CLICKHOUSE_URL"):
            self.environ[name] = self.environ[name].replace(f":{proxy.target}/", f":{proxy.port}/")

    def lead_past_redis_proxy(self) -> None:
        """What is started from now on sees Redis as it is."""
        self.environ["SPOOR_REDIS_URL"] = self.environ["SPOOR_REDIS_URL"].replace(
            f":{self.redis_proxy.port}/", f":{self.redis_proxy.target}/"
        )

    def mark_over(self) -> None:
        """From now on nothing is wrong any more, but for what a fault does to clean up."""
        self.over_at = time.time()

    def is_running(self, name: str) -> bool:
        return self._processes[name].poll() is None

    def start_all(self) -> None:
        if self.on_cluster:
            self.start_valkey_cluster(replicas=1)
        else:
            self.start_valkey()
        self.start_clickhouse()
        for number in range(RESOLVERS):
            self.start_identity(number)
        self.start_ingest()

    def __enter__(self) -> Stage:
        super().__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.redis_proxy.close()
        self.clickhouse_proxy.close()
        for mount in reversed(self._mounts):
            subprocess.run(["umount", "--lazy", str(mount)], check=False)
        super().__exit__(kind, error, trace)

    def redis(self) -> Any:
        if self.on_cluster:
            return super().redis()
        return redis.Redis(port=self.port("valkey"), password=self.password, socket_timeout=60)

    @property
    def resolvers(self) -> list[str]:
        return [f"identity-{number}" for number in range(RESOLVERS)]

    def start_again(self, name: str) -> None:
        """A database that was stopped."""
        if name == "valkey":
            self.start_valkey()
        else:
            self.start_clickhouse()

    def start_service(self, name: str, *, waits: bool = True) -> None:
        """Any of the four, under the name by which it is stopped."""
        module = name.partition("-")[0]
        self.environ[f"SPOOR_{module.upper()}_PORT"] = str(self.port(name))
        self.start(name, ["-m", f"services.{module}"], "/readyz" if waits else "")

    def replace_ingest(self) -> None:
        """Another one listens on the same port before the one that is there is told to go."""
        self._ports["ingest-next"] = self.port("ingest")
        self.start("ingest-next", ["-m", "services.ingest"])
        self.wait_until(lambda: _listeners(self.port("ingest")) == 2, "a second ingest listens")
        time.sleep(RESTART_SECONDS)  # until it has its ids
        self.stop("ingest")
        self._processes["ingest"] = self._processes.pop("ingest-next")

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """SIGSTOP: it hangs, and its connections with it."""
        pid = self.pid(name)
        signal_tree(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            signal_tree(pid, signal.SIGCONT)

    @contextmanager
    def with_pages(self) -> Iterator[None]:
        """The other two services as well, under the names `contacts` and `export`."""
        for name in PAGES:
            self.start_service(name)
        yield
        for name in PAGES:
            self.stop(name)

    @contextmanager
    def serving_with(self, name: str, **environ: str) -> Iterator[None]:
        """This service with other settings, and as before at the end; not after an error, which is the stage's end."""
        before = dict(self.environ)
        self._replace(name, {**before, **environ})
        yield
        self._replace(name, before)

    def _replace(self, name: str, environ: dict[str, str]) -> None:
        self.stop(name)
        self.environ.update(environ)
        for gone in set(self.environ) - set(environ):
            del self.environ[gone]
        self.start_service(name)

    def replica_of(self, master: str, *command: str) -> None:
        """Gives a command to a replica of this node of the cluster."""
        names = [name for name in self.names() if name.startswith("valkey")]
        for name in names:
            with self._node(name) as node:
                if node.info("replication").get("master_port") == self.port(master):
                    node.execute_command(*command)
                    return
        raise StackError(f"{master} has no replica")

    @property
    def spill_folder(self) -> Path:
        return self.folder / "spill"

    def has_nothing_spilled(self) -> bool:
        return not any(self.spill_folder.glob("*.hits"))

    def mount(self, name: str, megabytes: int) -> Path:
        """A disk of that size, at a folder of the stage. Raises `NotRunError` where it cannot be had."""
        path = self.folder / name
        path.mkdir(exist_ok=True)
        if os.geteuid():
            raise NotRunError("a small disk takes root (mount -t tmpfs)")
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotRunError(f"a small disk cannot be mounted here: {done.stderr.strip()}")
        self._mounts.append(path)
        return path

    def unmount(self, path: Path) -> None:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
        self._mounts.remove(path)

    def readiness(self, name: str) -> dict[str, Any]:
        """What its /readyz says; nothing when it does not answer."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.url(name)}/readyz", timeout=3) as answer:
                return dict(json.loads(answer.read()))
        except OSError as error:
            body = getattr(error, "read", lambda: b"{}")()
            return dict(json.loads(body or b"{}"))

    def wait_until(self, is_true: Callable[[], bool], what: str, seconds: float = READY_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not is_true():
            if time.monotonic() > deadline:
                raise StackError(f"not within {seconds:.0f} s: {what}")
            time.sleep(0.02)

    def wait_until_ready(self) -> None:
        for name in [*self.resolvers, "ingest"]:
            self.wait_until(lambda name=name: bool(self.readiness(name).get("ready")), f"{name} is ready")  # type: ignore[misc]


def _listeners(port: int) -> int:
    """How many sockets listen on this port of the machine."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(1 for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}"))
