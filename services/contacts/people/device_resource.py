"""Devices of contacts as the API reads and writes them. Pure."""

from __future__ import annotations

from typing import Any

from services.common.documents import DEVICE, Device
from services.common.field_values import NOT_VALID
from services.common.values import clean
from services.contacts.objects import Json, iso
from services.contacts.people import device_shapes
from services.contacts.records.api import Resource
from services.contacts.records.record_body import RecordBody


def read_device(said: dict[str, Any], old: Device | None) -> Device:
    body = RecordBody({**said, "lead": said.get("lead") or said.get("contact")})
    device = Device(
        contact_id=body.reference("lead", old.contact_id if old else 0),
        type=body.text("device", old.type if old else ""),
        brand=body.text("deviceBrand", old.brand if old else ""),
        model=body.text("deviceModel", old.model if old else ""),
        os=body.text("deviceOsName", old.os if old else ""),
        os_short=body.text("deviceOsShortName", old.os_short if old else ""),
        os_version=body.text("deviceOsVersion", old.os_version if old else ""),
        os_platform=body.text("deviceOsPlatform", old.os_platform if old else ""),
        client=_read_client(body, old.client if old else {}),
    )
    if not device.contact_id:
        body.wrong.setdefault("lead", ["contact ID is mandatory"])
    body.check()
    return device


def _read_client(body: RecordBody, old: dict[str, str]) -> dict[str, str]:
    """What is known of the browser; an empty list is how PHP writes an empty object."""
    said = body.raw("clientInfo")
    if said is None:
        return old
    if said in ("", []):
        return {}
    if not isinstance(said, dict) or len(said) > device_shapes.MAX_CLIENT_KEYS:
        body.wrong["clientInfo"] = [NOT_VALID]
        return old
    inner = RecordBody(said)
    client = {key: inner.text(key) for key in said if said[key] is not None}
    if inner.wrong or any(clean(key) != key or len(key) > 64 for key in said):
        body.wrong["clientInfo"] = [NOT_VALID]
    return client


def show_device(_: str, device: Device) -> Json:
    return {
        "dateAdded": iso(device.added_us),
        "lead": {"id": device.contact_id},
        "clientInfo": device.client or [],
        "device": device.type or None,
        "deviceBrand": device.brand or None,
        "deviceModel": device.model or None,
        "deviceOsName": device.os or None,
        "deviceOsShortName": device.os_short or None,
        "deviceOsVersion": device.os_version or None,
        "deviceOsPlatform": device.os_platform or None,
    }


DEVICES = Resource(
    DEVICE, "device", "devices", Device, read_device, show_device, contact_of=lambda device: device.contact_id,
    shown=device_shapes.Device, said=device_shapes.DeviceChange, needs=("lead",),
)  # fmt: skip
