"""What an export is asked for: read from a body, and kept with its job. Pure."""

from __future__ import annotations

import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from services.common.envelope import ApiError
from services.common.field_values import NOT_VALID, read_time
from services.export.files.packing import Packing
from services.export.reading import read_choice, read_flag

MAX_COLUMNS = 600
ALL = "all"


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


class To(StrEnum):
    FOLDER = "folder"  # of this service, to be downloaded
    S3 = "s3"  # the store of the settings


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
    to: To = To.FOLDER


def read_wish(body: Mapping[str, Any], now_us: int = 0) -> Wish:
    """Words such as yesterday are of `now_us`, else of this moment. Raises `ApiError` 400 with the name of what is
    wrong."""
    names = Wish.__struct_fields__
    if unknown := sorted(set(body) - set(names)):
        name = unknown[0][:60]
        raise ApiError(400, f"{name} is nothing that an export can be told.", {name: [", ".join(names)]})
    search = body.get("search", "")
    if not isinstance(search, str):
        raise ApiError(400, "search must be text.", {"search": [NOT_VALID]})
    wish = Wish(
        read_choice(Of, "of", body), search, _columns(body.get("columns")), read_choice(Format, "format", body),
        read_choice(Packing, "packing", body), read_choice(Header, "header", body), _time("since", body, now_us),
        _time("until", body, now_us), _id(body), read_flag("notify", body), read_choice(To, "to", body),
    )  # fmt: skip
    if wish.to is To.S3:
        _check_store(wish)
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


def _check_store(wish: Wish) -> None:
    """ClickHouse itself writes what is put there, and there are files that it does not write."""
    for name, is_wrong, text in (
        ("of", wish.of is Of.PERSON, "person is a zip, and no zip is put into a store."),
        ("format", wish.format is Format.XLSX, "xlsx is not put into a store; there are csv, ndjson and parquet."),
        ("packing", wish.packing is Packing.ZIP, "zip is not put into a store; there is gzip."),
        ("notify", wish.notify, "notify is for files that are downloaded here."),
    ):
        if is_wrong:
            raise ApiError(400, text, {name: [text]})


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


def _time(name: str, body: Mapping[str, Any], now_us: int) -> int:
    said = body.get(name)
    if said in (None, ""):
        return 0
    try:
        return int(read_time(str(said), now_us=now_us or time.time_ns() // 1_000).timestamp() * 1e6)
    except ValueError as error:
        raise ApiError(400, f"{name}: {error}", {name: [str(error)]}) from None
