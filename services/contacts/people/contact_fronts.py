"""The front of a long list of contacts: so many as are enough for a page, found by what tables are sorted by. Pure.

Each contact of a front is judged by the same conditions as in the list of all, so that the front of a list is all of it
up to a bound. A search that finds few is a front, too: then it is made once, however often its contacts are asked for.
"""

from __future__ import annotations

from typing import NamedTuple

from services.common.queries.contact_query import ALIASES
from services.contacts.list_parameters import Order


class Front(NamedTuple):
    """`visitors` and `contacts` are SELECTs of the ids to look at, by what the clauses have found.

    `times` says of the contacts when they were last active, and `visitors_with_times` are the visitors with theirs,
    where the front was found by nothing else. `size` is the parameter of the clauses.
    """

    clauses: str
    visitors: str
    contacts: str
    bound: str = ""
    size: int = 0
    times: str = ""
    visitors_with_times: str = ""

    def is_within(self, key: str) -> str:
        """SQL of whether the list by this key, its first one, is whole up to here."""
        return f"{key} {self.bound}" if self.bound else "1"


def first_front(order: Order, size: int) -> Front | None:
    """The first contacts by this order, at least so many if there are; None where no table is sorted by it."""
    match order:
        case Order("id", is_descending=True):
            return Front(_by_id("DESC", "greatest", "arrayMin", "toUInt64(0)"), _IDS, _IDS, ">= bound", size)
        case Order("id"):
            return Front(_by_id("ASC", "least", "arrayMax", "toUInt64(-1)"), _IDS, _IDS, "<= bound", size)
        case Order("date_added", is_descending=True):
            return Front(_newest("date_added"), _IDS, _SURVIVORS, _SINCE, size)
        case Order("last_active", is_descending=True):
            return Front(_newest("told_active"), _IDS, _SURVIVORS, _SINCE, size, _TIMES, _VISITORS_WITH_TIMES)
    return None


def found_front(condition: str) -> Front:
    """All known contacts of which this is true; there are few."""
    clauses = f"WITH (SELECT groupArray(id) FROM contacts FINAL WHERE {condition}) AS found_front\n"
    return Front(clauses, "", "SELECT arrayJoin(found_front)")


_SINCE = ">= toUnixTimestamp64Milli(bound)"
_IDS = "SELECT arrayJoin(arrayConcat(seen_front, told_front)) AS front_id"
_SURVIVORS = (
    f"SELECT if(a.winner = 0, front.front_id, a.winner) FROM ({_IDS}) AS front"
    f" LEFT ANY JOIN {ALIASES} AS a ON a.loser = front.front_id"
)
_TIMES = f"""(
    SELECT if(a.winner = 0, r.contact_id, a.winner) AS id, max(r.last_active) AS last_active,
        toDateTime64(0, 3, 'UTC') AS first_seen
    FROM recent AS r LEFT ANY JOIN {ALIASES} AS a ON a.loser = r.contact_id
    WHERE r.hour >= toStartOfHour(bound) AND r.last_active >= bound GROUP BY id
)"""
_VISITORS_WITH_TIMES = f"""(
    SELECT contact_id AS id, max(recent.last_active) AS last_active, toDateTime64(0, 3, 'UTC') AS first_seen
    FROM recent
    WHERE hour >= toStartOfHour(bound) AND recent.last_active >= bound
        AND contact_id NOT IN (SELECT id FROM contacts WHERE id IN ({_IDS}))
        AND contact_id NOT IN (SELECT loser FROM {ALIASES})
    GROUP BY contact_id
)"""


def _newest(told: str) -> str:
    """Who was active since the bound is among them, and whom `contacts` itself says it of."""
    return f"""WITH
(SELECT min(hour) FROM (SELECT hour FROM recent ORDER BY hour DESC LIMIT {{front:UInt64}})) AS first_hour,
(SELECT min(at) FROM (
    SELECT last_active AS at FROM recent WHERE hour >= first_hour ORDER BY at DESC LIMIT {{front:UInt64}}
)) AS seen_since,
(SELECT min(at) FROM (SELECT {told} AS at FROM contacts ORDER BY at DESC LIMIT {{front:UInt64}})) AS told_since,
greatest(seen_since, told_since) AS bound,
(
    SELECT groupUniqArray(contact_id) FROM recent WHERE hour >= toStartOfHour(bound) AND last_active >= bound
) AS seen_front,
(SELECT groupUniqArray(id) FROM contacts WHERE {told} >= bound AND toUnixTimestamp64Milli({told}) > 0) AS told_front
"""


def _by_id(direction: str, nearest: str, last: str, none: str) -> str:
    """The bound is the end of either table's part, unless that is the whole table."""
    return f"""WITH
(SELECT groupArray(contact_id) FROM (
    SELECT contact_id FROM activity ORDER BY contact_id {direction} LIMIT {{front:UInt64}}
)) AS seen_front,
(SELECT groupArray(id) FROM (SELECT id FROM contacts ORDER BY id {direction} LIMIT {{front:UInt64}})) AS told_front,
{nearest}(
    if(length(seen_front) < {{front:UInt64}}, {none}, {last}(seen_front)),
    if(length(told_front) < {{front:UInt64}}, {none}, {last}(told_front))
) AS bound
"""
