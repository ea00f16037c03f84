"""What the HTTP APIs have in common: the error envelope, the login, tidy paths, bounded bodies."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_plus

import aiohttp
import msgspec
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match

from services.common.access import Gate, Refused, Shown
from services.common.caller import Caller, enter
from services.common.clickhouse import ClickHouseError
from services.common.peer import Network, address_of
from services.common.php_query import Node, PhpQueryError, parse_php_query
from services.common.queries.query_error import QueryError
from services.common.rate_limit import RateLimit
from services.common.redis_client import RedisError

log = structlog.get_logger()

STORES_AWAY = (RedisError, ClickHouseError, OSError, TimeoutError, aiohttp.ClientError)
MAX_BODY_BYTES = 1_048_576
API_VERSION = "5.1.1"  # which version of the REST contract this is; clients read it
NOT_FOUND = "Item was not found."
MAX_SHOWN_PATH = 200
NOT_ALLOWED = "You do not have access to the requested area/action."
LIMITED = "You exceeded the rate limit"
MAX_TOKEN_FORM_BYTES = 65_536  # of a form that is read before it is known whose it is

Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class ApiError(Exception):
    """An answer in the error envelope; `details` names texts by field."""

    def __init__(
        self, status: int, message: str, details: Mapping[str, list[str]] | None = None, kind: str | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.details, self.kind = status, message, details, kind


def json_response(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")


def error_response(error: ApiError, headers: Mapping[str, str] | None = None) -> Response:
    body: dict[str, Any] = {"code": error.status, "message": error.message}
    if error.status != 401:
        body["details"] = error.details or {}
    body["type"] = error.kind
    return json_response({"errors": [body]}, error.status, headers)


def add_error_handlers(app: Starlette, why_not: Callable[[str], str] = lambda _: "") -> None:
    """Every error of this app is answered in the envelope, with the status that its kind means. `why_not` says why a
    path is not served, where there is something to say."""

    async def answer_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _answer_http_error(request, error, why_not)

    app.add_exception_handler(ApiError, _answer_api_error)
    app.add_exception_handler(HTTPException, answer_http_error)
    app.add_exception_handler(QueryError, _answer_bad_input)
    app.add_exception_handler(PhpQueryError, _answer_bad_input)
    for kind in STORES_AWAY:
        app.add_exception_handler(kind, _answer_stores_away)
    app.add_exception_handler(Exception, _answer_surprise)


async def _answer_api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error_response(error, {"Retry-After": "1"} if error.status in (429, 503) else None)


def not_allowed() -> ApiError:
    return ApiError(403, NOT_ALLOWED)


def _answer_http_error(request: Request, error: HTTPException, why_not: Callable[[str], str]) -> Response:
    path = request.url.path[:MAX_SHOWN_PATH]
    if request.method == "OPTIONS":
        return error_response(ApiError(404, NOT_FOUND))
    if error.status_code == 404:
        reason = why_not(path)
        return error_response(ApiError(404, f"{path} is not served{f' ({reason})' if reason else ''}."))
    if error.status_code == 405:
        allowed = ", ".join(_methods(request))
        return error_response(ApiError(405, f"{path} has no {request.method}, but {allowed}."), {"Allow": allowed})
    return error_response(ApiError(error.status_code, error.detail), error.headers)


def _methods(request: Request) -> list[str]:
    """Of all routes of this path; where one names it word by word, those of placeholders do not count."""
    found = [(route, *route.matches(request.scope)) for route in request.app.routes]
    matching = [(route, scope) for route, match, scope in found if match != Match.NONE]
    routes = [route for route, scope in matching if not scope["path_params"]] or [route for route, _ in matching]
    return sorted({method for route in routes for method in getattr(route, "methods", None) or ()})


async def _answer_bad_input(_: Request, error: Exception) -> Response:
    details = error.details() if isinstance(error, QueryError) else None
    return error_response(ApiError(400, str(error), details))


async def _answer_stores_away(_: Request, error: Exception) -> Response:
    return _stores_away(error)


def _stores_away(error: Exception) -> Response:
    log.warning("store_unreachable", error=type(error).__name__, text=str(error)[:200])
    away = ApiError(503, "A database does not answer at the moment; nothing that was answered before is lost.")
    return error_response(away, {"Retry-After": "1"})


async def _answer_surprise(_: Request, error: Exception) -> Response:
    log.error("request_failed", exc_info=error)
    return error_response(ApiError(500, "Looks like something went wrong here."))


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
        if path.startswith("/api"):
            send = _with_version(send)
        enter(None)
        if not self._is_open(path):
            shown, scope, receive = await _shown(scope, receive, self._trusted)
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
            return _stores_away(error)
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


def _with_version(send: Send) -> Send:
    async def send_marked(message: Any) -> None:
        if message["type"] == "http.response.start":
            headers = [*message["headers"], (b"mautic-version", API_VERSION.encode())]
            message = {**message, "headers": headers}
        await send(message)

    return send_marked


async def read_body(request: Request, most: int = MAX_BODY_BYTES) -> bytes:
    """The body. Raises `ApiError` 413 beyond the bound, before it is all read."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > 10 or int(length) > most):
        raise _too_large(most)
    data = bytearray()
    try:
        async for chunk in request.stream():
            data += chunk
            if len(data) > most:
                raise _too_large(most)
    except ClientDisconnect:
        raise ApiError(400, "The request was cut off.") from None
    return bytes(data)


def _too_large(most: int) -> ApiError:
    return ApiError(413, f"The body is larger than {most} bytes.")


async def read_object(request: Request) -> dict[str, Any]:
    """The body as an object: JSON, or a form with PHP brackets. Raises `ApiError` 400, 413."""
    return parse_object(await read_body(request), request.headers.get("content-type", ""))


async def read_items(request: Request) -> dict[str, Any]:
    """The items of a batch by their keys, which in a list are the numbers from 0. Raises `ApiError` 400, 413."""
    said = _parse(await read_body(request), request.headers.get("content-type", ""))
    if isinstance(said, list):
        return {str(number): item for number, item in enumerate(said)}
    if isinstance(said, dict):
        return said
    raise ApiError(400, "The body must be a list, or an object of items.")


def parse_object(body: bytes, content_type: str) -> dict[str, Any]:
    """An empty body is an empty object. Raises `ApiError` 400, `PhpQueryError`."""
    value = _parse(body, content_type)
    if value == []:
        return {}  # how PHP writes an empty object
    if not isinstance(value, dict):
        raise ApiError(400, "The body must be an object.")
    return value


def _parse(body: bytes, content_type: str) -> Any:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        raise ApiError(400, "Bodies are read as JSON or as application/x-www-form-urlencoded.")
    if not body.strip():
        return {}
    # curl calls everything a form unless told otherwise; no form begins like this.
    is_like_json = body.lstrip()[:1] in (b"{", b"[")
    if kind in ("", "application/x-www-form-urlencoded") and not is_like_json:
        return dict(parse_php_query(body))
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ApiError(400, "The body is no JSON that can be read.") from error


def query_of(request: Request) -> dict[str, Node]:
    """The query with PHP brackets. Raises `PhpQueryError`."""
    return parse_php_query(request.scope["query_string"])


def whole_number(query: Mapping[str, Node], name: str, default: int, *, most: int) -> int:
    """A parameter that counts; an empty one is the default. Raises `ApiError` 400."""
    text = query.get(name, "")
    if text == "":
        return default
    if not isinstance(text, str) or not re.fullmatch(r"\s*[0-9]{1,15}\s*", text, re.ASCII) or int(text) > most:
        raise ApiError(400, f"{name} must be a whole number from 0 to {most}.", {name: ["This value is not valid."]})
    return int(text)


def text_of(query: Mapping[str, Node], name: str) -> str:
    """A parameter that is text; '' when absent. Raises `ApiError` 400 for an array."""
    value = query.get(name, "")
    if not isinstance(value, str):
        raise ApiError(400, f"{name} must be text.", {name: ["This value is not valid."]})
    return value
