"""What an export is asked for: read from a body, and kept with its job. Pure."""

from __future__ import annotations

import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from services.common.envelope import ApiError
from services.common.field_values import NOT_VALID, read_time
from services.export.files.packing import Packing

MAX_COLUMNS = 600
ALL = "all"
Choice = TypeVar("Choice", bound=StrEnum)


class Of(StrEnum):
    CONTACTS = "contacts"
    EVENTS = "events"
    COMPANIES = "companies"
    PERSON = "person"  # one contact, and all that is kept of it


class Format(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"
    NDJSON = "ndjson"


class Header(StrEnum):
    ALIASES = "aliases"
    LABELS = "labels"


class Wish(msgspec.Struct, frozen=True):
    """`columns` is empty for those that are usual. Of events: from `since` until before `until`, microseconds since
    1970, 0 for any time. What is asked of a person is a zip of CSV or NDJSON."""

    of: Of = Of.CONTACTS
    search: str = ""
    columns: list[str] = []
    format: Format = Format.CSV
    packing: Packing = Packing.NONE
    header: Header = Header.ALIASES
    since: int = 0
    until: int = 0
    id: int = 0  # of a person
    notify: bool = False  # by a mail with a link, when it is done


def read_wish(body: Mapping[str, Any]) -> Wish:
    """Raises `ApiError` 400 with the name of what is wrong."""
    names = Wish.__struct_fields__
    if unknown := sorted(set(body) - set(names)):
        name = unknown[0][:60]
        raise ApiError(400, f"{name} is nothing that an export can be told.", {name: [", ".join(names)]})
    search = body.get("search", "")
    if not isinstance(search, str):
        raise ApiError(400, "search must be text.", {"search": [NOT_VALID]})
    wish = Wish(
        _choice(Of, "of", body), search, _columns(body.get("columns")), _choice(Format, "format", body),
        _choice(Packing, "packing", body), _choice(Header, "header", body), _time("since", body), _time("until", body),
        _id(body), _flag("notify", body),
    )  # fmt: skip
    if wish.of is Of.PERSON:
        return _of_person(wish)
    if wish.id:
        raise ApiError(400, "id is for a person.", {"id": [NOT_VALID]})
    for name in ("since", "until"):
        if body.get(name) and wish.of is not Of.EVENTS:
            raise ApiError(400, f"{name} is for events.", {name: [NOT_VALID]})
    if wish.packing and wish.format in (Format.XLSX, Format.PARQUET):
        raise ApiError(400, f"{wish.format} files are packed already.", {"packing": [NOT_VALID]})
    return wish


def _of_person(wish: Wish) -> Wish:
    if not wish.id:
        raise ApiError(400, "Whose? Say the id of a contact.", {"id": [NOT_VALID]})
    for name in ("search", "columns", "since", "until"):
        if getattr(wish, name):
            raise ApiError(400, f"{name} is not for a person, of whom all is told.", {name: [NOT_VALID]})
    if wish.format not in (Format.CSV, Format.NDJSON):
        raise ApiError(400, "Of a person there are csv and ndjson.", {"format": [NOT_VALID]})
    return msgspec.structs.replace(wish, packing=Packing.ZIP)


def _id(body: Mapping[str, Any]) -> int:
    said = str(body.get("id") or "0")
    if not (said.isascii() and said.isdecimal() and len(said) < 17):
        raise ApiError(400, "id is that of a contact.", {"id": [NOT_VALID]})
    return int(said)


def _flag(name: str, body: Mapping[str, Any]) -> bool:
    said = body.get(name, False)
    if not isinstance(said, bool):
        raise ApiError(400, f"{name} is true or false.", {name: [NOT_VALID]})
    return said


def _columns(said: Any) -> list[str]:
    if not said:
        return []
    if isinstance(said, str):
        said = [column.strip() for column in said.split(",")]
    if not isinstance(said, list) or not all(isinstance(column, str) for column in said):
        raise ApiError(400, "columns must be a list of names.", {"columns": [NOT_VALID]})
    if len(said) > MAX_COLUMNS:
        raise ApiError(400, f"There may be {MAX_COLUMNS} columns at most.", {"columns": [NOT_VALID]})
    return list(dict.fromkeys(said))


def _time(name: str, body: Mapping[str, Any]) -> int:
    said = body.get(name)
    if said in (None, ""):
        return 0
    try:
        return int(read_time(str(said), now_us=time.time_ns() // 1_000).timestamp() * 1e6)
    except ValueError as error:
        raise ApiError(400, f"{name}: {error}", {name: [str(error)]}) from None


def _choice(kind: type[Choice], name: str, body: Mapping[str, Any]) -> Choice:
    said = body.get(name)
    if said is None:
        return next(iter(kind))
    try:
        return kind(said)
    except ValueError:
        text = f"{name} is one of {', '.join(one for one in kind if one)}."
        raise ApiError(400, text, {name: [text]}) from None
