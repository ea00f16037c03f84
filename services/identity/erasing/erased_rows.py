"""What ClickHouse has of contacts that are erased: counts it, and removes it by deletions that return when done.

No statement holds a value: what is asked is kept in the server's own logs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.common.clickhouse import ClickHouse
from services.common.notes import KINDS
from services.common.values import UniqueValue, normalise_unique

ERASE = "erase"  # the action of the one audit row that stays
_IMPORTS = ("import_files", "import_failures")
_LONG = {"max_query_size": 16 << 20}
_WAIT = {**_LONG, "mutations_sync": 2}
# Not the aliases: a merge that a crash, or the erasure itself, left half done is not among them.
_LED = """
SELECT DISTINCT id FROM contacts WHERE is_deleted = 1 AND JSONExtractUInt(profile, 'alias') IN ({ids})
"""


def removals(versions: Mapping[int, int]) -> dict[str, str]:
    """By what is counted the statement's end, `FROM table WHERE`. `versions` has the tombstone's of each id: those rows
    stay, and with them what is newer. Of notes the blank rows stay that say that they are gone."""
    ids = _list(versions)
    kept = f"CAST([{_list(versions.values())}], 'Array(UInt64)')"
    tombstone = f"transform(id, CAST([{ids}], 'Array(UInt64)'), {kept}, toUInt64(0))"
    return {
        "events": f"events WHERE contact_id IN ({ids})",
        "bot_events": f"bot_events WHERE contact_id IN ({ids})",
        "footprints": f"footprints WHERE contact_id IN ({ids})",
        "recent": f"recent WHERE contact_id IN ({ids})",
        "activity": f"activity WHERE contact_id IN ({ids})",
        "audit": f"audit WHERE contact_id IN ({ids}) AND action != '{ERASE}'",
        "notes": f"records WHERE kind IN {KINDS} AND JSONExtractUInt(data, 'contact_id') IN ({ids})",
        "images": f"images WHERE contact_id IN ({ids})",
        "messages": f"messages WHERE contact_id IN ({ids})",
        "versions": f"contacts WHERE id IN ({ids}) AND version < {tombstone}",
    }


async def count(clickhouse: ClickHouse, versions: Mapping[int, int]) -> dict[str, int]:
    return {name: await _count(clickhouse, rows) for name, rows in removals(versions).items()}


async def remove(clickhouse: ClickHouse, versions: Mapping[int, int]) -> dict[str, int]:
    """How many rows are gone. Raises `ClickHouseError`; whatever it had done stays done."""
    gone = {}
    for name, rows in removals(versions).items():
        gone[name] = await _count(clickhouse, rows)
        if gone[name]:
            table, condition = rows.split(" WHERE ", 1)
            await clickhouse.command(f"ALTER TABLE {table} DELETE WHERE {condition}", settings=_WAIT)
    return gone


async def imports(clickhouse: ClickHouse) -> dict[str, int]:
    """What is kept of files that contacts are imported from: none says of whom it is."""
    return {name: await _count(clickhouse, f"{name} FINAL") for name in _IMPORTS}


async def remove_imports(clickhouse: ClickHouse) -> dict[str, int]:
    """How many pieces and failed rows are gone; an import that was not at its end fails."""
    gone = await imports(clickhouse)
    for name, number in gone.items():
        if number:
            await clickhouse.command(f"ALTER TABLE {name} DELETE WHERE 1", settings=_WAIT)
    return gone


async def led_to(clickhouse: ClickHouse, ids: Iterable[int]) -> set[int]:
    """Who led to one of these at some time: merged into it, and perhaps taken out again."""
    found = await clickhouse.query(_LED.format(ids=_list(ids)), settings=_LONG)
    return {int(row[0]) for row in found.result_rows}


async def newest_versions(clickhouse: ClickHouse, ids: Iterable[int]) -> dict[int, int]:
    """Of those that have a row in `contacts`."""
    sql = f"SELECT id, max(version) FROM contacts WHERE id IN ({_list(ids)}) GROUP BY id"
    return {int(one): int(version) for one, version in (await clickhouse.query(sql, settings=_LONG)).result_rows}


async def shown_values(clickhouse: ClickHouse, ids: Iterable[int], unique_fields: Iterable[str]) -> set[UniqueValue]:
    """The unique values that older versions show, as far as ClickHouse has not merged these away."""
    found: set[UniqueValue] = set()
    for field in unique_fields:
        column = field if field in _COLUMNS else "fields[{field:String}]"
        sql = f"SELECT DISTINCT {column} FROM contacts WHERE id IN ({_list(ids)})"
        for (text,) in (await clickhouse.query(sql, parameters={"field": field}, settings=_LONG)).result_rows:
            if value := normalise_unique(field, str(text)):
                found.add(UniqueValue(field, value))
    return found


async def devices(clickhouse: ClickHouse, ids: Iterable[int]) -> set[str]:
    sql = f"SELECT DISTINCT device_id FROM events WHERE contact_id IN ({_list(ids)}) AND device_id != ''"
    return {str(row[0]) for row in (await clickhouse.query(sql, settings=_LONG)).result_rows}


async def is_noted(clickhouse: ClickHouse, contact_id: int) -> bool:
    """Whether the audit says already that this contact was erased."""
    return bool(await _count(clickhouse, f"audit WHERE contact_id = {contact_id} AND action = '{ERASE}'"))


async def _count(clickhouse: ClickHouse, rows: str) -> int:
    return int((await clickhouse.query(f"SELECT count() FROM {rows}", settings=_LONG)).result_rows[0][0])


def _list(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


_COLUMNS = frozenset({"email", "firstname", "lastname", "company", "phone", "city", "country"})
