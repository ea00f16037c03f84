-- Hands out ids of new records of one kind.
-- KEYS[1] `record-ids:<kind>`   ARGV[1] how many
-- Returns the last of them; the others are the numbers before it.
return redis.call('INCRBY', KEYS[1], ARGV[1])
