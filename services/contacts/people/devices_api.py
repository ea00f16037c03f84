"""The REST API on devices: those that somebody told of are records, and those that a contact came with are told by its
visits, beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.documents import DEVICE, Device
from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of
from services.common.event_types import UTM
from services.common.operation import Operation, described
from services.common.queries.comparisons import Column, Columns
from services.contacts.list_parameters import ORDER, PAGE, Order, read_orders, read_page
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json, short_id
from services.contacts.people import device_shapes
from services.contacts.people.api import contact_id_of
from services.contacts.people.contact import Contact
from services.contacts.people.device_resource import DEVICES, show_device
from services.contacts.records.api import RecordsApi
from services.contacts.records.record_list import read_record_list
from services.contacts.stores import Stores

MAX_TOLD = "1000"  # of one contact
_NEWEST_FIRST = {"orderBy": "dateAdded", "orderByDir": "DESC"}
_SHOWN_AS = {"id": "id", "date_added": "dateAdded", "device": "device", "device_brand": "deviceBrand",
             "device_model": "deviceModel", "device_os_name": "deviceOsName"}  # fmt: skip
_COLUMNS = Columns({name: Column("text", shown) for name, shown in _SHOWN_AS.items()})
# Of UTM tags that a call recorded nothing but the User-Agent is kept: no device.
_SEEN = f"""
SELECT device_id, device_type, device_brand, device_model, os, browser, toUnixTimestamp64Milli(min(time)) AS first_ms
FROM events WHERE contact_id IN {{ids:Array(UInt64)}} AND user_agent != '' AND type != '{UTM}'
GROUP BY device_id, device_type, device_brand, device_model, os, browser
ORDER BY first_ms DESC, device_id
"""
OF_CONTACT = Operation(
    "What a contact came with, or was said to have, the newest first",
    {"total": int, "devices": list[device_shapes.Device]},
    (*PAGE, *ORDER),
    text="What its visits tell has no record: it is found here alone, and is neither changed nor deleted.",
)


class DevicesApi(RecordsApi[Device]):
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        super().__init__(stores, user, metrics, DEVICES)

    def routes(self) -> list[Route]:
        listed = described("/api/contacts/{id}/devices", self.of_contact, get=OF_CONTACT)
        return [listed, *self._standard_routes("devices")]

    async def of_contact(self, request: Request) -> Response:
        query = {**_NEWEST_FIRST, **{name: said for name, said in query_of(request).items() if said or name == "limit"}}
        asked, orders = read_page(query), read_orders(query, _COLUMNS)
        contact = await self._contact_reader.find(contact_id_of(request))
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        told, seen = await asyncio.gather(self._told(contact), self._seen(contact))
        devices = _ordered((*told, *seen), orders)
        return json_response({"total": len(devices), "devices": devices[asked.start : asked.start + asked.limit]})

    async def _told(self, contact: Contact) -> list[Json]:
        listed = read_record_list(DEVICE, {"limit": MAX_TOLD, "orderBy": "id", "orderByDir": "DESC"}, contact.ids)
        rows = (await self._stores.clickhouse.query(listed.page, parameters=listed.parameters)).result_rows
        return [self._shown(found, self._decode(data)) for found, data in rows]

    async def _seen(self, contact: Contact) -> list[Json]:
        rows = (await self._stores.clickhouse.query(_SEEN, parameters={"ids": contact.ids})).result_rows
        return [_seen_device(contact.id, *row) for row in rows]

    def _shown(self, record_id: str, document: Device) -> Json:
        """A device says when it was added, and of publishing nothing."""
        return {"id": int(record_id), **show_device(record_id, document)}


def _ordered(devices: Iterable[Json], orders: Sequence[Order]) -> list[Json]:
    """There are few, so they are put in order here. Blanks are the smallest, letters count without their case."""
    found = list(devices)
    for order in reversed(orders):
        name = _SHOWN_AS[order.column]
        found.sort(key=lambda device: _rank(device[name]), reverse=order.is_descending)
    return found


def _rank(value: int | str | None) -> tuple[int, str]:
    return (value, "") if isinstance(value, int) else (0, (value or "").casefold())


def _seen_device(
    contact_id: int, device_id: str, kind: str, brand: str, model: str, os: str, browser: str, first_ms: int
) -> Json:
    device = Device(
        contact_id=contact_id, type=kind, brand=brand, model=model, os=os, client={"name": browser} if browser else {},
        added_us=first_ms * 1_000,
    )  # fmt: skip
    name = "\n".join((device_id, kind, brand, model, os, browser))
    return {"id": short_id("device", name), **show_device("", device)}
