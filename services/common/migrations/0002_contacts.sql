-- The projection of the profiles in Redis: one row a version, the whole document and columns derived from it.
-- q is what free text searches, case-folded by the writer: not every build of the engine has lowerUTF8.
-- is_deleted hides what is no contact of its own: merged away, deleted, or only the moves of a device.
CREATE TABLE IF NOT EXISTS contacts
(
    id UInt64,
    version UInt64,
    is_deleted UInt8,
    email String,
    firstname String,
    lastname String,
    company String,
    phone String,
    city String,
    country LowCardinality(String),
    fields Map(LowCardinality(String), String),
    tags Array(LowCardinality(String)),
    ips Array(String),
    points Int32,
    owner_id UInt32,
    stage_id UInt32,
    date_added DateTime64(3, 'UTC'),
    date_modified DateTime64(3, 'UTC'),
    date_identified DateTime64(3, 'UTC'),
    profile String CODEC(ZSTD(1)),
    q String,
    INDEX by_email email TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY id
SETTINGS non_replicated_deduplication_window = 1000;

-- statement
-- Which contact an id leads to after all merges, written with the survivor, so that chains are flat.
CREATE TABLE IF NOT EXISTS aliases
(
    loser UInt64,
    winner UInt64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY loser
SETTINGS non_replicated_deduplication_window = 1000;

-- statement
-- Every change of a contact, by whom, and both sides of it.
CREATE TABLE IF NOT EXISTS audit
(
    id UUID,
    contact_id UInt64,
    time DateTime64(3, 'UTC'),
    action LowCardinality(String),
    user String,
    details String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (contact_id, time, id)
SETTINGS non_replicated_deduplication_window = 1000;
