"""ClickHouse's HTTP interface over chDB, as much of it as clickhouse-connect and plain HTTP clients use."""
