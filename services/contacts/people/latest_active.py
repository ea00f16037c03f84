"""The first pages of all contacts and visitors by when they were last active, newest first: the list most looked at.

Two small statements find it, which are put together here: as one, like other lists, it takes twice the time. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.contacts.list_parameters import Order
from services.contacts.people.contact_fronts import LED, newest
from services.contacts.people.contact_list import ListQuery, Row, Statement, is_of_all

_ORDERS = (Order("last_active", is_descending=True), Order("id", is_descending=True))
_MOST_NEEDED = 100  # so that the ids of a front are few
_SLACK, _LEAST = 2, 10
_MOST_IDS = 300  # they travel in the URL
_IN_MS = "arrayMap(one -> (toUnixTimestamp64Milli(one.1), one.2), {})"

Moments = list[tuple[int, int]]  # ms since 1970, contact id


class Latest(NamedTuple):
    """Who was active lately: the ids of visits, of whom they merged into, and what contacts were told."""

    visits: Moments
    words: Moments
    led: dict[int, int]
    bound_ms: int  # all who were active since then are among them; 0: who is not never was

    def ids(self) -> list[int]:
        return sorted({self.led.get(one, one) for _, one in (*self.visits, *self.words)})


def latest_statement(query: ListQuery) -> Statement | None:
    """One row: visits, words, losers, their winners. None for another list than this one."""
    needed = query.start + query.limit
    if query.orders != _ORDERS or needed > _MOST_NEEDED or not is_of_all(query):
        return None
    sql = (
        f"WITH {newest('told_active')}, {LED} AS led"
        f" SELECT {_IN_MS.format('visits')}, {_IN_MS.format('words')}, led.1, led.2"
    )
    return Statement(sql, {"front": _size(needed)})


def read_latest(query: ListQuery, row: tuple[Moments, Moments, list[int], list[int]]) -> Latest | None:
    """None where too many were active at once."""
    visits, words, losers, winners = row
    size = _size(query.start + query.limit)
    bound_ms = max(_since(visits, size), _since(words, size))
    latest = Latest(visits, words, dict(zip(losers, winners, strict=True)), bound_ms)
    return latest if len(latest.ids()) <= _MOST_IDS else None


def versions_statement(latest: Latest) -> Statement:
    """Of those who are or were known contacts (id, whether it is one no more, told to be active, ms)."""
    sql = (
        "SELECT id, is_deleted, toUnixTimestamp64Milli(told_active) FROM contacts WHERE id IN {ids:Array(UInt64)}"
        " ORDER BY version DESC LIMIT 1 BY id"
    )
    return Statement(sql, {"ids": latest.ids()})


def latest_rows(latest: Latest, versions: Iterable[tuple[int, int, int]]) -> list[Row]:
    """The begin of the list, as far as it is known; those alone who ever were active."""
    seen: dict[int, int] = {}
    for seen_ms, contact_id in latest.visits:
        survivor = latest.led.get(contact_id, contact_id)
        seen[survivor] = max(seen.get(survivor, 0), seen_ms)
    rows = []
    for contact_id, is_deleted, told_ms in versions:
        active_ms = max(seen.pop(contact_id, 0), told_ms)
        if not is_deleted:
            rows.append((active_ms, contact_id, 1))
    rows += [(active_ms, contact_id, 0) for contact_id, active_ms in seen.items()]
    rows = sorted((row for row in rows if row[0] >= max(latest.bound_ms, 1)), reverse=True)
    return [(contact_id, is_known) for _, contact_id, is_known in rows]


def rest_statement(query: ListQuery, active: Sequence[Row]) -> Statement:
    """What the page has after all those who ever were active: ids of known contacts, since visitors come by a visit."""
    sql = (
        "SELECT id FROM contacts FINAL WHERE id NOT IN {ids:Array(UInt64)} ORDER BY id DESC"
        " LIMIT {limit:UInt64} OFFSET {start:UInt64}"
    )
    start = max(query.start - len(active), 0)
    limit = query.start + query.limit - len(active) - start
    return Statement(sql, {"ids": [contact_id for contact_id, _ in active], "start": start, "limit": limit})


def _size(needed: int) -> int:
    return _SLACK * needed + _LEAST


def _since(moments: Moments, size: int) -> int:
    """Fewer than were asked for are all that there are."""
    return min((ms for ms, _ in moments), default=0) if len(moments) >= size else 0
