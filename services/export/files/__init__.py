"""How rows of ClickHouse become files: CSV and NDJSON as they stream by, XLSX and Parquet built beside the stream."""
