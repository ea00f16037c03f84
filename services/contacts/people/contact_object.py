"""A contact as the API writes it, property by property in the order that clients know. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from services.common.contact_fields import GROUPS
from services.common.event_types import UTM
from services.common.folding import View
from services.common.profile import Value
from services.contacts.objects import Json, field_group, iso, owner_object, publishing, short_id, sql_time
from services.contacts.people.contact import Address, Contact, Footprint, UtmTags
from services.contacts.people.frequency import frequency_objects
from services.contacts.people.utm_query import UtmQuery, read_utm_query


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
        "color": contact.color,
        "fields": {
            **{group: field_group("lead", group, values, contact.registry) for group in GROUPS},
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
    said = read_utm_query(tags.query) if tags.type == UTM else UtmQuery(tags.query)
    return {
        "id": short_id("utm", tags.event_id),
        "query": said.query or None,
        "referer": tags.referrer or None,
        "remoteHost": said.remote_host or tags.ip,
        "url": tags.url,
        "userAgent": tags.user_agent,
        "utmCampaign": tags.campaign or None,
        "utmContent": tags.content or None,
        "utmMedium": tags.medium or None,
        "utmSource": tags.source or None,
        "utmTerm": tags.term or None,
    }


def address_object(ip: str, address: Address | None) -> Json:
    return {"ipAddress": ip, "id": short_id("ip", ip), "ipDetails": _place(address)}


def _values(contact: Contact) -> dict[str, Value]:
    """Alias: value of every field; of an anonymous visitor what its visits say."""
    told: Mapping[str, Value] = contact.view.fields if contact.view else _observed(contact.footprint)
    values: dict[str, Value] = {alias: _shown(told.get(alias)) for alias in contact.registry}
    values["points"] = contact.view.points if contact.view else 0
    last_active = _last_active_us(contact.view, contact.footprint)
    values["last_active"] = sql_time(last_active) if last_active else None
    return values


def _observed(footprint: Footprint) -> dict[str, Value]:
    if not footprint.addresses:
        return {}
    last = footprint.addresses[0]
    return {"country": last.country, "state": last.region, "city": last.city, "timezone": last.timezone,
            "preferred_locale": last.language}  # fmt: skip


def _shown(value: Value) -> Value:
    return None if value == "" else value


def _last_active_us(view: View | None, seen: Footprint) -> int:
    told = view.fields.get("last_active") if view else None
    told_us = 0
    if isinstance(told, str) and told:
        try:
            told_us = int(datetime.fromisoformat(told).replace(tzinfo=UTC).timestamp()) * 1_000_000
        except ValueError:
            told_us = 0
    return max(seen.last_active_ms * 1_000, told_us)


def _preferred_image(view: View | None) -> str:
    preferred = view.preferred_image if view else ""
    return "gravatar" if view is None or not preferred or (preferred == "custom" and not view.image) else preferred


def _stage(contact: Contact) -> Json | None:
    if contact.view is None or contact.stage is None:
        return None
    stage = contact.stage
    return {"id": contact.view.stage_id, "name": stage.name, "weight": stage.weight,
            "description": stage.description or None,
            "category": {"id": stage.category_id} if stage.category_id else None}  # fmt: skip


def _addresses(view: View | None, seen: Footprint) -> list[Json]:
    by_ip: dict[str, Address | None] = {address.ip: address for address in seen.addresses}
    for ip in view.ips if view else []:
        by_ip.setdefault(ip, None)
    return [address_object(ip, address) for ip, address in by_ip.items()]


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
