"""Brings the ClickHouse schema up to date: numbered, forward-only files of statements, each safe to run again.

`python -m services.common.migrate` runs it by hand; every service waits for it at its start.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import NamedTuple

from services.common import clickhouse
from services.common.cluster_sql import (
    JOURNAL,
    ONE_SERVER,
    Cluster,
    is_filling,
    make_database,
    make_distributed,
    make_journal,
    on_cluster,
)
from services.common.settings import Settings, load_settings

STATEMENT_SECONDS = 6 * 3_600.0  # one that fills a new table reads all events: cut off, it would never come to its end
FOLDER = Path(__file__).parent / "migrations"
_STATEMENT_MARK = "\n-- statement\n"
MAKE_JOURNAL = f"""
CREATE TABLE IF NOT EXISTS {JOURNAL} (name String, checksum String, applied_at DateTime DEFAULT now())
ENGINE = ReplacingMergeTree ORDER BY name
"""
_HOLDING_ROWS = (
    "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY 1"
)


class MigrationError(Exception):
    """A migration that was applied has been changed since, or is unknown to this version."""


class Migration(NamedTuple):
    name: str
    checksum: str
    statements: list[str]


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """The migrations of this version in order."""
    return [_read(path) for path in sorted(folder.glob("[0-9]*.sql"))]


def cluster_of(settings: Settings) -> Cluster:
    return Cluster(settings.clickhouse_cluster, settings.clickhouse_sharded)


async def migrate(url: str, cluster: Cluster = ONE_SERVER) -> list[str]:
    """Applies what is missing and returns its names. Two at once do no harm: every statement may run twice."""
    database = clickhouse.database_of(url)
    server = await clickhouse.connect(url, with_database=False)
    try:
        for name in dict.fromkeys((database, cluster.home(database))):
            await server.command(make_database(name, cluster))
    finally:
        await server.close()
    client = await clickhouse.connect(url, timeout_seconds=STATEMENT_SECONDS)
    client.database = cluster.home(database)
    try:
        return await _apply_missing(client, database, cluster)
    finally:
        await client.close()


async def _apply_missing(client: clickhouse.ClickHouse, database: str, cluster: Cluster) -> list[str]:
    await client.command(make_journal(MAKE_JOURNAL, cluster))
    rows = (await client.query(f"SELECT name, checksum FROM {JOURNAL} FINAL")).result_rows
    applied = {str(name): str(checksum) for name, checksum in rows}
    new = []
    for migration in read_migrations():
        if migration.name in applied:
            if applied[migration.name] != migration.checksum:
                raise MigrationError(f"{migration.name} was changed after it was applied; add a new one instead")
            continue
        for statement in migration.statements:
            await _apply(client, statement, database, cluster)
        if cluster.is_sharded:
            await _distribute(client, database, cluster)
        await client.insert(JOURNAL, [[migration.name, migration.checksum]], column_names=["name", "checksum"])
        new.append(migration.name)
    return new


async def _apply(client: clickhouse.ClickHouse, statement: str, database: str, cluster: Cluster) -> None:
    if not (cluster.is_sharded and is_filling(statement)):
        await client.command(on_cluster(statement, cluster))
        return
    await _distribute(client, database, cluster)  # one of the tables may be this migration's own
    await client.command(on_cluster(statement, cluster), settings={"database": database})


async def _distribute(client: clickhouse.ClickHouse, database: str, cluster: Cluster) -> None:
    tables = [str(name) for (name,) in (await client.query(_HOLDING_ROWS)).result_rows]
    for statement in make_distributed(tables, database, cluster):
        await client.command(statement)


def _read(path: Path) -> Migration:
    text = path.read_text(encoding="utf-8")
    statements = [part.strip().rstrip(";") for part in text.split(_STATEMENT_MARK)]
    return Migration(path.stem, hashlib.sha256(text.encode()).hexdigest(), statements)


def main() -> None:
    settings = load_settings()
    for name in asyncio.run(migrate(settings.clickhouse_url, cluster_of(settings))):
        print(f"applied {name}")


if __name__ == "__main__":
    main()
