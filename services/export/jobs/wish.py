"""What an export is asked for: read from a body, and kept with its job. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from services.common.envelope import ApiError
from services.common.field_values import NOT_VALID
from services.export.files.packing import Packing

MAX_COLUMNS = 600
ALL = "all"
Choice = TypeVar("Choice", bound=StrEnum)


class Format(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"
    NDJSON = "ndjson"


class Header(StrEnum):
    ALIASES = "aliases"
    LABELS = "labels"


class Wish(msgspec.Struct, frozen=True):
    """`columns` is empty for those that are usual."""

    search: str = ""
    columns: list[str] = []
    format: Format = Format.CSV
    packing: Packing = Packing.NONE
    header: Header = Header.ALIASES


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
        search, _columns(body.get("columns")), _choice(Format, "format", body), _choice(Packing, "packing", body),
        _choice(Header, "header", body),
    )  # fmt: skip
    if wish.packing and wish.format in (Format.XLSX, Format.PARQUET):
        raise ApiError(400, f"{wish.format} files are packed already.", {"packing": [NOT_VALID]})
    return wish


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


def _choice(kind: type[Choice], name: str, body: Mapping[str, Any]) -> Choice:
    said = body.get(name)
    if said is None:
        return next(iter(kind))
    try:
        return kind(said)
    except ValueError:
        text = f"{name} is one of {', '.join(one for one in kind if one)}."
        raise ApiError(400, text, {name: [text]}) from None
