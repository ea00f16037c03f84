"""The servers that a machine without any can run: Valkey, and ClickHouse as chDB behind its HTTP interface."""
