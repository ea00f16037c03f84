"""Several contacts in one request: made, changed or deleted, each for itself, and all told at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.envelope import STORES_AWAY, ApiError, json_response, parse_object, query_of, read_body, read_items
from services.contacts.metrics import ContactsMetrics
from services.contacts.people.api import read_contact_id
from services.contacts.people.batch import check_size, error_object, keyed, lanes, read_ids
from services.contacts.people.contact import Contact
from services.contacts.people.contact_object import contact_object
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.editor import ContactEditor
from services.contacts.people.projector import Collected
from services.contacts.people.writer import Written
from services.contacts.stores import Stores
from services.contacts.users.ownership import check_create

LANES_AT_ONCE = 200
NO_ID = "The item has no id."


class BatchApi:
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        self._stores, self._user, self._metrics = stores, user, metrics
        self._reader = ContactReader(stores)

    def routes(self) -> list[Route]:
        return [
            Route("/api/contacts/batch/new", self.new, methods=["POST"]),
            Route("/api/contacts/batch/edit", self.edit, methods=["PUT", "PATCH"]),
            Route("/api/contacts/batch/delete", self.delete, methods=["DELETE"]),
        ]

    async def new(self, request: Request) -> Response:
        return await self._written(await read_items(request), ContactEditor.create, status=201)

    async def edit(self, request: Request) -> Response:
        """PATCH and PUT mean for each item what they mean for one."""
        replaces = request.method == "PUT"

        async def edit(editor: ContactEditor, item: dict[str, Any]) -> Written:
            if item.get("id") in (None, ""):
                if replaces:
                    check_create("/api/contacts")
                    return await editor.create(item)
                raise ApiError(404, NO_ID)
            return await editor.edit(read_contact_id(item["id"]), item, replaces=replaces)

        return await self._written(await read_items(request), edit, status=200)

    async def delete(self, request: Request) -> Response:
        """Each as it was; who is not there is left out."""
        body = await read_body(request)
        ids = read_ids(query_of(request), parse_object(body, request.headers.get("content-type", "")))
        check_size(len(ids))

        async def delete(item: Any) -> Contact:
            return await editor.delete(read_contact_id(item))

        collected = Collected(self._stores.projector)
        editor = ContactEditor(self._stores, self._user, self._metrics, collected)

        items = {str(number): one for number, one in enumerate(ids)}
        if not items or not all(one.isdecimal() for one in ids):
            return json_response({"contacts": [], "errors": {"0": error_object(ApiError(400, "ids: a list of ids."))}})
        done = await self._each(items, [[key] for key in items], delete)
        await collected.flush()
        gone = {key: contact_object(one, self._user) for key, one in done.items() if isinstance(one, Contact)}
        errors = {
            key: error_object(one) for key, one in done.items() if isinstance(one, ApiError) and one.status != 404
        }
        return json_response({"contacts": keyed(gone), **({"errors": errors} if errors else {})})

    async def _written(
        self, items: dict[str, Any], write: Callable[[ContactEditor, Any], Awaitable[Written]], *, status: int
    ) -> Response:
        check_size(len(items))
        unique_fields = (await self._stores.fields.now()).unique

        async def checked(item: Any) -> Written:
            if not isinstance(item, dict):
                raise ApiError(400, "The item must be an object.")
            return await write(editor, item)

        collected = Collected(self._stores.projector)
        editor = ContactEditor(self._stores, self._user, self._metrics, collected)
        done = await self._each(items, lanes(items, unique_fields), checked)
        await collected.flush()
        written = {key: one for key, one in done.items() if isinstance(one, Written)}
        newest = {one.profile.id: one.profile for one in written.values()}
        new = {one.profile.id for one in written.values() if one.is_new}
        contacts = {contact.id: contact for contact in await self._reader.all_shown(list(newest.values()), new)}
        shown = {key: contact_object(contacts[one.profile.id], self._user) for key, one in written.items()}
        errors = {key: error_object(one) for key, one in done.items() if isinstance(one, ApiError)}
        codes = {
            key: one.status if isinstance(one, ApiError) else 201 if one.is_new else 200 for key, one in done.items()
        }
        body = {"contacts": keyed(shown), "statusCodes": codes, **({"errors": errors} if errors else {})}
        return json_response(body, status)

    async def _each(
        self, items: dict[str, Any], in_lanes: list[list[str]], work: Callable[[Any], Awaitable[Any]]
    ) -> dict[str, Any]:
        """By key, in the order of the items, what `work` returned, or the `ApiError` that it raised. Raises it when
        there is nothing but stores that are away."""
        room = asyncio.Semaphore(LANES_AT_ONCE)
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
