"""Forms: the list, one while it is written, the HTML of one for a site, and what was submitted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.common.company_fields import COMPANY_FIELDS
from services.common.envelope import ApiError
from services.contacts.records.form_resource import POST_ACTIONS, TYPES
from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.forms.form_draft import NEW_FORM, body_of, draft_of, read_draft, rearranged, refused_draft
from services.contacts.ui.forms.form_html import form_html
from services.contacts.ui.keeping.refusal import NOTHING, Refusal
from services.contacts.ui.paging import Paging, read_paging
from services.contacts.ui.people_by_id import names_of

PATH = "/ui/forms"
ONE = f"{PATH}/{{id:id}}"
TYPE_WORDS = dict(zip(TYPES, (
    "Text", "Email address", "Phone number", "Web address", "Number", "Date", "Date and time", "Long text",
    "One of a list", "One of several buttons", "Several of a list", "Country", "Hidden", "Password", "The button",
    "A text to read",
), strict=True))  # fmt: skip
POST_WORDS = dict(zip(POST_ACTIONS, ("Show a text", "Return to the page", "Lead on to an address"), strict=True))


class FormsPage:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            PATH: {"GET": self.list},
            f"{PATH}/new": {"GET": self.new, "POST": self.create},
            ONE: {"GET": self.show},
            f"{ONE}/edit": {"GET": self.edit, "POST": self.change},
            f"{ONE}/delete": {"GET": self.ask, "POST": self.delete},
            f"{ONE}/submissions": {"GET": self.submissions},
        }

    async def list(self, request: Request) -> Response:
        asked = read_paging(request)
        found = await self._desk.api.get("/api/forms", {**asked.query(), "orderBy": "name"})
        return self._desk.page(
            request, "forms/list.html", block="list", forms=found["forms"], paging=Paging.of(asked, found["total"])
        )

    async def show(self, request: Request) -> Response:
        """The HTML to copy."""
        form = (await self._desk.api.get(_api(request)))["form"]
        base, is_guess = self._desk.ingest_url(request)
        return self._desk.page(
            request, "forms/form.html", form=form, html=form_html(form, base), base=base, is_guess=is_guess
        )

    async def new(self, request: Request) -> Response:
        return await self._form(request, NEW_FORM)

    async def edit(self, request: Request) -> Response:
        return await self._form(request, draft_of((await self._desk.api.get(_api(request)))["form"]))

    async def create(self, request: Request) -> Response:
        return await self._save(request, "POST", "/api/forms/new")

    async def change(self, request: Request) -> Response:
        return await self._save(request, "PATCH", f"{_api(request)}/edit")

    async def ask(self, request: Request) -> Response:
        form = (await self._desk.api.get(_api(request)))["form"]
        text = "Pages that show it are answered that it is not available. What was submitted stays in the histories."
        return self._desk.ask(request, f"Delete {form['name']}?", text, "Delete it", PATH)

    async def delete(self, request: Request) -> Response:
        await self._desk.api.send("DELETE", f"{_api(request)}/delete")
        return self._desk.go(request, PATH, "The form is deleted.")

    async def submissions(self, request: Request) -> Response:
        asked = read_paging(request)
        form, found = await asyncio.gather(
            self._desk.api.get(_api(request)), self._desk.api.get(f"{_api(request)}/submissions", asked.query())
        )
        submissions = found["submissions"]
        return self._desk.page(
            request, "forms/submissions.html", block="list", form=form["form"], submissions=submissions,
            paging=Paging.of(asked, found["total"]),
            names=await names_of(self._desk.api, [one["lead"]["id"] for one in submissions]),
        )  # fmt: skip

    async def _save(self, request: Request, method: str, path: str) -> Response:
        form = await self._desk.form(request)
        draft = read_draft(form)
        if wish := form.text("rearrange"):
            return await self._form(request, rearranged(draft, wish))
        try:
            kept = (await self._desk.api.send(method, path, body_of(draft)))["form"]
        except ApiError as error:
            return await self._form(request, draft, refused_draft(error, draft))
        return self._desk.go(request, f"{PATH}/{kept['id']}", "The form is saved.")

    async def _form(self, request: Request, draft: Mapping[str, Any], refused: Refusal = NOTHING) -> Response:
        fields = await self._desk.api.things("/api/contacts/list/fields")
        mapped = {field["alias"]: field["label"] for field in fields if field["alias"] != "points"}
        mapped |= {alias: f"Company: {field.label.removeprefix('Company ')}" for alias, field in COMPANY_FIELDS.items()}
        return self._desk.page(
            request, "forms/edit.html", 422 if refused.text else 200, block="form", draft=draft, refused=refused,
            mapped=mapped, types=TYPE_WORDS, post_actions=POST_WORDS, is_new="id" not in request.path_params,
        )  # fmt: skip


def _api(request: Request) -> str:
    return f"/api/forms/{request.path_params['id']}"
