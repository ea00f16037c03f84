"""Makes two contacts one over the API, as identity does: what that would give, the merge itself, what merged before,
and the undo."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from services.common.audit import LEAD, note
from services.common.caller import author
from services.common.envelope import NOT_FOUND, ApiError, json_response, read_object
from services.common.folding import creator_of, owner_of
from services.common.merges import MergeError, MergeStore
from services.common.merging import freeze_into, take_in
from services.common.operation import DescribedRoute, Operation, described
from services.common.profile import Part, Profile
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json, iso
from services.contacts.people.api import contact_id_of, read_contact_id
from services.contacts.people.contact import Contact
from services.contacts.people.contact_object import contact_object
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.contact_shapes import Contact as ShownContact
from services.contacts.people.footprints import load_times
from services.contacts.people.writer import now_us
from services.contacts.shapes import Id, Said, Shown, Time
from services.contacts.shapes import User as UserName
from services.contacts.stores import Stores
from services.contacts.users.ownership import EDIT, check_contact
from services.contacts.webhooks.notes import notes_of_change

SAME = "This is the same contact."
BUSY = "Contact {id} is being changed by others; try again."


class Merged(Shown):
    """A contact that merged into another one."""

    id: Id
    into: Annotated[int, Meta(ge=1, description="Whom it merged into at first", examples=[4712])]
    name: Annotated[str | None, Meta(description="What it was called, or its address", examples=["Ada Lovelace"])]
    date_merged: Time
    merged_by: UserName


class MergeBody(Said):
    """Who becomes a part of the contact."""

    contact: Id


EVERY = Operation("Who merged into a contact", {"total": int, "merges": list[Merged]}, text="The newest first.")
LOOK = Operation(
    "What a contact would be after a merge", {"contact": ShownContact}, text="Nothing is written.",
    errors={400: "Both are the same"},
)  # fmt: skip
MERGE = Operation(
    "Merge another contact into this one",
    {"merged": Annotated[bool, Meta(description="Whether anything was to be done")], "contact": ShownContact},
    body=MergeBody,
    needs=("contact",),
    text="This one keeps its id, and has the history, devices and values of both. It takes the right to edit both.",
)
UNDO = Operation(
    "Undo a merge",
    {
        "unmerged": Annotated[bool, Meta(description="Whether anything was to be done")],
        "contact": ShownContact,
        "taken": Annotated[list[str], Meta(description="Fields whose values a third contact has by now")],
    },
    text="The other contact is there again, with all that had merged into it before. The answer shows it.",
    errors={400: "That one is not merged into this one"},
)


class MergesApi:
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        self._stores, self._user, self._metrics = stores, user, metrics
        self._reader = ContactReader(stores)
        self._merges = MergeStore(stores.profiles, self._first_seen_us)

    def routes(self) -> list[DescribedRoute]:
        base = "/api/contacts/{id}"
        return [
            described(f"{base}/merges", self.every, get=EVERY),
            described(f"{base}/merge", self.merge, post=MERGE),
            described(f"{base}/merge/{{contact}}", self.look, get=LOOK),
            described(f"{base}/unmerge/{{contact}}", self.undo, post=UNDO),
        ]

    async def every(self, request: Request) -> Response:
        contact = await self._find(contact_id_of(request))
        profile = await self._stores.profiles.resolve(contact.id)
        merges = merged_into(profile) if profile else []
        return json_response({"total": len(merges), "merges": merges})

    async def look(self, request: Request) -> Response:
        winner, loser = await self._both(request, contact_id_of(request, "contact"))
        time_us = now_us()
        into = await self._profile(winner)
        whole = take_in(into, freeze_into(await self._profile(loser), into, time_us))
        return self._answer({}, await self._reader.shown(whole))

    async def merge(self, request: Request) -> Response:
        """`contact` becomes a part of the one in the path."""
        said = (await read_object(request)).get("contact")
        if not said:
            raise _wrong("This value should not be blank.")
        winner, loser = await self._both(request, read_contact_id(said), may_be_one=True)
        await self._stores.check_clickhouse()
        before = await self._profile(winner)
        try:
            merged = await self._merges.merge(winner.id, loser.id, author(self._user), unless=_refused)
        except MergeError as error:
            raise _told(error) from error
        if merged.is_new:
            self._note("merge", merged.survivor.id, "merged", merged.written[0].id, "merged_into")
            if await self._stores.hooks.hooks():
                await self._stores.hooks.put(notes_of_change(before, merged.survivor, now_us()))
        await self._project(merged.written)
        return self._answer({"merged": merged.is_new}, await self._reader.shown(merged.survivor))

    async def undo(self, request: Request) -> Response:
        whole, gone_id = await self._find(contact_id_of(request)), contact_id_of(request, "contact")
        if gone_id == whole.id or gone_id not in whole.ids:
            raise _wrong(f"Contact {gone_id} is not merged into contact {whole.id}.")
        await self._stores.check_clickhouse()
        try:
            undone = await self._merges.unmerge(gone_id, (await self._stores.fields.now()).unique)
        except MergeError as error:
            raise _told(error) from error
        if undone.is_new:
            self._note("unmerge", undone.rest.id, "taken_out", undone.back.id, "taken_out_of")
        await self._project(undone.written)
        taken = [value.field for value in undone.taken]
        return self._answer({"unmerged": undone.is_new, "taken": taken}, await self._reader.shown(undone.back))

    async def _both(self, request: Request, other_id: int, *, may_be_one: bool = False) -> tuple[Contact, Contact]:
        """That of the path and the other one, both for the caller to edit. Raises `ApiError`."""
        contact_id = contact_id_of(request)
        if contact_id == other_id:
            raise _wrong(SAME)
        winner, loser = await self._find(contact_id), await self._find(other_id)
        if winner.id == loser.id and not may_be_one:
            raise _wrong(SAME)
        return winner, loser

    async def _find(self, contact_id: int) -> Contact:
        contact = await self._reader.find(contact_id)
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        return contact

    async def _profile(self, contact: Contact) -> Profile:
        """As it is stored; of a visitor, of whom nothing is, as it will be."""
        profile = await self._stores.profiles.resolve(contact.id)
        if profile is not None and profile.parts():
            return profile
        return Profile(contact.id, own=Part(added_us=contact.footprint.first_seen_ms * 1_000))

    async def _first_seen_us(self, contact_id: int) -> int:
        found = await load_times(self._stores.clickhouse, {contact_id: [contact_id]})
        return found[contact_id].first_seen_ms * 1_000

    def _note(self, action: str, whole_id: int, word: str, other_id: int, passive: str) -> None:
        note(action, LEAD, whole_id, {word: other_id}, contact_id=whole_id)
        note(action, LEAD, other_id, {passive: whole_id}, contact_id=other_id)

    async def _project(self, profiles: list[Profile]) -> None:
        self._metrics.writes.add(value="edited")
        try:
            await self._stores.confirm()
            await self._stores.projector.put(profiles)
        except Exception:
            self._stores.distrust()
            raise

    def _answer(self, told: Json, contact: Contact) -> Response:
        return json_response({**told, "contact": contact_object(contact, self._user)})


def merged_into(profile: Profile) -> list[Json]:
    """Who merged into it, the newest first. Pure."""
    merges = sorted(profile.merges.items(), key=lambda one: -one[1].time_us)
    return [
        {"id": loser, "into": merge.winner, "name": _name(profile.losers.get(loser)), "dateMerged": iso(merge.time_us),
         "mergedBy": merge.by or None}
        for loser, merge in merges
    ]  # fmt: skip


def _name(part: Part | None) -> str | None:
    values = {field: told.value for field, told in part.fields.items()} if part else {}
    full = " ".join(str(values[one]) for one in ("firstname", "lastname") if values.get(one))
    return full or str(values.get("email") or "") or None


def _refused(winner: Profile, loser: Profile) -> str:
    """Looked at again when they are written: whose they are may have changed. Raises `ApiError` 403."""
    for one in (winner, loser):
        check_contact(owner_of(one), creator_of(one), EDIT)
    return ""


def _wrong(text: str) -> ApiError:
    return ApiError(400, f"contact: {text}", {"contact": [text]})


def _told(error: MergeError) -> ApiError:
    if error.reason == "busy":
        return ApiError(503, BUSY.format(id=error.contact_id))
    return ApiError(404, NOT_FOUND)
