"""The pages of one kind of thing that is kept: its list, its form for a new or an old one, and the end of one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import ApiError
from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.form import Form
from services.contacts.ui.inner_api import things_of
from services.contacts.ui.keeping.kept import FormField, Json, Kept
from services.contacts.ui.keeping.listing import read_listing
from services.contacts.ui.keeping.refusal import NOTHING, Refusal, refused

Save = Callable[[Json], Awaitable[Any]]


class KeepingPage:
    list_template, form_template = "keeping/list.html", "keeping/form.html"

    def __init__(self, desk: Desk, kept: Kept) -> None:
        self._desk, self._kept = desk, kept

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        path, one = self._kept.path, f"{self._kept.path}/{{id:id}}"
        return {
            path: {"GET": self.list},
            f"{path}/new": {"GET": self.ask_new, "POST": self.new},
            f"{one}/edit": {"GET": self.ask_edit, "POST": self.edit},
            f"{one}/delete": {"GET": self.ask_delete, "POST": self.delete},
        }

    # --- what a subclass may say ------------------------------------------

    async def fields(self, thing: Json | None) -> Sequence[FormField]:
        """Of the form of this thing, None for a new one; with their choices."""
        end = "edit" if thing else "new"
        asked = [one for one in self._kept.fields if one.is_for in ("", end)]
        return await asyncio.gather(*map(self._loaded, asked))

    def values(self, thing: Json | None, fields: Sequence[FormField]) -> Json:
        """What a form shows at first, by name."""
        return {one.name: one.value(thing) if thing else one.usual for one in fields}

    async def said(self, form: Form, fields: Sequence[FormField]) -> Json:
        """What a form that was sent says, by name."""
        return {one.name: one.said(form) for one in fields}

    async def body(self, said: Json, thing: Json | None) -> Json:
        """What the API is told, of what a form says. Raises `ApiError` 400."""
        return said

    async def completed_form(self, values: Json) -> Json:
        """What the template of the form takes beside its fields and values."""
        return {}

    def leads_to(self, thing: Json) -> str:
        return f"{self._kept.path}/{thing['id']}" if self._kept.has_page else self._kept.path

    def done(self, request: Request, saved: Json) -> Response:
        """What follows when a thing is saved."""
        return self._desk.go(request, self.leads_to(saved), f"{self._kept.name(saved)} is saved.")

    async def completed(self, things: list[Json]) -> list[Json]:
        """The things of a list, with what its columns show beside what the API tells."""
        return things

    # --- pages -------------------------------------------------------------

    async def list(self, request: Request) -> Response:
        asked, problem = read_listing(request, self._kept), ""
        try:
            found = await self._desk.api.get(self._kept.api, {**self._kept.query, **asked.query()})
        except ApiError as error:
            if error.status != 400:
                raise
            problem, found = error.message, {"total": 0, self._kept.plural: []}
        rows = await self.completed(things_of(found, self._kept.plural))
        return self._desk.page(
            request, self.list_template, 422 if problem else 200, block="list", kept=self._kept, rows=rows,
            asked=asked, paging=asked.paging(int(found["total"])), problem=problem,
        )  # fmt: skip

    async def ask_new(self, request: Request) -> Response:
        fields = await self.fields(None)
        return await self._form(request, None, fields, self.values(None, fields))

    async def new(self, request: Request) -> Response:
        return await self._save(request, None, lambda body: self._desk.api.send("POST", f"{self._kept.api}/new", body))

    async def ask_edit(self, request: Request) -> Response:
        thing = await self.one(request)
        fields = await self.fields(thing)
        return await self._form(request, thing, fields, self.values(thing, fields))

    async def edit(self, request: Request) -> Response:
        thing = await self.one(request)
        path = f"{self._kept.api}/{thing['id']}/edit"
        return await self._save(request, thing, lambda body: self._desk.api.send("PATCH", path, body))

    async def ask_delete(self, request: Request) -> Response:
        return self._ask(request, await self.one(request))

    async def delete(self, request: Request) -> Response:
        thing = await self.one(request)
        try:
            await self._desk.api.send("DELETE", f"{self._kept.api}/{thing['id']}/delete")
        except ApiError as error:
            if error.status not in (400, 422):
                raise
            return self._ask(request, thing, error)
        return self._desk.go(request, self._kept.path, f"{self._kept.name(thing)} is deleted.")

    async def one(self, request: Request) -> Json:
        """The thing that the path names. Raises `ApiError`."""
        found: Json = (await self._desk.api.get(f"{self._kept.api}/{request.path_params['id']}"))[self._kept.singular]
        return found

    # --- parts ---------------------------------------------------------------

    async def _save(self, request: Request, thing: Json | None, save: Save) -> Response:
        form, fields = await self._desk.form(request), await self.fields(thing)
        said = await self.said(form, fields)
        try:
            saved = (await save(await self.body(said, thing)))[self._kept.singular]
        except ApiError as error:
            if error.status not in (400, 422):
                raise
            names = {*said, *(one.name for one in fields)}
            return await self._form(request, thing, fields, said, refused(error, names))
        return self.done(request, saved)

    async def _form(
        self,
        request: Request,
        thing: Json | None,
        fields: Sequence[FormField],
        values: Json,
        refusal: Refusal = NOTHING,
        block: str = "dialog",
        **more: Any,
    ) -> Response:
        action = f"{self._kept.path}/{thing['id']}/edit" if thing else f"{self._kept.path}/new"
        return self._desk.page(
            request, self.form_template, 422 if refusal.text else 200, block=block, kept=self._kept, thing=thing,
            fields=fields, values=values, action=action, problem=refusal.text, wrong=refusal.by_name,
            **{**await self.completed_form(values), **more},
        )  # fmt: skip

    def _ask(self, request: Request, thing: Json, error: ApiError | None = None) -> Response:
        refusal = refused(error, ()) if error else NOTHING
        return self._desk.page(
            request, "keeping/delete.html", 422 if error else 200, block="dialog", kept=self._kept, thing=thing,
            problem=refusal.text, users=refusal.users,
        )  # fmt: skip

    async def _loaded(self, field: FormField) -> FormField:
        return field._replace(choices=await field.loads(self._desk.api)) if field.loads else field
