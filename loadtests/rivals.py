"""What ingest is measured against: a no-op on the same server, and what one would write first.

`python -m loadtests.rivals noop|fastapi --port P` serves one of them; the second appends to SPOOR_REDIS_URL.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio as aioredis
import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.applications import Starlette
from starlette.responses import Response as StarletteResponse
from starlette.routing import Route

from services.common.service import serve
from services.common.settings import load_settings
from services.ingest.answers import COOKIE_MAX_AGE_SECONDS, GIF, event_body

RIVAL_STREAM = "rival"


def noop_app() -> Starlette:
    """The endpoints that do nothing: the roof for any Starlette app on this server."""

    async def pixel(_: Request) -> StarletteResponse:
        return StarletteResponse(GIF, media_type="image/gif")

    async def event(request: Request) -> StarletteResponse:
        await request.body()
        return StarletteResponse(event_body(None, 0), media_type="application/json")

    return Starlette(routes=[Route("/mtracking.gif", pixel), Route("/mtc/event", event, methods=["POST"])])


def fastapi_app() -> FastAPI:
    """The same fields of a hit, appended one by one, and a cookie for a visitor without one."""
    client = aioredis.Redis.from_url(os.environ["SPOOR_REDIS_URL"], max_connections=1_000)  # more than it is asked for

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await client.aclose()

    app = FastAPI(lifespan=lifespan)

    @app.get("/mtracking.gif")
    async def pixel(request: Request) -> Response:
        device_id = request.cookies.get("mautic_device_id")
        response = Response(GIF, media_type="image/gif")
        if device_id is None:
            device_id = uuid.uuid4().hex[:23]
            response.set_cookie("mautic_device_id", device_id, COOKIE_MAX_AGE_SECONDS, secure=True, samesite="none")
        await client.xadd(
            RIVAL_STREAM,
            {
                "event_id": uuid.uuid4().hex,
                "time": time.time(),
                "device_id": device_id,
                "ip": request.client.host if request.client else "",
                "query": request.url.query,
                "user_agent": request.headers.get("user-agent", ""),
                "referer": request.headers.get("referer", ""),
                "accept_language": request.headers.get("accept-language", ""),
            },
        )
        return response

    return app


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rival", choices=("noop", "fastapi"))
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    if options.rival == "noop":
        settings = dataclasses.replace(load_settings(), ingest_port=options.port)
        serve("loadtests.rivals:noop_app", options.port, settings)
    else:
        uvicorn.run(
            "loadtests.rivals:fastapi_app",
            factory=True,
            port=options.port,
            loop="uvloop",
            http="httptools",
            access_log=False,
            log_level="warning",
        )


if __name__ == "__main__":
    main()
