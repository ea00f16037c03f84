"""Calls the REST API from within the process: the pages read and write as its clients do, and have no rules of their
own.

A call is the caller's: whoever `enter` named. What the API refuses is raised as the `ApiError` that it would have
answered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.common.caller import author
from services.common.envelope import ApiError

OF_PAGE = "of_page"  # in the scope of a call: the caller came in through the pages, and needs no right to the API

App = Callable[[Any, Any, Any], Awaitable[None]]
Query = Mapping[str, Any] | Sequence[tuple[str, Any]]


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Raises `ApiError` for what was refused."""
        said = msgspec.json.decode(self.body) if self.body else None
        if self.status >= 400:
            raise _refused(self.status, said)
        return said


class InnerApi:
    def __init__(self, app: App) -> None:
        self._app = app

    async def get(self, path: str, query: Query = ()) -> Any:
        """The JSON of an answer. Raises `ApiError`."""
        return (await self._call("GET", path, query)).json()

    async def things(self, path: str, name: str = "", query: Query = ()) -> list[dict[str, Any]]:
        """The things of a list that the answer has under this name, or that it is. Raises `ApiError`."""
        return things_of(await self.get(path, query), name)

    async def things_seen(self, path: str, name: str = "", query: Query = ()) -> list[dict[str, Any]]:
        """The same; nothing for who may not see them."""
        try:
            return await self.things(path, name, query)
        except ApiError as error:
            if error.status != 403:
                raise
            return []

    async def send(self, method: str, path: str, body: Any = None) -> Any:
        """The same; `body` is sent as JSON. Raises `ApiError`."""
        return (await self._call(method, path, (), msgspec.json.encode(body if body is not None else {}))).json()

    async def raw(self, path: str, query: Query = ()) -> Answer:
        """An answer that need not be JSON, whole. Raises `ApiError`."""
        answer = await self._call("GET", path, query)
        if answer.status >= 400:
            answer.json()
        return answer

    def relay(self, method: str, path: str, query: Query = ()) -> Response:
        """An answer that is handed on as it comes, however long it is."""
        return _Relayed(self._app, _scope(method, path, _encoded(query), []))

    async def hand_on(self, request: Request, method: str, path: str) -> Any:
        """The body of a request is read by the API itself, as it comes in. Raises `ApiError`."""
        kept = (b"content-type", b"content-length", b"transfer-encoding")
        headers = [(name, value) for name, value in request.scope["headers"] if name in kept]
        query = request.scope["query_string"]
        return (await self._run(_scope(method, path, query, headers), request.receive)).json()

    async def _call(self, method: str, path: str, query: Query, body: bytes = b"") -> Answer:
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        return await self._run(_scope(method, path, _encoded(query), headers), receive)

    async def _run(self, scope: dict[str, Any], receive: Any) -> Answer:
        status, headers, body = 500, {}, bytearray()

        async def send(message: Any) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = {
                    name.decode("latin-1").lower(): value.decode("latin-1") for name, value in message["headers"]
                }
            else:
                body.extend(message.get("body", b""))

        await self._app(scope, receive, send)
        return Answer(status, headers, bytes(body))


def things_of(found: Any, name: str = "") -> list[dict[str, Any]]:
    """Of a list of the API, which is an object by id for some kinds."""
    things = found[name] if name else found
    return [*things.values()] if isinstance(things, dict) else [*things]


class _Relayed(Response):
    """What the API answers, given out while it is made."""

    def __init__(self, app: App, scope: dict[str, Any]) -> None:
        super().__init__()
        self._app, self._scope = app, scope

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(self._scope, receive, send)


def _encoded(query: Query) -> bytes:
    return urlencode(list(query.items() if isinstance(query, Mapping) else query), doseq=True).encode()


def _scope(method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "method": method,
        "path": path, "raw_path": path.encode(), "root_path": "", "query_string": query, "headers": headers,
        "client": None, "server": None, "user": author(""), OF_PAGE: True,
    }  # fmt: skip


def _refused(status: int, said: Any) -> ApiError:
    errors = said.get("errors") if isinstance(said, dict) else None
    if not errors:
        return ApiError(status, "This did not work.")
    first = errors[0] if isinstance(errors, list) else next(iter(errors.values()))
    return ApiError(status, first.get("message", ""), first.get("details") or None, first.get("type"))
