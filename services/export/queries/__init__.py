"""What an export asks ClickHouse, and what its columns are. Pure."""
