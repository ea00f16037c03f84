"""What became different, field by field: the old value and the new one, without what is secret. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from services.common.documents import Asset, Device, Email, Form, Hook, Note, Point, ScheduledEvent, User
from services.common.folding import View
from services.contacts.objects import iso

MAX_FIELDS, MAX_LENGTH = 200, 1_000
HIDDEN = "***"
_STAMPS = frozenset(
    {
        "added_us",
        "modified_us",
        "created_by",
        "modified_by",
        "created_by_id",
        "modified_by_id",
        "version",
        "id",
        "sources",
    }
)
_SECRET = ("password", "secret", "token")
_OBJECTS = {"category_id": "category", "group_id": "group", "role_id": "role"}  # as such the API tells them
_CALLED: dict[type, dict[str, str]] = {  # what the API calls otherwise than here
    Asset: {"url": "file"},
    Device: {"contact_id": "lead", "type": "device", "brand": "deviceBrand", "model": "deviceModel",
             "os": "deviceOsName", "os_short": "deviceOsShortName", "os_version": "deviceOsVersion",
             "os_platform": "deviceOsPlatform", "client": "clientInfo"},
    Email: {"reply_to": "replyToAddress", "html": "customHtml", "text": "plainText", "type": "emailType",
            "segments": "lists", "assets": "assetAttachments"},
    Form: {"is_kiosk": "inKioskMode"},
    Hook: {"url": "webhookUrl"},
    Note: {"contact_id": "lead", "time_us": "dateTime"},
    Point: {"is_repeatable": "repeatable"},
    ScheduledEvent: {"trigger_us": "triggerDate", "triggered_us": "dateTriggered", "error": "failReason"},
    User: {"password_hash": "password"},
}  # fmt: skip

Differences = dict[str, list[Any]]


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Differences:
    """Of two flat descriptions."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {name: [_cut(name, before.get(name)), _cut(name, after.get(name))] for name in names[:MAX_FIELDS]}


def described(document: Any) -> dict[str, Any]:
    """A document by the paths of its values, as the API names them; None is nothing."""
    if document is None:
        return {}
    called = _CALLED.get(type(document), {})
    return dict(
        _flat(
            {
                called.get(name) or _in_camel_case(name): iso(value) if name.endswith("_us") else value
                for name, value in msgspec.to_builtins(document).items()
                if name not in _STAMPS
            }
        )
    )


def described_contact(view: View | None) -> dict[str, Any]:
    if view is None:
        return {}
    return {
        **{field: value for field, value in view.fields.items() if value not in (None, "")},
        "points": view.points,
        **{f"scores.{group}": score for group, score in view.scores.items()},
        "tags": view.tags,
        "ipAddresses": view.ips,
        "owner": view.owner_id or None,
        "stage": view.stage_id or None,
        "companies": list(view.companies),
        "campaigns": view.campaigns,
        "categories": view.categories,
        "image": view.image or None,
        **{f"segments.{one}": "added" if is_in else "removed" for one, is_in in view.segments.items()},
        **{f"dnc.{channel}": [entry.reason, entry.comments] for channel, entry in view.dnc.items()},
        **{f"frequency.{channel}": msgspec.to_builtins(rule)[:-1] for channel, rule in view.frequency.items()},
    }


def _in_camel_case(name: str) -> str:
    first, *more = _OBJECTS.get(name, name.removesuffix("_us")).split("_")
    return first + "".join(word.capitalize() for word in more)


def _flat(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        value = {
            str(one.get("alias") or one.get("id") or number): {_in_camel_case(key): inner for key, inner in one.items()}
            for number, one in enumerate(value)
        }
    if not isinstance(value, dict):
        return [(path, value)]
    return [pair for key, inner in value.items() for pair in _flat(inner, f"{path}.{key}" if path else str(key))]


def _cut(name: str, value: Any) -> Any:
    if value is None:
        return None
    if any(word in name.lower() for word in _SECRET):
        return HIDDEN
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"{text[:MAX_LENGTH]}..." if len(text) > MAX_LENGTH else value
