"""One request as a statement: its SQL, its rows, its parameters and its settings. No I/O."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from email.parser import BytesParser
from email.policy import HTTP

from deploy.embedded.clickhouse.errors import NOT_IMPLEMENTED, SYNTAX_ERROR, UNKNOWN_SETTING, refused

# Parameters of the HTTP interface that are no settings of the engine. What clickhouse-connect sends of them (progress
# headers, compression of answers, waiting for the end) is about transport, and this server needs none of it.
_TRANSPORT = frozenset(
    [
        "add_http_cors_header",
        "buffer_size",
        "client_protocol_version",
        "compress",
        "database",
        "decompress",
        "default_format",
        "enable_http_compression",
        "http_headers_progress_interval_ms",
        "password",
        "query",
        "query_id",
        "quota_key",
        "role",
        "send_progress_in_http_headers",
        "session_check",
        "session_id",
        "session_timeout",
        "stacktrace",
        "user",
        "wait_end_of_query",
    ]
)
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_COMMENTS = rb"(?:[\s(]|--[^\n]*\n|/\*.*?\*/)*+"
_READ = re.compile(_COMMENTS + rb"(?:SELECT|WITH)\b", re.IGNORECASE | re.DOTALL)
_LAST_FORMAT = re.compile(rb"\bFORMAT\s+(\w+)(?:\s+SETTINGS\s+[^()]*)?[\s;]*\Z", re.IGNORECASE)
# `INSERT INTO t (a, b) SETTINGS x = 'y' FORMAT Name`, and then one optional line end before the rows.
_INSERT = re.compile(
    _COMMENTS + rb"INSERT\s+INTO\s+(?:TABLE\s+)?(?:`[^`]*`|\"[^\"]*\"|\{[^}]*\}|[\w.])+\s*(?:\([^()']*\)\s*)?"
    rb"(?:SETTINGS\s+(?:[\w\s=,.\-]|'(?:[^'\\]|\\.)*')*?\s)?\s*(?P<format>FORMAT\s+\w+)\s*?(?:\r?\n|[ \t](?=[^\s])|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_MAX_INSERT_HEAD_BYTES = 1 << 16

# Formats without head or tail: chDB encodes block by block, so only of these the blocks in a row make one whole.
STREAMED_FORMATS = frozenset(
    [
        "CSV",
        "JSONCompactEachRow",
        "JSONCompactStringsEachRow",
        "JSONEachRow",
        "JSONStringsEachRow",
        "Native",
        "RowBinary",
        "TSKV",
        "TSV",
        "TSVRaw",
        "TabSeparated",
        "TabSeparatedRaw",
    ]
)


@dataclasses.dataclass(frozen=True)
class Statement:
    """`rows` are in the format that `insert_format` (`FORMAT Name`) says; both are empty for all but such inserts."""

    sql: bytes
    rows: bytes = b""
    insert_format: bytes = b""
    format: str = "TabSeparated"
    database: str = ""
    is_read: bool = False
    is_read_only: bool = False
    parameters: Mapping[str, str] = dataclasses.field(default_factory=dict)
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def leaves_nothing(self) -> bool:
        """Whether its connection is afterwards as it was: no settings, no database, no temporary tables."""
        return self.is_read or bool(self.insert_format)

    @property
    def is_streamed(self) -> bool:
        return self.is_read and self.format in STREAMED_FORMATS


def read_statement(
    query: Mapping[str, str], headers: Mapping[str, str], body: bytes, *, is_read_only: bool
) -> Statement:
    """The statement of a request whose body is decompressed. Raises `ClickHouseError` for what cannot be one."""
    if headers.get("content-type", "").startswith("multipart/form-data"):
        query = {**query, **_form_fields(headers["content-type"], body)}
        body = b""
    sql, rows, insert_format = _split(query.get("query", "").encode(), body)
    if not sql.strip():
        raise refused(SYNTAX_ERROR, "SYNTAX_ERROR", "Empty query")
    return Statement(
        sql=sql,
        rows=rows,
        insert_format=insert_format,
        format=_format(sql, query, headers),
        database=query.get("database") or headers.get("x-clickhouse-database", ""),
        is_read=_READ.match(sql) is not None,
        is_read_only=is_read_only,
        parameters={name[6:]: value for name, value in query.items() if name.startswith("param_")},
        settings={name: value for name, value in query.items() if _is_setting(name)},
    )


def _is_setting(name: str) -> bool:
    if name in _TRANSPORT or name.startswith("param_"):
        return False
    if not _SETTING_NAME.match(name):
        raise refused(UNKNOWN_SETTING, "UNKNOWN_SETTING", f"Unknown setting {name!r}")
    return True


def _split(sql: bytes, body: bytes) -> tuple[bytes, bytes, bytes]:
    """The SQL without its FORMAT, the rows, and the format, for an insert with rows; else all of it as SQL."""
    text = sql or body
    match = _INSERT.match(text[:_MAX_INSERT_HEAD_BYTES])
    if match is None:
        return (sql + b"\n" + body if sql and body else text), b"", b""
    rows = text[match.end() :]
    if sql:
        rows = rows + body if rows.strip() else body
    return text[: match.start("format")], rows, match.group("format")


def _format(sql: bytes, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    match = _LAST_FORMAT.search(sql[-_MAX_INSERT_HEAD_BYTES:])
    if match is not None:
        return match.group(1).decode()
    return query.get("default_format") or headers.get("x-clickhouse-format", "TabSeparated")


def _form_fields(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of a form; clickhouse-connect puts long queries and parameters into one."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    form = BytesParser(policy=HTTP).parsebytes(head + body)
    fields = {}
    for part in form.iter_parts():
        if part.get_filename() is not None:
            raise refused(NOT_IMPLEMENTED, "NOT_IMPLEMENTED", "External tables are not supported")
        name = part.get_param("name", header="content-disposition")
        fields[str(name)] = bytes(part.get_payload(decode=True) or b"").decode()
    return fields
