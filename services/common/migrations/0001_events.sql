-- Every engagement, for ever under its device's contact as it was at that hit; aliases are resolved when read.
-- Delivered at least once: merges remove repeats in the background, queries count distinct event ids.
CREATE TABLE IF NOT EXISTS events
(
    event_id UUID,
    contact_id UInt64,
    time DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    type LowCardinality(String),
    url String CODEC(ZSTD(1)),
    title String CODEC(ZSTD(1)),
    referrer String CODEC(ZSTD(1)),
    language String CODEC(ZSTD(1)),
    utm_source String CODEC(ZSTD(1)),
    utm_medium String CODEC(ZSTD(1)),
    utm_campaign String CODEC(ZSTD(1)),
    utm_content String CODEC(ZSTD(1)),
    utm_term String CODEC(ZSTD(1)),
    country LowCardinality(String),
    region String CODEC(ZSTD(1)),
    city String CODEC(ZSTD(1)),
    latitude Float32,
    longitude Float32,
    timezone String CODEC(ZSTD(1)),
    browser String CODEC(ZSTD(1)),
    os String CODEC(ZSTD(1)),
    device_type String CODEC(ZSTD(1)),
    device_brand String CODEC(ZSTD(1)),
    device_model String CODEC(ZSTD(1)),
    device_id String CODEC(ZSTD(1)),
    ip String CODEC(ZSTD(1)),
    user_agent String CODEC(ZSTD(1)),
    query String CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (contact_id, time, event_id)
SETTINGS non_replicated_deduplication_window = 1000;

-- statement
CREATE TABLE IF NOT EXISTS bot_events AS events;

-- statement
-- When each contact id was first and last seen. Only idempotent states: a repeated insert changes nothing.
CREATE TABLE IF NOT EXISTS activity
(
    contact_id UInt64,
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_active SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY contact_id
SETTINGS non_replicated_deduplication_window = 1000;

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS activity_from_events TO activity AS
SELECT contact_id, min(time) AS first_seen, max(time) AS last_active
FROM events
GROUP BY contact_id;
