"""Contacts of a search, known and anonymous, as rows of an export. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.common.caller import sees_others
from services.common.contact_fields import FIELDS, Field
from services.common.queries.contact_query import (
    ANONYMOUS,
    FALSE,
    NO_SEGMENTS,
    TRUE,
    Where,
    compile_search,
    field_sql,
    known_since,
    of_caller,
    seen,
)
from services.export.queries.columns import KINDS, Cell, Column, cells
from services.export.queries.statement import Statement

_SEEN = frozenset({"date_added", "last_active"})  # visits say of a known contact, too


class Names(NamedTuple):
    """What stages and owners are called, by their ids."""

    stages: Mapping[int, str] = {}
    owners: Mapping[int, str] = {}


def usual_columns(fields: Mapping[str, Field] = FIELDS) -> tuple[str, ...]:
    """The names of those that a file has unless it is told otherwise, the fields as the replaced product has them."""
    return ("id", *fields, "stage", "tags", "date_added", "date_identified")


def contact_columns(fields: Mapping[str, Field] = FIELDS) -> dict[str, Column]:
    """By name: the usual ones first, then what else is known of a contact."""
    own = [
        Column("id", "ID", "integer", "id", "id"),
        Column("points", "Points", "integer", "points"),
        Column("tags", "Tags", "texts", "tags"),
        Column("date_added", "Date Added", "time", "date_added", "first_seen"),
        Column("date_identified", "Date Identified", "time", "date_identified"),
        Column("last_active", "Date Last Active", "time", "last_active", "last_active"),
        Column("date_modified", "Date Modified", "time", "date_modified"),
        Column("owner_id", "Owner ID", "integer", "owner_id"),
        Column("owner", "Owner", "text", _named("owner_id", "owner")),
        Column("stage", "Stage", "text", _named("stage_id", "stage")),
        Column("ips", "IP Addresses", "texts", "ips"),
        Column("dnc", "Do Not Contact", "texts", "dnc"),
    ]
    told = [
        Column(field.alias, field.label, KINDS.get(field.type, "text"), field_sql(field.alias))
        for field in fields.values()
    ]
    known = {column.name: column for column in (*told, *own)}
    return {name: known[name] for name in dict.fromkeys((*usual_columns(fields), *known))}


def contacts_statement(
    search: str,
    columns: Sequence[Column],
    cell: Cell,
    names: Names,
    segments: Mapping[str, Where] = NO_SEGMENTS,
    fields: Mapping[str, Field] = FIELDS,
) -> Statement:
    """Of the contacts that the caller may see; `segments`: who is in those that the search names.

    Raises `SearchError`."""
    where = compile_search(search, fields=fields, segments=segments)
    if not sees_others():
        where = of_caller(where)
    condition, rows, counts = where.condition, [], []
    if condition.known != FALSE:
        rows.append(f"SELECT {cells(columns, cell)} FROM {_known(condition.known, columns)}")
        counts.append(f"SELECT count() AS found FROM contacts FINAL{_filter(condition.known)}")
    if condition.anonymous != FALSE:
        of_nobody = [column._replace(sql=column.of_nobody) for column in columns]
        rows.append(f"SELECT {cells(of_nobody, cell)} FROM {ANONYMOUS}{_filter(condition.anonymous)}")
        counts.append(f"SELECT count() AS found FROM {ANONYMOUS}{_filter(condition.anonymous)}")
    if not rows:
        return Statement(None, None, {})
    total = f"SELECT sum(found) FROM ({' UNION ALL '.join(counts)})"
    return Statement(" UNION ALL ".join(rows), total, {**where.parameters, **_name_parameters(names)})


def _named(number: str, kind: str) -> str:
    return f"transform({number}, {{{kind}_ids:Array(UInt32)}}, {{{kind}_names:Array(String)}}, '')"


def _name_parameters(names: Names) -> dict[str, Any]:
    """Never empty: transform takes no empty arrays."""
    found: dict[str, Any] = {}
    for kind, known in (("stage", names.stages), ("owner", names.owners)):
        found[f"{kind}_ids"] = [0, *known]
        found[f"{kind}_names"] = ["", *known.values()]
    return found


def _known(condition: str, columns: Sequence[Column]) -> str:
    """Rows of `contacts`, with what visits say of them where a column asks for it."""
    if not _SEEN & {column.name for column in columns}:
        return f"contacts FINAL{_filter(condition)}"
    told = "toDateTime64OrZero(contact.fields['last_active'], 3, 'UTC')"
    return (
        f"(SELECT contact.* EXCEPT (date_added), greatest(seen.last_active, {told}) AS last_active,"
        f" {known_since('contact.date_added', 'seen.first_seen')} AS date_added"
        f" FROM (SELECT * EXCEPT (profile, q) FROM contacts FINAL{_filter(condition)}) AS contact"
        f" LEFT ANY JOIN {seen()} AS seen ON seen.id = contact.id)"
    )


def _filter(condition: str) -> str:
    return "" if condition == TRUE else f" WHERE {condition}"
