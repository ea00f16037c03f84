"""The REST API on imports: a file is uploaded, looked at, mapped, started, watched, paused and cancelled."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from services.common.caller import author, author_id, is_mine, rights, sees_others
from services.common.documents import CONTACT_FIELDS, FIELDS, SEGMENT, FieldRegistry, Segment, decode_document
from services.common.envelope import NOT_FOUND, ApiError, json_response, not_allowed, read_object
from services.common.operation import BINARY, Operation, described
from services.common.queries.segments import is_seen
from services.common.records import Ref
from services.common.rights import LISTS
from services.contacts.imports import import_shapes as shapes
from services.contacts.imports.dialect import SAMPLE_BYTES, detect
from services.contacts.imports.document import IMPORT, OVER, UNDER_WAY, Defaults, Import, Status, ended, queued
from services.contacts.imports.failures import failures_file, first_failures, remove_failures
from services.contacts.imports.file_store import read_piece, remove_file
from services.contacts.imports.mapping import Targets, propose, targets
from services.contacts.imports.plan import (
    check_startable,
    preview,
    read_columns,
    read_defaults,
    read_keeps,
    read_parser,
    show_import,
    with_dialect,
)
from services.contacts.imports.upload import receive
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json
from services.contacts.people.change import InvalidChangeError
from services.contacts.people.change_body import no_owner
from services.contacts.records.api import RecordsApi, Resource, record_id_of
from services.contacts.records.record_operations import ID
from services.contacts.stores import BusyError, Stores

SHOWN_FAILURES = 20
IMPORTS = Resource(IMPORT, "import", "imports", Import, None, show_import, shown=shapes.Import, said=shapes.ImportSaid)
_ONE = {"import": shapes.Import}
_WRONG_TIME = {409: "Not in the state that it is in now"}

UPLOAD = Operation(
    "Upload a file of contacts",
    _ONE,
    text="CSV or XLSX. How it is written is found out, and what its columns become is proposed by its first row.",
    uploads={"text/csv": BINARY, "application/octet-stream": BINARY, "multipart/form-data": {"file": BINARY}},
    success={201: "Kept, and not started yet; with Location"},
    errors={400: "No file, or none that can be read", 413: "A file that is too large"},
)
CHANGE = Operation(
    "Say how the file is read and what its columns become",
    _ONE,
    (ID,),
    shapes.ImportSaid,
    text="Before it is started. The answer previews the first rows as they are read now.",
    errors=_WRONG_TIME,
)
START = Operation("Start the import", _ONE, (ID,), errors={400: "Nothing becomes anything", **_WRONG_TIME})
PAUSE = Operation("Stop after the rows in hand; it can be resumed", _ONE, (ID,), errors=_WRONG_TIME)
RESUME = Operation("Go on where it was", _ONE, (ID,), errors=_WRONG_TIME)
CANCEL = Operation("End it; what was imported stays", _ONE, (ID,), errors=_WRONG_TIME)
FAILED_ROWS = Operation(
    "The rows that failed, as a file to mend and import",
    BINARY,
    (ID,),
    text="The columns of the file, then import_line and import_error, which no import reads.",
    media_type="text/csv",
)
FIELDS_FOR_COLUMNS = Operation("What a column can become", {"fields": list[shapes.ImportTarget]})


class ImportsApi(RecordsApi[Import]):
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics, max_bytes: int) -> None:
        super().__init__(stores, user, metrics, IMPORTS)
        self._user, self._max_bytes = user, max_bytes

    def routes(self) -> list[Route]:
        said, base = self._operations(), "/api/imports"
        return [
            described(base, self.list, get=said[""]["get"]),
            described(f"{base}/new", self.upload, post=UPLOAD),
            described(f"{base}/fields", self.fields, get=FIELDS_FOR_COLUMNS),
            described(f"{base}/{{id}}", self.one, get=said["/{id}"]["get"]),
            described(f"{base}/{{id}}/edit", self.edit, patch=CHANGE),
            described(f"{base}/{{id}}/start", self.start, post=START),
            described(f"{base}/{{id}}/pause", self.pause, post=PAUSE),
            described(f"{base}/{{id}}/resume", self.resume, post=RESUME),
            described(f"{base}/{{id}}/cancel", self.cancel, post=CANCEL),
            described(f"{base}/{{id}}/failed", self.failed, get=FAILED_ROWS),
            described(f"{base}/{{id}}/delete", self.delete, delete=said["/{id}/delete"]["delete"]),
        ]

    async def one(self, request: Request) -> Response:
        import_id = record_id_of(request)
        return json_response(await self._whole(import_id, await self._stored(import_id)))

    async def upload(self, request: Request) -> Response:
        clickhouse = self._stores.clickhouse
        await self._stores.check_clickhouse()
        uploaded = await receive(request, clickhouse, self._max_bytes)
        file = uploaded.stored
        try:
            document = Import(name=uploaded.name, file=file.file, bytes=file.bytes, line_count=file.line_count)
            beginning = await self._beginning(document)
            sample = beginning[:SAMPLE_BYTES]
            if not uploaded.is_workbook:
                is_whole = len(sample) == file.bytes
                document = msgspec.structs.replace(document, dialect=detect(sample, is_whole=is_whole))
            document = self._checked(lambda: with_dialect(document, document.dialect, beginning))
            document = msgspec.structs.replace(document, columns=propose(document.headers, await self._known()))
            import_id = await self._writer.create(document)
        except BaseException:
            await remove_file(clickhouse, file.file)
            raise
        made = await self._stored(import_id)
        return json_response(await self._whole(import_id, made), 201, {"Location": f"/api/imports/{import_id}"})

    async def fields(self, _: Request) -> Response:
        known = await self._known()
        return json_response({"fields": [{"field": one, "label": label} for one, label in known.labels.items()]})

    async def edit(self, request: Request) -> Response:
        import_id, body = record_id_of(request), await read_object(request)
        known, beginning = await self._known(), await self._beginning(await self._stored(import_id))
        defaults = self._checked(lambda: read_defaults(body, Defaults()))
        await self._check_defaults(defaults)

        def apply(old: Import) -> Import:
            _expect(old, Status.DRAFT)
            new = with_dialect(old, read_parser(body, old.dialect), beginning)
            if not new.columns:
                new = msgspec.structs.replace(new, columns=propose(new.headers, known))
            return msgspec.structs.replace(
                new,
                columns=read_columns(body, new, known),
                defaults=read_defaults(body, old.defaults),
                keeps_values=read_keeps(body, old=old.keeps_values),
            )

        return await self._changed(import_id, lambda old: self._checked(lambda: apply(old)))

    async def start(self, request: Request) -> Response:
        import_id, required, known = record_id_of(request), await self._required(), await self._known()

        def apply(old: Import) -> Import:
            _expect(old, Status.DRAFT)
            self._checked(lambda: check_startable(old, required, known))
            return msgspec.structs.replace(queued(old), rights=rights(), user_id=author_id(), user=author(self._user))

        return await self._changed(import_id, apply)

    async def pause(self, request: Request) -> Response:
        def apply(old: Import) -> Import:
            _expect(old, *UNDER_WAY)
            return msgspec.structs.replace(old, status=Status.PAUSED)

        return await self._changed(record_id_of(request), apply)

    async def resume(self, request: Request) -> Response:
        """Also one that failed as a whole."""

        def apply(old: Import) -> Import:
            _expect(old, Status.PAUSED, Status.FAILED)
            return queued(old)

        return await self._changed(record_id_of(request), apply)

    async def cancel(self, request: Request) -> Response:
        import_id = record_id_of(request)

        def apply(old: Import) -> Import:
            if old.status in OVER:
                raise _wrong_time(old)
            return ended(old, Status.CANCELLED, time.time_ns() // 1_000)

        answer = await self._changed(import_id, apply)
        await remove_file(self._stores.clickhouse, (await self._stored(import_id)).file)
        return answer

    async def failed(self, request: Request) -> Response:
        import_id = record_id_of(request)
        document = await self._stored(import_id)
        file = failures_file(self._stores.clickhouse, int(import_id), document.headers, document.dialect)
        first = await anext(aiter(file))  # what goes wrong before it has begun has a status of its own
        return StreamingResponse(
            _both(first, file),
            media_type=f"text/csv; charset={document.dialect.of_failed_rows().encoding}",
            headers={"Content-Disposition": f'attachment; filename="import-{import_id}-failed.csv"',
                     "X-Content-Type-Options": "nosniff"},
        )  # fmt: skip

    async def remove(self, said_id: str) -> Json:
        """With its file and its failed rows; what was imported stays."""
        document = await self._stored(said_id)
        gone = await super().remove(said_id)
        await remove_file(self._stores.clickhouse, document.file)
        await remove_failures(self._stores.clickhouse, int(said_id))
        return gone

    async def _changed(self, import_id: str, apply: Callable[[Import], Import]) -> Response:
        await self._stored(import_id)
        try:
            changed = await self._writer.change(import_id, apply)
        except BusyError:
            raise ApiError(503, "The import is being changed by others; try again.") from None
        if changed is None:
            raise ApiError(404, NOT_FOUND)
        self._metrics.writes.add(value="edited")
        return json_response(await self._whole(import_id, changed))

    async def _stored(self, import_id: str) -> Import:
        """Raises `ApiError` 404 for one that is not there, or that holds contacts whom the caller may not see."""
        document = await self._writer.one(import_id)
        if document is None or not (sees_others() or is_mine(0, document.created_by_id)):
            raise ApiError(404, NOT_FOUND)
        return document

    async def _whole(self, import_id: str, document: Import) -> Json:
        """With what a list does not tell."""
        shown = self._shown(import_id, document)
        if document.status is Status.DRAFT:
            shown["preview"] = preview(await self._beginning(document), document.dialect)
        if document.failed:
            failures = await first_failures(self._stores.clickhouse, int(import_id), SHOWN_FAILURES)
            shown["failures"] = [{"line": line, "error": error} for line, error in failures]
        return {"import": shown}

    async def _beginning(self, document: Import) -> bytes:
        return await read_piece(self._stores.clickhouse, document.file, 0)

    async def _known(self) -> Targets:
        fields = await self._stores.fields.now()
        return targets(fields.fields, await self._stores.fields.of_companies())

    async def _required(self) -> dict[str, str]:
        """The labels of the fields that every contact must have."""
        record = await self._stores.records.one(Ref(FIELDS, CONTACT_FIELDS))
        made = decode_document(record.data, FieldRegistry).custom if record else []
        return {one.alias: one.label for one in made if one.is_required and one.is_published}

    async def _check_defaults(self, defaults: Defaults) -> None:
        """Raises `ApiError` 400 for a user or a segment that there is not, or that the caller may not know of, 403 for
        who may put nobody into a segment."""
        if defaults.owner_id and not await self._stores.owners({defaults.owner_id}):
            raise _wrong({"defaults": [no_owner(defaults.owner_id)]})
        if defaults.segments and not rights().may(f"{LISTS}:viewown"):
            raise not_allowed()
        refs = [Ref(SEGMENT, str(one)) for one in defaults.segments]
        found = await self._stores.records.load(refs)
        for ref in refs:
            record = found.get(ref)
            if record is None or not record.data or not is_seen(decode_document(record.data, Segment)):
                raise _wrong({"defaults": [f"There is no segment {ref.id}."]})


def _expect(document: Import, *statuses: Status) -> None:
    if document.status not in statuses:
        raise _wrong_time(document)


def _wrong_time(document: Import) -> ApiError:
    return ApiError(409, f"The import is {document.status}.")


def _wrong(details: dict[str, list[str]]) -> ApiError:
    error = InvalidChangeError(details)
    return ApiError(400, str(error), details)


async def _both(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
