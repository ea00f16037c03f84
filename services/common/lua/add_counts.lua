-- Adds counts to those of a minute, once: the same call again, which its writer could not know to have been heard, adds
-- nothing.
-- KEYS[1] `counts:<minute>`   ARGV[1] seconds it lives   ARGV[2] writer   ARGV[3] number of its call, growing
-- ARGV[4..] name, amount
local from = 'from:' .. ARGV[2]
if tonumber(redis.call('HGET', KEYS[1], from) or '-1') >= tonumber(ARGV[3]) then return false end
for at = 4, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[at], ARGV[at + 1]) end
redis.call('HSET', KEYS[1], from, ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[1])
return true
