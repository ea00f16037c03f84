"""Styles, scripts and fonts of the pages: read once, compressed once, and kept by browsers for ever under a name that
changes with what they say."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDERS = (Path(__file__).parent / "vendor", Path(__file__).parent / "static")
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".woff2": "font/woff2",
    ".geojson": "application/geo+json",
    ".svg": "image/svg+xml",
}
_NAMED = re.compile(rb"asset:([\w.-]+)")
FOR_EVER = "public, max-age=31536000, immutable"


class Asset(NamedTuple):
    kind: str
    body: bytes
    packed: bytes  # gzipped; empty where that does not pay
    mark: str


class Assets:
    def __init__(self) -> None:
        files = sorted(path for folder in FOLDERS for path in folder.iterdir() if path.suffix in KINDS)
        self._by_name: dict[str, Asset] = {}
        for path in sorted(files, key=lambda one: one.suffix == ".css"):  # styles name the others
            self._by_name[path.name] = _asset(KINDS[path.suffix], self._named(path.read_bytes()))

    def path(self, name: str) -> str:
        """Where a page finds it. Raises `KeyError` for what there is not."""
        return f"/ui/assets/{self._by_name[name].mark}/{name}"

    def _named(self, body: bytes) -> bytes:
        """With the paths of the assets that it names as `asset:name`."""
        for name in _NAMED.findall(body):
            body = body.replace(b"asset:" + name, self.path(name.decode()).encode())
        return body

    def routes(self) -> list[Route]:
        return [Route("/ui/assets/{mark}/{name}", self.serve, methods=["GET"])]

    async def serve(self, request: Request) -> Response:
        asset = self._by_name.get(request.path_params["name"])
        if asset is None:
            return Response("There is no such file.\n", 404, media_type="text/plain")
        is_current = request.path_params["mark"] == asset.mark
        headers = {"Cache-Control": FOR_EVER if is_current else "no-cache", "X-Content-Type-Options": "nosniff"}
        if asset.packed and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(asset.packed, 200, {**headers, "Content-Encoding": "gzip"}, media_type=asset.kind)
        return Response(asset.body, 200, headers, media_type=asset.kind)


def _asset(kind: str, body: bytes) -> Asset:
    packed = gzip.compress(body, 9, mtime=0)
    mark = hashlib.sha256(body).hexdigest()[:12]
    return Asset(kind, body, packed if len(packed) < 0.9 * len(body) else b"", mark)
