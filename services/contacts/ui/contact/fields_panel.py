"""The fields of a contact by group, each of which is edited where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import ApiError
from services.contacts.ui.contact.calls import CHANGED, PATH, api_of, page_of
from services.contacts.ui.desk import Desk, Handler, is_htmx
from services.contacts.ui.field_inputs import GROUPS, Input, input_of, typed, with_values

NEVER_TYPED = ("last_active",)
POINTS = {"alias": "points", "label": "Points", "type": "number", "group": "core", "properties": [],
          "isRequired": False, "isUniqueIdentifier": False, "isShortVisible": False}  # fmt: skip


class Shown(NamedTuple):
    alias: str
    label: str
    type: str
    text: str
    is_typed: bool


def shown_field(field: Mapping[str, Any]) -> Shown:
    value = field.get("normalizedValue")
    value = field.get("value") if value is None else value
    text = "" if value is None else str(value).replace("|", ", ") if field["type"] == "multiselect" else str(value)
    return Shown(field["alias"], field["label"], field["type"], text, field["alias"] not in NEVER_TYPED)


def groups_of(contact: Mapping[str, Any]) -> dict[str, list[Shown]]:
    """Those that have any fields, in their order."""
    groups = contact["fields"]
    return {one: [shown_field(field) for field in groups[one].values()] for one in GROUPS if groups.get(one)}


class FieldsPanel:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            f"{PATH}/fields": {"GET": self.group},
            f"{PATH}/fields/{{alias}}": {"GET": self.edit, "POST": self.save},
        }

    async def group(self, request: Request) -> Response:
        """The fields of one group, in place of another one's."""
        group = request.query_params.get("group", "core")
        if not is_htmx(request):
            return self._desk.go(request, f"{page_of(request)}?group={quote(group)}")
        contact = (await self._desk.api.get(api_of(request)))["contact"]
        return self._desk.page(
            request, "contact/fields.html", block="fields", contact=contact, groups=groups_of(contact), group=group
        )

    async def edit(self, request: Request) -> Response:
        """An input for the value; with `cancel` the value as it is."""
        contact = (await self._desk.api.get(api_of(request)))["contact"]
        if "cancel" in request.query_params:
            return self._value(request, contact)
        return self._asked(request, contact, await self._input(request, contact))

    async def save(self, request: Request) -> Response:
        alias, form = request.path_params["alias"], await self._desk.form(request)
        contact = (await self._desk.api.get(api_of(request)))["contact"]
        field = await self._input(request, contact)
        said = typed(form, [field])
        if field.is_unique and (whose := await self._holder(request, said)):
            [as_typed] = with_values([field], said)
            text = f"{whose} has it: saving would make one of both. Merge, or Edit at the top, say what comes of it."
            return self._asked(request, contact, as_typed, {alias: text})
        try:
            body = {**said, "overwriteWithBlank": True}
            contact = (await self._desk.api.send("PATCH", api_of(request, "/edit"), body))["contact"]
        except ApiError as error:
            if error.status != 400:
                raise
            [as_typed] = with_values([field], said)
            return self._asked(request, contact, as_typed, {alias: error.message})
        if not is_htmx(request):
            return self._desk.go(request, page_of(request), "Saved.")
        return self._desk.say(self._value(request, contact), "Saved.", events={CHANGED: True})

    async def _holder(self, request: Request, said: Mapping[str, Any]) -> str:
        """Who else has this value and would merge by it; '' for nobody."""
        asked = {alias: str(value) for alias, value in said.items() if value}
        found = await self._desk.api.get("/api/contacts/duplicates", {**asked, "id": request.path_params["id"]})
        return next((str(one["name"] or one["email"] or one["id"]) for one in found["holders"] if one["id"]), "")

    def _value(self, request: Request, contact: Mapping[str, Any]) -> Response:
        field = shown_field(_find(contact, request.path_params["alias"]))
        return self._desk.page(request, "contact/fields.html", block="value", contact=contact, field=field,
                               groups={}, group="")  # fmt: skip

    def _asked(
        self, request: Request, contact: Mapping[str, Any], field: Input, wrong: Mapping[str, str] | None = None
    ) -> Response:
        return self._desk.page(
            request, "contact/edit_field.html", 422 if wrong else 200, block="dialog", contact_id=contact["id"],
            field=field._replace(is_unique=False), wrong=wrong or {},
        )  # fmt: skip

    async def _input(self, request: Request, contact: Mapping[str, Any]) -> Input:
        """What it is typed in. Whose address another one is, is told when it is saved."""
        alias = request.path_params["alias"]
        value = _find(contact, alias).get("value")
        field = POINTS if alias == "points" else (await self._desk.api.get(f"/api/fields/contact/{alias}"))["field"]
        return input_of(field, value)


def _find(contact: Mapping[str, Any], alias: str) -> Mapping[str, Any]:
    for group in GROUPS:
        fields = contact["fields"].get(group) or {}
        if alias in fields and alias not in NEVER_TYPED:
            found: Mapping[str, Any] = fields[alias]
            return found
    raise ApiError(404, "There is no such field.")
