-- What contacts are members of beside companies, and which channels may not be used for them (`email:1`, by reason).
ALTER TABLE contacts ADD COLUMN IF NOT EXISTS campaigns Array(UInt64);

-- statement
ALTER TABLE contacts ADD COLUMN IF NOT EXISTS categories Array(UInt64);

-- statement
ALTER TABLE contacts ADD COLUMN IF NOT EXISTS dnc Array(LowCardinality(String));
