"""The user and the role that are there from the start: the admin of the settings, so that lists and searches have it.

Its password is in the settings alone; nothing that is stored can shut it out.
"""

from __future__ import annotations

import time

import msgspec

from services.common.caller import ADMIN_ID
from services.common.clickhouse import ClickHouse
from services.common.documents import ROLE, USER, Document, Role, User, decode_document
from services.common.records import Record, RecordStore, Ref, project_records

ADMIN_ROLE_ID = 1


async def seed_users(records: RecordStore, clickhouse: ClickHouse, admin: str) -> None:
    """Raises what the stores raise. Several processes may do it at once."""
    user, role = Ref(USER, str(ADMIN_ID)), Ref(ROLE, str(ADMIN_ROLE_ID))
    stored, now = await records.load([user, role]), time.time_ns() // 1_000
    wanted: dict[Ref, Document] = {
        role: Role(name="Administrator", description="May do everything", is_admin=True, added_us=now),
        user: User(username=admin, first_name=admin, role_id=ADMIN_ROLE_ID, added_us=now),
    }
    for ref, document in wanted.items():
        record = stored.get(ref) or Record(ref, 0, b"")
        if record.data and (ref == role or decode_document(record.data, User).username == admin):
            continue
        await records.raise_ids(ref.kind, int(ref.id))
        record = record._replace(data=msgspec.json.encode(document))
        if version := (await records.write([record]))[ref]:
            await project_records(records, clickhouse, [record._replace(version=version)])
