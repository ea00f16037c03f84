"""Triggers as the API reads and writes them: from so many points on a contact has their color. Pure."""

from __future__ import annotations

from typing import Any

from services.common.documents import TRIGGER, Trigger
from services.contacts.objects import Json
from services.contacts.points import point_shapes
from services.contacts.records.api import Resource
from services.contacts.records.record_body import MAX_LONG_TEXT, RecordBody

COLOR = "a0acb8"
NO_EVENTS = "Triggers have no events here: a trigger gives contacts a color. Follow their points with a webhook."


def _read_trigger(said: dict[str, Any], old: Trigger | None) -> Trigger:
    body = RecordBody(said)
    if said.get("events") not in (None, "", [], {}):
        body.wrong["events"] = [NO_EVENTS]
    trigger = Trigger(
        name=body.text("name", old.name if old else "", is_required=True),
        points=body.whole("points", old.points if old else 0),
        color=body.color("color", old.color if old else "") or COLOR,
        description=body.text("description", old.description if old else "", most=MAX_LONG_TEXT),
        category_id=body.reference("category", old.category_id if old else 0),
        is_published=body.flag("isPublished", old=old.is_published if old else True),
    )
    body.check()
    return trigger


def _show_trigger(_: str, trigger: Trigger) -> Json:
    return {
        "name": trigger.name,
        "description": trigger.description or None,
        "category": {"id": trigger.category_id} if trigger.category_id else None,
        "points": trigger.points,
        "color": trigger.color,
        "publishUp": None,
        "publishDown": None,
        "triggerExistingLeads": False,
        "events": [],
    }


TRIGGERS = Resource(
    TRIGGER, "trigger", "triggers", Trigger, _read_trigger, _show_trigger, path="points/triggers",
    shown=point_shapes.PointTrigger, said=point_shapes.PointTriggerChange, needs=("name",),
)  # fmt: skip
