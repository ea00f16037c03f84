"""A client that sends slowly, or not at all, does not keep a connection for ever. Measured: a head has 30 s."""

from __future__ import annotations

import base64
import contextlib
import resource
import socket
import threading
import time

import httpx

from services.common.patience import BODY_SECONDS
from tests.integration.security.conftest import NAMES, PASSWORD, Four

HEAD_SECONDS = 30.0  # Granian's own bound, also of a kept connection on which nothing is asked
SLACK_SECONDS = 12.0
PATHS = {"ingest": "/mtc/event", "identity": "/v1/resolve", "contacts": "/api/contacts/new", "export": "/exports"}
_LOGIN = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()


def head(path: str, *, login: bool = True) -> bytes:
    said = f"Authorization: Basic {_LOGIN}\r\n" if login else ""
    kind = "application/json" if login else "application/x-www-form-urlencoded"
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{said}Content-Type: {kind}\r\nContent-Length: 5000\r\n\r\n".encode()


class Slow(threading.Thread):
    """Sends a beginning and then a byte a second; knows after how many seconds the server had enough."""

    def __init__(self, port: int, beginning: bytes, more: bytes) -> None:
        super().__init__()
        self._port, self._beginning, self._more = port, beginning, more
        self.seconds = float("inf")

    def run(self) -> None:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
            connection.sendall(self._beginning)
            while time.monotonic() - began < HEAD_SECONDS + SLACK_SECONDS:
                try:
                    if self._more:
                        connection.sendall(self._more)
                    if not connection.recv(4_096):
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
            else:
                return
        self.seconds = time.monotonic() - began


def test_slow_heads_and_bodies_are_cut_off_by_every_service_and_others_are_served_meanwhile(four: Four) -> None:
    """All at once: it takes as long as the slowest."""
    slow: dict[str, Slow] = {}
    for name in NAMES:
        port = four.port(name)
        slow[f"{name}: nothing"] = Slow(port, b"", b"")
        slow[f"{name}: head"] = Slow(port, b"GET / HTTP/1.1\r\nHost: x\r\n", b"X-a: b\r\n")
        slow[f"{name}: body"] = Slow(port, head(PATHS[name]), b"a")
        slow[f"{name}: no body"] = Slow(port, head(PATHS[name]), b"")
    slow["batch: body"] = Slow(four.port("ingest"), head("/v1/batch"), b"a")
    slow["import: body"] = Slow(four.port("contacts"), head("/api/imports/new?name=a.csv"), b"a")
    slow["login: body"] = Slow(four.port("contacts"), head("/ui/login", login=False), b"a")
    slow["form without a login: body"] = Slow(four.port("contacts"), head("/api/contacts/new", login=False), b"a")
    for one in slow.values():
        one.start()
    time.sleep(1)
    assert [four.http[name].get("/livez").status_code for name in NAMES] == [200] * 4
    for one in slow.values():
        one.join()
    too_long = {name: one.seconds for name, one in slow.items() if one.seconds == float("inf")}
    assert not too_long
    bodies = [one.seconds for name, one in slow.items() if name.endswith("body")]
    assert max(bodies) < BODY_SECONDS + SLACK_SECONDS


def test_five_thousand_connections_on_which_nothing_is_asked_keep_nobody_out(four: Four) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.ExitStack() as idle:
        for _ in range(5_000):
            idle.enter_context(socket.create_connection(("127.0.0.1", four.port("ingest")), timeout=5))
        url = f"http://127.0.0.1:{four.port('ingest')}/livez"
        assert httpx.get(url, trust_env=False, timeout=5).status_code == 200
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
