"""Which columns a list of contacts can have, and which of them somebody chose. Pure."""

from __future__ import annotations

from typing import NamedTuple

COOKIE = "spoor_columns"


class Column(NamedTuple):
    name: str
    label: str
    order: str = ""  # by what the API orders it; '' where it cannot be


ALL = (
    Column("email", "E-mail", "email"),
    Column("location", "Place", "city"),
    Column("stage", "Stage", "stage"),
    Column("points", "Points", "points"),
    Column("last_active", "Last active", "last_active"),
    Column("id", "ID", "id"),
    Column("tags", "Tags"),
    Column("owner", "Owner", "owner"),
    Column("company", "Company", "company"),
    Column("phone", "Phone", "phone"),
    Column("mobile", "Mobile", "mobile"),
    Column("country", "Country", "country"),
    Column("date_added", "Added", "date_added"),
    Column("date_modified", "Changed", "date_modified"),
    Column("date_identified", "Identified", "date_identified"),
)
BY_NAME = {column.name: column for column in ALL}
USUAL = ("email", "location", "stage", "points", "last_active", "id")


def chosen(said: str) -> tuple[Column, ...]:
    """Of a cookie; the usual ones for what names none."""
    names = [name for name in said.split("-") if name in BY_NAME]
    return tuple(BY_NAME[name] for name in dict.fromkeys(names or USUAL))
