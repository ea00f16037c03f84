"""Migrations as a ClickHouse cluster wants them, statement by statement."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from services.common import clickhouse
from services.common.cluster_sql import ONE_SERVER, SPREAD_BY, Cluster, make_distributed, make_journal, on_cluster
from services.common.migrate import migrate, read_migrations

REPLICATED, SHARDED = Cluster("spoor", is_sharded=False), Cluster("spoor", is_sharded=True)
STATEMENTS = [statement for migration in read_migrations() for statement in migration.statements]
TABLE = """-- Why it is there.
CREATE TABLE IF NOT EXISTS events
(
    id UInt64
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY id
SETTINGS non_replicated_deduplication_window = 1000"""


def test_one_server_gets_every_statement_as_it_is_written() -> None:
    assert [on_cluster(statement, ONE_SERVER) for statement in STATEMENTS] == STATEMENTS


def test_a_table_is_made_on_all_servers_and_replicated() -> None:
    assert on_cluster(TABLE, REPLICATED) == (
        "CREATE TABLE IF NOT EXISTS events ON CLUSTER `spoor`\n(\n    id UInt64\n)\n"
        "ENGINE = ReplicatedReplacingMergeTree(version, is_deleted)\n"
        "ORDER BY id\nSETTINGS replicated_deduplication_window = 1000"
    )


@pytest.mark.parametrize(
    ("statement", "rendered"),
    [
        ("CREATE TABLE IF NOT EXISTS a AS b", "CREATE TABLE IF NOT EXISTS a ON CLUSTER `spoor` AS b"),
        (
            "CREATE MATERIALIZED VIEW IF NOT EXISTS v TO a AS\nSELECT 1 FROM b",
            "CREATE MATERIALIZED VIEW IF NOT EXISTS v ON CLUSTER `spoor` TO a AS\nSELECT 1 FROM b",
        ),
        ("ALTER TABLE a ADD COLUMN x UInt8", "ALTER TABLE a ON CLUSTER `spoor` ADD COLUMN x UInt8"),
        ("INSERT INTO a SELECT 1 FROM b", "INSERT INTO a SELECT 1 FROM b"),
    ],
)
def test_views_and_changes_reach_all_servers_and_rows_are_copied_once(statement: str, rendered: str) -> None:
    assert on_cluster(statement, REPLICATED) == rendered


def test_a_statement_of_another_kind_is_refused_rather_than_run_on_one_server() -> None:
    with pytest.raises(ValueError, match="DROP TABLE a"):
        on_cluster("DROP TABLE a", REPLICATED)


def test_every_migration_can_be_done_on_a_cluster_and_no_table_stays_on_one_server() -> None:
    for statement in STATEMENTS:
        rendered = on_cluster(statement, REPLICATED)
        assert "ON CLUSTER `spoor`" in rendered or rendered.startswith("INSERT INTO ")
        assert not re.search(r"ENGINE = (?!Replicated)", rendered)
        assert "non_replicated" not in rendered


def test_the_journal_is_one_list_for_all_shards() -> None:
    journal = make_journal("CREATE TABLE IF NOT EXISTS migrations (n String)\nENGINE = ReplacingMergeTree", SHARDED)
    assert "'/clickhouse/tables/{database}/migrations', '{shard}-{replica}'" in journal


def test_it_is_known_of_each_table_by_what_its_rows_are_spread_and_that_is_a_part_of_its_key() -> None:
    made = {}
    for statement in STATEMENTS:
        if table := re.search(r"CREATE TABLE IF NOT EXISTS (\w+)", statement):
            made[table[1]] = re.findall(r"\w+", (re.search(r"^ORDER BY (.*)$", statement, re.MULTILINE) or [""])[0])
    assert made.keys() == SPREAD_BY.keys()
    assert {table for table, key in made.items() if SPREAD_BY[table] not in key} == {"bot_events"}  # made AS events


def test_a_distributed_table_spreads_rows_by_their_contact() -> None:
    assert make_distributed(["events", "migrations"], "crm", SHARDED) == [
        "CREATE OR REPLACE TABLE `crm`.events ON CLUSTER `spoor` AS `crm_shard`.events "
        "ENGINE = Distributed('spoor', 'crm_shard', 'events', cityHash64(contact_id))"
    ]


class Server:
    """Keeps what it was told, and which database a statement was meant for."""

    def __init__(self) -> None:
        self.database = "default"
        self.commands: list[tuple[str, str]] = []

    async def command(self, statement: str, settings: dict[str, Any] | None = None) -> None:
        self.commands.append(((settings or {}).get("database", self.database), statement))

    async def query(self, sql: str) -> SimpleNamespace:
        return SimpleNamespace(result_rows=[] if "migrations" in sql else [("events",), ("footprints",)])

    async def insert(self, *_: Any, **__: Any) -> None:
        pass

    async def close(self) -> None:
        pass


async def _commands(monkeypatch: pytest.MonkeyPatch, cluster: Cluster) -> list[tuple[str, str]]:
    server = Server()

    async def connect(*_: Any, **__: Any) -> Server:
        return server

    monkeypatch.setattr(clickhouse, "connect", connect)
    await migrate("http://h/crm", cluster)
    return server.commands


@pytest.mark.anyio
async def test_a_sharded_cluster_keeps_rows_apart_and_copies_them_through_tables_of_all_shards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commands = await _commands(monkeypatch, SHARDED)
    assert [statement for _, statement in commands[:2]] == [
        "CREATE DATABASE IF NOT EXISTS `crm` ON CLUSTER `spoor`",
        "CREATE DATABASE IF NOT EXISTS `crm_shard` ON CLUSTER `spoor`",
    ]
    copies = [number for number, (_, statement) in enumerate(commands) if statement.startswith("INSERT INTO")]
    assert {commands[number][0] for number in copies} == {"crm"}
    assert all("`crm`.footprints" in commands[number - 1][1] for number in copies)
    assert {database for database, statement in commands if "TABLE IF NOT EXISTS" in statement} == {"crm_shard"}
    assert commands[-1][1].startswith("CREATE OR REPLACE TABLE `crm`.footprints")


@pytest.mark.anyio
async def test_a_cluster_of_one_shard_has_no_distributed_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = await _commands(monkeypatch, REPLICATED)
    assert not [statement for _, statement in commands if "Distributed" in statement]
    assert {database for database, statement in commands if "TABLE" in statement} == {"crm"}
