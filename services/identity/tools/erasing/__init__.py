"""What erasing a contact takes: traces in Redis, rows in ClickHouse, dead letters, files, and the wait for the streams."""
