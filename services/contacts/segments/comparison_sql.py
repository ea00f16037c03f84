"""The statements by which the members of a segment are compared with those of the last time. Pure.

Both sides stay in ClickHouse, and only what became different is written: an id takes a row of an aggregation there that
spills to the disk, and nothing here.
"""

from __future__ import annotations

from services.common.event_types import SEGMENT_MEMBERSHIP
from services.common.queries.contact_query import ALIASES, FALSE, Condition, known_of, visitors_of

SPILL_BYTES = 256 * 1024 * 1024
SETTINGS = {"max_bytes_before_external_group_by": SPILL_BYTES, "max_bytes_before_external_sort": SPILL_BYTES}

_KNOWN = """
    SELECT id, toUInt8(1) AS is_now, toUInt8(0) AS was, toUInt32(0) AS past,
        has(segments_added, {{segment:UInt64}}) AS told
    FROM {contacts} WHERE {where}
    UNION ALL"""
_VISITORS = """
    SELECT id, toUInt8(1), toUInt8(0), toUInt32(0), toUInt8(0) FROM {visitors} WHERE {where}
    UNION ALL"""
_CHANGES = """
INSERT INTO segment_members (segment, contact, generation, is_in, is_due, time)
SELECT {{segment:UInt64}}, id, max(past) + 1, max(is_now), NOT max(told), fromUnixTimestamp64Milli({{now:Int64}}, 'UTC')
FROM ({sides}
    SELECT contact AS id, toUInt8(0) AS is_now, is_in AS was, generation AS past, toUInt8(0) AS told
    FROM segment_members FINAL WHERE segment = {{segment:UInt64}}
)
GROUP BY id HAVING max(is_now) != max(was)
"""

_UNTOLD = (
    "segment = {segment:UInt64} AND time > fromUnixTimestamp64Milli({built:Int64}, 'UTC') AND contact > {after:UInt64}"
)
# The last contact of a portion, and how many there are in it.
PORTION = (
    "SELECT max(contact), count()"
    f" FROM (SELECT contact FROM segment_members WHERE {_UNTOLD} ORDER BY contact LIMIT {{limit:UInt64}})"
)

# Who left because it was deleted, or merged into another one, has no history of its own to be told in.
_MEANT = f"{_UNTOLD} AND contact <= {{last:UInt64}} AND is_due"
_LEFT = f"SELECT contact FROM segment_members WHERE NOT is_in AND {_MEANT}"
# Not every build of the engine has a hash of 128 bits.
_EVENT_ID = (
    "reinterpretAsUUID(concat(reinterpretAsFixedString(cityHash64('segment', segment, contact, generation)),"
    " reinterpretAsFixedString(cityHash64(generation, contact, segment))))"
)
TELL = f"""
INSERT INTO events (event_id, contact_id, time, type, title, query, received_at)
SELECT {_EVENT_ID}, contact, time,
    '{SEGMENT_MEMBERSHIP}',
    concat('Contact ', if(is_in, 'added to', 'removed from'), ' segment, ', {{name:String}}),
    concat('{{"segmentId":', toString(segment), ',"action":"', if(is_in, 'added', 'removed'), '"}}'),
    time
FROM segment_members
WHERE {_MEANT} AND (
    is_in
    OR contact IN (
        SELECT id FROM contacts FINAL WHERE id IN ({_LEFT}) AND NOT has(segments_removed, {{segment:UInt64}})
    )
    OR contact IN (
        SELECT contact_id FROM activity
        WHERE contact_id IN ({_LEFT}) AND contact_id NOT IN (SELECT id FROM contacts WHERE id IN ({_LEFT}))
            AND contact_id NOT IN (SELECT loser FROM {ALIASES} WHERE loser IN ({_LEFT}))
    )
)
"""

BUILDS = "SELECT segment, toUnixTimestamp64Milli(time), seconds FROM segment_builds FINAL"
BUILT = """
INSERT INTO segment_builds
SELECT {segment:UInt64}, fromUnixTimestamp64Milli({now:Int64}, 'UTC'), {seconds:Float32}
"""
FORGET = tuple(
    f"DELETE FROM {table} WHERE segment IN {{gone:Array(UInt64)}}" for table in ("segment_members", "segment_builds")
)


def changes_statement(condition: Condition) -> str:
    """Writes down who is in the segment and was not, and the contrary."""
    sides = _KNOWN.format(contacts=known_of(condition), where=condition.known)
    if condition.anonymous != FALSE:
        sides += _VISITORS.format(visitors=visitors_of(condition), where=condition.anonymous)
    return _CHANGES.format(sides=sides)
