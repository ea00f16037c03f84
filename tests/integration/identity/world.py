"""Servers with services on them that may be killed, and what is left of their work."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import msgspec

from services.common import keys
from tests.integration import outboxes
from tests.integration.test_faults import SECRET, Spine
from tests.integration.tools.conftest import start_tool
from tests.processes import Process, free_port


class World:
    """The servers, those who are never killed, and those who are."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.spine = Spine(folder)
        self._environ, self._streams = environ, int(environ["SPOOR_STREAMS"])
        self.folder = folder

    def start(self, service: str, **environ: str) -> tuple[Process, int]:
        if service == "identity":
            return self.spine.start_resolver(**{**self._environ, **environ}), self.spine.port
        port = free_port()
        process = Process(
            "services.contacts", self.folder / f"contacts-{port}.log",
            {**self.servers(), "SPOOR_CONTACTS_PORT": str(port), **environ},
        )  # fmt: skip
        self.spine.resolvers.append(process)
        return process, port

    def doom(self, service: str, point: str, passing: int = 1) -> tuple[Process, int]:
        return self.start(service, SPOOR_FAULT_POINT=point, SPOOR_FAULT_PASSING=str(passing))

    def servers(self) -> dict[str, str]:
        spine = self.spine
        return {
            **self._environ,
            "SPOOR_REDIS_URL": f"redis://:test-password@127.0.0.1:{spine.redis_port}",
            "SPOOR_CLICKHOUSE_URL": f"http://spoor:test-password@127.0.0.1:{spine.clickhouse_port}/spoor",
            "SPOOR_ADMIN_PASSWORD": "test-login",
            "SPOOR_SECRET": SECRET,
        }

    def left(self) -> dict[str, int]:
        names = [name(stream) for stream in range(self._streams) for name in (keys.hits, keys.slow_hits)]
        return {name: count for name in names if (count := self.spine.redis.xlen(name))}

    def owners(self) -> list[bytes]:
        """Of the streams, each named once."""
        held = {self.spine.redis.get(keys.lease(stream)) for stream in range(self._streams)}
        return sorted(owner for owner in held if owner)

    def is_projected(self) -> bool:
        return outboxes.are_empty(self.spine.redis)

    def check_identity(self, *arguments: str) -> dict[str, Any]:
        """What it found, by kind: how many, and some of them."""
        done = self.run_tool("check_identity", *arguments)
        assert done.returncode in (0, 3), done.stderr
        kinds = msgspec.json.decode(done.stdout)["kinds"]
        return {name: (kind["found"], kind["examples"]) for name, kind in kinds.items() if kind["found"]}

    def run_tool(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """With the environment of the services."""
        environ = self.servers()
        redis_url, clickhouse_url = environ.pop("SPOOR_REDIS_URL"), environ.pop("SPOOR_CLICKHOUSE_URL")
        return start_tool(redis_url, clickhouse_url, name, *arguments, **environ)
