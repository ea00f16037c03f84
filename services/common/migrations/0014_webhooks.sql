-- Every request of a webhook and how it went, for a month.
CREATE TABLE IF NOT EXISTS webhook_deliveries
(
    hook UInt64,
    time DateTime64(3, 'UTC'),
    status UInt16,
    seconds Float32,
    items UInt32,
    note String
)
ENGINE = MergeTree
ORDER BY (hook, time)
TTL toDateTime(time) + INTERVAL 30 DAY;

-- statement
-- Who follows events in the order in which they were stored reads the parts that are new, and no others.
ALTER TABLE events ADD INDEX IF NOT EXISTS by_stored stored_at TYPE minmax GRANULARITY 1;

-- statement
ALTER TABLE events MATERIALIZE INDEX by_stored;

-- statement
-- The same for versions of contacts.
ALTER TABLE contacts ADD INDEX IF NOT EXISTS by_version version TYPE minmax GRANULARITY 1;

-- statement
ALTER TABLE contacts MATERIALIZE INDEX by_version;
