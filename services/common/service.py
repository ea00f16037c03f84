"""What every service does alike: start under Granian, log its settings, /livez, /readyz and /metrics."""

from __future__ import annotations

import asyncio
import ctypes
import functools
import gc
import importlib
import logging
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server
from prometheus_client import generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from services.common.metrics import Metrics
from services.common.settings import Settings, masked

Check = Callable[[], Awaitable[str | None]]  # None when all is well, else what is wrong

WORKER_STOP_SECONDS = 10  # what is in hand takes 5 s at most
_PR_SET_PDEATHSIG = 1
MAX_CONNECTIONS, OTHER_HANDLES = 16_384, 1_024
MAX_HEAD_BYTES = 417_792  # hyper answers 431 to a longer request head; the services refuse far earlier, with a body


def operation_routes(metrics: Metrics, check: Check, warn: Callable[[], str | None] = lambda: None) -> list[Route]:
    """/livez, /readyz and /metrics. `check` tells why the service cannot do its job, `warn` what looks wrong."""

    async def livez(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        reason = await check()
        body = {"ready": reason is None, "reason": reason, "warning": warn()}
        return JSONResponse(body, status_code=200 if reason is None else 503)

    async def shown(_: Request) -> Response:
        metrics.ready.value = float(await check() is None)
        return Response(generate_latest(metrics.registry), media_type="text/plain; version=0.0.4")

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", shown)]


def serve(target: str, port: int, settings: Settings) -> None:
    """Runs the factory `module:function` on one worker until a signal ends it. Processes scale, not workers."""
    configure_logs(settings.log_level)
    structlog.get_logger().info("service_starts", target=target, port=port, **masked(settings))
    Server(
        target,
        address=settings.host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        workers=1,
        workers_kill_timeout=WORKER_STOP_SECONDS,
        loop=Loops.uvloop,
        backlog=2048,
        backpressure=connections(),
        http1_settings=HTTP1Settings(max_buffer_size=MAX_HEAD_BYTES),
        log_level=LogLevels.warning,
        websockets=False,
        respawn_failed_workers=True,
    ).serve(target_loader=functools.partial(_load_in_worker, os.getpid()))


def connections() -> int:
    """How many at once: whoever comes then waits. Takes as many file handles as the system gives, and leaves some to
    files and stores."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wished = MAX_CONNECTIONS + OTHER_HANDLES
    if soft < wished:
        soft = wished if hard == resource.RLIM_INFINITY else min(wished, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(min(MAX_CONNECTIONS, soft - OTHER_HANDLES), 64)


def _load_in_worker(parent: int, target: str) -> Any:
    """Runs the factory `module:function`, in the process that Granian has forked for it.

    Nothing tells a forked worker that its parent was killed: it would keep the port, half alive. And until Granian has
    set its own handlers, those of the parent swallow the signals that are to end it.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    die_with_parent(parent)
    module, _, function = target.partition(":")
    return getattr(importlib.import_module(module), function)()


def die_with_parent(parent: int) -> None:
    """For a process that means nothing without the one that started it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)


def end_process_if_failed(task: asyncio.Task[None]) -> None:
    """To be called when a task ends that must run for ever: a service that only looks alive is worse than none, and
    whoever watches starts another."""
    if not task.cancelled() and (error := task.exception()) is not None:
        structlog.get_logger().error("service_failed", exc_info=error)
        os.kill(os.getpid(), signal.SIGKILL)


def quiet_garbage_collector() -> None:
    """Leaves what a started service keeps for ever alone, and looks at the rest rarely.

    Nearly all that requests and batches make is freed by its count; looking for cycles was half of ingest's p99.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def configure_logs(level: str) -> None:
    """Events with fields as JSON lines on standard error; never a sentence, an address or a payload."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.BytesLoggerFactory(file=sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )


def _to_json(event: object, **_: object) -> bytes:
    return msgspec.json.encode(event, enc_hook=str)
