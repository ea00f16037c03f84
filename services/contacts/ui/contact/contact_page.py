"""The page of one contact: who it is, and what it did."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import ApiError
from services.contacts.ui.desk import Desk, Handler, is_htmx

PATH = "/ui/contacts/{id:int}"


class ContactPage:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {PATH: {"GET": self.show}}

    async def show(self, request: Request) -> Response:
        asked = request.path_params["id"]
        api = f"/api/contacts/{asked}"
        try:
            answer, history = await asyncio.gather(
                self._desk.api.get(api), self._desk.api.get(f"{api}/activity", {"limit": 25})
            )
        except ApiError as error:
            if error.status != 404 or is_htmx(request):
                raise
            return self._desk.page(request, "contact/nobody.html", 404, contact_id=asked)
        contact = answer["contact"]
        return self._desk.page(
            request, "contact/page.html", contact=contact, history=history,
            merged_id=asked if asked != contact["id"] else 0,
        )  # fmt: skip
