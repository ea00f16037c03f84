"""The REST API on tags. A tag is there when a contact carries it, or when somebody made it."""

from __future__ import annotations

import asyncio
import time

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.caller import caller, enter
from services.common.documents import TAG, Tag
from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of, read_object, text_of
from services.common.operation import Operation, described
from services.common.queries.comparisons import Column, Columns, compile_where, order_keys
from services.common.queries.where import read_where
from services.common.rights import EVERYTHING
from services.common.values import read_tag
from services.contacts.batch import Told
from services.contacts.batch_api import BatchApi, EachAlone
from services.contacts.batch_operations import batch_operations
from services.contacts.list_parameters import ORDER, PAGE, SEARCHED, WHERE, read_orders, read_page
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json, short_id
from services.contacts.people.api import contact_id_of, read_contact_id
from services.contacts.people.change import Change
from services.contacts.people.editor import ContactEditor
from services.contacts.people.tag_search import asks_by_id, compile_tag_search
from services.contacts.records.record_body import MAX_LONG_TEXT, RecordBody
from services.contacts.records.record_shapes import Tag as Shown
from services.contacts.records.record_shapes import TagChange, TagDescription, TagEdit
from services.contacts.records.record_writer import RecordWriter, TakenError
from services.contacts.stores import Stores

DELETE_SECONDS = 25.0
CONTACTS_AT_ONCE = 500
TAGS_AT_ONCE = 4  # of a batch: each is looked for among all, or taken off everybody
_TAGS = """(
    SELECT tag, max(said) AS description FROM (
        SELECT arrayJoin(tags) AS tag, '' AS said FROM contacts FINAL
        UNION ALL
        SELECT JSONExtractString(data, 'tag'), JSONExtractString(data, 'description') FROM records FINAL
        WHERE kind = 'tag'
    ) GROUP BY tag
)"""
_PAGE = "SELECT tag, description FROM {rows} ORDER BY {order} LIMIT {{limit:UInt64}} OFFSET {{start:UInt64}}"
_COLUMNS = {"tag": Column("text", "tag"), "description": Column("text", "description")}
_NARROWED = Columns(_COLUMNS, {"name": "tag"})
# Numbers are made from the names, here alone: whoever orders by them wants an order that stays.
_ORDERED = Columns({**_COLUMNS, "id": Column("text", "tag")}, {"name": "tag"})
_CARRIERS = "SELECT id FROM contacts FINAL WHERE has(tags, {tag:String}) LIMIT {limit:UInt64}"

_SHARED = {409: "Another tag has the same number: which of them is meant is not known"}
LIST = Operation(
    "The tags that contacts carry or that somebody made",
    {"total": int, "tags": list[Shown]},
    (SEARCHED, *PAGE, *ORDER, *WHERE),
)
NEW = Operation(
    "Make a tag; one that is there is answered as it is",
    {"tag": Shown},
    body=TagChange,
    needs=("tag",),
    success={200: "It was there", 201: "New, with Location"},
)
CHANGE = Operation(
    "Change the description of a tag", {"tag": Shown}, body=TagDescription, text="Its name never changes.",
    errors=_SHARED,
)  # fmt: skip
DELETE = Operation(
    "Delete a tag",
    {"tag": Shown},
    text="It is taken off every contact. After a 503 the same call goes on with the rest.",
    errors=_SHARED,
)
BATCH = batch_operations("tags", Shown, TagChange, TagEdit)


class TagsApi:
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        self._stores = stores
        self._writer = RecordWriter(stores, TAG, Tag, user)
        self._editor = ContactEditor(stores, user, metrics)

    def routes(self) -> list[Route]:
        return [
            *BatchApi("/api/tags", "tags", lambda: EachAlone(self, _marks, TAGS_AT_ONCE), BATCH).routes(),
            described("/api/tags", self.list, get=LIST),
            described("/api/tags/new", self.new, post=NEW),
            described("/api/tags/{id}", self.one, get=Operation("One tag", {"tag": Shown})),
            described("/api/tags/{id}/edit", self.edit, patch=CHANGE, put=CHANGE),
            described("/api/tags/{id}/delete", self.delete, delete=DELETE),
        ]

    async def list(self, request: Request) -> Response:
        query = query_of(request)
        told, orders = compile_where(read_where(query.get("where")), _NARROWED), read_orders(query, _ORDERED)
        search = text_of(query, "search")
        found, values = compile_tag_search(search, await self._names() if asks_by_id(search) else {})
        rows = f"{_TAGS} WHERE {found} AND {told.condition.known}"
        order = ", ".join(f"{order_keys(_ORDERED[one.column])[0]} {one.word()}" for one in orders)
        parameters = {**told.parameters, **values, **read_page(query)._asdict()}
        page, total = await asyncio.gather(
            self._stores.clickhouse.query(_PAGE.format(rows=rows, order=order), parameters=parameters),
            self._stores.clickhouse.query(f"SELECT count() FROM {rows}", parameters=parameters),
        )
        tags = [_shown(tag, description) for tag, description in page.result_rows]
        return json_response({"total": int(total.result_rows[0][0]), "tags": tags})

    async def one(self, request: Request) -> Response:
        return json_response({"tag": _shown(*await self._find(contact_id_of(request)))})

    async def new(self, request: Request) -> Response:
        told = await self.create(await read_object(request))
        if not told.is_new:
            return json_response({"tag": told.shown})
        return json_response({"tag": told.shown}, 201, {"Location": f"/api/tags/{told.shown['id']}"})

    async def edit(self, request: Request) -> Response:
        tag_id, replaces = str(contact_id_of(request)), request.method == "PUT"
        return json_response({"tag": (await self.change(tag_id, await read_object(request), replaces=replaces)).shown})

    async def delete(self, request: Request) -> Response:
        return json_response({"tag": {**await self.remove(str(contact_id_of(request))), "id": None}})

    async def create(self, said: Json) -> Told:
        """One that is there already is answered as it is."""
        body = RecordBody(said)
        name, _ = read_tag(body.text("tag", is_required=True))
        if not name:
            body.wrong.setdefault("tag", ["This value should not be blank."])
        description = body.text("description", most=MAX_LONG_TEXT)
        body.refuse_if_wrong()
        tag_id = short_id("tag", name)
        known = await self._known(tag_id)
        if known and known[0] != name:
            text = f"Its number would be that of the tag {known[0]}; give it another name."
            raise ApiError(400, f"tag: {text}", {"tag": [text]})
        if known:
            return Told(_shown(*known), is_new=False)
        try:
            await self._writer.create(Tag(tag=name, description=description), str(tag_id))
        except TakenError:  # deleted before, or made at this moment
            if there := await self._writer.one(str(tag_id)):
                return Told(_shown(there.tag, there.description), is_new=False)
            await self._writer.revive(str(tag_id), Tag(tag=name, description=description))
        return Told(_shown(name, description), is_new=True)

    async def change(self, said_id: str, said: Json, *, replaces: bool) -> Told:
        """Its description; its name is what contacts carry."""
        name, old = await self._find_alone(read_contact_id(said_id))
        body = RecordBody(said)
        if body.text("tag", name) != name:
            body.wrong["tag"] = ["A tag keeps its name; give contacts another one instead."]
        description = body.text("description", "" if replaces else old, most=MAX_LONG_TEXT)
        body.refuse_if_wrong()
        await self._writer.revive(str(short_id("tag", name)), Tag(tag=name, description=description))
        return Told(_shown(name, description), is_new=False)

    async def remove(self, said_id: str) -> Json:
        """Takes it off every contact. What was not done in time is done by the same call again."""
        name, description = await self._find_alone(read_contact_id(said_id))
        deadline = time.monotonic() + DELETE_SECONDS
        parameters = {"tag": name, "limit": CONTACTS_AT_ONCE}
        while carriers := (await self._stores.clickhouse.query(_CARRIERS, parameters=parameters)).result_rows:
            if time.monotonic() > deadline:
                raise ApiError(503, f"More contacts carry {name}; the same call goes on with them.")
            await asyncio.gather(*(self._take_off(contact_id, name) for (contact_id,) in carriers))
        await self._writer.delete(str(short_id("tag", name)))
        return _shown(name, description)

    async def _take_off(self, contact_id: int, name: str) -> None:
        """In a task of its own: whoever may delete a tag takes it off everybody, also off whom they may not edit."""
        if me := caller():
            enter(msgspec.structs.replace(me, rights=EVERYTHING))
        try:
            await self._editor.change(contact_id, Change(tags={name: False}))
        except ApiError as error:
            if error.status != 404:  # gone meanwhile
                raise

    async def _find(self, tag_id: int) -> tuple[str, str]:
        """The tag and what is said of it. Raises `ApiError` 404."""
        known = await self._known(tag_id)
        if known is None:
            raise ApiError(404, NOT_FOUND)
        return known

    async def _find_alone(self, tag_id: int) -> tuple[str, str]:
        """The same. Raises `ApiError` 409 where contacts carry two tags whose numbers are one."""
        found, names = await self._find(tag_id), (await self._names()).get(tag_id, ())
        if len(names) > 1:
            text = f"The tags {' and '.join(names)} have the same number. Take all but one of them off their contacts."
            raise ApiError(409, text)
        return found

    async def _known(self, tag_id: int) -> tuple[str, str] | None:
        """Numbers are made from the names, so one that is only carried is found by trying all."""
        record = await self._writer.one(str(tag_id))
        if record:
            return record.tag, record.description
        names = (await self._names()).get(tag_id)
        return (names[0], "") if names else None

    async def _names(self) -> dict[int, tuple[str, ...]]:
        """Of all tags, by their numbers."""
        names: dict[int, tuple[str, ...]] = {}
        for (tag,) in (await self._stores.clickhouse.query(f"SELECT tag FROM {_TAGS} ORDER BY tag")).result_rows:
            tag_id = short_id("tag", tag)
            names[tag_id] = (*names.get(tag_id, ()), tag)
        return names


def _marks(body: Json) -> list[tuple[str, str]]:
    return [("tag", str(body["tag"]).strip())] if body.get("tag") else []


def _shown(tag: str, description: str) -> Json:
    return {"id": short_id("tag", tag), "tag": tag, "description": description or None}
