"""`/v1/merge`, `/v1/unmerge`, `/v1/identify`, `/v1/resolve`: identity for internal services."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.envelope import ApiError, json_response, parse_object, read_body
from services.common.merges import MergeError, Unmerged
from services.common.redis_client import RedisClient
from services.identity.idempotency import Idempotency
from services.identity.lookup import Answer
from services.identity.metrics import IdentityMetrics
from services.identity.operations import NobodyError, Operations, shown
from services.identity.placement import PlacementError
from services.identity.selectors import Selector, SelectorError, read_selector, read_unique

MAX_RESOLVED = 1_000
_TEXTS = {
    "contact_not_found": (404, "There is no contact {id}."),
    "not_merged": (409, "Contact {id} is not merged into another one."),
    "busy": (503, "Contact {id} is being changed by others; try again."),
}

Body = dict[str, Any]


class IdentityApi:
    """`operations` are None until the servers behind them answer."""

    def __init__(
        self, redis: RedisClient, operations: Callable[[], Operations | None], metrics: IdentityMetrics
    ) -> None:
        self._idempotency = Idempotency(redis)
        self._operations, self._metrics = operations, metrics

    def routes(self) -> list[Route]:
        return [
            Route("/v1/merge", self._write(self.merge), methods=["POST"]),
            Route("/v1/unmerge", self._write(self.unmerge), methods=["POST"]),
            Route("/v1/identify", self._write(self.identify), methods=["POST"]),
            Route("/v1/resolve", self.resolve, methods=["POST"]),
        ]

    async def merge(self, operations: Operations, body: Body, user: str) -> Response:
        """`winner` keeps its id; `loser`, all that it is, and all that its devices do from now on, become the
        winner's."""
        _check_keys(body, "winner", "loser")
        unique = await operations.unique_fields()
        winner, loser = _selector(body, "winner", unique), _selector(body, "loser", unique)
        if winner == loser:
            raise ApiError(400, "winner and loser are the same.", {"loser": ["This value is the winner's."]})
        survivor, is_new = await operations.merge(winner, loser, user)
        return json_response({"merged": is_new, "contact": shown(survivor)})

    async def unmerge(self, operations: Operations, body: Body, user: str) -> Response:
        """`contact`, by an id that was merged away, becomes a contact of its own again."""
        _check_keys(body, "contact")
        unmerged = await operations.unmerge(_selector(body, "contact", await operations.unique_fields()), user)
        return json_response(_unmerged(unmerged))

    async def identify(self, operations: Operations, body: Body, user: str) -> Response:
        """`device_id` becomes that of `contact`; or its contact takes the unique values, as it would by a hit."""
        unique_fields = await operations.unique_fields()
        device_id = body.get("device_id")
        if not isinstance(device_id, str) or not device_id:
            raise _wrong("device_id", "This value should not be blank.")
        unique = _unique(body, unique_fields)
        contact = _selector(body, "contact", unique_fields) if "contact" in body or "contact_id" in body else None
        if (contact is None) == (not unique):
            raise _wrong("contact", "Say either whose the device is, or unique values.")
        linked = await operations.link(device_id, contact, unique, uuid.uuid4().bytes, user)
        if linked is None:
            raise _wrong("device_id", "This cannot be a device id.")
        return json_response({"device_id": device_id, "outcomes": linked.outcomes, "contact": shown(linked.contact)})

    async def resolve(self, request: Request) -> Response:
        """`ids`: up to 1,000 selectors. An answer for each, in their order."""
        operations = self._ready()
        body = _object(await read_body(request))
        _check_keys(body, "ids")
        said = body.get("ids")
        if not isinstance(said, list) or len(said) > MAX_RESOLVED:
            raise _wrong("ids", f"This must be a list of at most {MAX_RESOLVED}.")
        unique_fields = await operations.unique_fields()
        selectors: list[Selector | str] = [_try_selector(one, unique_fields) for one in said]
        answers = iter(await operations.resolve([one for one in selectors if isinstance(one, Selector)]))
        results = [{"error": one} if isinstance(one, str) else _answer(next(answers)) for one in selectors]
        self._metrics.calls.add(value="resolve")
        return json_response({"results": results})

    def _write(self, handler: Callable[[Operations, Body, str], Awaitable[Response]]) -> Any:
        async def endpoint(request: Request) -> Response:
            operations = self._ready()
            data = await read_body(request)
            body = _object(data)

            async def answer() -> Response:
                return await _told(handler(operations, body, request.scope["user"]))

            response = await self._idempotency.once(request, data, answer)
            self._metrics.calls.add(value=handler.__name__)
            return response

        return endpoint

    def _ready(self) -> Operations:
        operations = self._operations()
        if operations is None:
            raise ApiError(503, "The service is starting.")
        return operations


async def _told(answer: Awaitable[Response]) -> Response:
    """What went wrong, as an answer in the envelope."""
    try:
        return await answer
    except NobodyError as error:
        text = "There is no such contact."
        raise ApiError(404, f"{error.name}: {text}", {error.name: [text]}) from error
    except MergeError as error:
        status, text = _TEXTS[error.reason]
        raise ApiError(status, text.format(id=error.contact_id), kind=error.reason) from error
    except PlacementError as error:
        raise ApiError(503, "The contact is being changed by others; try again.") from error


def _object(data: bytes) -> Body:
    return parse_object(data, "application/json")


def _check_keys(body: Body, *names: str) -> None:
    """A word that is not understood may be meant to change what is done. Raises `ApiError` 400."""
    unknown = [key for key in body if key not in names and key.removesuffix("_id") not in names]
    if unknown:
        raise _wrong(unknown[0][:60], f"This is not one of {', '.join(names)}.")


def _wrong(name: str, text: str) -> ApiError:
    return ApiError(400, f"{name}: {text}", {name: [text]})


def _selector(body: Body, name: str, unique_fields: tuple[str, ...]) -> Selector:
    said = body.get(name, body.get(f"{name}_id"))
    if said is None:
        raise _wrong(name, "This value should not be blank.")
    try:
        return read_selector(said, unique_fields)
    except SelectorError as error:
        raise _wrong(name, str(error)) from error


def _try_selector(said: Any, unique_fields: tuple[str, ...]) -> Selector | str:
    try:
        return read_selector(said, unique_fields)
    except SelectorError as error:
        return str(error)


def _unique(body: Body, unique_fields: tuple[str, ...]) -> dict[str, str]:
    said = {name: text for name, text in body.items() if name not in ("device_id", "contact", "contact_id")}
    try:
        return {name: read_unique(name, str(text), unique_fields).value for name, text in said.items()}
    except SelectorError as error:
        raise _wrong(next(iter(said)), str(error)) from error


def _answer(answer: Answer) -> dict[str, Any]:
    return {"contact_id": answer.contact_id, "status": answer.status.value}


def _unmerged(unmerged: Unmerged) -> dict[str, Any]:
    taken = [value.field for value in unmerged.taken]
    return {
        "unmerged": unmerged.is_new,
        "contact": shown(unmerged.back),
        "from": shown(unmerged.rest) if unmerged.rest.parts() else None,  # deleted since
        "taken": taken,  # unique fields whose values somebody else holds by now
    }
