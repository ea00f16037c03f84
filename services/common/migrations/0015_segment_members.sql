-- Who was in a segment when it was last compared with who is in it: the newest generation of a member counts, and each
-- change of one is another generation. is_due: its event is to be told, for nobody did it by hand.
CREATE TABLE IF NOT EXISTS segment_members
(
    segment UInt64,
    contact UInt64,
    generation UInt32,
    is_in UInt8,
    is_due UInt8,
    time DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(generation)
ORDER BY (segment, contact);

-- statement
-- When each segment was last compared; changes with a later time may not have been told yet.
CREATE TABLE IF NOT EXISTS segment_builds
(
    segment UInt64,
    time DateTime64(3, 'UTC'),
    seconds Float32
)
ENGINE = ReplacingMergeTree(time)
ORDER BY segment;
