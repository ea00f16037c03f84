"""A contact as the API writes it, property by property in the order that clients know. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.common.caller import ADMIN_ID
from services.common.contact_fields import GROUPS, Field
from services.common.documents import User
from services.common.field_values import label_of
from services.common.folding import View
from services.common.profile import Value
from services.contacts.people.contact import Address, Contact, Footprint, UtmTags
from services.contacts.people.frequency import frequency_objects

Json = dict[str, Any]


def contact_object(contact: Contact, user: str) -> Json:
    """`user` is the name of the admin, who is no record."""
    view, seen = contact.view, contact.footprint
    values = _values(contact)
    added_us = contact.added_us()
    return {
        **publishing(
            added_us,
            view.modified_us if view else 0,
            view.created_by if view else "",
            view.modified_by if view else "",
            created_by_id=view.created_by_id if view else 0,
            modified_by_id=view.modified_by_id if view else 0,
        ),
        "id": contact.id,
        "points": view.points if view else 0,
        "color": None,
        "fields": {
            **{group: _group(group, values, contact.registry) for group in GROUPS},
            "all": {"id": contact.id, **values},
        },
        "lastActive": iso(_last_active_us(view, seen)),
        "owner": owner_object(view.owner_id, contact.owner, user) if view else None,
        "ipAddresses": _addresses(view, seen),
        "tags": [{"id": short_id("tag", tag), "tag": tag, "description": None} for tag in (view.tags if view else [])],
        "utmtags": [utm_object(tags) for tags in seen.utm_tags],
        "stage": _stage(contact),
        "dateIdentified": iso(view.identified_us) if view else None,
        "preferredProfileImage": _preferred_image(view),
        "doNotContact": _do_not_contact(view),
        "frequencyRules": frequency_objects(view.frequency) if view else [],
    }


def utm_object(tags: UtmTags) -> Json:
    return {
        "id": short_id("utm", tags.event_id),
        "query": tags.query or None,
        "referer": tags.referrer or None,
        "remoteHost": tags.ip,
        "url": tags.url,
        "userAgent": tags.user_agent,
        "utmCampaign": tags.campaign or None,
        "utmContent": tags.content or None,
        "utmMedium": tags.medium or None,
        "utmSource": tags.source or None,
        "utmTerm": tags.term or None,
    }


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


def iso(time_us: int) -> str | None:
    """ISO 8601 in UTC, to the second; None for never."""
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00") if time_us else None


def short_id(kind: str, name: str) -> int:
    """A number for what has only a name here; clients expect one, and always the same."""
    digest = hashlib.blake2b(f"{kind}:{name}".encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1 or 1


def _values(contact: Contact) -> dict[str, Value]:
    """Alias: value of every field; of an anonymous visitor what its visits say."""
    told: Mapping[str, Value] = contact.view.fields if contact.view else _observed(contact.footprint)
    values: dict[str, Value] = {alias: _shown(told.get(alias)) for alias in contact.registry}
    values["points"] = contact.view.points if contact.view else 0
    last_active = _last_active_us(contact.view, contact.footprint)
    values["last_active"] = _sql_time(last_active) if last_active else None
    return values


def _observed(footprint: Footprint) -> dict[str, Value]:
    if not footprint.addresses:
        return {}
    last = footprint.addresses[0]
    return {"country": last.country, "state": last.region, "city": last.city, "timezone": last.timezone,
            "preferred_locale": last.language}  # fmt: skip


def _shown(value: Value) -> Value:
    return None if value == "" else value


def _group(group: str, values: Mapping[str, Value], registry: Mapping[str, Field]) -> Json | list[Json]:
    """Descriptors by alias; an empty group is an empty list, as PHP writes it."""
    fields = {alias: _descriptor(field, values[alias]) for alias, field in registry.items() if field.group == group}
    return fields or []


def _descriptor(field: Field, value: Value) -> Json:
    return {
        "id": str(field.id),
        "label": field.label,
        "alias": field.alias,
        "type": field.type,
        "group": field.group,
        "object": "lead",
        "is_fixed": "1" if field.is_fixed else "0",
        "properties": "a:0:{}" if field.is_fixed else properties(field),
        "default_value": field.default or None,
        "value": value,
        "normalizedValue": label_of(field, value),
    }


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


def _last_active_us(view: View | None, seen: Footprint) -> int:
    told = view.fields.get("last_active") if view else None
    told_us = 0
    if isinstance(told, str) and told:
        try:
            told_us = int(datetime.fromisoformat(told).replace(tzinfo=UTC).timestamp()) * 1_000_000
        except ValueError:
            told_us = 0
    return max(seen.last_active_ms * 1_000, told_us)


def _sql_time(time_us: int) -> str:
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


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


def _preferred_image(view: View | None) -> str:
    preferred = view.preferred_image if view else ""
    return "gravatar" if view is None or not preferred or (preferred == "custom" and not view.image) else preferred


def _stage(contact: Contact) -> Json | None:
    if contact.view is None or contact.stage is None:
        return None
    return {"id": contact.view.stage_id, "name": contact.stage.name, "weight": contact.stage.weight,
            "description": contact.stage.description or None, "category": None}  # fmt: skip


def _addresses(view: View | None, seen: Footprint) -> list[Json]:
    by_ip: dict[str, Address | None] = {address.ip: address for address in seen.addresses}
    for ip in view.ips if view else []:
        by_ip.setdefault(ip, None)
    return [{"ipAddress": ip, "id": short_id("ip", ip), "ipDetails": _place(address)} for ip, address in by_ip.items()]


def _place(address: Address | None) -> Json:
    has_place = address is not None and (address.latitude != 0 or address.longitude != 0)
    return {
        "city": address.city if address else "",
        "region": address.region if address else "",
        "zipcode": "",
        "country": address.country if address else "",
        "latitude": address.latitude if address and has_place else "",
        "longitude": address.longitude if address and has_place else "",
        "isp": "",
        "organization": "",
        "timezone": address.timezone if address else "",
        "extra": "",
    }


def _do_not_contact(view: View | None) -> list[Json]:
    return [
        {"id": short_id("dnc", channel), "reason": entry.reason, "comments": entry.comments, "channel": channel,
         "channelId": entry.channel_id or None}
        for channel, entry in (view.dnc.items() if view else ())
    ]  # fmt: skip
