"""What somebody says of a file before it is imported: read, checked, and put into its document. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from services.common.field_values import NOT_VALID, scalar_as_text
from services.common.values import MAX_TEXT_LENGTH, clean, read_tag
from services.contacts.imports.dialect import Dialect, read_dialect
from services.contacts.imports.document import Defaults, Import
from services.contacts.imports.mapping import Targets
from services.contacts.imports.rows import Rows, header_of
from services.contacts.objects import iso
from services.contacts.people.change import InvalidChangeError
from services.contacts.people.change_body import MAX_TAGS, is_true, read_owner

PREVIEWED = 10
MAX_COLUMNS = 2_000
MAX_HEADER = 191
MAX_SEGMENTS = 100
NO_HEADER = "The file has no first row with the names of its columns."
NOTHING_MAPPED = "At least one column must become a field."


def with_dialect(document: Import, dialect: Dialect, beginning: bytes) -> Import:
    """As this dialect reads it: other headers become nothing until somebody, or a proposal, says what. Raises
    `InvalidChangeError`."""
    try:
        headers = read_headers(beginning, dialect)
        preview(beginning, dialect)
    except UnicodeError as error:
        raise InvalidChangeError({"parser": [f"The file cannot be read as {dialect.encoding}."]}) from error
    columns = document.columns if headers == document.headers else []
    return msgspec.structs.replace(document, dialect=dialect, headers=headers, columns=columns)


def read_headers(beginning: bytes, dialect: Dialect) -> list[str]:
    """The cells of the first row. Raises `InvalidChangeError`."""
    first = header_of(Rows([beginning], dialect))
    if first is None or first.error:
        raise InvalidChangeError({"file": [f"{NO_HEADER} {first.error if first else ''}".strip()]})
    headers = [clean(_readable(cell))[:MAX_HEADER] for cell in first.cells]
    while headers and not headers[-1]:
        headers.pop()
    if len(headers) > MAX_COLUMNS:
        raise InvalidChangeError({"file": [f"A file may have {MAX_COLUMNS:,} columns, this one has {len(headers):,}."]})
    return headers


def preview(beginning: bytes, dialect: Dialect) -> list[list[str]]:
    """The first rows behind the header, as they are read."""
    rows = Rows([beginning], dialect)
    header_of(rows)
    shown = []
    for row in rows:
        shown.append([_readable(cell)[:MAX_HEADER] for cell in row.cells])
        if len(shown) == PREVIEWED:
            break
    return shown


def read_parser(body: Mapping[str, Any], old: Dialect) -> Dialect:
    """Raises `InvalidChangeError`."""
    said = body.get("parser")
    if said in (None, {}, []):
        return old
    if not isinstance(said, dict) or not all(isinstance(one, str) for one in said.values()):
        raise InvalidChangeError({"parser": [NOT_VALID]})
    try:
        return read_dialect(
            *(said.get(name, getattr(old, name)) for name in ("delimiter", "quote", "escape", "encoding"))
        )
    except ValueError as error:
        raise InvalidChangeError({"parser": [str(error)]}) from error


def read_columns(body: Mapping[str, Any], document: Import, known: Targets) -> list[str]:
    """What each column becomes. Raises `InvalidChangeError`."""
    said = body.get("mapping")
    if said is None:
        return document.columns
    if isinstance(said, list) and len(said) == len(document.headers):
        named = [scalar_as_text(one) if isinstance(one, (str, type(None))) else "?" for one in said]
    elif isinstance(said, dict):
        places = {
            header: place for place, header in reversed(list(enumerate(document.headers)))
        }  # of the first of each
        if (unknown := next((header for header in said if header not in places), None)) is not None:
            raise InvalidChangeError({"mapping": [f"The file has no column {str(unknown)[:MAX_HEADER]!r}."]})
        named = [str(said.get(header) or "") if places[header] == place else ""
                 for place, header in enumerate(document.headers)]  # fmt: skip
    else:
        text = f"Fields by header are needed, or a list of {len(document.headers)} fields."
        raise InvalidChangeError({"mapping": [text]})
    wrong = [f"There is no field {one!r}." for one in named if one and one not in known.labels]
    wrong += [f"Only one column can become {one!r}." for one in dict.fromkeys(named) if one and named.count(one) > 1]
    if wrong:
        raise InvalidChangeError({"mapping": wrong})
    return named


def read_defaults(body: Mapping[str, Any], old: Defaults) -> Defaults:
    """Whether there are such a user and segments is for others to see. Raises `InvalidChangeError`."""
    said = body.get("defaults")
    if said in (None, {}, []):
        return old
    if not isinstance(said, dict):
        raise InvalidChangeError({"defaults": [NOT_VALID]})
    owner_id, segments, tags = old.owner_id, old.segments, old.tags
    try:
        if "owner" in said:
            owner_id = _owner(said["owner"])
        if "segments" in said:
            segments = _ids(said["segments"])
        if "tags" in said:
            tags = _tags(said["tags"])
    except ValueError as error:
        raise InvalidChangeError({"defaults": [str(error)]}) from error
    return Defaults(owner_id, segments, tags)


def read_keeps(body: Mapping[str, Any], *, old: bool) -> bool:
    said = body.get("skipIfExists")
    return old if said is None else is_true(said)


def check_columns(document: Import, known: Targets) -> None:
    """Whether there still is all that columns become. Raises `InvalidChangeError`."""
    if gone := [column for column in document.columns if column and column not in known.labels]:
        raise InvalidChangeError({"mapping": [f"There is no field {gone[0]!r} any more."]})


def check_startable(document: Import, required: Mapping[str, str], known: Targets) -> None:
    """`required`: the labels of fields without which no contact is made. Raises `InvalidChangeError`."""
    check_columns(document, known)
    if not any(document.columns):
        raise InvalidChangeError({"mapping": [NOTHING_MAPPED]})
    if missing := [label for alias, label in required.items() if alias not in document.columns]:
        text = f"Some required fields are missing; no column becomes one: {', '.join(missing)}."
        raise InvalidChangeError({"mapping": [text]})


def show_import(_: str, said: Import) -> dict[str, Any]:
    """What is peculiar to it, as the API shows it."""
    dialect, columns = said.dialect, said.columns or [""] * len(said.headers)
    seconds = (said.ended_us or said.modified_us) - said.started_us if said.started_us else 0
    return {
        "name": said.name,
        "status": said.status,
        "bytes": said.bytes,
        "lineCount": said.line_count,
        "parser": {"delimiter": dialect.delimiter, "quote": dialect.quote, "escape": dialect.escape,
                   "encoding": dialect.encoding},
        "columns": [{"header": header, "field": column or None}
                    for header, column in zip(said.headers, columns, strict=True)],
        "defaults": {"owner": said.defaults.owner_id, "segments": said.defaults.segments, "tags": said.defaults.tags},
        "skipIfExists": said.keeps_values,
        "rows": said.rows,
        "inserted": said.inserted,
        "updated": said.updated,
        "failed": said.failed,
        "progress": progress(said),
        "rowsPerSecond": round(said.rows * 1_000_000 / seconds, 1) if seconds > 0 else None,
        "dateStarted": iso(said.started_us),
        "dateEnded": iso(said.ended_us),
        "message": said.why or None,
    }  # fmt: skip


def progress(said: Import) -> float:
    """Percent of the lines."""
    if said.status == "imported":
        return 100.0
    return round(min(100.0, 100 * said.line / said.line_count), 1) if said.line_count else 0.0


def _owner(said: Any) -> int | None:
    if said in (None, ""):
        return None
    if not isinstance(said, (int, str)) and not (isinstance(said, dict) and said.get("id")):
        raise ValueError(f"owner: {NOT_VALID}")
    return read_owner({"owner": said}) or None


def _ids(said: Any) -> list[int]:
    found = said.split(",") if isinstance(said, str) else list(said.values()) if isinstance(said, dict) else said
    texts = [str(one).strip() for one in _listed(found, MAX_SEGMENTS)]
    if not all(text.isascii() and text.isdecimal() and len(text) <= 15 for text in texts):
        raise ValueError("segments: These must be ids.")
    return list(dict.fromkeys(map(int, texts)))


def _tags(said: Any) -> list[str]:
    found = said.split(",") if isinstance(said, str) else list(said.values()) if isinstance(said, dict) else said
    tags = []
    for one in _listed(found, MAX_TAGS):
        tag, is_in = read_tag(scalar_as_text(one))
        if not is_in or len(tag) > MAX_TEXT_LENGTH:
            raise ValueError(f"tags: {NOT_VALID}")
        if tag:
            tags.append(tag)
    return list(dict.fromkeys(tags))


def _listed(found: Any, most: int) -> Iterable[Any]:
    if found in (None, ""):
        return []
    if not isinstance(found, list) or len(found) > most:
        raise ValueError(f"A list of at most {most} is needed.")
    return [one for one in found if one not in (None, "")]


def _readable(cell: str) -> str:
    """As JSON can say it."""
    return cell.encode("utf-8", "replace").decode("utf-8")
