"""Joins hits to contacts and writes both down: from the streams in Redis to ClickHouse."""
