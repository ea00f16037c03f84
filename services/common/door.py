"""ASGI in front of an API: tidies the path, asks who it is, counts, and marks every answer with the version."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_plus

from starlette.datastructures import Headers
from starlette.responses import Response

from services.common.access import Gate, Refused, Shown
from services.common.answer_headers import NO_SNIFFING, Send, adding
from services.common.caller import Caller, enter
from services.common.envelope import API_VERSION, STORES_AWAY, ApiError, error_response, stores_away
from services.common.patience import Receive, patient
from services.common.peer import Network, address_of
from services.common.rate_limit import RateLimit
from services.common.same_origin import FROM_ELSEWHERE, is_of_another_page

LIMITED = "You exceeded the rate limit"
_OF_ALL = (NO_SNIFFING,)
_OF_API = (*_OF_ALL, (b"mautic-version", API_VERSION.encode()))
MAX_TOKEN_FORM_BYTES = 65_536  # of a form that is read before it is known whose it is

Scope = Any


class ApiDoor:
    """ASGI in front of an app: tidies the path, asks for the login, and marks every answer with the version."""

    def __init__(
        self,
        app: Callable[[Scope, Receive, Send], Awaitable[None]],
        gate: Gate,
        is_open: Any,
        renamed: Mapping[str, str] | None = None,
        limit: RateLimit | None = None,
        trusted: Sequence[Network] = (),
    ) -> None:
        self._app, self._gate = app, gate
        self._is_open: Callable[[str], bool] = is_open  # paths that need no login
        self._renamed = renamed or {}  # old names of what paths begin with
        self._limit, self._trusted = limit, trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = new_path(tidy_path(scope["path"]), self._renamed)
        scope = {**scope, "path": path, "raw_path": path.encode("utf-8", "surrogateescape"), "user": ""}
        receive, send = patient(receive), adding(send, _OF_API if path.startswith("/api") else _OF_ALL)
        enter(None)
        if not self._is_open(path):
            shown, scope, receive = await _shown(scope, receive, self._trusted)
            if is_of_another_page(scope["method"], shown.authorization, Headers(scope=scope)):
                await error_response(ApiError(403, FROM_ELSEWHERE, kind="access_denied"))(scope, receive, send)
                return
            admitted = await self._admitted(shown, path)
            if isinstance(admitted, Response):
                await admitted(scope, receive, send)
                return
            enter(admitted)
            scope["user"] = admitted.name
        await self._app(scope, receive, send)

    async def _admitted(self, shown: Shown, path: str) -> Caller | Response:
        try:
            admitted = await self._gate.admit(shown, path)
        except STORES_AWAY as error:
            return stores_away(error)
        if isinstance(admitted, Refused):
            return _refusal(admitted, is_bearer=bool(shown.bearer()))
        waits = await self._limit.take(admitted.key) if self._limit and self._limit.count else 0
        return _refusal(Refused(429, LIMITED, None, waits)) if waits else admitted


async def _shown(scope: Scope, receive: Receive, trusted: Sequence[Network]) -> tuple[Shown, Scope, Receive]:
    """What the request shows of whoever makes it, and the request without a token in its query."""
    peer = scope["client"][0] if scope.get("client") else ""
    ip = address_of(peer, _header(scope, b"x-forwarded-for"), trusted) if trusted else peer
    if authorization := _header(scope, b"authorization"):
        return Shown(authorization, ip=ip), scope, receive
    if b"access_token=" in scope["query_string"]:
        said, rest = _split_token(scope["query_string"])
        return Shown("", said, ip), {**scope, "query_string": rest}, receive
    if _header(scope, b"content-type").startswith("application/x-www-form-urlencoded"):
        said, receive = await _token_in_form(scope, receive)
        return Shown("", said, ip), scope, receive
    return Shown("", ip=ip), scope, receive


def _split_token(query: bytes) -> tuple[str, bytes]:
    """The token, and the pairs that are left."""
    pairs = query.split(b"&")
    tokens = [pair.partition(b"=")[2] for pair in pairs if pair.startswith(b"access_token=")]
    rest = b"&".join(pair for pair in pairs if not pair.startswith(b"access_token="))
    return unquote_plus(tokens[0].decode("latin-1")) if tokens else "", rest


async def _token_in_form(scope: Scope, receive: Receive) -> tuple[str, Receive]:
    """From a form that is short and says how short; what was read is there to be read again."""
    length = _header(scope, b"content-length")
    if not (length.isdecimal() and len(length) < 6 and int(length) <= MAX_TOKEN_FORM_BYTES):
        return "", receive
    messages, body = [], b""
    while True:
        message = await receive()
        messages.append(message)
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > MAX_TOKEN_FORM_BYTES:
            break

    async def receive_again() -> Any:
        return messages.pop(0) if messages else await receive()

    return (_split_token(body)[0] if b"access_token=" in body else ""), receive_again


def tidy_path(path: str) -> str:
    """Doubled and trailing slashes, and blanks around the parts, which some clients send, mean nothing."""
    return re.sub(r"[ \t]*/[/ \t]*", "/", f"{path}/").rstrip("/") or "/"


def new_path(path: str, renamed: Mapping[str, str]) -> str:
    """Under the new name, where it begins with an old one."""
    for old, new in renamed.items():
        if path == old or path.startswith(f"{old}/"):
            return new + path.removeprefix(old)
    return path


def _header(scope: Scope, name: bytes) -> str:
    """Of several none counts: whoever stands before us may have seen another one than we would."""
    values = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else ""


def _refusal(refused: Refused, *, is_bearer: bool = False) -> Response:
    headers = {}
    if refused.status == 401:
        realm = 'realm="Spoor"'
        headers["WWW-Authenticate"] = f"Bearer {realm}" if is_bearer else f'Basic {realm}, charset="UTF-8"'
    if refused.retry_after_seconds:
        headers["Retry-After"] = str(refused.retry_after_seconds)
    return error_response(ApiError(refused.status, refused.message, kind=refused.kind), headers)
