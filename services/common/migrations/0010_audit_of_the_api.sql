-- Changes of all that there is, not of contacts alone, and from where; a row without an object id is of the contact.
ALTER TABLE audit ADD COLUMN IF NOT EXISTS object LowCardinality(String) DEFAULT 'lead';

-- statement
ALTER TABLE audit ADD COLUMN IF NOT EXISTS object_id String;

-- statement
ALTER TABLE audit ADD COLUMN IF NOT EXISTS user_id UInt32;

-- statement
ALTER TABLE audit ADD COLUMN IF NOT EXISTS ip String;
