"""ClickHouse itself reads what migrations become on a cluster. No cluster is here: it is parsed, not carried out."""

from __future__ import annotations

import pytest

from services.common import clickhouse
from services.common.clickhouse import ClickHouseError
from services.common.cluster_sql import SPREAD_BY, Cluster, make_database, make_distributed, make_journal, on_cluster
from services.common.migrate import MAKE_JOURNAL, read_migrations

SHARDED = Cluster("spoor", is_sharded=True)


@pytest.mark.anyio
async def test_clickhouse_can_read_every_statement_for_a_cluster(clickhouse_url: str) -> None:
    statements = [
        on_cluster(statement, SHARDED) for migration in read_migrations() for statement in migration.statements
    ]
    statements += [make_database("crm", SHARDED), make_journal(MAKE_JOURNAL, SHARDED)]
    statements += make_distributed(SPREAD_BY, "crm", SHARDED)
    client = await clickhouse.connect(clickhouse_url, with_database=False)
    try:
        for statement in statements:
            await client.command(f"EXPLAIN AST {statement}")
        with pytest.raises(ClickHouseError):
            await client.command("EXPLAIN AST CREATE TABLE a ON CLUSTER AS b")
    finally:
        await client.close()
