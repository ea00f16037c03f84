"""The REST API on records: one set of routes for every kind; what is peculiar to a kind is in its resource."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.documents import Some, decode_document
from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of, read_object
from services.contacts.change import InvalidChangeError
from services.contacts.contact_object import Json, publishing
from services.contacts.list_parameters import read_shape
from services.contacts.metrics import ContactsMetrics
from services.contacts.record_list import read_record_list
from services.contacts.record_writer import RecordWriter, TakenError
from services.contacts.stores import Stores
from services.contacts.writer import BusyError

Read = TypeVar("Read")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class Resource(NamedTuple, Generic[Some]):
    """A kind of record as the API shows it.

    `read` makes a document of a body, over the old one if there is one; it raises `InvalidChangeError`. `show` gives
    what is peculiar to the kind. `own_id` reads the id that a body may choose.
    """

    kind: str
    singular: str
    plural: str
    document: type[Some]
    read: Callable[[dict[str, Any], Some | None], Some]
    show: Callable[[str, Some], Json]
    own_id: Callable[[dict[str, Any]], str] = lambda _: ""


class RecordsApi(Generic[Some]):
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics, resource: Resource[Some]) -> None:
        self._stores, self._metrics, self._resource = stores, metrics, resource
        self._writer = RecordWriter(stores, resource.kind, resource.document, user)

    def routes(self) -> list[Route]:
        base = f"/api/{self._resource.plural}"
        return [
            Route(base, self.list, methods=["GET"]),
            Route(f"{base}/new", self.new, methods=["POST"]),
            Route(f"{base}/{{id}}", self.one, methods=["GET"]),
            Route(f"{base}/{{id}}/edit", self.edit, methods=["PUT", "PATCH"]),
            Route(f"{base}/{{id}}/delete", self.delete, methods=["DELETE"]),
        ]

    async def list(self, request: Request) -> Response:
        query = query_of(request)
        asked, shape = read_record_list(self._resource.kind, query), read_shape(query)
        page, total = await asyncio.gather(
            self._stores.clickhouse.query(asked.page, parameters=asked.parameters),
            self._stores.clickhouse.query(asked.total, parameters=asked.parameters),
        )
        self._metrics.reads.add(value="list")
        items = [shape.of(self._shown(found, self._decode(data))) for found, data in page.result_rows]
        return json_response({"total": int(total.result_rows[0][0]), self._resource.plural: items})

    async def one(self, request: Request) -> Response:
        record_id = _id_of(request)
        document = await self._writer.one(record_id)
        if document is None:
            raise ApiError(404, NOT_FOUND)
        self._metrics.reads.add(value="one")
        return self._answer(record_id, document)

    async def new(self, request: Request) -> Response:
        return await self._create(await read_object(request))

    async def _create(self, body: dict[str, Any]) -> Response:
        document = self._checked(lambda: self._resource.read(body, None))
        own_id = self._checked(lambda: self._resource.own_id(body))
        try:
            record_id = await self._writer.create(document, own_id)
        except TakenError:
            raise ApiError(400, "There is one of this id, or there was.", {"id": ["This value is taken."]}) from None
        except BusyError:
            raise _busy() from None
        self._metrics.writes.add(value="created")
        made = await self._writer.one(record_id) or document
        return self._answer(record_id, made, 201, {"Location": f"/api/{self._resource.plural}/{record_id}"})

    async def edit(self, request: Request) -> Response:
        """PATCH changes what it names; PUT also sets the rest to what a new one has, and makes one where none is."""
        record_id, body = _id_of(request), await read_object(request)
        replaces, read = request.method == "PUT", self._resource.read
        try:
            changed = await self._writer.change(
                record_id, lambda old: _keeping(old, self._checked(lambda: read(body, None if replaces else old)))
            )
        except BusyError:
            raise _busy() from None
        if changed is None:
            if replaces:
                return await self._create(body)
            raise ApiError(404, NOT_FOUND)
        self._metrics.writes.add(value="edited")
        return self._answer(record_id, changed)

    async def delete(self, request: Request) -> Response:
        record_id = _id_of(request)
        try:
            gone = await self._writer.delete(record_id)
        except BusyError:
            raise _busy() from None
        if gone is None:
            raise ApiError(404, NOT_FOUND)
        self._metrics.writes.add(value="deleted")
        return json_response({self._resource.singular: {**self._shown(record_id, gone), "id": None}})

    def _checked(self, read: Callable[[], Read]) -> Read:
        try:
            return read()
        except InvalidChangeError as error:
            self._metrics.writes.add(value="refused")
            raise ApiError(400, str(error), error.details) from error

    def _decode(self, data: str) -> Some:
        return decode_document(data.encode(), self._resource.document)

    def _answer(
        self, record_id: str, document: Some, status: int = 200, headers: dict[str, str] | None = None
    ) -> Response:
        return json_response({self._resource.singular: self._shown(record_id, document)}, status, headers)

    def _shown(self, record_id: str, document: Some) -> Json:
        own = self._resource.show(record_id, document)
        said = publishing(
            document.added_us,
            document.modified_us,
            document.created_by,
            document.modified_by,
            is_published=document.is_published,
        )
        return {**said, "id": int(record_id) if record_id.isdecimal() else record_id, **own}


def _keeping(old: Some, new: Some) -> Some:
    new.added_us, new.created_by = old.added_us, old.created_by
    return new


def _id_of(request: Request) -> str:
    record_id = str(request.path_params["id"])
    if not _ID.fullmatch(record_id):
        raise ApiError(404, NOT_FOUND)
    return record_id


def _busy() -> ApiError:
    return ApiError(503, "The record is being changed by others; try again.")
