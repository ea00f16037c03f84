"""The first pages of all contacts and visitors by id, from either end: the list of whoever names no order.

One small statement asks three tables for what they are sorted by, and what it gives is put together here. Pure.
"""

from __future__ import annotations

from typing import NamedTuple

from services.contacts.people.contact_list import ListQuery, Row, Statement, is_of_all

_MOST_NEEDED = 1_000
_SLACK, _LEAST = 4, 40  # versions, and parts of activity that are not merged yet, repeat an id

# Of who merged into another nothing but those of the front is asked for.
_SQL = """WITH
(SELECT groupArray(contact_id) FROM (SELECT contact_id FROM activity ORDER BY contact_id {by} LIMIT {{front:UInt64}}))
AS seen
SELECT
seen,
(SELECT groupArray((id, version, is_deleted)) FROM (
    SELECT id, version, is_deleted FROM contacts ORDER BY id {by} LIMIT {{front:UInt64}}
)),
(SELECT groupArray(loser) FROM aliases FINAL WHERE loser IN (SELECT arrayJoin(seen)) AND loser != winner)
"""


class FirstIds(NamedTuple):
    """Ids of visits, (id, version, whether it is no contact) of contacts, and who of those of visits has merged into
    another."""

    seen: list[int]
    told: list[tuple[int, int, int]]
    losers: list[int]


def first_statement(query: ListQuery) -> Statement | None:
    """One row: what `FirstIds` has. None for another list than this one."""
    needed, order = query.start + query.limit, query.orders[0]
    if order.column != "id" or needed > _MOST_NEEDED or not is_of_all(query):
        return None
    return Statement(_SQL.format(by=order.word()), {"front": _size(needed)})


def first_rows(query: ListQuery, first: FirstIds) -> list[Row]:
    """The begin of the list, as far as it is known."""
    newest: dict[int, tuple[int, int]] = {}
    for contact_id, version, is_deleted in first.told:
        newest[contact_id] = max(newest.get(contact_id, (0, 0)), (version, is_deleted))
    rows = [(contact_id, 1) for contact_id, (_, is_deleted) in newest.items() if not is_deleted]
    rows += [(contact_id, 0) for contact_id in {*first.seen} - newest.keys() - {*first.losers}]
    order, size = query.orders[0], _size(query.start + query.limit)
    for ids in (first.seen, [one[0] for one in first.told]):
        if len(ids) < size:
            continue  # they are all that there are
        end = min(ids) if order.is_descending else max(ids)  # of which there may be more
        rows = [row for row in rows if (row[0] > end if order.is_descending else row[0] < end)]
    return sorted(rows, reverse=order.is_descending)


def _size(needed: int) -> int:
    return _SLACK * needed + _LEAST
