"""Reads the history of a contact and writes it as the API's events."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import msgspec

from services.common.caller import BY_API, BY_IMPORT
from services.common.clickhouse import ClickHouse
from services.common.event_types import (
    API_ADDED,
    CAMPAIGN_EVENT,
    CAMPAIGN_EVENT_SCHEDULED,
    CREATED,
    IDENTIFIED,
    IMPORTED,
    IP_ADDED,
    PAGE_HIT,
    SOURCE_CREATED,
    SOURCE_IDENTIFIED,
    TOLD_BY_OTHERS,
    TYPES,
    UTM,
    VIDEO_HIT,
)
from services.common.profile import BY_FORM
from services.contacts.campaigns.scheduled import log_object, record_id, shown_us
from services.contacts.campaigns.scheduled_list import load_scheduled
from services.contacts.objects import Json, iso
from services.contacts.people.contact import Contact, UtmTags
from services.contacts.people.contact_object import address_object, utm_object
from services.contacts.people.footprints import load_places
from services.contacts.timeline.mails import MAIL_EVENTS, load_mails, mail_details, mail_id_of, mail_label
from services.contacts.timeline.survey import load_survey
from services.contacts.timeline.timeline_query import (
    DETAILS,
    LEAVES,
    Moment,
    Statements,
    TimelineQuery,
    timeline_statements,
)

DAY_MS = 86_400_000
KEYS_AT_ONCE = 100  # they travel in the URL, which proxies and servers bound

EventKey = tuple[int, str]  # time in ms, event id


class Entry(NamedTuple):
    """One event of a history; `row` is the stored hit behind it, if there is one."""

    kind: str
    time_ms: int
    event_id: str
    row: dict[str, Any]


class Timeline(NamedTuple):
    total: int
    entries: list[Entry]


async def load_timeline(clickhouse: ClickHouse, contact: Contact, query: TimelineQuery) -> Timeline:
    scheduled, survey = await asyncio.gather(
        _scheduled(clickhouse, contact, query), load_survey(clickhouse, contact, query)
    )
    told_by_records = [moment for moment, _ in scheduled.values()]
    statements = timeline_statements(
        query, contact.ids, [*moments(contact), *told_by_records, *survey.addresses], has_opens=survey.has_opens
    )
    if statements is None:
        return Timeline(0, [])
    logs = {(moment.time_ms, name): {"log": log} for name, (moment, log) in scheduled.items()}
    addresses = {(moment.time_ms, moment.name) for moment in survey.addresses}

    async def shown(sql: str) -> list[Entry]:
        page = (await clickhouse.query(sql, parameters={**statements.parameters, **statements.told})).result_rows
        keys = {(time, event) for _, time, event in page if event} - logs.keys()
        rows, places = await asyncio.gather(
            load_rows(clickhouse, contact.ids, keys - addresses, has_leaves=survey.has_leaves),
            load_places(clickhouse, contact.ids, [ip for _, ip in keys & addresses]),
        )
        rows |= logs | {(time, ip): {"ip": ip, "place": places.get(ip)} for time, ip in keys & addresses}
        labels = {moment.kind: {"label": moment.label} for moment in moments(contact) if moment.label}
        return [
            Entry(kind, time, event, rows[time, event] if event else labels.get(kind, {}))
            for kind, time, event in page
            if not event or (time, event) in rows
        ]

    total, entries = await asyncio.gather(_count(clickhouse, statements), shown(statements.first or statements.page))
    if statements.first and len(entries) < min(query.limit, total - statements.parameters["offset"]):
        entries = await shown(statements.page)
    return Timeline(total, entries)


async def _count(clickhouse: ClickHouse, statements: Statements) -> int:
    if statements.total is None:
        return statements.moments
    counted = await clickhouse.query(statements.total, parameters=statements.parameters)
    return int(counted.result_rows[0][0]) + statements.moments


async def _scheduled(clickhouse: ClickHouse, contact: Contact, query: TimelineQuery) -> dict[str, tuple[Moment, Json]]:
    """What campaigns are to do, or have done: the entry and its details, by its name."""
    if not {CAMPAIGN_EVENT, CAMPAIGN_EVENT_SCHEDULED} & set(query.kinds):
        return {}
    found = {}
    for event, campaign in await load_scheduled(clickhouse, contact.ids):
        kind = CAMPAIGN_EVENT if event.triggered_us else CAMPAIGN_EVENT_SCHEDULED
        log, name = log_object(event, campaign), record_id(event.contact_id, event.event_id)
        found[name] = Moment(kind, shown_us(event) // 1_000, log_label(log), name), log
    return found


async def load_rows(
    clickhouse: ClickHouse, ids: list[int], keys: set[EventKey], *, has_leaves: bool = True
) -> dict[EventKey, dict[str, Any]]:
    """The stored events, on each page hit how long its page was looked at, if any was ever left, and on each mail what
    became of it."""
    rows: dict[EventKey, dict[str, Any]]
    rows, seconds = await asyncio.gather(
        _details(clickhouse, ids, keys), _page_seconds(clickhouse, ids, keys if has_leaves else set())
    )
    mails = await load_mails(clickhouse, ids, rows.values())
    for row in rows.values():
        row["seconds"] = seconds.get(row["id"])
        row["mail"] = mails.get(mail_id_of(row))
    return rows


async def _page_seconds(clickhouse: ClickHouse, ids: list[int], keys: set[EventKey]) -> dict[str, float]:
    """By event id; a page is left within a day or never."""
    seconds: dict[str, float] = {}
    wanted = sorted(keys)
    for start in range(0, len(wanted), KEYS_AT_ONCE):
        times, events = zip(*wanted[start : start + KEYS_AT_ONCE], strict=True)
        parameters = {"ids": ids, "events": list(events), "from": times[0], "to": times[-1] + DAY_MS}
        seconds.update((await clickhouse.query(LEAVES, parameters=parameters)).result_rows)
    return seconds


async def _details(clickhouse: ClickHouse, ids: list[int], keys: set[EventKey]) -> dict[EventKey, dict[str, Any]]:
    rows: dict[EventKey, dict[str, Any]] = {}
    wanted = sorted(keys)
    for start in range(0, len(wanted), KEYS_AT_ONCE):
        times, events = zip(*wanted[start : start + KEYS_AT_ONCE], strict=True)
        answer = await clickhouse.query(
            DETAILS,
            parameters={"ids": ids, "times": list(times), "events": list(events), "from": times[0], "to": times[-1]},
        )
        rows.update(((row["time_ms"], row["id"]), row) for row in answer.named_results())
    return rows


def moments(contact: Contact) -> list[Moment]:
    """What the profile tells by itself. An anonymous visitor was created by its first visit."""
    added_ms, view = contact.added_us() // 1_000, contact.view
    found = [Moment(CREATED, added_ms)]
    if view is None:
        return found
    sources = view.sources
    if sources.created == BY_API:
        found.append(Moment(API_ADDED, added_ms, view.created_by))
    made_by = _cause(sources.created, view.created_by)
    found.append(Moment(SOURCE_CREATED, added_ms, f"Contact was created by {made_by}"))
    if view.identified_us:
        identified_ms = view.identified_us // 1_000
        is_one = not sources.identified and identified_ms == added_ms
        known_by = made_by if is_one else _cause(sources.identified, sources.identified_by)
        found.append(Moment(IDENTIFIED, identified_ms))
        found.append(Moment(SOURCE_IDENTIFIED, identified_ms, f"Contact was identified by {known_by}"))
    return found


def _cause(source: str, user: str) -> str:
    """What a history calls it."""
    return f"an import of {user}" if source == BY_IMPORT else "a form" if source == BY_FORM else user or "a hit"


def timeline_object(contact: Contact, query: TimelineQuery, timeline: Timeline, base_url: str) -> Json:
    """The envelope; `maxPages` counts all types together, and links begin with `base_url`."""
    return {
        "events": [event_object(contact.id, entry, base_url) for entry in timeline.entries],
        "filters": query.filters(),
        "order": [query.order_by, "DESC" if query.is_descending else "ASC"],
        "types": TYPES,
        "total": timeline.total,
        "page": query.page,
        "limit": query.limit,
        "maxPages": -(-timeline.total // query.limit),
    }


def event_object(contact_id: int, entry: Entry, base_url: str) -> Json:
    label, details = _label_and_details(contact_id, entry)
    if isinstance(label, dict) and label["href"].startswith("/"):
        label["href"] = base_url + label["href"]
    return {
        "event": entry.kind,
        "eventId": entry.kind + (entry.event_id or str(contact_id)),
        "eventLabel": label,
        "eventType": TYPES[entry.kind],
        "timestamp": iso(entry.time_ms * 1_000),
        "contactId": contact_id,
        "details": details,
    }


def _label_and_details(contact_id: int, entry: Entry) -> tuple[str | Json, Json]:
    if entry.kind == PAGE_HIT:
        return _link(entry.row, "Page hit"), {"hit": _hit(entry.row)}
    if entry.kind == IP_ADDED and "place" in entry.row:
        return entry.row["ip"], address_object(entry.row["ip"], entry.row["place"])
    if entry.kind == UTM:
        campaign = entry.row["utm_campaign"]
        return (f"UTM Campaign: {campaign}" if campaign else "UTM tags"), {
            "utmtags": utm_object(UtmTags(**_utm(entry.row)))
        }
    if not entry.row:
        return TYPES[entry.kind], {}
    if entry.kind == VIDEO_HIT:
        return _link(entry.row, TYPES[entry.kind]), _video(entry.row)
    if entry.kind in TOLD_BY_OTHERS:
        return entry.row["label"], {}
    if log := entry.row.get("log"):
        return log_label(log), {"log": log}
    if mail := entry.row["mail"]:
        label = mail_label(mail, contact_id) if entry.kind in MAIL_EVENTS else None
        return label or _link(entry.row, TYPES[entry.kind]), mail_details(entry.row, told(entry.row), mail)
    details, link = told(entry.row), _link(entry.row, TYPES[entry.kind])
    if entry.kind == IMPORTED and isinstance(link, str) and details.get("importId"):
        return {"label": link, "href": f"/api/imports/{details['importId']}"}, details
    return link, details


def log_label(log: Json) -> str:
    """Of an event of a campaign; what is neither to come nor done was cancelled."""
    name = f"{log['eventName']} / {log['campaignName']}".removesuffix(" / ")
    return name if log["isScheduled"] or log["dateTriggered"] else f"{name}, cancelled"


def told(row: dict[str, Any]) -> Json:
    """What was reported of an event, as it came."""
    details = msgspec.json.decode(row["query"]) if row["query"] else {}
    return details if isinstance(details, dict) else {}


def _link(row: dict[str, Any], otherwise: str) -> str | Json:
    label = row["title"] or row["url"] or otherwise
    if not row["url"].startswith(("http://", "https://")):
        return str(label)
    return {"label": label, "href": row["url"], "isExternal": True}


def _hit(row: dict[str, Any]) -> Json:
    """The hit behind an event, in the names that clients know, with what they have no name for at the end."""
    source, source_id = _source(row)
    return {
        "id": row["id"],
        "userAgent": row["user_agent"],
        "dateHit": iso(row["time_ms"] * 1_000),
        "dateLeft": iso(row["time_ms"] * 1_000 + round(row["seconds"] * 1_000_000)) if row["seconds"] else None,
        "referer": row["referrer"] or None,
        "source": source,
        "sourceId": source_id,
        "sourceName": None,
        "sourceRoute": None,
        "url": row["url"],
        "urlTitle": row["title"] or None,
        "query": row["query"] or None,
        "clientInfo": {"browser": row["browser"], "os": row["os"]},
        "device": row["device_type"] or None,
        "deviceOsName": row["os"] or None,
        "deviceBrand": row["device_brand"] or None,
        "deviceModel": row["device_model"] or None,
        "ip": row["ip"],
        "country": row["country"] or None,
        "region": row["region"] or None,
        "city": row["city"] or None,
        "timezone": row["timezone"] or None,
        "pageLanguage": row["language"] or None,
        "latitude": row["latitude"] or None,
        "longitude": row["longitude"] or None,
        "trackedContactId": row["contact_id"],
        "timeOnPage": row["seconds"],  # in seconds
    }


def _source(row: dict[str, Any]) -> tuple[Any, Any]:
    """Where a click came from, by the rule of segments' filters: the mail, else what the link itself names."""
    stat = told(row).get("stat") if '"stat"' in row["query"] else None
    if not isinstance(stat, dict):
        return None, None
    if "emailId" in stat:
        return "email", stat["emailId"]
    named = stat.get("source")
    return (named[0], named[1]) if isinstance(named, list) and len(named) > 1 else (None, None)


def _video(row: dict[str, Any]) -> Json:
    """What was told of it, and the hit that told it."""
    details, hit = told(row), _hit(row)
    said = details.get("hit")
    shown = {name: hit[name] for name in ("dateHit", "referer", "url", "userAgent")}
    return {**details, "hit": {**shown, **(said if isinstance(said, dict) else {})}}


def _utm(row: dict[str, Any]) -> dict[str, Any]:
    same = ("contact_id", "time_ms", "type", "query", "referrer", "ip", "url", "user_agent")
    words = ("campaign", "content", "medium", "source", "term")
    return {"event_id": row["id"], **{name: row[name] for name in same}, **{name: row[f"utm_{name}"] for name in words}}
