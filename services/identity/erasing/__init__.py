"""What erasing a contact takes: traces in Redis, rows in ClickHouse, dead letters, files, a wait for the streams."""
