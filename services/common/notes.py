"""The notes on contacts, their devices and what campaigns had scheduled for them go with their contacts."""

from __future__ import annotations

from collections.abc import Iterable

from services.common.clickhouse import ClickHouse
from services.common.documents import DEVICE, NOTE, SCHEDULED_EVENT
from services.common.records import RecordStore, Ref, project_records

ROUNDS = 20
KINDS = (NOTE, DEVICE, SCHEDULED_EVENT)
_OF = """
SELECT kind, id FROM records FINAL
WHERE kind IN {kinds:Array(String)} AND JSONExtractUInt(data, 'contact_id') IN {ids:Array(UInt64)}
"""


async def remove_notes(records: RecordStore, clickhouse: ClickHouse, contact_ids: Iterable[int]) -> int:
    """How many there were. Raises what the stores raise; whatever it had done stays done."""
    parameters = {"kinds": list(KINDS), "ids": list(contact_ids)}
    found = (await clickhouse.query(_OF, parameters=parameters)).result_rows
    waiting, count = [Ref(str(kind), str(one)) for kind, one in found], 0
    for _ in range(ROUNDS):
        stored = (await records.load(waiting)).values()
        blank = [record._replace(data=b"") for record in stored if record.data]
        versions = await records.write(blank)
        gone = [record._replace(version=versions[record.ref]) for record in blank if versions[record.ref]]
        await project_records(records, clickhouse, gone)
        count += len(gone)
        waiting = [ref for ref, version in versions.items() if not version]
        if not waiting:
            return count
    raise RuntimeError("others write these notes all the time")
