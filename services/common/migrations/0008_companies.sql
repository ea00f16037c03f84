-- The companies that a contact is a member of, the first one first.
ALTER TABLE contacts ADD COLUMN IF NOT EXISTS companies Array(UInt64);
