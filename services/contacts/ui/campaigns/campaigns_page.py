"""Campaigns: kept here by name; whoever runs them puts their events in over the API."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.keeping.choices import categories_of
from services.contacts.ui.keeping.keeping_page import KeepingPage
from services.contacts.ui.keeping.kept import Column, FormField, Kept, rights_of
from services.contacts.ui.paging import Paging, read_paging
from services.contacts.ui.people_by_id import names_of

CAMPAIGNS = Kept(
    path="/ui/campaigns",
    api="/api/campaigns",
    singular="campaign",
    plural="campaigns",
    one="campaign",
    many="campaigns",
    columns=(
        Column("name", "Name", order="name"),
        Column("description", "Description"),
        Column("isPublished", "Published", order="is_published", kind="flag"),
        Column("dateAdded", "Made", order="date_added", kind="moment"),
    ),
    fields=(
        FormField("name", "Name", is_required=True),
        FormField("description", "Description", "textarea"),
        FormField("category", "Category", "choice", loads=categories_of("campaign", "global")),
        FormField("isPublished", "Published", "flag", usual=True),
    ),
    rights=rights_of("campaign:campaigns", "own"),
    about="A campaign is what contacts are put into. Nothing here runs one: your own system does, and what it reports "
    "stands in their histories.",
    gone="Its members are in it no more. What it did stays in their histories.",
    has_page=True,
)


class CampaignsPage(KeepingPage):
    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, CAMPAIGNS)

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        one = f"{CAMPAIGNS.path}/{{id:id}}"
        return {**super().handlers(), one: {"GET": self.show}, f"{one}/clone": {"POST": self.clone}}

    async def show(self, request: Request) -> Response:
        asked, campaign_id = read_paging(request), request.path_params["id"]
        query = {"start": asked.start, "limit": asked.query()["limit"]}
        campaign, found = await asyncio.gather(
            self.one(request), self._desk.api.get(f"/api/campaigns/{campaign_id}/contacts", query)
        )
        members = found["contacts"]
        return self._desk.page(
            request, "campaigns/campaign.html", kept=CAMPAIGNS, campaign=campaign, members=members,
            paging=Paging.of(asked._replace(search=""), found["total"]),
            names=await names_of(self._desk.api, [one["lead_id"] for one in members]),
        )  # fmt: skip

    async def clone(self, request: Request) -> Response:
        path = f"/api/campaigns/clone/{request.path_params['id']}"
        copy = (await self._desk.api.send("POST", path))["campaign"]
        return self._desk.go(request, f"{CAMPAIGNS.path}/{copy['id']}/edit", "This is the copy: not published yet.")
