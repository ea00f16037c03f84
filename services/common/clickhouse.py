"""The ClickHouse connection: inserts of encoded rows, and parameterised reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from services.common.tables import Rows, columns, encode_rows

__all__ = [
    "Block",
    "ClickHouse",
    "ClickHouseError",
    "connect",
    "connect_blocking",
    "encoded",
    "insert_blocks",
    "insert_rows",
]

ClickHouse = Any  # clickhouse-connect's async client
DEFAULT_DATABASE = "spoor"
_SETTINGS = {
    "input_format_parallel_parsing": 0,  # threads for what is small cost as much again as an insert
    "input_format_json_read_objects_as_strings": 1,  # a document goes into its column as it is
}
# Breaks statements that order by another column than their first, in 26.5 at least: a threshold is then taken from the
# wrong one. Servers before 26 do not know it.
_LEFT_OFF = "use_top_k_dynamic_filtering"
# So few rows are read as fast without skip indexes, which the first merge makes; making them at once costs 1 ms of 8.
_FEW_ROWS = 1_000
_NO_INDEXES = {"materialize_skip_indexes_on_insert": 0}


async def connect(url: str, *, timeout_seconds: float = 30.0, with_database: bool = True) -> ClickHouse:
    """A client for `http://user:password@host:port/database`. Raises `ClickHouseError` while it is away."""
    client = await clickhouse_connect.get_async_client(**_address(url, timeout_seconds, with_database=with_database))
    _settle(client)
    return client


def connect_blocking(url: str, *, timeout_seconds: float = 30.0) -> Client:
    """The same for a thread of its own, which reads faster than the loop hands on. Parameters go into the body, since
    addresses of requests are logged. Raises `ClickHouseError`."""
    client = clickhouse_connect.get_client(**_address(url, timeout_seconds), form_encode_query_params=True)
    _settle(client)
    return client


def _settle(client: Any) -> None:
    if _LEFT_OFF in client.server_settings:
        client.set_client_setting(_LEFT_OFF, 0)


def _address(url: str, timeout_seconds: float, *, with_database: bool = True) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "host": parts.hostname or "127.0.0.1",
        "port": parts.port or (8443 if parts.scheme == "https" else 8123),
        "secure": parts.scheme == "https",
        "username": unquote(parts.username or "default"),
        "password": unquote(parts.password or ""),
        "database": database_of(url) if with_database else "default",
        "connect_timeout": 5,
        "send_receive_timeout": timeout_seconds,
        "compress": False,  # services sit beside the server; over a network the settings of a proxy do better
        "autogenerate_session_id": False,
    }


def database_of(url: str) -> str:
    return urlsplit(url).path.strip("/") or DEFAULT_DATABASE


class Block(NamedTuple):
    """Rows of a table as they are sent."""

    columns: tuple[str, ...]
    rows: int
    data: bytes


def encoded(rows: Rows) -> Block | None:
    return Block(columns(type(rows[0])), len(rows), encode_rows(rows)) if rows else None


async def insert_rows(client: ClickHouse, table: str, rows: Rows, token: str = "") -> None:
    """Inserts rows in one statement, whole or not at all. The same `token` again inserts nothing."""
    if block := encoded(rows):
        await insert_blocks(client, table, [block], token)


async def insert_blocks(client: ClickHouse, table: str, blocks: Sequence[Block], token: str = "") -> None:
    """The same for rows of one kind that are encoded, at least one."""
    rows = sum(block.rows for block in blocks)
    settings: dict[str, Any] = _SETTINGS | (_NO_INDEXES if rows <= _FEW_ROWS else {})
    if token:
        settings["insert_deduplication_token"] = token
    await client.raw_insert(
        table,
        column_names=blocks[0].columns,
        insert_block=b"".join([block.data for block in blocks]),
        fmt="JSONCompactEachRow",
        settings=settings,
    )
