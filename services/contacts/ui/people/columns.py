"""Which columns a list of contacts can have, and which of them somebody chose. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

COOKIE = "spoor_columns"


class Column(NamedTuple):
    name: str
    label: str
    order: str = ""  # by what the API orders it; '' where it cannot be
    first: str = "ASC"  # how, when its heading is chosen: newest and most come first


NAME = Column("name", "Contact", "lastname")
OWN = (
    Column("email", "Email", "email"),
    Column("location", "Place", "city"),
    Column("stage", "Stage", "stage"),
    Column("points", "Points", "points", "DESC"),
    Column("last_active", "Last active", "last_active", "DESC"),
    Column("id", "ID", "id", "DESC"),
    Column("tags", "Tags"),
    Column("owner", "Owner", "owner"),
    Column("date_added", "Added", "date_added", "DESC"),
    Column("date_modified", "Changed", "date_modified", "DESC"),
    Column("date_identified", "Identified", "date_identified", "DESC"),
)
USUAL = ("email", "location", "stage", "points", "last_active", "id")


def all_columns(fields: Iterable[Mapping[str, Any]]) -> dict[str, Column]:
    """By name: those of every contact, and one for each field that the API lists."""
    own = {column.name: column for column in OWN}
    told = {field["alias"]: Column(field["alias"], field["label"], field["alias"]) for field in fields}
    return {**own, **{alias: column for alias, column in told.items() if alias not in own}}


def chosen(said: str, known: Mapping[str, Column]) -> tuple[Column, ...]:
    """Of a cookie; the usual ones for what names none."""
    names = [name for name in said.split("-") if name in known]
    return tuple(known[name] for name in dict.fromkeys(names or USUAL))
