"""What the HTTP APIs have in common: the error envelope, and bounded bodies and queries that are read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import msgspec
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match

from services.common.clickhouse import ClickHouseError
from services.common.php_query import Node, PhpQueryError, parse_php_query
from services.common.queries.query_error import QueryError
from services.common.redis_client import RedisError

log = structlog.get_logger()

STORES_AWAY = (RedisError, ClickHouseError, OSError, TimeoutError, aiohttp.ClientError)
MAX_BODY_BYTES = 1_048_576
DISCARDED_BYTES, DISCARDING_SECONDS = 32 << 20, 5.0  # beyond the bound, of one request
API_VERSION = "5.1.1"  # which version of the REST contract this is; clients read it
NOT_FOUND = "Item was not found."
MAX_SHOWN_PATH = 200
NOT_ALLOWED = "You do not have access to the requested area/action."


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


# Behind a body that was not read whole no other request can be told apart.
_ERROR_HEADERS = {413: {"Connection": "close"}, 429: {"Retry-After": "1"}, 503: {"Retry-After": "1"}}


async def _answer_api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error_response(error, _ERROR_HEADERS.get(error.status))


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
    return stores_away(error)


def stores_away(error: Exception) -> Response:
    log.warning("store_unreachable", error=type(error).__name__, text=str(error)[:200])
    away = ApiError(503, "A database does not answer at the moment; nothing that was answered before is lost.")
    return error_response(away, {"Retry-After": "1"})


async def _answer_surprise(_: Request, error: Exception) -> Response:
    log.error("request_failed", exc_info=error)
    return error_response(ApiError(500, "Looks like something went wrong here."))


async def read_body(request: Request, most: int = MAX_BODY_BYTES) -> bytes:
    """The body. Raises `ApiError` 413 beyond the bound: what comes then is thrown away, for a while, since most clients
    listen only when they have sent it all."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > 10 or int(length) > most + DISCARDED_BYTES):
        raise _too_large(most)
    data, size = bytearray(), 0
    try:
        async with asyncio.timeout(None) as patience:
            async for chunk in request.stream():
                size += len(chunk)
                if size <= most:
                    data += chunk
                elif size > most + DISCARDED_BYTES:
                    break
                elif patience.when() is None:
                    patience.reschedule(asyncio.get_running_loop().time() + DISCARDING_SECONDS)
    except TimeoutError:
        pass
    except ClientDisconnect:
        raise ApiError(400, "The request was cut off.") from None
    if size > most:
        raise _too_large(most)
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


def base_url_of(request: Request) -> str:
    """What an absolute address of this service begins with; '' for a call from within the process."""
    return str(request.base_url).rstrip("/")


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
