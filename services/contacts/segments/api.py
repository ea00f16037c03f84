"""The REST API on segments: what all records have, with filters that are checked, counts, and who uses whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.caller import sees_others
from services.common.clickhouse import ClickHouseError
from services.common.documents import LINK, SEGMENT, Document, Segment, decode_document
from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of, read_object, text_of
from services.common.operation import Operation, Parameter, described, list_of
from services.common.queries.contact_query import of_caller
from services.common.queries.segment_query import FilterError, Segments
from services.common.queries.segments import is_seen, load_segments, who_fits
from services.common.records import Record, Ref
from services.contacts.batch_api import Batch, EachAlone
from services.contacts.list_parameters import Shape
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json, iso
from services.contacts.people.api import MINIMAL
from services.contacts.people.change_body import is_true
from services.contacts.people.contact_list import read_list_query
from services.contacts.people.contact_object import contact_object
from services.contacts.people.contact_reader import ContactReader, Page
from services.contacts.people.contact_shapes import ContactPart
from services.contacts.records.api import RECORD_ID, RecordsApi, read_record_id, record_id_of
from services.contacts.records.own_alias import with_own_alias
from services.contacts.records.record_body import RecordBody
from services.contacts.segments.comparison import Build, load_builds
from services.contacts.segments.definition import NEW_ID, SEGMENTS, read_filters, read_segment, users_of
from services.contacts.segments.names import TOLD_OF, Name, names_in
from services.contacts.segments.segment_shapes import CountedFilters, ListedSegment
from services.contacts.stores import Stores
from services.contacts.users.ownership import LEVELS, VIEW, check_record, may_record

FIRST = 5  # of whom filters find
COUNTS_AT_ONCE = 2  # of a process: somebody who types asks again and again
LONGEST_SECONDS = 10  # that filters which are not saved are counted
COUNTED_SECONDS = 1.0  # a count is never older
COUNT = "contactCount"  # the parameter that asks for it, and its key

PUBLISHED = Operation("The published segments, bare", list[ListedSegment])
COUNT_FILTERS = Operation(
    "Count whom filters find, before a segment is made of them",
    {
        "count": Annotated[int | None, Meta(description=f"null: {LONGEST_SECONDS} seconds were not enough")],
        "contacts": list_of(ContactPart),
    },
    body=CountedFilters,
    needs=("filters",),
    text=f"And the first {FIRST} of them by id, as minimal shows them. With the id of a segment also those added to it"
    " by hand are counted, and not those removed.",
    errors={404: "No such segment"},
)
_COUNTED = Parameter(COUNT, "1: also how many contacts are in it now", example="1")
_USED = {422: "Other segments are made of it: it is neither deleted nor unpublished"}


class SegmentsApi(RecordsApi[Segment]):
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        super().__init__(stores, user, metrics, SEGMENTS)
        self._builds: dict[int, Build] = {}  # as they were at the last look
        self._user = user
        self._bounded_reader = ContactReader(stores, {"max_execution_time": LONGEST_SECONDS})
        self._turns = asyncio.Semaphore(COUNTS_AT_ONCE)

    def routes(self) -> list[Route]:
        return [
            described(
                "/api/contacts/list/segments", self.published, get=PUBLISHED
            ),  # before /api/contacts/{id}/segments
            described("/api/segments/count", self.count_filters, post=COUNT_FILTERS),
            *self._standard_routes("segments"),
            *self._standard_routes("lists", old_name_of="segments"),
        ]

    def _operations(self) -> dict[str, dict[str, Operation]]:
        """What segments have beside other records."""
        said = super()._operations()
        one = said["/{id}"]["get"]
        said["/{id}"]["get"] = one._replace(parameters=(*one.parameters, _COUNTED))
        for end in ("/{id}/edit", "/{id}/delete"):
            said[end] = {method: operation._replace(errors=_USED) for method, operation in said[end].items()}
        return said

    async def published(self, _: Request) -> Response:
        """Bare: id, name and alias of each."""
        segments = await load_segments(self._stores.clickhouse)
        return json_response([
            {"id": number, "name": segment.name, "alias": segment.alias}
            for number, segment in segments.items()
            if segment.is_published and is_seen(segment)
        ])  # fmt: skip

    async def list(self, request: Request) -> Response:
        self._builds = await load_builds(self._stores.clickhouse)
        return await super().list(request)

    async def one(self, request: Request) -> Response:
        """With `contactCount=1` also how many contacts are in it now."""
        self._builds = await load_builds(self._stores.clickhouse)
        if not is_true(text_of(query_of(request), COUNT)):
            return await super().one(request)
        record_id, segments = record_id_of(request), await load_segments(self._stores.clickhouse)
        segment = segments.get(_number(record_id))
        if segment is None:
            raise ApiError(404, NOT_FOUND)
        check_record(SEGMENT, VIEW, segment)
        self._metrics.reads.add(value="one")
        count = await self._count(_number(record_id), segments)
        return json_response({self._resource.singular: {**self._shown(record_id, segment), COUNT: count}})

    async def count_filters(self, request: Request) -> Response:
        """Of filters as somebody is making them: how many they find, and the first of these."""
        body, segments = await read_object(request), await load_segments(self._stores.clickhouse)
        record_id = read_record_id(body["id"]) if body.get("id") else ""
        old = await self._checked_one(record_id, VIEW) if record_id else None
        read, number = await self._reader(record_id, body), _number(record_id)
        said = {"name": "-", "filters": body.get("filters") or [], "isPublished": True}
        segment = self._checked(lambda: read(said, old))
        self._metrics.reads.add(value="list")
        page = await self._page({**segments, number: segment}, number)
        if page is None:
            return json_response({"count": None, "contacts": []})
        shape = Shape(is_minimal=True)
        contacts = [shape.of(contact_object(one, self._user), MINIMAL) for one in page.contacts]
        return json_response({"count": page.total, "contacts": contacts})

    async def _page(self, segments: Segments, number: int) -> Page | None:
        """None where that takes too long."""
        try:
            async with asyncio.timeout(LONGEST_SECONDS), self._turns:
                where = await who_fits(self._stores.clickhouse, number, segments, datetime.now(UTC))
                query = read_list_query({"limit": str(FIRST)})
                return await self._bounded_reader.page(query._replace(search=where))
        except TimeoutError:
            return None
        except ClickHouseError as error:
            if "TIMEOUT_EXCEEDED" not in str(error):
                raise
            return None

    async def remove(self, said_id: str) -> Json:
        segment_id = _number(read_record_id(said_id))
        _refuse_if_used(segment_id, await load_segments(self._stores.clickhouse), "deleted")
        return await super().remove(said_id)

    def _batch(self) -> Batch:
        """One after the other: each knows the aliases and the uses of all before it."""
        return EachAlone(self, at_once=1)

    async def _reader(self, record_id: str, body: Json, /) -> Callable[[dict[str, Any], Segment | None], Segment]:
        segments, now = await load_segments(self._stores.clickhouse), datetime.now(UTC)
        segment_id, fields = _number(record_id), (await self._stores.fields.now()).fields
        of_companies = await self._stores.fields.of_companies()
        kept = names_in(segments[segment_id].filters) if segment_id in segments else set()
        named = names_in(read_filters(RecordBody(body), fields, of_companies))
        known = kept | await self._seen(named - kept)

        def read(body: dict[str, Any], old: Segment | None) -> Segment:
            segment = read_segment(body, old, segment_id, segments, now, fields, of_companies, known)
            if not segment.is_published:
                _refuse_if_used(segment_id, segments, "unpublished")
            return segment

        return read

    async def _seen(self, names: Iterable[Name]) -> set[Name]:
        """Those of them that are there and that the caller may see. No others are read. Events tell also of what
        another system keeps: to whom nothing of its kind is hidden, that is known."""
        known = {name for name in names if name.kind in TOLD_OF and sees_others(LEVELS[name.kind])}
        refs = [Ref(*name) for name in names if name not in known and RECORD_ID.fullmatch(name.id)]
        found = await self._stores.records.load(refs)
        return known | {Name(*ref) for ref, record in found.items() if record.data and _is_seen(record)}

    async def _settled(self, record_id: str, document: Segment) -> Segment:
        async def taken(_: Segment) -> set[str]:
            segments = await load_segments(self._stores.clickhouse)
            return {one.alias for number, one in segments.items() if number != _number(record_id)}

        return await with_own_alias(self._writer, record_id, document, taken)

    def _shown(self, record_id: str, document: Segment) -> Json:
        build = self._builds.get(_number(record_id))
        return {
            **super()._shown(record_id, document),
            "lastBuiltDate": iso(build.time_ms * 1_000) if build else None,
            "lastBuiltTime": round(build.seconds, 3) if build else None,
        }

    async def _count(self, segment_id: int, segments: Segments) -> int:
        try:
            where = await who_fits(self._stores.clickhouse, segment_id, segments, datetime.now(UTC))
            where = where if sees_others() else of_caller(where)
        except FilterError as error:
            raise ApiError(400, str(error), {f"filters[{error.position}]": [error.why]}) from error
        return await self._contact_reader.count(read_list_query({})._replace(search=where), COUNTED_SECONDS)


def _is_seen(record: Record) -> bool:
    kind = record.ref.kind
    document = decode_document(record.data, Segment if kind == SEGMENT else Document)
    # The links that mails count are nobody's: whoever sees who clicked may ask for who did.
    return (kind == LINK and not document.created_by_id) or may_record(kind, VIEW, document)


def _refuse_if_used(segment_id: int, segments: Segments, what: str) -> None:
    users = users_of(segment_id, segments)
    if users:
        names = [f"{segments[one].name} ({one})" for one in users if is_seen(segments[one])]
        raise ApiError(422, f"Other segments are made of it; it can not be {what}.", {"leadlist": names})


def _number(record_id: str) -> int:
    return int(record_id) if record_id.isdecimal() else NEW_ID
