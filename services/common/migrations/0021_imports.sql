-- Files that contacts are imported from, in pieces that end with a line where they can; removed when they are imported.
CREATE TABLE IF NOT EXISTS import_files
(
    file String,
    piece UInt32,
    data String CODEC(ZSTD(1)),
    stored_at DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree
ORDER BY (file, piece)
SETTINGS index_granularity = 1, non_replicated_deduplication_window = 1000;

-- statement
-- The rows that could not be imported: where they begin, why, and their cells (base64 of the bytes of the record).
CREATE TABLE IF NOT EXISTS import_failures
(
    import_id UInt64,
    line UInt64,
    error String CODEC(ZSTD(1)),
    cells String CODEC(ZSTD(1)),
    stored_at DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree
ORDER BY (import_id, line)
SETTINGS non_replicated_deduplication_window = 1000;
