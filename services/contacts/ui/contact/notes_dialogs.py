"""Notes on a contact: written, changed and deleted in dialogs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import ApiError
from services.contacts.ui.contact.calls import PATH, page_of
from services.contacts.ui.contact.tabs import NOTE_TYPES, plain_text
from services.contacts.ui.desk import Desk, Handler

ONE = f"{PATH}/notes/{{note:id}}"


class NotesDialogs:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            f"{PATH}/notes/new": {"GET": self.new, "POST": self.add},
            ONE: {"GET": self.edit, "POST": self.change},
            f"{ONE}/delete": {"GET": self.ask, "POST": self.delete},
        }

    async def new(self, request: Request) -> Response:
        return self._form(request, {"text": "", "type": "general", "dateTime": ""})

    async def add(self, request: Request) -> Response:
        said = await self._said(request)
        body = {**said, "lead": request.path_params["id"]}
        return await self._saved(request, "POST", "/api/notes/new", body, "The note is added.")

    async def edit(self, request: Request) -> Response:
        note = await self._note(request)
        return self._form(request, {**note, "dateTime": str(note.get("dateTime") or "")[:19]})

    async def change(self, request: Request) -> Response:
        await self._note(request)
        path = f"/api/notes/{request.path_params['note']}/edit"
        return await self._saved(request, "PATCH", path, await self._said(request), "The note is changed.")

    async def ask(self, request: Request) -> Response:
        note = await self._note(request)
        return self._desk.page(request, "contact/note_delete.html", block="dialog", note=note,
                               plain=plain_text(note["text"]), contact_id=request.path_params["id"])  # fmt: skip

    async def delete(self, request: Request) -> Response:
        await self._note(request)
        await self._desk.api.send("DELETE", f"/api/notes/{request.path_params['note']}/delete")
        return self._desk.go(request, page_of(request, "notes"), "The note is deleted.")

    async def _note(self, request: Request) -> dict[str, Any]:
        """One that there is on the contact, or on whoever merged into it. Raises `ApiError`."""
        query = {"search": f"ids:{request.path_params['note']}"}
        found = await self._desk.api.get(f"/api/contacts/{request.path_params['id']}/notes", query)
        if not found["notes"]:
            raise ApiError(404, "There is no such note.")
        note: dict[str, Any] = found["notes"][0]
        return note

    async def _said(self, request: Request) -> dict[str, Any]:
        form = await self._desk.form(request)
        date = form.text("dateTime").replace("T", " ")
        return {"text": form.text("text"), "type": form.text("type", "general"), **({"dateTime": date} if date else {})}

    async def _saved(self, request: Request, method: str, path: str, body: dict[str, Any], told: str) -> Response:
        try:
            await self._desk.api.send(method, path, body)
        except ApiError as error:
            if error.status != 400:
                raise
            return self._form(request, {"dateTime": "", **body}, error)
        return self._desk.go(request, page_of(request, "notes"), told)

    def _form(self, request: Request, note: dict[str, Any], error: ApiError | None = None) -> Response:
        return self._desk.page(
            request, "contact/note.html", 422 if error else 200, block="dialog", note=note, kinds=NOTE_TYPES,
            contact_id=request.path_params["id"], problem=error.message if error else "",
            wrong=error.details or {} if error else {}, is_new="note" not in request.path_params,
        )  # fmt: skip
