"""Tells while somebody types who holds a unique value already, and what saving would do: what the writer then does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.caller import may_act, rights
from services.common.envelope import json_response, query_of, text_of
from services.common.folding import View, creator_of, fold, owner_of
from services.common.merging import oldest
from services.common.operation import Operation, Parameter, described
from services.common.profile import Profile
from services.common.queries.search_sql import exact_pattern
from services.common.rights import LEADS
from services.common.values import UniqueValue
from services.contacts.objects import Json
from services.contacts.people.api import read_contact_id
from services.contacts.people.change import InvalidChangeError
from services.contacts.people.change_body import read_change
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.editor import taken_by
from services.contacts.people.writer import ValueTakenError, check_one_person
from services.contacts.shapes import Id, Shown
from services.contacts.stores import Stores
from services.contacts.users.ownership import EDIT, is_seen

MAX_SIMILAR = 10
EXISTS = "A contact with this value already exists."
NEW, UPDATE, MERGE, REFUSE = "new", "update", "merge", "refuse"
_NAMED = """
SELECT id FROM contacts FINAL WHERE firstname ILIKE {firstname:String} AND lastname ILIKE {lastname:String}
ORDER BY id LIMIT {limit:UInt64}
"""


class Similar(Shown):
    """A contact; all is null of one that the caller may not see."""

    id: Annotated[Id | None, Meta(examples=[4711])]
    name: Annotated[str | None, Meta(examples=["Ada Lovelace"])]
    email: Annotated[str | None, Meta(examples=["ada@example.com"])]


class Holder(Similar):
    """Who has one of the values."""

    field: Annotated[str, Meta(examples=["email"])]


class Verdict(Shown):
    """What a save would do."""

    message: Annotated[str | None, Meta(description="For whoever types", examples=[EXISTS])]
    verdict: Annotated[Literal["new", "update", "merge", "refuse"], Meta(examples=["update"])]
    contact: Annotated[int | None, Meta(description="Who has it all after the save; null: a new one", examples=[4711])]
    invalid: Annotated[dict[str, list[str]], Meta(description="What is wrong, by field", examples=[{}])]
    holders: list[Holder]
    similar: Annotated[list[Similar], Meta(max_length=MAX_SIMILAR, description="Who is called so")]


LOOK = Operation(
    "Who holds these values, and what a save would do",
    Verdict,
    (
        Parameter("email", "Or any other unique field", example="ada@example.com"),
        Parameter("firstname", "With lastname: also whoever is called so"),
        Parameter("lastname"),
        Parameter("id", "The contact that is edited", Id),
    ),
    errors={404: "No number that a contact may have"},
)


class DuplicatesApi:
    def __init__(self, stores: Stores) -> None:
        self._stores, self._reader = stores, ContactReader(stores)

    def routes(self) -> list[Route]:
        return [described("/api/contacts/duplicates", self.look, get=LOOK)]

    async def look(self, request: Request) -> Response:
        """Unique fields by their aliases, `firstname` and `lastname`, and `id`: the contact that is edited, if any."""
        query = query_of(request)
        rules = await self._stores.fields.now()
        said = {field: text_of(query, field) for field in rules.unique}
        own_id = read_contact_id(text_of(query, "id")) if text_of(query, "id") else 0
        invalid: dict[str, list[str]] = {}
        values: list[UniqueValue] = []
        try:
            change = read_change(said, registry=rules.fields)
            values = [UniqueValue(*value) for value in change.unique_values(rules.unique).items()]
        except InvalidChangeError as error:
            invalid = error.details
        found = await self._holders(values)
        own = await self._stores.profiles.resolve(own_id) if own_id else None
        verdict: Json = {"verdict": REFUSE, "contact": None}
        if not invalid and await self._may_save(own_id, own) and all(_may_write(one) for one in found.values()):
            verdict = self._verdict(own_id, own, found, values, rules.unique)
        own = own if own and is_seen(own) else None  # else whoever asks with all ids learns whose the value is
        others = {value: holder for value, holder in found.items() if own is None or holder.id != own.id}
        known = {holder.id for holder in found.values()} | ({own.id} if own else set())
        return json_response({
            "message": EXISTS if others else None,
            **verdict,
            "invalid": invalid,
            "holders": [{"field": value.field, **_shown(holder)} for value, holder in others.items()],
            "similar": await self._similar(text_of(query, "firstname"), text_of(query, "lastname"), known),
        })  # fmt: skip

    async def _may_save(self, own_id: int, own: Profile | None) -> bool:
        """Whether the caller may make a contact, or may write the one that is edited, and there is one."""
        if not own_id:
            return rights().may(f"{LEADS}:create")
        if own is not None:
            return _may_write(own)
        return may_act(EDIT, 0, 0) and await self._reader.first_seen_us(own_id) > 0

    def _verdict(
        self,
        own_id: int,
        own: Profile | None,
        found: Mapping[UniqueValue, Profile],
        values: list[UniqueValue],
        unique_fields: tuple[str, ...],
    ) -> Json:
        """`contact` is who has it all after the save; None for a new one. Whoever edits a contact says that the holders
        of its new values are the same person."""
        if own_id:
            survivor = own.id if own else own_id
            is_merge = any(holder.id != survivor for holder in found.values())
            return {"verdict": MERGE if is_merge else UPDATE, "contact": survivor}
        first = oldest(found.values())
        if first is None:
            return {"verdict": NEW, "contact": None}
        try:
            check_one_person(first, found, values, self._stores.operator, unique_fields)
        except ValueTakenError as error:
            return {"verdict": REFUSE, "contact": error.contact_id, "message": taken_by(error.contact_id)}
        is_merge = any(holder.id != first.id for holder in found.values())
        return {"verdict": MERGE if is_merge else UPDATE, "contact": first.id}

    async def _holders(self, values: list[UniqueValue]) -> dict[UniqueValue, Profile]:
        """Who carries each; one that is being given to somebody at this moment is nobody's yet."""
        found = {}
        for value, claim in (await self._stores.profiles.holders(values)).items():
            holder = await self._stores.profiles.resolve(claim.contact_id) if claim else None
            if holder is not None and holder.is_known() and holder.carries(*value):
                found[value] = holder
        return found

    async def _similar(self, firstname: str, lastname: str, known: set[int]) -> list[Json]:
        """Who is called so, beside those of whom more is known."""
        if not firstname.strip() or not lastname.strip():
            return []
        parameters: dict[str, Any] = {
            "firstname": exact_pattern(firstname.strip()),
            "lastname": exact_pattern(lastname.strip()),
            "limit": MAX_SIMILAR + len(known),
        }
        rows = (await self._stores.clickhouse.query(_NAMED, parameters=parameters)).result_rows
        profiles = await self._stores.profiles.load(one for (one,) in rows if one not in known)
        seen = [one for one in profiles.values() if one and one.is_known() and is_seen(one)]
        return [_shown(one) for one in seen][:MAX_SIMILAR]


def _may_write(profile: Profile) -> bool:
    return may_act(EDIT, owner_of(profile), creator_of(profile))


def _shown(profile: Profile) -> Json:
    """Of a contact that the caller may not see only that it is there."""
    if not is_seen(profile):
        return {"id": None, "name": None, "email": None}
    view: View = fold(profile)
    words = [str(view.fields.get(field) or "") for field in ("firstname", "lastname")]
    return {"id": view.id, "name": " ".join(word for word in words if word), "email": view.fields.get("email") or None}
