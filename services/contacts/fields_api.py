"""The REST API on the fields of contacts: what they are, and which of them a hit may set."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.contact_fields import FIELDS as ALL
from services.common.contact_fields import TOLD_FIELDS, Field
from services.common.documents import CONTACT_FIELDS, FIELDS, FieldRegistry
from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of, read_object, text_of
from services.contacts.contact_object import Json
from services.contacts.record_body import RecordBody
from services.contacts.record_writer import RecordWriter, TakenError
from services.contacts.stores import Stores


class FieldsApi:
    def __init__(self, stores: Stores, user: str, preset: tuple[str, ...]) -> None:
        self._writer = RecordWriter(stores, FIELDS, FieldRegistry, user)
        self._preset = preset  # publicly updatable until somebody says otherwise

    def routes(self) -> list[Route]:
        return [
            Route("/api/fields/contact", self.every, methods=["GET"]),
            Route("/api/fields/contact/{id}", self.one, methods=["GET"]),
            Route("/api/fields/contact/{id}/edit", self.edit, methods=["PUT", "PATCH"]),
        ]

    async def every(self, request: Request) -> Response:
        search = text_of(query_of(request), "search").strip().lower()
        public = await self._public()
        found = [field for field in ALL.values() if search in f"{field.alias} {field.label}".lower()]
        return json_response({"total": len(found), "fields": [_shown(field, public) for field in found]})

    async def one(self, request: Request) -> Response:
        return json_response({"field": _shown(_field_of(request), await self._public())})

    async def edit(self, request: Request) -> Response:
        """Whether a hit may set it; the rest of a field is fixed."""
        field, body = _field_of(request), RecordBody(await read_object(request))
        public = await self._public()
        is_public = body.flag("isPubliclyUpdatable", old=field.alias in public)
        if body.wrong or (is_public and field.alias not in TOLD_FIELDS):
            raise ApiError(400, "isPubliclyUpdatable: This value is not valid.",
                           {"isPubliclyUpdatable": ["This value is not valid."]})  # fmt: skip
        return json_response({"field": _shown(field, await self._set(field.alias, is_public=is_public))})

    async def _set(self, alias: str, *, is_public: bool) -> list[str]:
        def changed(registry: FieldRegistry) -> FieldRegistry:
            others = [one for one in registry.publicly_updatable if one != alias]
            return FieldRegistry(publicly_updatable=[*others, alias] if is_public else others)

        stored = await self._writer.change(CONTACT_FIELDS, changed)
        if stored is None:
            try:
                await self._writer.create(FieldRegistry(publicly_updatable=list(self._preset)), CONTACT_FIELDS)
            except TakenError:
                pass  # by another edit, a moment ago
            stored = await self._writer.change(CONTACT_FIELDS, changed)
        assert stored is not None  # nobody deletes it
        return stored.publicly_updatable

    async def _public(self) -> list[str]:
        registry = await self._writer.one(CONTACT_FIELDS)
        return registry.publicly_updatable if registry else list(self._preset)


def _field_of(request: Request) -> Field:
    """By its number or its alias."""
    said = str(request.path_params["id"])
    field = ALL.get(said) or next((one for one in ALL.values() if str(one.id) == said), None)
    if field is None:
        raise ApiError(404, NOT_FOUND)
    return field


def _shown(field: Field, public: list[str]) -> Json:
    return {
        "isPublished": True,
        "id": field.id,
        "label": field.label,
        "alias": field.alias,
        "type": field.type,
        "group": field.group,
        "order": field.id,
        "object": "lead",
        "defaultValue": None,
        "isRequired": False,
        "isFixed": True,
        "isListable": True,
        "isVisible": True,
        "isShortVisible": field.alias in ("firstname", "lastname", "email"),
        "isUniqueIdentifier": field.is_unique,
        "isPubliclyUpdatable": field.alias in public,
        "properties": [],
    }
