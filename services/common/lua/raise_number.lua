-- Raises a counter to at least a number.
-- KEYS[1] `contact-ids` or `record-ids:<kind>`   ARGV[1] the number
-- Returns 1 when it was lower.
if tonumber(redis.call('GET', KEYS[1]) or '0') >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
return 1
