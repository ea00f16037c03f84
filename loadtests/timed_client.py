"""A client of one service over one connection that is kept: answers, and how long each took."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any

from loadtests.stack import Stack, StackError


class TimedClient:
    def __init__(self, stack: Stack, name: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", stack.port(name), timeout=60)
        self._headers = {"authorization": stack.login(), "content-type": "application/json"}

    def timed(self, path: str, body: object = None, method: str = "") -> tuple[Any, float]:
        """(the answer, milliseconds from the first byte of the request to the last of the answer)."""
        data = json.dumps(body).encode() if body is not None else None
        started = time.perf_counter()
        self._connection.request(method or ("POST" if data else "GET"), path, data, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        took = (time.perf_counter() - started) * 1_000
        if answer.status not in (200, 201, 202):
            raise StackError(f"{path}: {answer.status} {text[:200]!r}")
        return json.loads(text), took
