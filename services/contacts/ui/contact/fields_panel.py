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
from services.contacts.ui.form import Form

GROUPS = ("core", "social", "personal", "professional")
NEVER_TYPED = ("last_active",)
# The types of inputs by types of fields; all else is a line of text.
INPUTS = {
    "number": "number", "date": "date", "datetime": "datetime-local", "time": "time", "email": "email", "tel": "tel",
    "url": "url",
}  # fmt: skip
LONG = ("textarea", "html")


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
        group = request.query_params.get("group", GROUPS[0])
        if not is_htmx(request):
            return self._desk.go(request, f"{page_of(request)}?group={quote(group)}")
        contact = (await self._desk.api.get(api_of(request)))["contact"]
        return self._desk.page(
            request, "contact/fields.html", block="fields", contact=contact, groups=groups_of(contact), group=group
        )

    async def edit(self, request: Request) -> Response:
        """An input for the value; with `cancel` the value as it is."""
        contact = (await self._desk.api.get(api_of(request)))["contact"]
        value = _find(contact, request.path_params["alias"])
        if "cancel" in request.query_params:
            return self._value(request, contact)
        return await self._input(request, contact, value.get("value"))

    async def save(self, request: Request) -> Response:
        alias, form = request.path_params["alias"], await self._desk.form(request)
        field = await self._field(alias)
        said = read_value(field, form)
        try:
            body = {alias: said, "overwriteWithBlank": True}
            contact = (await self._desk.api.send("PATCH", api_of(request, "/edit"), body))["contact"]
        except ApiError as error:
            if error.status != 400:
                raise
            found = (await self._desk.api.get(api_of(request)))["contact"]
            return await self._input(request, found, said, error.message)
        if not is_htmx(request):
            return self._desk.go(request, page_of(request), "Saved.")
        return self._desk.say(self._value(request, contact), "Saved.", **{CHANGED: True})

    def _value(self, request: Request, contact: Mapping[str, Any]) -> Response:
        field = shown_field(_find(contact, request.path_params["alias"]))
        return self._desk.page(request, "contact/fields.html", block="value", contact=contact, field=field,
                               groups={}, group="")  # fmt: skip

    async def _input(self, request: Request, contact: Mapping[str, Any], said: Any, problem: str = "") -> Response:
        field = await self._field(request.path_params["alias"])
        return self._desk.page(
            request, "contact/edit_field.html", 422 if problem else 200, block="dialog", contact=contact,
            contact_id=contact["id"], field=field, said=said, chosen=_chosen(said), options=options_of(field),
            input=INPUTS.get(field["type"], "text"), is_long=field["type"] in LONG, problem=problem,
        )  # fmt: skip

    async def _field(self, alias: str) -> Mapping[str, Any]:
        if alias == "points":
            return {"alias": "points", "label": "Points", "type": "number", "properties": []}
        if not alias.isascii() or not alias.replace("_", "").isalnum():
            raise ApiError(404, "There is no such field.")
        found: Mapping[str, Any] = (await self._desk.api.get(f"/api/fields/contact/{alias}"))["field"]
        return found


def options_of(field: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(value, label) of what can be chosen; nothing where anything can be typed."""
    properties = field.get("properties") or {}
    if field["type"] == "boolean":
        told = properties if isinstance(properties, Mapping) else {}
        return [("1", str(told.get("yes") or "Yes")), ("0", str(told.get("no") or "No"))]
    listed = properties.get("list") if isinstance(properties, Mapping) else None
    if field["type"] not in ("select", "multiselect") or not isinstance(listed, list):
        return []
    return [(str(one["value"]), str(one["label"])) for one in listed]


def read_value(field: Mapping[str, Any], form: Form) -> Any:
    return form.all("value") if field["type"] == "multiselect" else form.text("value")


def _chosen(said: Any) -> list[str]:
    if said is None:
        return []
    return [str(one) for one in said] if isinstance(said, list) else str(said).split("|")


def _find(contact: Mapping[str, Any], alias: str) -> Mapping[str, Any]:
    for group in GROUPS:
        fields = contact["fields"].get(group) or {}
        if alias in fields and alias not in NEVER_TYPED:
            found: Mapping[str, Any] = fields[alias]
            return found
    raise ApiError(404, "There is no such field.")
