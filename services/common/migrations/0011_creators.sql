-- The user who made the contact: it is theirs while it has no owner.
ALTER TABLE contacts ADD COLUMN IF NOT EXISTS created_by UInt32;
