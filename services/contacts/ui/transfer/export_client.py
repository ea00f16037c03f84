"""Calls the export service over HTTP, as whoever looks at the page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.common.envelope import ApiError
from services.common.settings import Settings
from services.contacts.ui.sessions import token_of

ANSWER_SECONDS = 30.0
CONNECT_SECONDS = 3.0
AWAY = "The export service does not answer at the moment; try again."
_KEPT = ("content-type", "content-length", "content-disposition", "content-range", "accept-ranges", "etag",
         "last-modified")  # fmt: skip


class ExportClient:
    def __init__(self, settings: Settings) -> None:
        url = settings.export_inner_url or f"http://127.0.0.1:{settings.export_port}"
        self._http = httpx.AsyncClient(
            base_url=url, timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS), trust_env=False
        )

    async def get(self, request: Request, path: str) -> Any:
        """The JSON of an answer. Raises `ApiError`."""
        return await self.send(request, "GET", path)

    async def send(self, request: Request, method: str, path: str, body: Any = None) -> Any:
        """The same. Raises `ApiError`."""
        content = msgspec.json.encode(body) if body is not None else None
        headers = {**_login(request), **({"content-type": "application/json"} if content else {})}
        try:
            answer = await self._http.request(method, path, content=content, headers=headers)
        except httpx.HTTPError:
            raise ApiError(503, AWAY) from None
        return _told(answer.status_code, answer.content)

    async def download(self, request: Request, path: str) -> Response:
        """A file as it comes, or the part of it that is asked for. Raises `ApiError`."""
        headers = _login(request)
        if asked := request.headers.get("range"):
            headers["range"] = asked
        sent = self._http.build_request("GET", path, headers=headers)
        try:
            answer = await self._http.send(sent, stream=True)
        except httpx.HTTPError:
            raise ApiError(503, AWAY) from None
        if answer.status_code >= 400 and answer.status_code != 416:
            body = await answer.aread()
            await answer.aclose()
            _told(answer.status_code, body)
        kept = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
        return StreamingResponse(
            _pieces(answer), answer.status_code,
            {**kept, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
        )  # fmt: skip

    async def close(self) -> None:
        await self._http.aclose()


def _login(request: Request) -> dict[str, str]:
    if token := token_of(request):
        return {"authorization": f"Bearer {token}"}
    return {"authorization": request.headers.get("authorization", "")}


def _told(status: int, body: bytes) -> Any:
    try:
        said = msgspec.json.decode(body) if body else None
    except msgspec.DecodeError:
        raise ApiError(503, AWAY) from None
    if status < 400:
        return said
    errors = said.get("errors") if isinstance(said, dict) else None
    first = errors[0] if errors else {}
    raise ApiError(status, first.get("message", AWAY), first.get("details") or None)


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_raw():
            yield piece
    finally:
        await answer.aclose()
