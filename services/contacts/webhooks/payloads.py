"""Makes the body of a request out of notes: under each trigger its items, with the contact as the API shows it."""

from __future__ import annotations

from typing import Any

import msgspec

from services.common.company import Company, decode_company
from services.common.documents import SEGMENT, Segment, decode_document
from services.common.hook_notes import Note
from services.common.records import Ref
from services.contacts.companies.company_object import company_object
from services.contacts.objects import Json, iso
from services.contacts.people.contact import Contact
from services.contacts.people.contact_object import contact_object
from services.contacts.people.contact_reader import ContactReader
from services.contacts.segments.definition import show_segment
from services.contacts.stores import Stores
from services.contacts.webhooks.triggers import (
    COMPANY_DELETE,
    COMPANY_SAVE,
    CONTACT_COMPANY,
    CONTACT_DELETE,
    CONTACT_SEGMENT,
    EVENT_TYPES,
    FORM_SENT,
    PAGE_SEEN,
)


class Payloads:
    def __init__(self, stores: Stores, user: str) -> None:
        self._stores, self._user = stores, user
        self._reader = ContactReader(stores)

    async def items(self, notes: list[Note]) -> dict[str, list[Json]]:
        """By trigger, in the order of the notes. Of a contact that has been deleted since nothing is told but that."""
        contacts = await self._contacts(notes)
        items: dict[str, list[Json]] = {}
        for note, contact in zip(notes, contacts, strict=True):
            if contact is None and note.trigger not in (COMPANY_SAVE, COMPANY_DELETE):
                continue
            shown = contact_object(contact, self._user) if contact else {}
            told = await self._payload(note, shown)
            items.setdefault(note.trigger, []).append({**told, "timestamp": iso(note.time_us)})
        return items

    async def _contacts(self, notes: list[Note]) -> list[Contact | None]:
        """As each was at its note, or is now."""
        as_noted = [note for note in notes if note.contact]
        stored = await self._stores.profiles.load({note.contact.id for note in as_noted if note.contact})
        gone = {one for one, profile in stored.items() if profile is not None and profile.deleted_us}
        wanted = [
            note.contact
            for note in as_noted
            if note.contact and (note.trigger == CONTACT_DELETE or note.contact.id not in gone)
        ]
        shown = iter(await self._reader.all_shown(wanted))
        kept = {id(profile): next(shown) for profile in wanted}
        return [
            kept.get(id(note.contact))
            if note.contact
            else await self._reader.one(note.contact_id)
            if note.contact_id
            else None
            for note in notes
        ]

    async def _payload(self, note: Note, contact: Json) -> Json:
        said = note.said
        if note.trigger in (COMPANY_SAVE, COMPANY_DELETE):
            company = await self._company(said)
            return {"company": company} if note.trigger == COMPANY_SAVE else {"id": company["id"], "company": company}
        if note.trigger == CONTACT_DELETE:
            return {"id": said["id"], "contact": contact}
        if note.trigger == CONTACT_COMPANY:
            return {"added": said["added"], "contact": contact, "company": await self._company_now(said["company"])}
        if note.trigger in EVENT_TYPES:
            return await self._of_event(note, contact)
        return {"contact": contact, **said}

    async def _company(self, said: Json) -> Json:
        return await self._shown(decode_company(said["company"], said["version"], said["data"]))

    async def _company_now(self, company_id: int) -> Json:
        company = (await self._stores.companies.load([company_id])).get(company_id)
        if company is None:
            return {"id": company_id}
        return await self._shown(company)

    async def _shown(self, company: Company) -> Json:
        owner = (await self._stores.owners({company.owner_id})).get(company.owner_id)
        return company_object(company, self._user, await self._stores.fields.of_companies(), owner)

    async def _of_event(self, note: Note, contact: Json) -> Json:
        row = note.said
        details = msgspec.json.decode(row["query"]) if row["query"] else {}
        if note.trigger == CONTACT_SEGMENT:
            segment = await self._segment(details.get("segmentId"))
            return {"contact": contact, "segment": segment, "action": details.get("action")}
        if note.trigger == FORM_SENT:
            return {"submission": _submission(row, details, contact)}
        if note.trigger == PAGE_SEEN:
            return {"hit": _hit(row, contact)}
        return {"stat": _stat(row, details, contact), "contact": contact}

    async def _segment(self, segment_id: Any) -> Json:
        record = await self._stores.records.one(Ref(SEGMENT, str(segment_id)))
        if record is None:
            return {"id": segment_id}
        return {"id": segment_id, **show_segment("", decode_document(record.data, Segment))}


def _submission(row: Json, details: Json, contact: Json) -> Json:
    told = details.get("submission") or {}
    return {
        "id": row["event_id"],
        "ipAddress": {"ip": row["ip"]},
        "form": details.get("form"),
        "lead": contact,
        "trackingId": row["device_id"] or None,
        "dateSubmitted": iso(row["time_ms"] * 1_000),
        "referer": told.get("referer") or row["referrer"] or "",
        "page": details.get("page"),
        "results": told.get("results") or {},
    }


def _hit(row: Json, contact: Json) -> Json:
    return {
        "id": row["event_id"],
        "dateHit": iso(row["time_ms"] * 1_000),
        "dateLeft": None,
        "page": None,
        "redirect": None,
        "email": None,
        "lead": contact,
        "ipAddress": {"ip": row["ip"]},
        "url": row["url"],
        "urlTitle": row["title"] or None,
        "referer": row["referrer"] or None,
        "pageLanguage": row["language"] or None,
        "userAgent": row["user_agent"],
        "trackingId": row["device_id"] or None,
        "code": 200,
        "query": row["query"] or None,
    }


def _stat(row: Json, details: Json, contact: Json) -> Json:
    """Of a mail that was sent or opened."""
    told = details.get("stat") or {}
    happened = iso(row["time_ms"] * 1_000)
    is_read = row["type"] == "email.read"
    return {
        "id": row["event_id"],
        "dateSent": told.get("dateSent") or (None if is_read else happened),
        "dateRead": happened if is_read else None,
        "isRead": is_read,
        "isFailed": False,
        "emailAddress": contact["fields"]["all"].get("email"),
        "ipAddress": {"ip": row["ip"]},
        "email": {"id": told.get("emailId"), "name": told.get("emailName"), "subject": told.get("subject")},
        "lead": contact,
    }
