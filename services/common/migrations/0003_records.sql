-- What people make beside contacts: the newest version of each record is the one that counts.
CREATE TABLE IF NOT EXISTS records
(
    kind LowCardinality(String),
    id String,
    version UInt64,
    is_deleted UInt8,
    data String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (kind, id)
SETTINGS non_replicated_deduplication_window = 1000;
