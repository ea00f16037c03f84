"""What the objects of the API have in common: who made them when, their owner, their fields, times. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.common.caller import ADMIN_ID
from services.common.contact_fields import Field
from services.common.documents import User
from services.common.field_values import label_of
from services.common.profile import Value

Json = dict[str, Any]


def publishing(
    added_us: int,
    modified_us: int,
    created_by: str,
    modified_by: str,
    *,
    is_published: bool = True,
    created_by_id: int = 0,
    modified_by_id: int = 0,
) -> Json:
    """What every object of the API begins with. Who is no user has a name, but no number."""
    return {
        "isPublished": is_published,
        "dateAdded": iso(added_us),
        "dateModified": iso(modified_us),
        "createdBy": created_by_id or None,
        "createdByUser": created_by or None,
        "modifiedBy": modified_by_id or None,
        "modifiedByUser": modified_by or None,
    }


def owner_object(owner_id: int, owner: User | None, admin: str) -> Json | None:
    """None for nobody, and for a user who is gone."""
    if not owner_id or (owner is None and owner_id != ADMIN_ID):
        return None
    return {
        "createdByUser": None,
        "modifiedByUser": None,
        "id": owner_id,
        "username": owner.username if owner else admin,
        "firstName": owner.first_name if owner else admin,
        "lastName": owner.last_name if owner else "",
    }


def field_group(
    owner: str, group: str, values: Mapping[str, Value], registry: Mapping[str, Field]
) -> Json | list[Json]:
    """The fields of an owner (lead, company) by alias; an empty group is an empty list, as PHP writes it."""
    fields = {
        alias: _descriptor(owner, field, values[alias]) for alias, field in registry.items() if field.group == group
    }
    return fields or []


def properties(field: Field) -> Json | list[Json]:
    """What is peculiar to its type; a field that has nothing of it has an empty list, as PHP writes it."""
    match field.type:
        case "select" | "multiselect":
            return {"list": [{"label": label, "value": value} for value, label in field.choices.items()]}
        case "boolean":
            return {"yes": field.choices.get("1", "Yes"), "no": field.choices.get("0", "No")}
        case "number":
            return {"roundmode": "3", "scale": str(field.scale) if field.scale else ""}
    return []


def iso(time_us: int) -> str | None:
    """ISO 8601 in UTC, to the second; None for never."""
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00") if time_us else None


def sql_time(time_us: int) -> str:
    """In UTC, to the second."""
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def short_id(kind: str, name: str) -> int:
    """A number for what has only a name here; clients expect one, and always the same."""
    digest = hashlib.blake2b(f"{kind}:{name}".encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1 or 1


def _descriptor(owner: str, field: Field, value: Value) -> Json:
    return {
        "id": str(field.id),
        "label": field.label,
        "alias": field.alias,
        "type": field.type,
        "group": field.group,
        "object": owner,
        "is_fixed": "1" if field.is_fixed else "0",
        "properties": "a:0:{}" if field.is_fixed else properties(field),
        "default_value": field.default or None,
        "value": value,
        "normalizedValue": label_of(field, value),
    }
