-- Under which ids other systems know a contact, as `system:id`.
ALTER TABLE contacts ADD COLUMN IF NOT EXISTS integrations Array(String);

-- statement
ALTER TABLE contacts ADD INDEX IF NOT EXISTS by_integration integrations TYPE bloom_filter(0.01) GRANULARITY 1;
