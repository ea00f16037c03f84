"""The REST API on the fields of contacts and of companies: those from the start, and those that people make.

All that is said of fields is one record, so that no two fields get one alias, and whoever reads values learns of a
change by one look. Values stay in the profiles when their field is deleted, and are shown again when it is made anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.caller import author, author_id
from services.common.company_fields import COMPANY_FIELDS
from services.common.contact_fields import FIELDS as CONTACTS_OWN
from services.common.contact_fields import TOLD_FIELDS, Field, FieldRules
from services.common.documents import CONTACT_FIELDS, FIELDS, FIELDS_OF_COMPANIES, CustomField, FieldRegistry
from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of, read_object
from services.common.field_registry import rules_of
from services.common.field_values import NOT_VALID
from services.common.operation import described
from services.contacts.batch import Told
from services.contacts.batch_api import BatchApi, EachAlone
from services.contacts.fields.custom_field import PUBLIC, UNIQUE, free_alias, read_custom_field, unique_key
from services.contacts.fields.field_list import field_page
from services.contacts.fields.field_object import custom_field_object, fixed_field_object
from services.contacts.fields.field_operations import BATCH, CHANGE, DELETE, NEW, ONE, REPLACE, list_operation
from services.contacts.fields.field_users import check_unused
from services.contacts.objects import Json
from services.contacts.people.change import InvalidChangeError
from services.contacts.records.record_body import RecordBody
from services.contacts.records.record_writer import RecordWriter, TakenError
from services.contacts.stores import BusyError, Stores

MAX_CUSTOM = 500

Change = Callable[[FieldRegistry], FieldRegistry]


class Owner(NamedTuple):
    """Whose fields they are: its name, also of the record of its fields, and those from the start."""

    name: str
    shown_as: str
    fixed: Mapping[str, Field]


CONTACT = Owner(CONTACT_FIELDS, "lead", CONTACTS_OWN)
COMPANY = Owner(FIELDS_OF_COMPANIES, "company", COMPANY_FIELDS)


class FieldsApi:
    def __init__(self, stores: Stores, user: str, preset: FieldRules, owner: Owner = CONTACT) -> None:
        self._stores, self._user, self._owner = stores, user, owner
        self._path = f"/api/fields/{owner.name}"
        self._writer = RecordWriter(stores, FIELDS, FieldRegistry, user)
        self._preset = preset  # until somebody says otherwise

    def routes(self) -> list[Route]:
        return [
            *BatchApi(self._path, "fields", lambda: EachAlone(self, at_once=1), BATCH).routes(),
            described(self._path, self.every, get=list_operation(self._owner.name)),
            described(f"{self._path}/new", self.new, post=NEW),
            described(f"{self._path}/{{id}}", self.one, get=ONE),
            described(f"{self._path}/{{id}}/edit", self.edit, patch=CHANGE, put=REPLACE),
            described(f"{self._path}/{{id}}/delete", self.delete, delete=DELETE),
        ]

    async def every(self, request: Request) -> Response:
        registry = await self._registry()
        made = sorted(registry.custom, key=lambda field: (field.order, field.id))
        fields: list[Field | CustomField] = [*self._owner.fixed.values(), *made]
        page = field_page([self._shown(field, registry) for field in fields], query_of(request))
        return json_response({"total": page.total, "fields": page.fields})

    async def one(self, request: Request) -> Response:
        registry = await self._registry()
        return json_response({"field": self._shown(_find(request.path_params["id"], self._every(registry)), registry)})

    async def new(self, request: Request) -> Response:
        return self._answer(await self.create(await read_object(request)))

    async def edit(self, request: Request) -> Response:
        body, replaces = await read_object(request), request.method == "PUT"
        return self._answer(await self.change(request.path_params["id"], body, replaces=replaces))

    async def delete(self, request: Request) -> Response:
        return json_response({"field": {**await self.remove(request.path_params["id"]), "id": None}})

    async def change(self, said_id: str, body: Json, *, replaces: bool) -> Told:
        """Of a field that is there from the start: whether a hit may set it, and whether it identifies."""
        registry = await self._registry()
        try:
            field = _find(said_id, self._every(registry))
        except ApiError:
            if not replaces or not said_id.isdecimal():
                raise
            return await self.create(body)
        if isinstance(field, Field):
            return await self._edit_fixed(field, body)
        return await self._edit_made(field.alias, body, replaces=replaces)

    async def remove(self, said_id: str) -> Json:
        """As it was."""
        field = _find(said_id, self._every(await self._registry()))
        if isinstance(field, Field):
            raise ApiError(400, f"{field.alias} is there from the start and stays.", {"id": [NOT_VALID]})
        alias = field.alias
        await check_unused(self._stores.clickhouse, alias, self._owner.shown_as)

        def changed(registry: FieldRegistry) -> FieldRegistry:
            return msgspec.structs.replace(
                registry,
                custom=[one for one in registry.custom if one.alias != alias],
                retired={**registry.retired, alias: _made(alias, registry).type},
            )

        await self._change(changed)
        return self._shown(field, FieldRegistry())

    async def create(self, body: Json) -> Told:
        field = self._checked(lambda: read_custom_field(body, None, None))
        made: list[CustomField] = []

        def changed(registry: FieldRegistry) -> FieldRegistry:
            alias = free_alias(field, {one.alias for one in registry.custom} | registry.retired.keys())
            _check_room(alias, field.type, registry)
            new = msgspec.structs.replace(
                field, id=registry.last_id + 1, alias=alias, order=field.order or registry.last_id + 1,
                added_us=_now_us(), created_by=author(self._user), created_by_id=author_id(),
            )  # fmt: skip
            made[:] = [new]
            retired = {one: kind for one, kind in registry.retired.items() if one != alias}
            return msgspec.structs.replace(registry, custom=[*registry.custom, new], last_id=new.id, retired=retired)

        registry = await self._change(changed)
        return Told(self._shown(made[0], registry), is_new=True)

    async def _edit_made(self, alias: str, body: Json, *, replaces: bool) -> Told:
        def changed(registry: FieldRegistry) -> FieldRegistry:
            old = _made(alias, registry)
            new = self._checked(lambda: read_custom_field(body, old, None if replaces else old))
            new.added_us, new.created_by, new.created_by_id = old.added_us, old.created_by, old.created_by_id
            new.modified_us, new.modified_by, new.modified_by_id = _now_us(), author(self._user), author_id()
            custom = [new if one.alias == alias else one for one in registry.custom]
            return msgspec.structs.replace(registry, custom=custom)

        registry = await self._change(changed)
        return Told(self._shown(_made(alias, registry), registry), is_new=False)

    async def _edit_fixed(self, field: Field, said: Json) -> Told:
        if self._owner is COMPANY:
            raise ApiError(400, f"{field.alias} is there from the start and stays as it is.", {"id": [NOT_VALID]})

        def changed(registry: FieldRegistry) -> FieldRegistry:
            rules, body = rules_of(registry, self._preset), RecordBody(said)
            is_public = body.flag(PUBLIC, old=field.alias in rules.public)
            is_unique = body.flag(unique_key(body), old=field.alias in rules.unique)
            if is_public and field.alias not in TOLD_FIELDS:
                body.wrong[PUBLIC] = [NOT_VALID]
            if is_unique and field.alias not in TOLD_FIELDS:
                body.wrong[unique_key(body)] = [NOT_VALID]
            if field.is_unique and not is_unique:
                body.wrong[unique_key(body)] = ["An e-mail address belongs to one contact: it always identifies."]
            body.refuse_if_wrong()
            return msgspec.structs.replace(
                registry,
                publicly_updatable=_with(rules.public, field.alias, is_in=is_public),
                unique=_with(rules.unique, field.alias, is_in=is_unique),
            )

        return Told(self._shown(field, await self._change(changed)), is_new=False)

    def _checked(self, read: Callable[[], CustomField]) -> CustomField:
        try:
            field = read()
        except InvalidChangeError as error:
            raise ApiError(400, str(error), error.details) from error
        if self._owner is COMPANY and (field.is_public or field.is_unique):
            no = "Companies are found by their names, and hits tell only the fields from the start."
            raise ApiError(400, no, {PUBLIC if field.is_public else UNIQUE[0]: [no]})
        return field

    async def _registry(self) -> FieldRegistry:
        return await self._writer.one(self._owner.name) or FieldRegistry()

    async def _change(self, changed: Change) -> FieldRegistry:
        try:
            stored = await self._writer.change(self._owner.name, changed)
            if stored is None:
                try:
                    await self._writer.create(FieldRegistry(), self._owner.name)
                except TakenError:
                    pass  # by another edit, a moment ago
                stored = await self._writer.change(self._owner.name, changed)
        except BusyError:
            raise ApiError(503, "The fields are being changed by others; try again.") from None
        assert stored is not None  # nobody deletes it
        self._stores.fields.forget()
        return stored

    def _every(self, registry: FieldRegistry) -> list[Field | CustomField]:
        return [*self._owner.fixed.values(), *registry.custom]

    def _answer(self, told: Told) -> Response:
        if not told.is_new:
            return json_response({"field": told.shown})
        return json_response({"field": told.shown}, 201, {"Location": f"{self._path}/{told.shown['id']}"})

    def _shown(self, field: Field | CustomField, registry: FieldRegistry) -> Json:
        shown_as = {"object": self._owner.shown_as}
        if isinstance(field, CustomField):
            return {**custom_field_object(field), **shown_as}
        if self._owner is COMPANY:  # found by their names, told by hits
            return {**fixed_field_object(field, is_unique=field.is_unique, is_public=True), **shown_as}
        rules = rules_of(registry, self._preset)
        return fixed_field_object(field, is_unique=field.alias in rules.unique, is_public=field.alias in rules.public)


def _find(said_id: str, fields: list[Field | CustomField]) -> Field | CustomField:
    """By its number or its alias. Raises `ApiError` 404."""
    found = next((field for field in fields if said_id in (field.alias, str(field.id))), None)
    if found is None:
        raise ApiError(404, NOT_FOUND)
    return found


def _check_room(alias: str, kind: str, registry: FieldRegistry) -> None:
    """Raises `ApiError` 400."""
    if len(registry.custom) >= MAX_CUSTOM:
        raise ApiError(400, f"There are {MAX_CUSTOM} fields, and that is the most.", {"alias": [NOT_VALID]})
    if alias in {one.alias for one in registry.custom}:
        raise ApiError(400, f"alias: {alias} is taken.", {"alias": [f"{alias} is taken."]})
    if registry.retired.get(alias, kind) != kind:
        was = f"{alias} was of the type {registry.retired[alias]}, and such values are kept."
        raise ApiError(400, f"alias: {was}", {"alias": [was]})


def _made(alias: str, registry: FieldRegistry) -> CustomField:
    """Raises `ApiError` 404."""
    for field in registry.custom:
        if field.alias == alias:
            return field
    raise ApiError(404, NOT_FOUND)


def _with(aliases: tuple[str, ...], alias: str, *, is_in: bool) -> list[str]:
    """Of the fields from the start: those that were made say it of themselves."""
    others = [one for one in aliases if one != alias and one in CONTACTS_OWN]
    return [*others, alias] if is_in else others


def _now_us() -> int:
    return time.time_ns() // 1_000
