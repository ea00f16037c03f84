-- Mails that were queued for contacts: the newest version of each says what became of it; the text of one that is done is
-- not kept. `data` is JSON.
CREATE TABLE IF NOT EXISTS messages
(
    contact_id UInt64,
    id String,
    version UInt64,
    status LowCardinality(String),
    email_id UInt64,
    is_transactional UInt8,
    added DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    sent DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    data String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (contact_id, id)
SETTINGS non_replicated_deduplication_window = 1000;
