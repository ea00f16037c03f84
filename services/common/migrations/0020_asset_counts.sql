-- How often each asset was downloaded, and by how many: counted by the event and by the contact, so that what is stored
-- twice counts once.
CREATE TABLE IF NOT EXISTS asset_counts
(
    asset_id String,
    downloads AggregateFunction(uniq, UUID),
    contacts AggregateFunction(uniq, UInt64)
)
ENGINE = AggregatingMergeTree
ORDER BY asset_id;

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS asset_counts_from_events TO asset_counts AS
SELECT JSONExtractString(query, 'asset', 'id') AS asset_id, uniqState(event_id) AS downloads,
    uniqState(contact_id) AS contacts
FROM events
WHERE type = 'asset.download'
GROUP BY asset_id;

-- statement
INSERT INTO asset_counts
SELECT JSONExtractString(query, 'asset', 'id') AS asset_id, uniqState(event_id) AS downloads,
    uniqState(contact_id) AS contacts
FROM events
WHERE type = 'asset.download'
GROUP BY asset_id;
