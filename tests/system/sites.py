"""Sites of their own names for a browser, over http and over https with a certificate that nobody signed."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


def make_certificate(folder: Path) -> ssl.SSLContext:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.fail("openssl is missing; install it: apt-get install openssl", pytrace=False)
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=*.test"
    subprocess.run(
        [*command.split(), "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True, timeout=30
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


class Shop(ThreadingHTTPServer):
    """Serves one page, which may change, under a strict policy; over TLS when it has a certificate."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", port), _Page)
        self.page, self.policy = "", ""
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, *_: Any) -> None:
        pass  # a browser that went away


class _Page(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", self.server.policy)
        self.end_headers()
        self.wfile.write(self.server.page.encode())

    def log_message(self, *_: Any) -> None:
        pass


class TlsDoor:
    """Takes TLS off connections and hands them to a plain port, as a load balancer does."""

    def __init__(self, port: int, target: int, tls: ssl.SSLContext) -> None:
        self._target, self._tls = target, tls
        self._listener = socket.create_server(("127.0.0.1", port))

    def serve_forever(self, **_: Any) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with (
                self._tls.wrap_socket(client, server_side=True) as near,
                socket.create_connection(("127.0.0.1", self._target)) as far,
            ):
                back = threading.Thread(target=_pump, args=(far, near), daemon=True)
                back.start()
                _pump(near, far)
                back.join()
        except OSError:
            pass  # a browser that went away

    def shutdown(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)

    def server_close(self) -> None:
        self._listener.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@contextmanager
def running(*servers: Shop | TlsDoor) -> Iterator[None]:
    threads = [threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02}) for one in servers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()
