"""Segments and campaigns of a contact as switches, each of which counts at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import ApiError
from services.contacts.ui.contact.calls import PATH, api_of, done
from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.keeping.choices import MOST


class Kind(NamedTuple):
    path: str  # below /api, and below the contact
    members: str  # the key of those that the contact is in
    listed: str
    title: str
    none: str


KINDS = {
    "segments": Kind("segments", "lists", "lists", "Segments", "There are no segments yet."),
    "campaigns": Kind("campaigns", "campaigns", "campaigns", "Campaigns", "There are no campaigns yet."),
}


class MembershipDialogs:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            f"{PATH}/in/{{kind}}": {"GET": self.show},
            f"{PATH}/in/{{kind}}/{{thing:id}}": {"POST": self.switch},
        }

    async def show(self, request: Request) -> Response:
        kind = _kind(request)
        listed, mine = await asyncio.gather(
            self._desk.api.get(f"/api/{kind.path}", {"limit": MOST, "published": 1, "orderBy": "name"}),
            self._desk.api.get(api_of(request, f"/{kind.path}")),
        )
        members = mine[kind.members]
        return self._desk.page(
            request, "contact/memberships.html", block="dialog", kind=kind, things=listed[kind.listed],
            members=set(members) if isinstance(members, dict) else set(), contact_id=request.path_params["id"],
        )  # fmt: skip

    async def switch(self, request: Request) -> Response:
        """`in` is there where the switch is on."""
        kind, form = _kind(request), await self._desk.form(request)
        word, thing = "add" if form.text("in") else "remove", request.path_params["thing"]
        await self._desk.api.send("POST", f"/api/{kind.path}/{thing}/contact/{request.path_params['id']}/{word}")
        return done(self._desk, request, "Added." if word == "add" else "Removed.", closes=False)


def _kind(request: Request) -> Kind:
    kind = KINDS.get(request.path_params["kind"])
    if kind is None:
        raise ApiError(404, "There is no such page.")
    return kind
