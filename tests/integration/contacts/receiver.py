"""A receiver of webhooks in the test's own process: it keeps what it is told, and answers as it is bidden."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from tests.processes import eventually


class Receiver:
    def __init__(self) -> None:
        self.status = 200
        self.hangs_seconds = 0.0
        self.requests: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.requests.append((dict(self.headers.items()), body))
                time.sleep(receiver.hangs_seconds)
                self.send_response(receiver.status)
                if receiver.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook?x=1"

    def items(self, trigger: str) -> list[dict[str, Any]]:
        """All that it was told of one trigger, in order."""
        bodies = [json.loads(body) for _, body in list(self.requests)]
        return [item for body in bodies for item in body.get(trigger, [])]

    def told(self, trigger: str, count: int = 1, seconds: float = 20.0) -> list[dict[str, Any]]:
        """The same, once there are so many."""
        eventually(lambda: len(self.items(trigger)) >= count, f"{count} of {trigger}", seconds)
        return self.items(trigger)

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


def is_signed(request: tuple[dict[str, str], bytes], secret: str) -> bool:
    headers, body = request
    signature = base64.b64encode(hmac.new(secret.encode(), body, "sha256").digest()).decode()
    return headers["Webhook-Signature"] == signature
