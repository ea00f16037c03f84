"""The REST API on the fields of contacts: what they are, which of them a hit may set, and which identify."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.contact_fields import FIELDS as ALL
from services.common.contact_fields import TOLD_FIELDS, Field, FieldRules
from services.common.documents import CONTACT_FIELDS, FIELDS, FieldRegistry
from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of, read_object, text_of
from services.common.field_registry import rules_of
from services.common.field_values import NOT_VALID
from services.contacts.contact_object import Json
from services.contacts.record_body import RecordBody
from services.contacts.record_writer import RecordWriter, TakenError
from services.contacts.stores import Stores

PUBLIC = "isPubliclyUpdatable"
UNIQUE = ("isUniqueIdentifier", "isUniqueIdentifer")  # the latter is how the contract spells it


class FieldsApi:
    def __init__(self, stores: Stores, user: str, preset: FieldRules) -> None:
        self._writer = RecordWriter(stores, FIELDS, FieldRegistry, user)
        self._preset = preset  # until somebody says otherwise

    def routes(self) -> list[Route]:
        return [
            Route("/api/fields/contact", self.every, methods=["GET"]),
            Route("/api/fields/contact/{id}", self.one, methods=["GET"]),
            Route("/api/fields/contact/{id}/edit", self.edit, methods=["PUT", "PATCH"]),
        ]

    async def every(self, request: Request) -> Response:
        search = text_of(query_of(request), "search").strip().lower()
        rules = await self._rules()
        found = [field for field in ALL.values() if search in f"{field.alias} {field.label}".lower()]
        return json_response({"total": len(found), "fields": [_shown(field, rules) for field in found]})

    async def one(self, request: Request) -> Response:
        return json_response({"field": _shown(_field_of(request), await self._rules())})

    async def edit(self, request: Request) -> Response:
        """Whether a hit may set it, and whether it identifies; the rest of a field is fixed."""
        field, body = _field_of(request), RecordBody(await read_object(request))
        rules = await self._rules()
        is_public = body.flag(PUBLIC, old=field.alias in rules.public)
        unique = next((name for name in UNIQUE if body.has(name)), UNIQUE[0])
        is_unique = body.flag(unique, old=field.alias in rules.unique)
        if is_public and field.alias not in TOLD_FIELDS:
            body.wrong[PUBLIC] = [NOT_VALID]
        if is_unique and field.alias not in TOLD_FIELDS:
            body.wrong[unique] = [NOT_VALID]
        body.refuse_if_wrong()
        rules = await self._set(field.alias, is_public=is_public, is_unique=is_unique)
        return json_response({"field": _shown(field, rules)})

    async def _set(self, alias: str, *, is_public: bool, is_unique: bool) -> FieldRules:
        def changed(registry: FieldRegistry) -> FieldRegistry:
            rules = rules_of(registry, self._preset)
            return FieldRegistry(
                publicly_updatable=_with(rules.public, alias, is_in=is_public),
                unique=_with(rules.unique, alias, is_in=is_unique),
            )

        stored = await self._writer.change(CONTACT_FIELDS, changed)
        if stored is None:
            try:
                preset = FieldRegistry(publicly_updatable=list(self._preset.public))
                await self._writer.create(preset, CONTACT_FIELDS)
            except TakenError:
                pass  # by another edit, a moment ago
            stored = await self._writer.change(CONTACT_FIELDS, changed)
        assert stored is not None  # nobody deletes it
        return rules_of(stored, self._preset)

    async def _rules(self) -> FieldRules:
        return rules_of(await self._writer.one(CONTACT_FIELDS), self._preset)


def _with(fields: tuple[str, ...], alias: str, *, is_in: bool) -> list[str]:
    others = [one for one in fields if one != alias]
    return [*others, alias] if is_in else others


def _field_of(request: Request) -> Field:
    """By its number or its alias."""
    said = str(request.path_params["id"])
    field = ALL.get(said) or next((one for one in ALL.values() if str(one.id) == said), None)
    if field is None:
        raise ApiError(404, NOT_FOUND)
    return field


def _shown(field: Field, rules: FieldRules) -> Json:
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
        "isUniqueIdentifier": field.alias in rules.unique,
        "isUniqueIdentifer": field.alias in rules.unique,  # as the contract spells it
        "isPubliclyUpdatable": field.alias in rules.public,
        "properties": [],
    }
