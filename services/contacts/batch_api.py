"""Several things of one kind in one request: made, changed or deleted, each for itself, and all told at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import STORES_AWAY, ApiError, json_response, parse_object, query_of, read_body, read_items
from services.common.operation import DescribedRoute, described
from services.contacts.batch import Told, check_size, error_object, keyed, lanes, read_ids
from services.contacts.batch_operations import BatchOperations
from services.contacts.objects import Json
from services.contacts.users.ownership import check_create

RECORDS_AT_ONCE = 16


class NoIdError(ApiError):
    """Clients know the status of such an item as 404, and the code of its error as 400."""

    def __init__(self) -> None:
        super().__init__(400, "The item has no id.")


class Items(Protocol):
    """What can be done to one thing of a kind. Each raises `ApiError`, or what `STORES_AWAY` lists."""

    async def create(self, body: Json) -> Told: ...

    async def change(self, said_id: str, body: Json, *, replaces: bool) -> Told:
        """`replaces` is PUT."""

    async def remove(self, said_id: str) -> Json:
        """As it was."""


class Batch(Protocol):
    """The work on the items of one request. What `create`, `change` and `remove` return is their own business."""

    at_once: int

    async def lanes(self, items: Mapping[str, Any]) -> list[list[str]]: ...

    async def create(self, body: Json) -> Any: ...

    async def change(self, said_id: str, body: Json, *, replaces: bool) -> Any: ...

    async def remove(self, said_id: str) -> Any: ...

    async def written(self, done: Mapping[str, Any]) -> Mapping[str, Told]:
        """All that was made or changed, by key, once nothing of it can be lost."""

    async def removed(self, done: Mapping[str, Any]) -> Mapping[str, Json]: ...


async def _as_they_are(shown: Sequence[Json]) -> Sequence[Json]:
    return shown


class EachAlone:
    """A batch of things that are written one by one; by `marks` two items are known to mean the same one. `completed`
    adds to what is shown of them, of all at once."""

    def __init__(
        self,
        items: Items,
        marks: Callable[[Json], list[tuple[str, str]]] = lambda _: [],
        at_once: int = RECORDS_AT_ONCE,
        completed: Callable[[Sequence[Json]], Awaitable[Sequence[Json]]] = _as_they_are,
    ) -> None:
        self.create, self.change, self.remove = items.create, items.change, items.remove
        self._marks, self.at_once, self._completed = marks, at_once, completed

    async def lanes(self, items: Mapping[str, Any]) -> list[list[str]]:
        return lanes(items, self._marks)

    async def written(self, done: Mapping[str, Any]) -> Mapping[str, Told]:
        shown = await self._completed([told.shown for told in done.values()])
        return {key: told._replace(shown=one) for (key, told), one in zip(done.items(), shown, strict=True)}

    async def removed(self, done: Mapping[str, Any]) -> Mapping[str, Json]:
        return dict(zip(done, await self._completed(list(done.values())), strict=True))


class BatchApi:
    """Below `path`; `plural` is the key that answers have. Its routes stand before those with an id in the path.

    `old_name_of`: what clients should use in place of this path."""

    def __init__(
        self,
        path: str,
        plural: str,
        begin: Callable[[], Batch],
        operations: BatchOperations,
        old_name_of: str = "",
    ) -> None:
        self._path, self._plural, self._begin, self._operations = path, plural, begin, operations
        self._old_name_of = old_name_of

    def routes(self) -> list[DescribedRoute]:
        said, old = self._operations, self._old_name_of
        new, edit, delete = (f"/batch/{end}" for end in ("new", "edit", "delete"))
        return [
            described(self._path + new, self.new, post=said.new, old_name_of=old and old + new),
            described(
                self._path + edit, self.edit, patch=said.change, put=said.replace, old_name_of=old and old + edit
            ),
            described(self._path + delete, self.delete, delete=said.delete, old_name_of=old and old + delete),
        ]

    async def new(self, request: Request) -> Response:
        batch = self._begin()
        return await self._written(batch, await read_items(request), batch.create, status=201)

    async def edit(self, request: Request) -> Response:
        """PATCH and PUT mean for each item what they mean for one."""
        batch, replaces = self._begin(), request.method == "PUT"

        async def edit(item: Json) -> Any:
            if item.get("id") in (None, ""):
                if replaces:
                    check_create(self._path)
                    return await batch.create(item)
                raise NoIdError
            return await batch.change(str(item["id"]), item, replaces=replaces)

        return await self._written(batch, await read_items(request), edit, status=200)

    async def delete(self, request: Request) -> Response:
        """Each as it was; who is not there is left out."""
        body = await read_body(request)
        ids = read_ids(query_of(request), parse_object(body, request.headers.get("content-type", "")))
        check_size(len(ids))
        if not ids or not all(one.isdecimal() for one in ids):
            return json_response(
                {self._plural: [], "errors": {"0": error_object(ApiError(400, "ids: a list of ids."))}}
            )
        batch, items = self._begin(), {str(number): one for number, one in enumerate(ids)}
        done = await each(items, [[key] for key in items], batch.remove, batch.at_once)
        gone = await batch.removed({key: one for key, one in done.items() if not isinstance(one, ApiError)})
        errors = {
            key: error_object(one) for key, one in done.items() if isinstance(one, ApiError) and one.status != 404
        }
        return json_response({self._plural: keyed(gone), **({"errors": errors} if errors else {})})

    async def _written(
        self, batch: Batch, items: dict[str, Any], write: Callable[[Json], Awaitable[Any]], *, status: int
    ) -> Response:
        check_size(len(items))

        async def checked(item: Any) -> Any:
            if not isinstance(item, dict):
                raise ApiError(400, "The item must be an object.")
            return await write(item)

        done = await each(items, await batch.lanes(items), checked, batch.at_once)
        told = await batch.written({key: one for key, one in done.items() if not isinstance(one, ApiError)})
        errors = {key: one for key, one in done.items() if isinstance(one, ApiError)}
        codes = {key: _status(errors[key]) if key in errors else 201 if told[key].is_new else 200 for key in done}
        body: Json = {self._plural: keyed({key: one.shown for key, one in told.items()}), "statusCodes": codes}
        if errors:
            body["errors"] = {key: error_object(error) for key, error in errors.items()}
        return json_response(body, status)


def _status(error: ApiError) -> int:
    return 404 if isinstance(error, NoIdError) else error.status


async def each(
    items: Mapping[str, Any], in_lanes: list[list[str]], work: Callable[[Any], Awaitable[Any]], at_once: int
) -> dict[str, Any]:
    """By key, in the order of the items, what `work` returned, or the `ApiError` that it raised. Raises it when there
    is nothing but stores that are away."""
    room = asyncio.Semaphore(at_once)
    done: dict[str, Any] = {}

    async def run(lane: list[str]) -> None:
        async with room:
            for key in lane:
                done[key] = await _answered(items[key], work)

    await asyncio.gather(*(run(lane) for lane in in_lanes))
    if done and all(isinstance(one, ApiError) and one.status == 503 for one in done.values()):
        raise next(iter(done.values()))
    return {key: done[key] for key in items}


async def _answered(item: Any, work: Callable[[Any], Awaitable[Any]]) -> Any:
    try:
        return await work(item)
    except ApiError as error:
        return error
    except STORES_AWAY:
        return ApiError(503, "A database does not answer at the moment.")
