"""The statements of migrations as a ClickHouse cluster wants them: on all servers, replicated, and perhaps sharded.

On a sharded cluster the tables that hold rows are in a database of their own, each server's with its share of them.
The database that services use has a Distributed table of each name, which reads all shards, and sends what is inserted
to the shard where the rest of its contact is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

SHARD_SUFFIX = "_shard"
JOURNAL = "migrations"
# By what the rows of a table are spread: a part of its sorting key, or versions of one row would be on two shards; and
# the contact, wherever there is one, so that what is asked about a contact is asked of one shard.
SPREAD_BY = {
    "activity": "contact_id",
    "aliases": "loser",
    "asset_counts": "asset_id",
    "audit": "contact_id",
    "bot_events": "contact_id",
    "contacts": "id",
    "email_counts": "email_id",
    "events": "contact_id",
    "footprints": "contact_id",
    "images": "contact_id",
    "import_failures": "import_id",
    "import_files": "file",
    "messages": "contact_id",
    "recent": "contact_id",
    "records": "id",
    "segment_builds": "segment",
    "segment_members": "contact",
    "webhook_deliveries": "hook",
}
_COMMENT = re.compile(r"^--.*\n?", re.MULTILINE)
_ENGINE = re.compile(r"\bENGINE = (\w*MergeTree)\b")
_DEFINED = re.compile(
    r"\A(CREATE TABLE IF NOT EXISTS|CREATE MATERIALIZED VIEW IF NOT EXISTS|ALTER TABLE) (\w+)\b", re.ASCII
)
_FILLED = re.compile(r"\A(INSERT INTO) (\w+)\b")


class Cluster(NamedTuple):
    """Where the tables are."""

    name: str  # '' for one server
    is_sharded: bool

    def home(self, database: str) -> str:
        """The database of the tables that hold rows."""
        return database + SHARD_SUFFIX if self.is_sharded else database


ONE_SERVER = Cluster("", is_sharded=False)


def make_database(database: str, cluster: Cluster) -> str:
    return f"CREATE DATABASE IF NOT EXISTS `{database}`{_on(cluster)}"


def make_journal(statement: str, cluster: Cluster) -> str:
    """Which migrations were applied is one list for all shards: its path names none."""
    if not cluster.name:
        return statement
    engine = f"ReplicatedReplacingMergeTree('/clickhouse/tables/{{database}}/{JOURNAL}', '{{shard}}-{{replica}}')"
    return on_cluster(statement, cluster).replace("ReplicatedReplacingMergeTree", engine)


def on_cluster(statement: str, cluster: Cluster) -> str:
    """A statement that makes or changes a table. Raises `ValueError` for one that this module does not know."""
    if not cluster.name:
        return statement
    plain = _COMMENT.sub("", statement).strip()
    if _FILLED.match(plain):
        return plain
    if not _DEFINED.match(plain):
        raise ValueError(f"not known how to do this on a cluster: {plain[:60]}")
    plain = _DEFINED.sub(rf"\1 \2{_on(cluster)}", plain)
    plain = _ENGINE.sub(r"ENGINE = Replicated\1", plain)
    return plain.replace("non_replicated_deduplication_window", "replicated_deduplication_window")


def is_filling(statement: str) -> bool:
    """Whether it copies rows from table to table: of a sharded cluster between those that span all shards."""
    return bool(_FILLED.match(_COMMENT.sub("", statement).strip()))


def make_distributed(tables: Iterable[str], database: str, cluster: Cluster) -> list[str]:
    """The tables of all shards, made anew, since they hold nothing and columns may have come. Raises `KeyError` for a
    table of which it is not known by what it is spread."""
    home = cluster.home(database)
    return [
        f"CREATE OR REPLACE TABLE `{database}`.{table}{_on(cluster)} AS `{home}`.{table} "
        f"ENGINE = Distributed('{cluster.name}', '{home}', '{table}', cityHash64({SPREAD_BY[table]}))"
        for table in tables
        if table != JOURNAL
    ]


def _on(cluster: Cluster) -> str:
    return f" ON CLUSTER `{cluster.name}`" if cluster.name else ""
