"""What ClickHouse keeps of profiles and records, newest versions only, as a stream of bounded memory.

Deleted ones too: they hold aliases, moves and times of deletion, so nothing here reads FINAL, which leaves them out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec

from services.common.clickhouse import ClickHouse
from services.common.device import HASHED_BASE
from services.common.profile import Profile
from services.common.records import Ref
from services.common.tables import RecordRow
from services.identity.tools.tool import ToolError

ROWS_AT_ONCE = 100_000  # a statement's; ids have few versions, and its memory is theirs
PIECE_BYTES = 1 << 18  # some 300 profiles
_SETTINGS = {"max_block_size": 2_000, "output_format_json_quote_64bit_integers": 0}

# No line end can be within: JSON has none outside of its escapes.
_PROFILES = """
SELECT profile FROM contacts WHERE id > {after:UInt64} ORDER BY id, version DESC LIMIT 1 BY id LIMIT {most:UInt64}
"""
_RECORDS = """
SELECT kind, id, version, is_deleted, data FROM records WHERE kind = {kind:String} AND id > {after:String}
ORDER BY kind, id, version DESC LIMIT 1 BY id LIMIT {most:UInt64}
"""
_PROFILES_OF = """
SELECT profile FROM contacts WHERE id IN {ids:Array(UInt64)} ORDER BY id, version DESC LIMIT 1 BY id
"""
_RECORD_OF = """
SELECT kind, id, version, is_deleted, data FROM records WHERE kind = {kind:String} AND id = {id:String}
ORDER BY version DESC LIMIT 1
"""
_LAST_CONTACT_ID = f"""
SELECT greatest(
    (SELECT max(id) FROM contacts WHERE id < {HASHED_BASE}),
    (SELECT max(greatest(loser, if(winner < {HASHED_BASE}, winner, 0))) FROM aliases WHERE loser < {HASHED_BASE}),
    (SELECT max(contact_id) FROM activity WHERE contact_id < {HASHED_BASE})
)
"""
_profiles = msgspec.json.Decoder(Profile)
_records = msgspec.json.Decoder(RecordRow)


async def profiles(clickhouse: ClickHouse) -> AsyncIterator[list[Profile]]:
    """All of them by id, some hundreds at a time. Raises `ClickHouseError`, `ToolError`."""
    last = 0
    while True:
        before = last
        async for lines in _lines(clickhouse, _PROFILES, "TSVRaw", {"after": last}):
            found = _decoded(_profiles, lines, f"contact {last}")
            last = found[-1].id
            yield found
        if last == before:  # an answer that ended early is followed by one that goes on
            return


async def records(clickhouse: ClickHouse, kind: str) -> AsyncIterator[list[RecordRow]]:
    """The same for the records of one kind."""
    last = ""
    while True:
        before = last
        async for lines in _lines(clickhouse, _RECORDS, "JSONCompactEachRow", {"kind": kind, "after": last}):
            found = _decoded(_records, lines, f"{kind} {last}")
            last = found[-1].id
            yield found
        if last == before:
            return


async def profiles_of(clickhouse: ClickHouse, contact_ids: Iterable[int]) -> list[Profile]:
    """The newest versions of these."""
    rows = await clickhouse.query(_PROFILES_OF, parameters={"ids": list(contact_ids)})
    return [_profiles.decode(document) for (document,) in rows.result_rows]


async def records_of(clickhouse: ClickHouse, refs: Iterable[Ref]) -> list[RecordRow]:
    """The same of records."""
    found: list[RecordRow] = []
    for ref in refs:
        rows = await clickhouse.query(_RECORD_OF, parameters=ref._asdict())
        found += [RecordRow(*row) for row in rows.result_rows]
    return found


async def contact_count(clickhouse: ClickHouse) -> int:
    """About: a version that a newer one has not yet replaced counts too."""
    return int((await clickhouse.query("SELECT count() FROM contacts")).result_rows[0][0])


async def last_contact_id(clickhouse: ClickHouse) -> int:
    """The greatest that was given out from a block, as far as it is known here."""
    return int((await clickhouse.query(_LAST_CONTACT_ID)).result_rows[0][0] or 0)


async def last_record_ids(clickhouse: ClickHouse) -> dict[str, int]:
    """By kind the greatest id that is a number; 0 where names are ids."""
    rows = (await clickhouse.query("SELECT kind, max(toUInt64OrZero(id)) FROM records GROUP BY kind")).result_rows
    return {str(kind): int(last) for kind, last in rows}


async def _lines(clickhouse: ClickHouse, sql: str, fmt: str, asked: dict[str, Any]) -> AsyncIterator[bytes]:
    """Whole lines, some hundred KB at a time."""
    parameters = {**asked, "most": ROWS_AT_ONCE}
    stream = await clickhouse.raw_stream(sql, parameters=parameters, fmt=fmt, settings=_SETTINGS)
    rest = bytearray()
    async with stream:
        async for block in stream:
            rest += block
            if len(rest) >= PIECE_BYTES and (end := rest.rfind(b"\n") + 1):
                yield bytes(rest[:end])
                del rest[:end]
    if rest:
        yield bytes(rest)


def _decoded(decoder: Any, lines: bytes, after: str) -> list[Any]:
    try:
        return list(decoder.decode_lines(lines))
    except msgspec.MsgspecError as error:
        raise ToolError(f"ClickHouse has a row behind {after} that cannot be read: {error}") from error
