"""The REST API on records: one set of routes for every kind; what is peculiar to a kind is in its resource."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.caller import rights
from services.common.contact_fields import Field
from services.common.documents import Some, decode_document
from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of, read_object
from services.common.operation import Operation, described
from services.contacts.batch import Told
from services.contacts.batch_api import Batch, BatchApi, EachAlone
from services.contacts.batch_operations import batch_operations
from services.contacts.list_parameters import Shape, read_shape
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json, publishing
from services.contacts.people.api import contact_id_of
from services.contacts.people.change import InvalidChangeError
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.writer import BusyError
from services.contacts.records.record_list import RecordList, read_record_list
from services.contacts.records.record_operations import list_operation, standard_operations
from services.contacts.records.record_writer import RecordWriter, TakenError
from services.contacts.stores import Stores
from services.contacts.users.ownership import DELETE, EDIT, VIEW, check_create, check_record

Read = TypeVar("Read")
RECORD_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class Resource(NamedTuple, Generic[Some]):
    """A kind of record as the API shows it.

    `read` makes a document of a body, over the old one if there is one; it raises `InvalidChangeError`. None where the
    kind's own API reads bodies, knowing more than they say. `show` gives what is peculiar to the kind. `own_id` reads
    the id that a body may choose, where it may. `contact_of` says to which contact one belongs, who must be there.
    `check` compares a body with the fields of contacts that there are; it raises as `read` does.
    """

    kind: str
    singular: str
    plural: str
    document: type[Some]
    read: Callable[[dict[str, Any], Some | None], Some] | None
    show: Callable[[str, Some], Json]
    shown: Any  # as it is described: what is shown of one, and what one can be told
    said: Any
    own_id: Callable[[dict[str, Any]], str] | None = None
    contact_of: Callable[[Some], int] | None = None
    check: Callable[[dict[str, Any], Mapping[str, Field]], None] = lambda _, __: None
    path: str = ""  # below /api, where it is not the plural
    needs: tuple[str, ...] = ()  # the keys without which none is made


class RecordsApi(Generic[Some]):
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics, resource: Resource[Some]) -> None:
        self._stores, self._metrics, self._resource = stores, metrics, resource
        self._writer = RecordWriter(stores, resource.kind, resource.document, user)
        self._contact_reader = ContactReader(stores)

    def routes(self) -> list[Route]:
        resource = self._resource
        routes: list[Route] = [*self._standard_routes(resource.path or resource.plural)]
        if resource.contact_of:
            summary = f"The {resource.plural} of a contact, the newest first"
            listed = list_operation(summary, resource.plural, resource.shown)
            routes.append(described(f"/api/contacts/{{id}}/{resource.plural}", self.of_contact, get=listed))
        return routes

    def _standard_routes(self, path: str, old_name_of: str = "") -> list[Route]:
        """`old_name_of`: what clients should use in place of this path."""
        base, new_base = f"/api/{path}", old_name_of and f"/api/{old_name_of}"
        handlers = {"": self.list, "/new": self.new, "/{id}": self.one, "/{id}/edit": self.edit,
                    "/{id}/delete": self.delete}  # fmt: skip
        return [
            *self._batch_routes(base, new_base),
            *(
                described(base + end, handlers[end], old_name_of=new_base and new_base + end, **by_method)
                for end, by_method in self._operations().items()
            ),
        ]

    def _batch_routes(self, base: str, old_name_of: str) -> Sequence[Route]:
        one = self._resource
        operations = batch_operations(one.plural, one.shown, one.said)
        return BatchApi(base, one.plural, self._batch, operations, old_name_of).routes()

    def _batch(self) -> Batch:
        return EachAlone(self, completed=self._completed)

    def _operations(self) -> dict[str, dict[str, Operation]]:
        """By how the path ends, and by method."""
        one = self._resource
        said = standard_operations(one.kind, one.singular, one.plural, one.shown, one.said, one.needs)
        if one.contact_of:
            said["/new"]["post"] = said["/new"]["post"]._replace(errors={404: "No such contact"})
        return said

    async def list(self, request: Request) -> Response:
        query = query_of(request)
        return await self._list(read_record_list(self._resource.kind, query), read_shape(query))

    async def of_contact(self, request: Request) -> Response:
        """Those of one contact and of all that merged into it, the newest first unless another order is asked for."""
        contact = await self._contact_reader.find(contact_id_of(request))
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        query = {"orderBy": "dateAdded", "orderByDir": "DESC", **{k: v for k, v in query_of(request).items() if v}}
        return await self._list(read_record_list(self._resource.kind, query, contact.ids), read_shape(query))

    async def _list(self, asked: RecordList, shape: Shape) -> Response:
        page, total = await asyncio.gather(
            self._stores.clickhouse.query(asked.page, parameters=asked.parameters),
            self._stores.clickhouse.query(asked.total, parameters=asked.parameters),
        )
        self._metrics.reads.add(value="list")
        shown = await self._completed([self._shown(found, self._decode(data)) for found, data in page.result_rows])
        items = [shape.of(one) for one in shown]
        return json_response({"total": int(total.result_rows[0][0]), self._resource.plural: items})

    async def one(self, request: Request) -> Response:
        record_id = record_id_of(request)
        document = await self._checked_one(record_id, VIEW)
        self._metrics.reads.add(value="one")
        [shown] = await self._completed([self._shown(record_id, document)])
        return json_response({self._resource.singular: shown})

    async def new(self, request: Request) -> Response:
        return await self._answer(await self.create(await read_object(request)))

    async def edit(self, request: Request) -> Response:
        """PATCH changes what it names; PUT also sets the rest to what a new one has, and makes one where none is."""
        record_id, body = record_id_of(request), await read_object(request)
        return await self._answer(await self.change(record_id, body, replaces=request.method == "PUT"))

    async def delete(self, request: Request) -> Response:
        [gone] = await self._completed([await self.remove(record_id_of(request))])
        return json_response({self._resource.singular: {**gone, "id": None}})

    async def create(self, body: Json) -> Told:
        return await self._create(await self._prepared(body))

    async def change(self, said_id: str, body: Json, *, replaces: bool) -> Told:
        record_id = read_record_id(said_id)
        body = await self._prepared(body, record_id)
        read = await self._reader(record_id, body)
        old = await self._writer.one(record_id)
        await self._check(EDIT, old)
        if old:
            await self._check_move(old, self._checked(lambda: read(body, None if replaces else old)))
        try:
            changed = await self._writer.change(
                record_id, lambda old: self._checked(lambda: read(body, None if replaces else old))
            )
        except BusyError:
            raise _busy() from None
        if changed is None:
            if replaces and (record_id.isdecimal() or self._resource.own_id):
                check_create(f"/api/{self._resource.path or self._resource.plural}")
                return await self._create(body)
            raise ApiError(404, NOT_FOUND)
        self._metrics.writes.add(value="edited")
        return Told(self._shown(record_id, await self._settled(record_id, changed)), is_new=False)

    async def remove(self, said_id: str) -> Json:
        """As it was."""
        record_id = read_record_id(said_id)
        await self._check(DELETE, await self._writer.one(record_id))
        try:
            gone = await self._writer.delete(record_id)
        except BusyError:
            raise _busy() from None
        if gone is None:
            raise ApiError(404, NOT_FOUND)
        self._metrics.writes.add(value="deleted")
        return self._shown(record_id, gone)

    async def _prepared(self, body: Json, _: str = "") -> Json:
        """A body that may be read, for the record of this id, '' for a new one."""
        registry = (await self._stores.fields.now()).fields
        self._checked(lambda: self._resource.check(body, registry))
        return body

    async def _reader(self, _: str, __: Json, /) -> Callable[[dict[str, Any], Some | None], Some]:
        """What reads this body for the record of this id, '' for a new one."""
        assert self._resource.read, f"{self._resource.plural} are read by their own API"
        return self._resource.read

    async def _settled(self, _: str, document: Some) -> Some:
        """The document that was written, after whatever a kind has to do about it."""
        return document

    async def _create(self, body: Json) -> Told:
        read = await self._reader("", body)
        document = self._checked(lambda: read(body, None))
        read_own = self._resource.own_id
        own_id = self._checked(lambda: read_own(body)) if read_own else ""
        await self._check_move(None, document)
        return await self._keep(document, own_id)

    async def _keep(self, document: Some, own_id: str = "") -> Told:
        """As a new record."""
        try:
            record_id = await self._writer.create(document, own_id)
        except TakenError:
            raise ApiError(400, "There is one of this id, or there was.", {"id": ["This value is taken."]}) from None
        except BusyError:
            raise _busy() from None
        self._metrics.writes.add(value="created")
        made = await self._settled(record_id, await self._writer.one(record_id) or document)
        return Told(self._shown(record_id, made), is_new=True)

    async def _checked_one(self, record_id: str, action: str) -> Some:
        """Raises `ApiError` 404, 403."""
        document = await self._writer.one(record_id)
        if document is None:
            raise ApiError(404, NOT_FOUND)
        await self._check(action, document)
        return document

    async def _check(self, action: str, document: Some | None) -> None:
        """Whether the caller may do this with it, or with the contact that it belongs to. Raises `ApiError` 403."""
        if document is None or rights().is_admin:
            return
        check_record(self._resource.kind, action, document)
        if self._resource.contact_of:
            await self._contact_reader.find(self._resource.contact_of(document))

    async def _check_move(self, old: Some | None, new: Some) -> None:
        """Whether there is the contact that it is to belong to from now on, and the caller may do this with it.

        Raises `ApiError` 404, 403."""
        contact_of = self._resource.contact_of
        if contact_of is None or (old and contact_of(old) == contact_of(new)):
            return
        if not await self._contact_reader.find(contact_of(new)):
            raise ApiError(404, NOT_FOUND)

    def _checked(self, read: Callable[[], Read]) -> Read:
        try:
            return read()
        except InvalidChangeError as error:
            self._metrics.writes.add(value="refused")
            raise ApiError(400, str(error), error.details) from error

    def _decode(self, data: str) -> Some:
        return decode_document(data.encode(), self._resource.document)

    async def _completed(self, shown: Sequence[Json]) -> Sequence[Json]:
        """What is shown of records, with what does not stand in their documents, and without what the caller may not
        know."""
        return shown

    async def _answer(self, told: Told) -> Response:
        [shown] = await self._completed([told.shown])
        body = {self._resource.singular: shown}
        if not told.is_new:
            return json_response(body)
        path = self._resource.path or self._resource.plural
        return json_response(body, 201, {"Location": f"/api/{path}/{told.shown['id']}"})

    def _shown(self, record_id: str, document: Some) -> Json:
        own = self._resource.show(record_id, document)
        said = publishing(
            document.added_us,
            document.modified_us,
            document.created_by,
            document.modified_by,
            is_published=document.is_published,
            created_by_id=document.created_by_id,
            modified_by_id=document.modified_by_id,
        )
        return {**said, "id": int(record_id) if record_id.isdecimal() else record_id, **own}


def record_id_of(request: Request) -> str:
    return read_record_id(request.path_params["id"])


def read_record_id(said: object) -> str:
    """Raises `ApiError` 404 for anything that can be no id."""
    record_id = str(said)
    if not RECORD_ID.fullmatch(record_id):
        raise ApiError(404, NOT_FOUND)
    return record_id


def _busy() -> ApiError:
    return ApiError(503, "The record is being changed by others; try again.")
