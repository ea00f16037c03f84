"""The pictures that were uploaded for contacts: in ClickHouse, where all processes see them and backups have them.

A profile says which one counts, as `<contact>-<id>`. The picture is stored first, so a profile never leads nowhere; one
whose profile was not written any more is seen by nobody, and goes with its contact.
"""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Iterable
from typing import NamedTuple

from services.common.clickhouse import ClickHouse, insert_rows
from services.common.profile import Profile
from services.common.tables import IMAGES, ImageRow

_ONE = "SELECT type, data FROM images WHERE contact_id = {contact:UInt64} AND id = {id:String} LIMIT 1"
_WAIT = {"mutations_sync": 2}


class Image(NamedTuple):
    type: str  # as in a Content-Type
    data: bytes


async def put_image(clickhouse: ClickHouse, contact_id: int, image: Image) -> str:
    """Returns its name. Raises what the insert raises."""
    image_id, now_ms = uuid.uuid4().hex, time.time_ns() // 1_000_000
    row = ImageRow(contact_id, image_id, image.type, now_ms, base64.b64encode(image.data).decode())
    await insert_rows(clickhouse, IMAGES, [row])
    return f"{contact_id}-{image_id}"


async def load_image(clickhouse: ClickHouse, name: str) -> Image | None:
    contact_id, _, image_id = name.partition("-")
    rows = (await clickhouse.query(_ONE, parameters={"contact": int(contact_id), "id": image_id})).result_rows
    return Image(rows[0][0], base64.b64decode(rows[0][1])) if rows else None


async def remove_image(clickhouse: ClickHouse, name: str) -> None:
    contact_id, _, image_id = name.partition("-")
    sql = "ALTER TABLE images DELETE WHERE contact_id = {contact:UInt64} AND id = {id:String}"
    await clickhouse.command(sql, parameters={"contact": int(contact_id), "id": image_id}, settings=_WAIT)


async def remove_images(clickhouse: ClickHouse, contact_ids: Iterable[int]) -> None:
    """All of these contacts."""
    sql = "ALTER TABLE images DELETE WHERE contact_id IN {ids:Array(UInt64)}"
    await clickhouse.command(sql, parameters={"ids": list(contact_ids)}, settings=_WAIT)


def has_images(profile: Profile) -> bool:
    """Whether one was ever uploaded for it, or for whom merged into it."""
    return any(part.image for part in profile.parts())
