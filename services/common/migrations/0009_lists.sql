-- What events say of their contact beside its history: from which addresses and places it came (kind 2, by address) and
-- with which UTM tags (kind 3, by event). Small, so that showing a contact, or a page of them, does not read events.
CREATE TABLE IF NOT EXISTS footprints
(
    contact_id UInt64,
    kind UInt8,
    key String,
    time DateTime64(3, 'UTC'),
    texts Array(String) CODEC(ZSTD(1)),
    latitude Float32,
    longitude Float32
)
ENGINE = ReplacingMergeTree(time)
ORDER BY (contact_id, kind, key)
SETTINGS non_replicated_deduplication_window = 1000, index_granularity = 1024;

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS footprints_from_events TO footprints AS
SELECT contact_id,
    arrayJoin(arrayConcat(
        if(ip != '', [2], []),
        if(utm_source != '' OR utm_medium != '' OR utm_campaign != '' OR utm_content != '' OR utm_term != '', [3], [])
    )) AS kind,
    if(kind = 2, ip, toString(event_id)) AS key, time,
    if(kind = 2, [toString(country), region, city, timezone, language],
        [toString(type), query, referrer, ip, url, user_agent, utm_campaign, utm_content, utm_medium, utm_source, utm_term]
    ) AS texts,
    latitude, longitude
FROM events;

-- statement
-- Of the events that were there before; run again, it changes nothing.
INSERT INTO footprints
SELECT contact_id,
    arrayJoin(arrayConcat(
        if(ip != '', [2], []),
        if(utm_source != '' OR utm_medium != '' OR utm_campaign != '' OR utm_content != '' OR utm_term != '', [3], [])
    )) AS kind,
    if(kind = 2, ip, toString(event_id)) AS key, time,
    if(kind = 2, [toString(country), region, city, timezone, language],
        [toString(type), query, referrer, ip, url, user_agent, utm_campaign, utm_content, utm_medium, utm_source, utm_term]
    ) AS texts,
    latitude, longitude
FROM events;

-- statement
-- When contacts were active, the newest hours first at hand: by it a list of millions is sorted without reading them all.
CREATE TABLE IF NOT EXISTS recent
(
    hour DateTime('UTC'),
    contact_id UInt64,
    last_active SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (hour, contact_id)
SETTINGS non_replicated_deduplication_window = 1000;

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS recent_from_activity TO recent AS
SELECT toStartOfHour(last_active) AS hour, contact_id, last_active FROM activity;

-- statement
INSERT INTO recent SELECT toStartOfHour(last_active), contact_id, last_active FROM activity;

-- statement
-- What a contact was told of its last activity, by an import or over the API.
ALTER TABLE contacts ADD COLUMN IF NOT EXISTS told_active DateTime64(3, 'UTC')
    MATERIALIZED toDateTime64OrZero(fields['last_active'], 3, 'UTC');

-- statement
ALTER TABLE contacts MATERIALIZE COLUMN told_active;
