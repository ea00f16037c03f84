"""`GET /api/contacts/{id}/devices`: what a contact came with, as its visits tell."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of
from services.common.operation import DescribedRoute, Operation, described
from services.contacts.list_parameters import PAGE, read_page
from services.contacts.objects import Json, iso, short_id
from services.contacts.people.api import contact_id_of
from services.contacts.people.contact_reader import ContactReader
from services.contacts.shapes import Id, NoItems, Nothing, Ref, Shown, Time
from services.contacts.stores import Stores

_DEVICES = """
SELECT device_id, device_type, device_brand, device_model, os, browser, toUnixTimestamp64Milli(min(time)) AS first_ms
FROM events WHERE contact_id IN {ids:Array(UInt64)} AND user_agent != ''
GROUP BY device_id, device_type, device_brand, device_model, os, browser
ORDER BY first_ms DESC, device_id
"""


class Device(Shown):
    """What a contact came with."""

    id: Id
    date_added: Time
    lead: Ref
    client_info: Annotated[dict[str, str], Meta(examples=[{"name": "Firefox"}])] | NoItems
    device: Annotated[str | None, Meta(examples=["smartphone"])]
    device_brand: str | None
    device_model: str | None
    device_os_name: Annotated[str | None, Meta(examples=["Android"])]
    device_os_short_name: Nothing
    device_os_version: Nothing
    device_os_platform: Nothing


class DevicesApi:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._reader = ContactReader(stores)

    def routes(self) -> list[DescribedRoute]:
        listed = Operation("What a contact came with, the newest first", {"total": int, "devices": list[Device]}, PAGE)
        return [described("/api/contacts/{id}/devices", self.list, get=listed)]

    async def list(self, request: Request) -> Response:
        """The newest first; `start`, `limit`."""
        asked = read_page(query_of(request))
        contact = await self._reader.find(contact_id_of(request))
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        rows = (await self._stores.clickhouse.query(_DEVICES, parameters={"ids": contact.ids})).result_rows
        page = rows[asked.start : asked.start + asked.limit]
        return json_response({"total": len(rows), "devices": [_shown(contact.id, *row) for row in page]})


def _shown(
    contact_id: int, device_id: str, kind: str, brand: str, model: str, os: str, browser: str, first_ms: int
) -> Json:
    return {
        "id": short_id("device", "\n".join((device_id, kind, brand, model, os, browser))),
        "dateAdded": iso(first_ms * 1_000),
        "lead": {"id": contact_id},
        "clientInfo": {"name": browser} if browser else [],
        "device": kind or None,
        "deviceBrand": brand or None,
        "deviceModel": model or None,
        "deviceOsName": os or None,
        "deviceOsShortName": None,
        "deviceOsVersion": None,
        "deviceOsPlatform": None,
    }
