"""Groups of points as the API reads and writes them. Pure."""

from __future__ import annotations

from typing import Any

from services.common.documents import POINT_GROUP, PointGroup
from services.contacts.objects import Json
from services.contacts.points import point_shapes
from services.contacts.records.api import Resource
from services.contacts.records.record_body import MAX_LONG_TEXT, RecordBody


def _read_group(said: dict[str, Any], old: PointGroup | None) -> PointGroup:
    body = RecordBody(said)
    group = PointGroup(
        name=body.text("name", old.name if old else "", is_required=True),
        description=body.text("description", old.description if old else "", most=MAX_LONG_TEXT),
        is_published=body.flag("isPublished", old=old.is_published if old else True),
    )
    body.check()
    return group


def _show_group(_: str, group: PointGroup) -> Json:
    return {"name": group.name, "description": group.description or None}


def score_object(score: int, group_id: int, group: PointGroup) -> Json:
    """Of a contact in a group."""
    return {"score": score, "group": {"id": group_id, **_show_group("", group)}}


GROUPS = Resource(
    POINT_GROUP, "pointGroup", "pointGroups", PointGroup, _read_group, _show_group, path="points/groups",
    shown=point_shapes.PointGroup, said=point_shapes.PointGroupChange, needs=("name",),
)  # fmt: skip
