"""Segments: their list, the page of one with its filters in words, and the form with the builder and a live count."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import ApiError
from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.form import Form
from services.contacts.ui.keeping.choices import categories_of
from services.contacts.ui.keeping.keeping_page import KeepingPage
from services.contacts.ui.keeping.kept import Column, FormField, Json, Kept, rights_of
from services.contacts.ui.segments.catalogue import Catalogue, catalogue, grouped
from services.contacts.ui.segments.filter_rows import changed, filters_of, groups_of, read_rows, rows_of, shown
from services.contacts.ui.segments.named_things import named_things

PATH = "/ui/segments"
ONE = f"{PATH}/{{id:id}}"
SEGMENTS = Kept(
    path=PATH,
    api="/api/segments",
    singular="list",
    plural="lists",
    one="segment",
    many="segments",
    columns=(
        Column("name", "Name", order="name"),
        Column("alias", "Alias", order="alias"),
        Column("members", "Members", kind="later", leads_to=lambda one: f"{PATH}/{one['id']}/members"),
        Column("kind", "Made", show=lambda one: "by filters" if one["filters"] else "by hand"),
        Column("isPublished", "Published", order="is_published", kind="flag"),
        Column("lastBuiltDate", "Last compared", kind="moment"),
    ),
    fields=(
        FormField("name", "Name", is_required=True),
        FormField("publicName", "Public name", help="What contacts read; the name unless said."),
        FormField("alias", "Alias", help="For searches, as segment:alias; made of the name unless said."),
        FormField("category", "Category", "choice", loads=categories_of("global")),
        FormField("description", "Description", "textarea"),
        FormField("isPublished", "Published", "flag", usual=True),
        FormField("isGlobal", "Seen by all users", "flag", usual=True),
        FormField("isPreferenceCenter", "Offered where contacts choose what they get", "flag"),
    ),
    rights=rights_of("lead:lists", "own"),
    hint="A part of the name, name:, is:published, is:mine",
    about="A segment finds contacts by filters, or has those that are put into it by hand.",
    gone="The contacts that are in it stay. Campaigns, exports and searches that name it find nobody by it.",
    has_page=True,
)


class SegmentsPage(KeepingPage):
    form_template = "segments/form.html"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, SEGMENTS)

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            **super().handlers(),
            f"{PATH}/filters": {"POST": self.build},
            f"{PATH}/count": {"POST": self.count},
            ONE: {"GET": self.show},
            f"{ONE}/members": {"GET": self.members},
            f"{ONE}/contacts/delete": {"GET": self.ask_delete_contacts, "POST": self.delete_contacts},
        }

    async def show(self, request: Request) -> Response:
        segment, fields = await asyncio.gather(self.one(request), self._catalogue())
        rows = rows_of(segment["filters"])
        named = await named_things(self._desk.api, rows, fields)
        return self._desk.page(
            request, "segments/page.html", segment=segment, groups=groups_of(shown(rows, fields, named)), kept=SEGMENTS,
            contacts=f"/ui/contacts?{urlencode({'segment': segment['alias']})}",
        )  # fmt: skip

    async def members(self, request: Request) -> Response:
        """How many, which takes longer than all else that a page shows."""
        try:
            segment, problem = await self._counted(request), ""
        except ApiError as error:
            if error.status != 400:
                raise
            segment, problem = await self.one(request), error.message
        return self._desk.page(request, "segments/members.html", block="members", segment=segment, problem=problem)

    async def build(self, request: Request) -> Response:
        """The filters after a row was added or removed, or its field was changed; all that was typed stays."""
        return await self._rebuilt(request, is_counted=False)

    async def count(self, request: Request) -> Response:
        return await self._rebuilt(request, is_counted=True)

    async def ask_delete_contacts(self, request: Request) -> Response:
        segment = await self._counted(request)
        return self._desk.page(request, "segments/delete_contacts.html", block="dialog", segment=segment, kept=SEGMENTS)

    async def delete_contacts(self, request: Request) -> Response:
        path = f"/api/segments/{request.path_params['id']}/contacts/delete"
        job = (await self._desk.api.send("POST", path))["job"]
        return self._desk.go(request, f"/ui/jobs/{job['id']}", "The contacts are being deleted.")

    def values(self, thing: Json | None, fields: Sequence[FormField]) -> Json:
        """A public name that is the name was not said."""
        said = super().values(thing, fields)
        public = said["publicName"] if said["publicName"] != said["name"] else ""
        return {**said, "publicName": public, "filters": rows_of(thing["filters"]) if thing else []}

    async def said(self, form: Form, fields: Sequence[FormField]) -> Json:
        return {**await super().said(form, fields), "filters": read_rows(form, await self._catalogue())}

    async def body(self, said: Json, thing: Json | None) -> Json:
        return {**said, "filters": filters_of(said["filters"], await self._catalogue())}

    async def completed_form(self, values: Json) -> Json:
        fields = await self._catalogue()
        rows = shown(values["filters"], fields, await named_things(self._desk.api, values["filters"], fields))
        return {"rows": rows, "groups": grouped(fields), "found": None, "why_not": ""}

    async def _rebuilt(self, request: Request, *, is_counted: bool) -> Response:
        form = await self._desk.form(request)
        ids = form.ids("id")
        thing = (await self._desk.api.get(f"/api/segments/{ids[0]}"))["list"] if ids else None
        fields, known = await asyncio.gather(self.fields(thing), self._catalogue())
        said = await self.said(form, fields)
        said["filters"] = changed(said["filters"], form.text("do"))
        more = await self._count(said, known, ids) if is_counted else {}
        block = "count" if is_counted else "filters"
        return await self._form(request, thing, fields, said, block=block, **more)

    async def _count(self, said: Json, known: Catalogue, ids: list[int]) -> Json:
        """How many are found, or why that cannot be said."""
        body = {"filters": filters_of(said["filters"], known), **({"id": ids[0]} if ids else {})}
        try:
            return {"found": await self._desk.api.send("POST", "/api/segments/count", body)}
        except ApiError as error:
            if error.status != 400:
                raise
            return {"why_not": _in_places(error)}

    async def _counted(self, request: Request) -> Json:
        path = f"/api/segments/{request.path_params['id']}"
        found: Json = (await self._desk.api.get(path, {"contactCount": 1}))["list"]
        return found

    async def _catalogue(self) -> Catalogue:
        contacts, companies = await asyncio.gather(
            self._desk.api.get("/api/fields/contact", {"search": "is:published"}),
            self._desk.api.get("/api/fields/company", {"search": "is:published"}),
        )
        return catalogue(contacts["fields"], companies["fields"])


def _in_places(error: ApiError) -> str:
    """As people count: the first filter is 1."""
    texts = []
    for name, said in (error.details or {}).items():
        place = name.removeprefix("filters[").removesuffix("]")
        texts.append(f"Filter {int(place) + 1}: {' '.join(said)}" if place.isdecimal() else " ".join(said))
    return " ".join(texts) or error.message
