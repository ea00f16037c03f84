"""The front of a long list of contacts: so many as are enough for a page, found by what tables are sorted by. Pure.

Each contact of a front is judged by the same conditions as in the list of all, so that the front of a list is all of it
up to a bound. A search that finds few is a front, too: then it is made once, however often its contacts are asked for.
"""

from __future__ import annotations

from typing import NamedTuple

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
            return Front(_newest("date_added"), _VISITORS, _CONTACTS, _SINCE, size)
        case Order("last_active", is_descending=True):
            return Front(_newest("told_active"), _VISITORS, _CONTACTS, _SINCE, size, _TIMES, _VISITORS_WITH_TIMES)
    return None


def fitting(condition: str, most: int) -> str:
    """(id, version) of up to so many, of which this is true in any version. Said to be looked at first, the texts are
    read before all else: 34 instead of 42 ms for a million."""
    return f"SELECT id, version FROM contacts PREWHERE {condition} WHERE is_deleted = 0 LIMIT {most}"


def few_front(condition: str, most: int) -> Front:
    """The contacts of which this is true in any version; nobody where they are more than `most`, but then `few` is
    longer than that."""
    clauses = f"WITH (SELECT groupArray((id, version)) FROM ({fitting(condition, most + 1)})) AS few\n"
    return Front(clauses, "", f"SELECT arrayJoin(few.1) WHERE length(few) <= {most}")


IS_FEW = "(id, version) IN (SELECT arrayJoin(few))"  # of the version that counts, without looking at its texts again


def found_front(condition: str) -> Front:
    """All known contacts of which this is true; there are few."""
    clauses = f"WITH (SELECT groupArray(id) FROM contacts FINAL WHERE {condition}) AS found_front\n"
    return Front(clauses, "", "SELECT arrayJoin(found_front)")


_SINCE = ">= toUnixTimestamp64Milli(bound)"
_IDS = "SELECT arrayJoin(arrayConcat(seen_front, told_front)) AS front_id"
_CONTACTS = "SELECT arrayJoin(known)"
_VISITORS = "SELECT arrayJoin(seen_front) AS front_id WHERE NOT has(known, front_id) AND NOT has(led.1, front_id)"
# When those of the front were last active: it is known of all of them, down to the bound.
_ONE_SEEN = "toDateTime64(0, 3, 'UTC') AS first_seen FROM (SELECT arrayJoin(visits) AS one)"
_TIMES = f"(SELECT transform(one.2, led.1, led.2, one.2) AS id, max(one.1) AS last_active, {_ONE_SEEN} GROUP BY id)"
_VISITORS_WITH_TIMES = f"""(
    SELECT one.2 AS id, max(one.1) AS last_active, {_ONE_SEEN}
    WHERE NOT has(known, id) AND NOT has(led.1, id) GROUP BY id
)"""


def _newest(told: str) -> str:
    """Who was active since the bound is among them, and whom `contacts` itself says it of.

    `led` are the ids of the front that merged, and into whom; `known` are who is or was a known contact."""
    return f"""WITH
{newest(told)},
greatest({_since("visits")}, {_since("words")}) AS bound,
arrayDistinct(visits.2) AS seen_front,
words.2 AS told_front,
{LED} AS led,
(
    SELECT groupUniqArray(id) FROM contacts
    WHERE id IN (SELECT arrayJoin(arrayConcat(seen_front, told_front, led.2)))
) AS known
"""


def newest(told: str) -> str:
    """Clauses of the newest `visits` (time, id), and `words` of the table of contacts; both as many as the front is
    large, and those of the same time as the last of them."""
    hours = "SELECT hour FROM recent ORDER BY hour DESC LIMIT {front:UInt64}"
    return f"""(SELECT min(hour) FROM ({hours})) AS first_hour,
(SELECT groupArray((at, contact_id)) FROM (
    SELECT last_active AS at, contact_id FROM recent WHERE hour >= first_hour
    ORDER BY at DESC LIMIT {{front:UInt64}} WITH TIES
)) AS visits,
(SELECT groupArray((at, id)) FROM (
    SELECT {told} AS at, id FROM contacts WHERE toUnixTimestamp64Milli({told}) > 0
    ORDER BY at DESC LIMIT {{front:UInt64}} WITH TIES
)) AS words"""


LED = """(
    SELECT (groupArray(loser), groupArray(winner)) FROM aliases FINAL
    WHERE loser IN (SELECT arrayJoin(arrayConcat(visits.2, words.2))) AND loser != winner
)"""


def _since(found: str) -> str:
    """Down to where these are all that there are: of fewer than were asked for, down to the begin."""
    return f"if(length({found}) < {{front:UInt64}}, toDateTime64(0, 3, 'UTC'), arrayMin({found}.1))"


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
