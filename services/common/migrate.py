"""Brings the ClickHouse schema up to date: numbered, forward-only files of statements, each safe to run again.

`python -m services.common.migrate` runs it by hand; every service waits for it at its start.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import NamedTuple

from services.common import clickhouse
from services.common.settings import load_settings

STATEMENT_SECONDS = 6 * 3_600.0  # one that fills a new table reads all events: cut off, it would never come to its end
FOLDER = Path(__file__).parent / "migrations"
_STATEMENT_MARK = "\n-- statement\n"
_JOURNAL = """
CREATE TABLE IF NOT EXISTS migrations (name String, checksum String, applied_at DateTime DEFAULT now())
ENGINE = ReplacingMergeTree ORDER BY name
"""


class MigrationError(Exception):
    """A migration that was applied has been changed since, or is unknown to this version."""


class Migration(NamedTuple):
    name: str
    checksum: str
    statements: list[str]


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """The migrations of this version in order."""
    return [_read(path) for path in sorted(folder.glob("[0-9]*.sql"))]


async def migrate(url: str) -> list[str]:
    """Applies what is missing and returns its names. Two at once do no harm: every statement may run twice."""
    server = await clickhouse.connect(url, with_database=False)
    try:
        await server.command(f"CREATE DATABASE IF NOT EXISTS `{clickhouse.database_of(url)}`")
    finally:
        await server.close()
    client = await clickhouse.connect(url, timeout_seconds=STATEMENT_SECONDS)
    try:
        return await _apply_missing(client)
    finally:
        await client.close()


async def _apply_missing(client: clickhouse.ClickHouse) -> list[str]:
    await client.command(_JOURNAL)
    rows = (await client.query("SELECT name, checksum FROM migrations FINAL")).result_rows
    applied = {str(name): str(checksum) for name, checksum in rows}
    new = []
    for migration in read_migrations():
        if migration.name in applied:
            if applied[migration.name] != migration.checksum:
                raise MigrationError(f"{migration.name} was changed after it was applied; add a new one instead")
            continue
        for statement in migration.statements:
            await client.command(statement)
        await client.insert("migrations", [[migration.name, migration.checksum]], column_names=["name", "checksum"])
        new.append(migration.name)
    return new


def _read(path: Path) -> Migration:
    text = path.read_text(encoding="utf-8")
    statements = [part.strip().rstrip(";") for part in text.split(_STATEMENT_MARK)]
    return Migration(path.stem, hashlib.sha256(text.encode()).hexdigest(), statements)


def main() -> None:
    for name in asyncio.run(migrate(load_settings().clickhouse_url)):
        print(f"applied {name}")


if __name__ == "__main__":
    main()
