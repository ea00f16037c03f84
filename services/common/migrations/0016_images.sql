-- The pictures that were uploaded for contacts, in base64. Few rows a granule, for one row is read at a time.
CREATE TABLE IF NOT EXISTS images
(
    contact_id UInt64,
    id String,
    type LowCardinality(String),
    time DateTime64(3, 'UTC'),
    data String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (contact_id, id)
SETTINGS index_granularity = 16, non_replicated_deduplication_window = 1000;
