"""`python -m deploy.embedded.clickhouse --data-dir DIR --port 8124 --user spoor --password-file F`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import uvloop
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from deploy.embedded.clickhouse.app import App
from deploy.embedded.clickhouse.credentials import Credentials
from deploy.embedded.clickhouse.engine import Engine
from deploy.embedded.clickhouse.limits import Limits
from deploy.embedded.starting import StartError, lock, read_password

_MAX_HEAD_BYTES = 1 << 20  # queries and parameters may come in the URL
_MAX_MEMORY_BYTES = 8 << 30


def main() -> None:
    arguments = _arguments()
    try:
        _check_port(arguments.host, arguments.port)
        lock(arguments.data_dir, "ClickHouse")
        uvloop.run(_serve(arguments))
    except StartError as error:
        sys.exit(f"clickhouse: {error}")


async def _serve(arguments: argparse.Namespace) -> None:
    """Opens the data, serves until a signal, and closes the data: in this order, or the engine may crash at exit."""
    credentials = Credentials(arguments.user, read_password(arguments.password_file))
    limits = Limits(arguments.max_running, arguments.max_waiting, max_body_bytes=arguments.max_body_mb << 20)
    engine = Engine(
        arguments.data_dir.resolve(), max_running=limits.max_running, max_memory_bytes=arguments.max_memory_mb << 20
    )
    engine.open()
    try:
        await _listen(App(engine, credentials, limits), arguments.host, arguments.port)
    finally:
        await engine.close()


async def _listen(app: App, host: str, port: int) -> None:
    """One process holds both the engine and the server, so that whatever kills it leaves nobody behind."""
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        http1_settings=HTTP1Settings(max_buffer_size=_MAX_HEAD_BYTES),
        websockets=False,
        log_enabled=False,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    await server.serve()


def _check_port(host: str, port: int) -> None:
    """Granian shares its port with whoever has it already, and connections would go to either."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartError(f"cannot listen on {host}:{port}: {error.strerror}") from error


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded.clickhouse", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8124)
    parser.add_argument("--user", default="spoor")
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("--max-running", type=int, default=Limits.max_running, help="statements at once")
    parser.add_argument("--max-waiting", type=int, default=Limits.max_waiting, help="statements in line")
    parser.add_argument("--max-body-mb", type=int, default=Limits.max_body_bytes >> 20, help="of one request")
    parser.add_argument("--max-memory-mb", type=int, default=_default_memory_bytes() >> 20, help="of the engine")
    return parser.parse_args()


def _default_memory_bytes() -> int:
    """Half of the machine, since other servers run beside this one."""
    return min(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2, _MAX_MEMORY_BYTES)


if __name__ == "__main__":
    main()
