"""Contacts in stages and campaigns: who is put in, who is taken out, and who is in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.caller import sees_others
from services.common.documents import CAMPAIGN, STAGE, Campaign, Document, decode_document
from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of, whole_number
from services.common.profile import Member, Profile, newest
from services.common.queries.contact_query import own_sql
from services.common.records import Ref
from services.contacts.metrics import ContactsMetrics
from services.contacts.people.api import contact_id_of
from services.contacts.people.change import Change
from services.contacts.people.contact_object import iso
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.editor import ContactEditor
from services.contacts.stores import Stores
from services.contacts.users.ownership import VIEW, check_record

DEFAULT_MEMBERS, MAX_MEMBERS = 100, 1_000
_MEMBERS = """
SELECT id FROM contacts FINAL WHERE has(campaigns, {campaign:UInt64})%s
ORDER BY id LIMIT {limit:UInt64} OFFSET {start:UInt64}
"""
_COUNT = "SELECT count() FROM contacts FINAL WHERE has(campaigns, {campaign:UInt64})%s"
ChangeOf = Callable[[int, bool, str], Change]  # of one thing: put in or taken out, and its name


def _stage(stage_id: int, is_in: bool, name: str) -> Change:
    return Change(stage_id=stage_id, subject=name) if is_in else Change(left_stage_id=stage_id, subject=name)


def _campaign(campaign_id: int, is_in: bool, name: str) -> Change:
    return Change(campaigns={campaign_id: is_in}, subject=name)


class _Named(Document):
    """What stages and campaigns have in common."""

    name: str


class MembershipApi:
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        self._stores = stores
        self._editor = ContactEditor(stores, user, metrics)
        self._reader = ContactReader(stores)

    def routes(self) -> list[Route]:
        return [
            *self._links("stages", STAGE, _stage),
            *self._links("campaigns", CAMPAIGN, _campaign),
            Route("/api/campaigns/{id}/contacts", self.members, methods=["GET"]),
            Route("/api/contacts/{id}/campaigns", self.campaigns_of, methods=["GET"]),
        ]

    def _links(self, plural: str, kind: str, change: ChangeOf) -> list[Route]:
        """Each under all the names that clients have for it."""
        routes = []
        for word, is_in in (("add", True), ("remove", False)):
            link = self._link(kind, change, is_in=is_in)
            for path in (f"contact/{{contact}}/{word}", f"contact/{word}/{{contact}}", f"contacts/{{contact}}/{word}"):
                routes.append(Route(f"/api/{plural}/{{id}}/{path}", link, methods=["POST"]))
        return routes

    def _link(self, kind: str, change: ChangeOf, *, is_in: bool) -> Callable[[Request], Any]:
        async def link(request: Request) -> Response:
            thing, contact_id = contact_id_of(request), contact_id_of(request, "contact")
            record = await self._stores.records.one(Ref(kind, str(thing)))
            if record is None:
                raise ApiError(404, NOT_FOUND)
            named = msgspec.json.decode(record.data, type=_Named)
            check_record(kind, VIEW, named)
            await self._editor.change(contact_id, change(thing, is_in, named.name))
            return json_response({"success": 1})

        return link

    async def members(self, request: Request) -> Response:
        """The contacts of a campaign; `start`, `limit`."""
        campaign_id, query = contact_id_of(request), query_of(request)
        record = await self._stores.records.one(Ref(CAMPAIGN, str(campaign_id)))
        if record is None:
            raise ApiError(404, NOT_FOUND)
        check_record(CAMPAIGN, VIEW, decode_document(record.data, Campaign))
        limit = whole_number(query, "limit", DEFAULT_MEMBERS, most=1_000_000_000) or MAX_MEMBERS
        start = whole_number(query, "start", 0, most=10_000_000)
        parameters = {"campaign": campaign_id, "limit": min(limit, MAX_MEMBERS), "start": start}
        own = "" if sees_others() else f" AND {own_sql()}"
        page, total = await asyncio.gather(
            self._stores.clickhouse.query(_MEMBERS % own, parameters=parameters),
            self._stores.clickhouse.query(_COUNT % own, parameters=parameters),
        )
        profiles = await self._stores.profiles.load(contact_id for (contact_id,) in page.result_rows)
        members = [
            _member(campaign_id, profile, word)
            for profile in profiles.values()
            if profile and profile.is_known() and (word := _words(profile).get(campaign_id)) and word.is_in
        ]
        return json_response({"total": int(total.result_rows[0][0]), "contacts": members})

    async def campaigns_of(self, request: Request) -> Response:
        """By id, with when the contact was put in."""
        contact = await self._reader.one(contact_id_of(request))
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        profile = await self._stores.profiles.resolve(contact.id) if contact.view and contact.view.campaigns else None
        words = {one: word for one, word in _words(profile).items() if word.is_in} if profile else {}
        records = await self._stores.records.load(Ref(CAMPAIGN, str(one)) for one in words)
        campaigns = {
            ref.id: _membership(int(ref.id), decode_document(record.data, Campaign), words[int(ref.id)])
            for ref, record in records.items()
            if record.data
        }
        return json_response({"total": len(campaigns), "campaigns": campaigns})


def _words(profile: Profile) -> dict[int, Member]:
    return newest([part.campaigns for part in profile.parts()])


def _member(campaign_id: int, profile: Profile, word: Member) -> dict[str, Any]:
    return {
        "campaign_id": campaign_id,
        "lead_id": profile.id,
        "date_added": iso(word.time_us),
        "manually_removed": False,
        "manually_added": True,
    }


def _membership(campaign_id: int, campaign: Campaign, word: Member) -> dict[str, Any]:
    return {
        "id": campaign_id,
        "name": campaign.name,
        "dateAdded": iso(word.time_us),
        "manuallyRemoved": False,
        "manuallyAdded": True,
        "listMembership": [],
    }
