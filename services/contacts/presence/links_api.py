"""Where else a contact is known: its social profiles, and the ids that other systems have for it."""

from __future__ import annotations

import re
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of, read_object, text_of
from services.common.field_values import read_time
from services.common.operation import DescribedRoute, Operation, Parameter, by_id, described
from services.common.profile import ExternalLink
from services.common.values import MAX_TEXT_LENGTH
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json, iso
from services.contacts.people.api import contact_id_of
from services.contacts.people.change import Change
from services.contacts.people.contact import Contact
from services.contacts.people.contact_object import contact_object
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.contact_shapes import Contact as ShownContact
from services.contacts.people.editor import ContactEditor
from services.contacts.people.links import MAX_LINKS, LinkChange, key_of
from services.contacts.presence.social import social_profiles
from services.contacts.records.record_body import RecordBody, is_web_address
from services.contacts.shapes import Said, Shown, Time
from services.contacts.stores import Stores
from services.contacts.users.ownership import is_seen

MAX_FOUND = 100
_SYSTEM = re.compile(r"[a-z0-9][a-z0-9_.-]{0,49}", re.ASCII)
_KNOWN_AS = "SELECT id FROM contacts FINAL WHERE has(integrations, {key:String}) ORDER BY id LIMIT {limit:UInt64}"


class Integration(Shown):
    """By which id another system knows the contact."""

    integration: Annotated[str, Meta(description="The system", examples=["crm"])]
    external_id: Annotated[str, Meta(examples=["A-1"])]
    url: str | None
    last_synced: Time
    date_added: Time


class IntegrationBody(Said):
    """An id as a system tells it."""

    external_id: Annotated[str, Meta(min_length=1, examples=["A-1"])]
    url: Annotated[str, Meta(examples=["https://crm.example/A-1"])] | UnsetType = UNSET
    last_synced: Annotated[str, Meta(description="A date", examples=["2026-01-31 12:00:00"])] | UnsetType = UNSET


class Profile(Shown):
    """A social profile."""

    label: Annotated[str, Meta(examples=["Twitter"])]
    value: Annotated[str, Meta(examples=["ada"])]
    url: Annotated[str | None, Meta(description="null where the value is no name there")]


SYSTEM = Parameter("system", "The name of another system: a-z, 0-9, _, -, dots", example="crm", place="path")
NO_NAME = {400: "No name of a system"}
SOCIAL = Operation("The social profiles of a contact", {"total": int, "profiles": by_id(Profile)})
EVERY = Operation(
    "By which ids other systems know a contact",
    {"total": int, "integrations": list[Integration]},
    text="Of one system there are several when contacts merged that it knew apart.",
)
ONE = Operation("The newest id in one system", {"integration": Integration}, (SYSTEM,), errors=NO_NAME)
PUT = Operation(
    "A system tells by which id it knows the contact",
    {"integration": Integration},
    (SYSTEM,),
    body=IntegrationBody,
    text="It takes the place of other ids of this system.",
    success={200: "It was known", 201: "New"},
)
REMOVE = Operation("A system knows the contact no more", {"integration": Integration}, (SYSTEM,), errors=NO_NAME)
FIND = Operation(
    "Whom a system knows by an id",
    {"total": Annotated[str, Meta(description="A number as text")], "contacts": by_id(ShownContact)},
    (SYSTEM, Parameter("externalId", "The id there", example="A-1")),
)


class LinksApi:
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        self._stores, self._user = stores, user
        self._reader = ContactReader(stores)
        self._editor = ContactEditor(stores, user, metrics)

    def routes(self) -> list[DescribedRoute]:
        path = "/api/contacts/{id}/integrations"
        return [
            described("/api/contacts/{id}/social", self.social, get=SOCIAL),
            described(path, self.every, get=EVERY),
            described(f"{path}/{{system}}", self.one, get=ONE),
            described(f"{path}/{{system}}", self.put, put=PUT),
            described(f"{path}/{{system}}", self.remove, delete=REMOVE),
            described("/api/integrations/{system}/contacts", self.find, get=FIND),
        ]

    async def social(self, request: Request) -> Response:
        contact = await self._find(request)
        profiles = social_profiles(contact.registry, contact.view.fields if contact.view else {})
        return json_response({"total": len(profiles), "profiles": profiles})

    async def every(self, request: Request) -> Response:
        """Of one system there are several when contacts merged that it knew apart."""
        links = _shown_links((await self._find(request)), "")
        return json_response({"total": len(links), "integrations": links})

    async def one(self, request: Request) -> Response:
        """The newest one of a system."""
        contact, system = await self._find(request), _system_of(request)
        links = _shown_links(contact, system)
        if not links:
            raise ApiError(404, NOT_FOUND)
        return json_response({"integration": links[0]})

    async def put(self, request: Request) -> Response:
        """`externalId`, and perhaps `url`, `lastSynced`. It takes the place of other ids of this system."""
        contact, system = await self._find(request), _system_of(request)
        change = _read(system, await read_object(request))
        profile = await self._stores.profiles.resolve(contact.id) if contact.view else None
        if profile and sum(len(part.links) for part in profile.parts()) >= MAX_LINKS:
            raise ApiError(400, f"A contact has at most {MAX_LINKS} ids.", {"externalId": ["These are too many."]})
        is_known = bool(contact.view and key_of(system, change.external_id) in contact.view.links)
        written = await self._editor.change(contact.id, Change(link=change))
        shown = await self._reader.shown(written.profile)
        link = next(one for one in _shown_links(shown, system) if one["externalId"] == change.external_id)
        return json_response({"integration": link}, 200 if is_known else 201)

    async def remove(self, request: Request) -> Response:
        """As it was; all ids of the system are gone."""
        contact, system = await self._find(request), _system_of(request)
        links = _shown_links(contact, system)
        if not links:
            raise ApiError(404, NOT_FOUND)
        await self._editor.change(contact.id, Change(link=LinkChange(system)))
        return json_response({"integration": links[0]})

    async def find(self, request: Request) -> Response:
        """Whom a system knows by `externalId`."""
        system, external_id = _system_of(request), text_of(query_of(request), "externalId").strip()
        if not external_id:
            raise ApiError(400, "externalId is needed.", {"externalId": ["This value should not be blank."]})
        parameters = {"key": key_of(system, external_id), "limit": MAX_FOUND}
        rows = (await self._stores.clickhouse.query(_KNOWN_AS, parameters=parameters)).result_rows
        profiles = await self._stores.profiles.load(one for (one,) in rows)
        known = [profile for profile in profiles.values() if profile and profile.is_known() and is_seen(profile)]
        contacts = {
            str(contact.id): contact_object(contact, self._user) for contact in await self._reader.all_shown(known)
        }
        return json_response({"total": str(len(contacts)), "contacts": contacts})

    async def _find(self, request: Request) -> Contact:
        contact = await self._reader.find(contact_id_of(request))
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        return contact


def _system_of(request: Request) -> str:
    system = str(request.path_params["system"]).lower()
    if not _SYSTEM.fullmatch(system):
        text = "The name of a system is of a-z, 0-9, _, - and dots."
        raise ApiError(400, text, {"integration": [text]})
    return system


def _read(system: str, said: dict[str, Any]) -> LinkChange:
    """Raises `ApiError` 400."""
    body = RecordBody(said)
    external_id = body.text("externalId", most=MAX_TEXT_LENGTH, is_required=True)
    url = body.text("url", most=2_048) if body.has("url") else None
    if url and not is_web_address(url):
        body.wrong["url"] = ["This value is not a valid URL."]
    synced_us = None
    try:
        if text := body.text("lastSynced"):
            synced_us = int(read_time(text, now_us=body.now_us).timestamp()) * 1_000_000
    except ValueError as error:
        body.wrong["lastSynced"] = [str(error)]
    body.refuse_if_wrong()
    return LinkChange(system, external_id, url, synced_us)


def _shown_links(contact: Contact, system: str) -> list[Json]:
    """Of one system, or '' of all; the newest first."""
    links: dict[str, ExternalLink] = contact.view.links if contact.view else {}
    found = [(key, link) for key, link in links.items() if not system or key.startswith(f"{system}:")]
    return [_shown(key, link) for key, link in sorted(found, key=lambda one: one[1].time_us, reverse=True)]


def _shown(key: str, link: ExternalLink) -> Json:
    system, external_id = key.split(":", 1)
    return {
        "integration": system,
        "externalId": external_id,
        "url": link.url or None,
        "lastSynced": iso(link.synced_us),
        "dateAdded": iso(link.time_us),
    }
