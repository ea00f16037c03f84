"""Devices as they are described: what the API shows of them, and what it can be told. Pure."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from services.contacts.shapes import GoneId, Id, NoItems, Ref, Said, Shown, Time

MAX_CLIENT_KEYS = 20
_Text = Annotated[str, Meta(max_length=191)] | UnsetType


class Device(Shown):
    """What a contact came with, or was said to have."""

    id: GoneId
    date_added: Time
    lead: Ref
    client_info: Annotated[dict[str, str], Meta(examples=[{"name": "Firefox"}])] | NoItems
    device: Annotated[str | None, Meta(examples=["smartphone"])]
    device_brand: str | None
    device_model: str | None
    device_os_name: Annotated[str | None, Meta(examples=["Android"])]
    device_os_short_name: str | None
    device_os_version: str | None
    device_os_platform: str | None


class DeviceChange(Said):
    lead: Annotated[Id, Meta(description="The contact, also as contact")] | UnsetType = UNSET
    device: Annotated[str, Meta(max_length=191, examples=["smartphone"])] | UnsetType = UNSET
    device_brand: _Text = UNSET
    device_model: _Text = UNSET
    device_os_name: Annotated[str, Meta(max_length=191, examples=["Android"])] | UnsetType = UNSET
    device_os_short_name: _Text = UNSET
    device_os_version: _Text = UNSET
    device_os_platform: _Text = UNSET
    client_info: (
        Annotated[dict[str, str], Meta(max_length=MAX_CLIENT_KEYS, examples=[{"name": "Firefox"}])] | UnsetType
    ) = UNSET
