"""Notes, stages, categories and campaigns as the API reads and writes them. Pure."""

from __future__ import annotations

from typing import Any

from services.common.documents import CAMPAIGN, CATEGORY, NOTE, STAGE, Campaign, Category, Note, Stage
from services.common.harmless_html import harmless_html
from services.contacts.objects import Json, iso
from services.contacts.records import record_shapes
from services.contacts.records.api import Resource
from services.contacts.records.record_body import MAX_LONG_TEXT, RecordBody, alias_of

NOTE_TYPES = ("general", "email", "call", "meeting")
BUNDLES = ("global", "asset", "campaign", "email", "form", "page", "point", "stage", "plugin:focus")
MAX_NOTE_LENGTH = 65_535


def _read_note(said: dict[str, Any], old: Note | None) -> Note:
    body = RecordBody(said)
    note = Note(
        contact_id=body.reference("lead", old.contact_id if old else 0),
        text=harmless_html(body.text("text", old.text if old else "", most=MAX_NOTE_LENGTH, is_required=True)),
        type=body.choice("type", NOTE_TYPES, old.type if old else "general"),
        time_us=body.time_us("dateTime", old.time_us if old else 0),
        is_published=body.flag("isPublished", old=old.is_published if old else True),
    )
    if not note.contact_id:
        body.wrong.setdefault("lead", ["lead ID is mandatory"])
    body.check()
    return note


def _show_note(_: str, note: Note) -> Json:
    return {
        "text": note.text,
        "type": note.type,
        "dateTime": iso(note.time_us or note.added_us),
        "lead": {"id": note.contact_id},
    }


def read_stage_body(said: dict[str, Any], old: Stage | None) -> Stage:
    body = RecordBody(said)
    stage = Stage(
        name=body.text("name", old.name if old else "", is_required=True),
        weight=body.whole("weight", old.weight if old else 0),
        description=body.text("description", old.description if old else "", most=MAX_LONG_TEXT),
        category_id=body.reference("category", old.category_id if old else 0),
        is_published=body.flag("isPublished", old=old.is_published if old else True),
    )
    body.check()
    return stage


def show_stage(_: str, stage: Stage) -> Json:
    return {
        "name": stage.name,
        "category": {"id": stage.category_id} if stage.category_id else None,
        "weight": stage.weight,
        "description": stage.description or None,
        "publishUp": None,
        "publishDown": None,
    }


def read_category_body(said: dict[str, Any], old: Category | None) -> Category:
    body = RecordBody(said)
    title = body.text("title", old.title if old else "", is_required=True)
    category = Category(
        title=title,
        alias=alias_of(body.text("alias", old.alias if old else title)) or "category",
        bundle=body.choice("bundle", BUNDLES, old.bundle if old else "global"),
        color=body.color("color", old.color if old else ""),
        description=body.text("description", old.description if old else "", most=MAX_LONG_TEXT),
        is_published=body.flag("isPublished", old=old.is_published if old else True),
    )
    body.check()
    return category


def _show_category(_: str, category: Category) -> Json:
    return {
        "title": category.title,
        "alias": category.alias,
        "description": category.description or None,
        "color": category.color or None,
        "bundle": category.bundle,
    }


def _read_campaign(said: dict[str, Any], old: Campaign | None) -> Campaign:
    body = RecordBody(said)
    campaign = Campaign(
        name=body.text("name", old.name if old else "", is_required=True),
        description=body.text("description", old.description if old else "", most=MAX_LONG_TEXT),
        category_id=body.reference("category", old.category_id if old else 0),
        is_published=body.flag("isPublished", old=old.is_published if old else True),
    )
    body.check()
    return campaign


def _show_campaign(_: str, campaign: Campaign) -> Json:
    return {
        "name": campaign.name,
        "category": {"id": campaign.category_id} if campaign.category_id else None,
        "description": campaign.description or None,
        "allowRestart": False,
        "publishUp": None,
        "publishDown": None,
        "events": [],
        "lists": [],
        "forms": [],
    }


NOTES = Resource(
    NOTE, "note", "notes", Note, _read_note, _show_note, contact_of=lambda note: note.contact_id,
    shown=record_shapes.Note, said=record_shapes.NoteChange, needs=("lead", "text"),
)  # fmt: skip
STAGES = Resource(
    STAGE,
    "stage",
    "stages",
    Stage,
    None,
    show_stage,
    shown=record_shapes.Stage,
    said=record_shapes.StageChange,
    needs=("name",),
)
CATEGORIES = Resource(
    CATEGORY,
    "category",
    "categories",
    Category,
    None,
    _show_category,
    shown=record_shapes.Category,
    said=record_shapes.CategoryChange,
    needs=("title",),
)
CAMPAIGNS = Resource(
    CAMPAIGN,
    "campaign",
    "campaigns",
    Campaign,
    _read_campaign,
    _show_campaign,
    shown=record_shapes.Campaign,
    said=record_shapes.CampaignChange,
    needs=("name",),
)
