"""Contacts in stages, campaigns and categories: who is put in, who is taken out, and who is in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.caller import may_act, sees_others
from services.common.documents import (
    CAMPAIGN,
    CATEGORY,
    CONTACT_CATEGORIES,
    STAGE,
    Campaign,
    Category,
    Document,
    decode_document,
)
from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of
from services.common.operation import DescribedRoute, Operation, by_id, described
from services.common.profile import Member, Profile, newest
from services.common.queries.contact_query import own_sql
from services.common.records import Ref
from services.contacts.list_parameters import PAGE
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import iso
from services.contacts.people.api import contact_id_of
from services.contacts.people.campaign_members import read_members
from services.contacts.people.change import Change
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.editor import ContactEditor
from services.contacts.records.record_shapes import CampaignMember, CampaignOfContact, CategoryOfContact
from services.contacts.shapes import DONE
from services.contacts.stores import Stores
from services.contacts.users.ownership import LEVELS, VIEW, check_record

ChangeOf = Callable[[int, bool, str], Change]  # of one thing: put in or taken out, and its name

MEMBERS = Operation("The contacts of a campaign", {"total": int, "contacts": list[CampaignMember]}, PAGE)
CAMPAIGNS_OF = Operation("The campaigns of a contact", {"total": int, "campaigns": by_id(CampaignOfContact)})
CATEGORIES_OF = Operation("The categories of a contact", {"total": int, "categories": by_id(CategoryOfContact)})


def _stage(stage_id: int, is_in: bool, name: str) -> Change:
    return Change(stage_id=stage_id, subject=name) if is_in else Change(left_stage_id=stage_id, subject=name)


def _campaign(campaign_id: int, is_in: bool, name: str) -> Change:
    return Change(campaigns={campaign_id: is_in}, subject=name)


def _category(category_id: int, is_in: bool, _: str) -> Change:
    return Change(categories={category_id: is_in})


class _Named(Document):
    """What these have in common."""

    name: str = ""
    bundle: str = "global"


class MembershipApi:
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        self._stores = stores
        self._editor = ContactEditor(stores, user, metrics)
        self._reader = ContactReader(stores)

    def routes(self) -> list[Route]:
        return [
            *self._links("stages", STAGE, _stage),
            *self._links("campaigns", CAMPAIGN, _campaign),
            *self._links("categories", CATEGORY, _category),
            described("/api/campaigns/{id}/contacts", self.members, get=MEMBERS),
            described("/api/contacts/{id}/campaigns", self.campaigns_of, get=CAMPAIGNS_OF),
            described("/api/contacts/{id}/categories", self.categories_of, get=CATEGORIES_OF),
        ]

    def _links(self, plural: str, kind: str, change: ChangeOf) -> list[DescribedRoute]:
        """Each under all the names that clients have for it."""
        routes = []
        for word, is_in in (("add", True), ("remove", False)):
            summary = f"Put a contact in a {kind}" if is_in else f"Take a contact out of a {kind}"
            link, operation = self._link(kind, change, is_in=is_in), Operation(summary, DONE)
            path = f"/api/{plural}/{{id}}/contact/{{contact}}/{word}"
            routes.append(described(path, link, post=operation))
            for old in (f"contact/{word}/{{contact}}", f"contacts/{{contact}}/{word}"):
                routes.append(described(f"/api/{plural}/{{id}}/{old}", link, post=operation, old_name_of=path))
        return routes

    def _link(self, kind: str, change: ChangeOf, *, is_in: bool) -> Callable[[Request], Any]:
        async def link(request: Request) -> Response:
            thing, contact_id = contact_id_of(request), contact_id_of(request, "contact")
            record = await self._stores.records.one(Ref(kind, str(thing)))
            if record is None:
                raise ApiError(404, NOT_FOUND)
            named = msgspec.json.decode(record.data, type=_Named)
            if named.bundle != CONTACT_CATEGORIES:
                raise ApiError(404, NOT_FOUND)
            check_record(kind, VIEW, named)
            await self._editor.change(contact_id, change(thing, is_in, named.name))
            return json_response({"success": 1})

        return link

    async def members(self, request: Request) -> Response:
        """The contacts of a campaign; what every list takes, on what is told of each."""
        campaign_id, query = contact_id_of(request), query_of(request)
        record = await self._stores.records.one(Ref(CAMPAIGN, str(campaign_id)))
        if record is None:
            raise ApiError(404, NOT_FOUND)
        check_record(CAMPAIGN, VIEW, decode_document(record.data, Campaign))
        asked = read_members(campaign_id, query, "" if sees_others() else own_sql())
        page, total = await asyncio.gather(
            self._stores.clickhouse.query(asked.page, parameters=asked.parameters),
            self._stores.clickhouse.query(asked.total, parameters=asked.parameters),
        )
        profiles = await self._stores.profiles.load(contact_id for (contact_id,) in page.result_rows)
        members = [
            _member(campaign_id, profile, word)
            for profile in profiles.values()
            if profile and profile.is_known() and (word := _words(profile).get(campaign_id)) and word.is_in
        ]
        return json_response({"total": int(total.result_rows[0][0]), "contacts": members})

    async def campaigns_of(self, request: Request) -> Response:
        """By id, with when the contact was put in; those that the caller may see."""
        found = await self._joined(contact_id_of(request), CAMPAIGN, _words)
        read = {one: (decode_document(data, Campaign), word) for one, (data, word) in found.items()}
        campaigns = {
            one: _membership(int(one), campaign, word)
            for one, (campaign, word) in read.items()
            if may_act(VIEW, 0, campaign.created_by_id, LEVELS[CAMPAIGN])
        }
        return json_response({"total": len(campaigns), "campaigns": campaigns})

    async def categories_of(self, request: Request) -> Response:
        """The same."""
        found = await self._joined(contact_id_of(request), CATEGORY, _words_on_categories)
        categories = {
            one: _category_object(int(one), decode_document(data, Category), word)
            for one, (data, word) in found.items()
        }
        return json_response({"total": len(categories), "categories": categories})

    async def _joined(
        self, contact_id: int, kind: str, words_of: Callable[[Profile], dict[int, Member]]
    ) -> dict[str, tuple[bytes, Member]]:
        """By id the records of a kind that the contact is in, and the word that put it there."""
        contact = await self._reader.find(contact_id)
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        profile = await self._stores.profiles.resolve(contact.id) if contact.view else None
        words = {one: word for one, word in words_of(profile).items() if word.is_in} if profile else {}
        records = await self._stores.records.load(Ref(kind, str(one)) for one in words)
        return {ref.id: (record.data, words[int(ref.id)]) for ref, record in records.items() if record.data}


def _words_on_categories(profile: Profile) -> dict[int, Member]:
    return newest([part.categories for part in profile.parts()])


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


def _category_object(category_id: int, category: Category, word: Member) -> dict[str, Any]:
    return {
        "id": category_id,
        "title": category.title,
        "alias": category.alias,
        "color": category.color or None,
        "dateAdded": iso(word.time_us),
    }
