"""Rules for points as the API reads and writes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.common.documents import POINT, Point
from services.contacts.objects import Json
from services.contacts.points import point_shapes
from services.contacts.records.api import Resource
from services.contacts.records.record_body import MAX_LONG_TEXT, MAX_URL_LENGTH, RecordBody

URL_HIT, FORM_SUBMIT, ASSET_DOWNLOAD, EMAIL_OPEN = "url.hit", "form.submit", "asset.download", "email.open"
TYPES = {
    ASSET_DOWNLOAD: "Downloads an asset",
    EMAIL_OPEN: "Opens an email",
    FORM_SUBMIT: "Submits a form",
    URL_HIT: "Visits specific URL",
}
IDS = {FORM_SUBMIT: "forms", ASSET_DOWNLOAD: "assets", EMAIL_OPEN: "emails"}  # where the properties have them
MAX_IDS = 200
_NOT_YET = ("page_hits", "first_time", "accumulative_time", "returns_within", "returns_after")


def read_point(said: dict[str, Any], old: Point | None, now_us: int = 0) -> Point:
    """A rule that is new, or published anew, gives points for what happens from `now_us` on."""
    body = RecordBody(said)
    kind = body.choice("type", tuple(TYPES), old.type if old else "")
    url, ids = (old.url, old.ids) if old else ("", [])
    if body.has("properties") or old is None or old.type != kind:
        url, ids = _read_properties(body, kind)
    is_published = body.flag("isPublished", old=old.is_published if old else True)
    point = Point(
        name=body.text("name", old.name if old else "", is_required=True),
        type=kind,
        delta=body.whole("delta", old.delta if old else 0),
        description=body.text("description", old.description if old else "", most=MAX_LONG_TEXT),
        category_id=body.reference("category", old.category_id if old else 0),
        is_repeatable=body.flag("repeatable", old=old.is_repeatable if old else False),
        url=url,
        ids=ids,
        group_id=body.reference("group", old.group_id if old else 0),
        since_us=old.since_us if old and (old.is_published or not is_published) else now_us,
        is_published=is_published,
    )
    body.check()
    return point


def _read_properties(body: RecordBody, kind: str) -> tuple[str, list[str]]:
    said = body.raw("properties")
    properties: Mapping[str, Any] = said if isinstance(said, dict) else {}
    if unknown := [name for name in _NOT_YET if properties.get(name) not in (None, "", 0, "0", False)]:
        body.wrong["properties"] = [f"{unknown[0]} is not available: a rule counts visits by their address only."]
    if kind == URL_HIT:
        inner = RecordBody(properties)
        url = inner.text("page_url", most=MAX_URL_LENGTH, is_required=True)
        body.wrong.update({f"properties[{name}]": texts for name, texts in inner.wrong.items()})
        return url, []
    found = properties.get(IDS.get(kind, "")) or []
    ids = list(found.values()) if isinstance(found, dict) else found if isinstance(found, list) else [found]
    if len(ids) > MAX_IDS or not all(isinstance(one, int | str) and 0 < len(str(one)) <= 64 for one in ids):
        body.wrong["properties"] = ["A list of ids is needed, or none for any."]
        return "", []
    return "", [str(one) for one in ids]


def show_point(_: str, point: Point) -> Json:
    return {
        "name": point.name,
        "category": {"id": point.category_id} if point.category_id else None,
        "type": point.type,
        "description": point.description or None,
        "delta": point.delta,
        "repeatable": point.is_repeatable,
        "publishUp": None,
        "publishDown": None,
        "properties": {"page_url": point.url} if point.type == URL_HIT else {IDS[point.type]: point.ids},
        "group": {"id": point.group_id} if point.group_id else None,
    }


POINTS = Resource(
    POINT, "point", "points", Point, read_point, show_point,
    shown=point_shapes.Point, said=point_shapes.PointChange, needs=("name", "type"),
)  # fmt: skip
