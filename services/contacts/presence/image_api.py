"""The picture of a contact: uploaded, shown, removed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from msgspec import Meta
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.envelope import NOT_FOUND, ApiError, json_response, read_body
from services.common.folding import fold
from services.common.images import Image, load_image, put_image, remove_image, remove_images
from services.common.operation import BINARY, Operation, described
from services.contacts.metrics import ContactsMetrics
from services.contacts.people.api import contact_id_of
from services.contacts.people.change import CUSTOM, Change
from services.contacts.people.contact import Contact
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.editor import ContactEditor
from services.contacts.presence.picture import MAX_SIDE, Picture, read_picture
from services.contacts.shapes import Shown
from services.contacts.stores import Stores

MULTIPART_BYTES = 65_536  # around the file
NO_FILE = "A picture is needed, as the body or as a file of multipart/form-data."
# It is shown as a picture or not at all, whatever else it may look like; and only by whoever may see it now.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Disposition": "inline",
    "Cache-Control": "private, no-cache",
}


class Uploaded(Shown):
    """A picture that was uploaded."""

    type: Annotated[str, Meta(examples=["image/png"])]
    width: Annotated[int, Meta(description="Pixels", ge=1, le=MAX_SIDE, examples=[200])]
    height: Annotated[int, Meta(description="Pixels", ge=1, le=MAX_SIDE, examples=[200])]
    bytes: Annotated[int, Meta(ge=1, examples=[4096])]
    path: Annotated[str, Meta(examples=["/api/contacts/4711/image"])]


SHOW = Operation(
    "The picture that was uploaded",
    BINARY,
    success={200: "The file", 304: "It is the one that If-None-Match names"},
    errors={404: "Nobody, or no picture"},
    media_type="image/*",
)
PUT = Operation(
    "Upload a picture",
    {"image": Uploaded},
    text=f"PNG, JPEG, GIF or WebP, up to {MAX_SIDE:,} x {MAX_SIDE:,} pixels. It becomes the preferred one.",
    uploads={"image/*": BINARY, "multipart/form-data": {"image": BINARY}},
    errors={400: "No file, or none of these", 413: "A file that is too large"},
)
REMOVE = Operation("Remove the picture", {"recordFound": bool}, text="recordFound says whether there was one.")


class ImageApi:
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics, max_bytes: int) -> None:
        self._stores, self._max_bytes = stores, max_bytes
        self._reader = ContactReader(stores)
        self._editor = ContactEditor(stores, user, metrics)

    def routes(self) -> list[Route]:
        path = "/api/contacts/{id}/image"
        return [
            described(path, self.show, get=SHOW),
            described(path, self.put, post=PUT),
            described(path, self.remove, delete=REMOVE),
        ]

    async def show(self, request: Request) -> Response:
        """The one that was uploaded; none: 404."""
        contact = await self._find(request)
        name = contact.view.image if contact.view else ""
        etag = f'"{name}"'
        if name and request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={**HEADERS, "ETag": etag})
        image = await load_image(self._stores.clickhouse, name) if name else None
        if image is None:
            raise ApiError(404, NOT_FOUND)
        return Response(image.data, headers={**HEADERS, "ETag": etag, "Content-Type": image.type})

    async def put(self, request: Request) -> Response:
        """It becomes the preferred one."""
        contact, data = await self._find(request), await self._upload(request)
        try:
            picture = read_picture(data)
        except ValueError as error:
            raise ApiError(400, str(error), {"image": [str(error)]}) from error
        await self._stores.check_clickhouse()
        name = await put_image(self._stores.clickhouse, contact.id, Image(picture.type, data))
        written = await self._editor.change(contact.id, Change(image=name, preferred_image=CUSTOM))
        before = fold(written.before).image if written.before and written.before.parts() else ""
        if before.startswith(f"{written.profile.id}-"):  # that of a merged one is needed when they are parted
            await remove_image(self._stores.clickhouse, before)
        return json_response({"image": _shown(written.profile.id, picture, len(data))})

    async def remove(self, request: Request) -> Response:
        """`recordFound` says whether there was one."""
        contact = await self._find(request)
        if contact.view is None or not contact.view.image:
            return json_response({"recordFound": False})
        await self._editor.change(contact.id, Change(image=""))
        await remove_images(self._stores.clickhouse, contact.ids)
        return json_response({"recordFound": True})

    async def _find(self, request: Request) -> Contact:
        contact = await self._reader.one(contact_id_of(request))
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        return contact

    async def _upload(self, request: Request) -> bytes:
        """Raises `ApiError` 400, 413."""
        is_multipart = request.headers.get("content-type", "").lower().startswith("multipart/form-data")
        data = await read_body(request, self._max_bytes + (MULTIPART_BYTES if is_multipart else 0))
        if is_multipart:
            data = await _file_of(request, data)
        if not data:
            raise ApiError(400, NO_FILE, {"image": [NO_FILE]})
        if len(data) > self._max_bytes:
            raise ApiError(413, f"The file is larger than {self._max_bytes} bytes.")
        return data


async def _file_of(request: Request, body: bytes) -> bytes:
    """The first file of a form that was read whole already; b'' when there is none."""
    again = Request(request.scope, _receive(body))
    async with again.form(max_files=1, max_fields=10) as form:  # its faults are answered as 400
        files = [value for value in form.values() if isinstance(value, UploadFile)]
        return await files[0].read() if files else b""


def _receive(body: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _shown(contact_id: int, picture: Picture, size: int) -> dict[str, Any]:
    return {**picture._asdict(), "bytes": size, "path": f"/api/contacts/{contact_id}/image"}
