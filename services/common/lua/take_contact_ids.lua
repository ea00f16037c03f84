-- Hands out a block of contact ids that no worker ever had, not even after Redis lost its last second.
-- KEYS[1] contact-ids   ARGV[1] size of the block   ARGV[2] epoch, seconds since 1970
-- Returns the first id of the block: max(counter, (now - epoch) * 1,000,000).
local now = tonumber(redis.call('TIME')[1])
local first = math.max(tonumber(redis.call('GET', KEYS[1]) or '1'), (now - tonumber(ARGV[2])) * 1000000)
redis.call('SET', KEYS[1], string.format('%.0f', first + tonumber(ARGV[1])))
return string.format('%.0f', first)
