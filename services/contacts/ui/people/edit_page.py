"""Contacts are made and edited: quick add, the whole form, and duplicates that are pointed out while one types."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from services.common.caller import author_id
from services.common.envelope import ApiError
from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.field_inputs import GROUPS, PREFIX, Input, inputs_of, typed, with_values
from services.contacts.ui.keeping.choices import MOST, choices_of, owner_name, owners
from services.contacts.ui.keeping.refusal import NOTHING, Refusal, refused_input
from services.contacts.ui.people.person_form import (
    Clash,
    Extras,
    Was,
    change_body,
    check_required,
    clashes,
    extras_clashes,
    extras_of,
    new_body,
    read_extras,
    read_was,
    was_of,
    write_was,
)
from services.contacts.ui.people_names import values_of

PATH = "/ui/contacts"
ONE = f"{PATH}/{{id:id}}/edit"
STAGES = choices_of("/api/stages", "stages")
VERDICTS = {
    "update": "Saving will update the contact that has this value.",
    "merge": "Saving will merge this contact with the one that has this value.",
    "refuse": "Another contact has this value, so this cannot be saved.",
}


class _Choices(NamedTuple):
    """Labels by id, of what a contact can have beside its fields."""

    owners: Mapping[str, str]
    stages: Mapping[str, str]
    companies: Mapping[str, str]
    segments: Mapping[str, str]


class EditPage:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            f"{PATH}/quick": {"GET": self.quick, "POST": self.create},
            f"{PATH}/new": {"GET": self.new, "POST": self.create},
            f"{PATH}/duplicates": {"GET": self.duplicates},
            ONE: {"GET": self.edit, "POST": self.save},
        }

    async def quick(self, request: Request) -> Response:
        return await self._blank(request)

    async def new(self, request: Request) -> Response:
        return await self._blank(request)

    async def create(self, request: Request) -> Response:
        form, inputs = await self._desk.form(request), await self._inputs({})
        said, extras = typed(form, inputs), read_extras(form)
        try:
            check_required(inputs, said)
            made = (await self._desk.api.send("POST", "/api/contacts/new", new_body(said, extras)))["contact"]
            if segments := form.ids("segments"):
                await self._desk.api.send(
                    "POST", "/api/contacts/batch/segments", {"ids": [made["id"]], "add": segments}
                )
        except ApiError as error:
            choices = await self._choices()
            return self._form_page(request, with_values(inputs, said), extras, choices, _refused(error, inputs))
        return self._desk.go(request, f"{PATH}/{made['id']}", "Saved.")

    async def edit(self, request: Request) -> Response:
        contact, companies = await self._contact(request)
        inputs, choices = await asyncio.gather(self._inputs(values_of(contact)), self._choices(contact, companies))
        return self._form_page(request, inputs, extras_of(contact, companies), choices, contact=contact)

    async def save(self, request: Request) -> Response:
        """Only what was changed is said. Whoever changed the same field meanwhile is named, with what they wrote."""
        form = await self._desk.form(request)
        contact, companies = await self._contact(request)
        inputs, theirs = await self._inputs(values_of(contact)), extras_of(contact, companies)
        choices, now = await self._choices(contact, companies), was_of(inputs, theirs)
        was = read_was(form.text("was"), now)  # else all that was typed is what was changed
        said, extras = typed(form, inputs), read_extras(form, was.extras)
        found = clashes(inputs, said, was)
        found += extras_clashes(extras, was, theirs, choices.owners, choices.stages)
        mine = with_values(inputs, said)
        if found:
            text = f"{contact['modifiedByUser'] or 'Somebody'} has changed this contact since you opened it."
            return self._form_page(request, mine, extras, choices, Refusal(text), contact=contact, found=found, was=now)
        try:
            check_required(inputs, said)
            if body := change_body(said, extras, was, theirs):
                await self._desk.api.send("PATCH", f"/api/contacts/{contact['id']}/edit", body)
        except ApiError as error:
            refused = _refused(error, inputs)
            return self._form_page(request, mine, extras, choices, refused, contact=contact, was=was)
        return self._desk.go(request, f"{PATH}/{contact['id']}", "Saved.")

    async def duplicates(self, request: Request) -> Response:
        """Of the form as it is typed: inputs are named as in it."""
        said = {name.removeprefix(PREFIX): value for name, value in request.query_params.items()
                if name.startswith(PREFIX) and value.strip()}  # fmt: skip
        if own := request.query_params.get("id", ""):
            said["id"] = own
        found = await self._desk.api.get("/api/contacts/duplicates", said)
        return self._desk.page(
            request, "people/duplicates.html", block="found", found=found, verdict=VERDICTS.get(found["verdict"], "")
        )

    async def _contact(self, request: Request) -> tuple[Any, Any]:
        path = f"/api/contacts/{request.path_params['id']}"
        contact, companies = await asyncio.gather(
            self._desk.api.get(path), self._desk.api.things(f"{path}/companies", "companies")
        )
        return contact["contact"], companies

    async def _inputs(self, values: Mapping[str, Any]) -> list[Input]:
        fields = await self._desk.api.things("/api/fields/contact", "fields")
        shown = [field for field in fields if field["isVisible"] or field["isShortVisible"]]
        return inputs_of(shown, values)

    async def _blank(self, request: Request) -> Response:
        inputs, choices = await asyncio.gather(self._inputs({}), self._choices())
        return self._form_page(request, inputs, Extras(owner=str(author_id() or "")), choices)

    async def _choices(self, contact: Any = None, its_companies: Sequence[Mapping[str, Any]] = ()) -> _Choices:
        """What the contact has is among them, also where it is one of too many, or not for this user to see."""
        owner, stage = (contact["owner"], contact["stage"]) if contact else (None, None)
        its = {str(one["id"]): str(one["companyname"] or one["id"]) for one in its_companies}
        users, stages, companies, segments = await asyncio.gather(
            owners(self._desk.api),
            STAGES(self._desk.api),
            self._desk.api.things_seen("/api/companies", "companies", {"limit": MOST, "orderBy": "companyname"}),
            self._desk.api.things_seen("/api/contacts/list/segments"),
        )
        return _Choices(
            ({str(owner["id"]): owner_name(owner)} if owner else {}) | dict(users),
            ({str(stage["id"]): stage["name"]} if stage else {}) | dict(stages),
            its | {str(one["id"]): str(one["fields"]["all"]["companyname"] or one["id"]) for one in companies},
            {str(one["id"]): one["name"] for one in segments},
        )

    def _form_page(
        self, request: Request, inputs: Sequence[Input], extras: Extras, choices: _Choices, refused: Refusal = NOTHING,
        *, contact: Any = None, found: Sequence[Clash] = (), was: Was | None = None,
    ) -> Response:  # fmt: skip
        is_quick = request.url.path.endswith("/quick")
        return self._desk.page(
            request, "people/quick.html" if is_quick else "people/form.html", 422 if refused.text else 200,
            block="dialog" if is_quick else "form",
            inputs=[one for one in inputs if one.is_short] if is_quick else inputs,
            groups={group: label for group, label in GROUPS.items() if any(one.group == group for one in inputs)},
            extras=extras, choices=choices, refused=refused, contact=contact, clashes=found,
            was=write_was(was or was_of(inputs, extras)),
        )  # fmt: skip


def _refused(error: ApiError, inputs: Sequence[Input]) -> Refusal:
    return refused_input(error, {one.alias for one in inputs})
