-- Who was added to a segment or removed from it by hand.
ALTER TABLE contacts ADD COLUMN IF NOT EXISTS segments_added Array(UInt64);

-- statement
ALTER TABLE contacts ADD COLUMN IF NOT EXISTS segments_removed Array(UInt64);
