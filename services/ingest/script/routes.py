"""Serves the tracking script: with an entity tag, for an hour, compressed for who can read that."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.ingest.cors import VARY, Cors
from services.ingest.door import read_headers
from services.ingest.script.script import Script


def script_routes(script: Script, names: list[str], cors: Cors) -> list[Route]:
    async def mtc_js(request: Request) -> Response:
        response = representation(request)
        origin = read_headers(request.scope["headers"]).get(b"origin")
        response.raw_headers += [header for header in cors.headers(origin) if header != VARY]  # said below
        return response

    def representation(request: Request) -> Response:
        headers = {"etag": script.etag, "cache-control": "public, max-age=3600", "vary": "Accept-Encoding, Origin"}
        if script.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            return Response(script.gzip_body, media_type="application/javascript", headers=headers)
        return Response(script.body, media_type="application/javascript", headers=headers)

    return [Route(name, mtc_js, methods=["GET"]) for name in names]
