"""Whom a service means: a contact id, a device id or a unique value, as JSON says it. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from services.common.device import MAX_CONTACT_ID
from services.common.values import UniqueValue, normalise_unique


class SelectorError(ValueError):
    """What is wrong with it."""


class Selector(NamedTuple):
    """One of the three."""

    contact_id: int = 0
    device_id: str = ""
    value: UniqueValue | None = None


def read_selector(said: Any, unique_fields: tuple[str, ...]) -> Selector:
    """A number, or an object with one key: `contact_id`, `device_id`, or a unique field. Raises `SelectorError`."""
    if not isinstance(said, dict):
        return Selector(contact_id=_contact_id(said))
    if len(said) != 1:
        raise SelectorError("say one of contact_id, device_id, " + ", ".join(unique_fields))
    ((name, text),) = said.items()
    if name == "contact_id":
        return Selector(contact_id=_contact_id(text))
    if name != "device_id" and name not in unique_fields:
        raise SelectorError(f"{name[:60]} is not one of contact_id, device_id, " + ", ".join(unique_fields))
    if not isinstance(text, str) or not text:
        raise SelectorError(f"{name[:60]} must be text")
    if name == "device_id":
        return Selector(device_id=text)
    return Selector(value=read_unique(name, text, unique_fields))


def read_unique(field: str, text: str, unique_fields: tuple[str, ...]) -> UniqueValue:
    """The normalised value. Raises `SelectorError`."""
    if field not in unique_fields:
        raise SelectorError(f"{field[:60]} is not one of contact_id, device_id, " + ", ".join(unique_fields))
    value = normalise_unique(field, text)
    if value is None:
        raise SelectorError(f"{field}: this value identifies nobody")
    return UniqueValue(field, value)


def _contact_id(said: Any) -> int:
    text = str(said) if isinstance(said, (int, str)) and not isinstance(said, bool) else ""
    if text.isascii() and text.isdecimal() and len(text) <= 16 and 0 < int(text) <= MAX_CONTACT_ID:
        return int(text)
    raise SelectorError(f"contact_id must be a whole number from 1 to {MAX_CONTACT_ID}")
