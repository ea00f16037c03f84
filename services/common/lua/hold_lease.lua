-- Takes, keeps or gives up a lease.
-- KEYS[1] `lease:{n}`   ARGV[1] owner   ARGV[2] milliseconds, '0' gives it up   ARGV[3] '1' also takes a free one
-- Returns 1 while the caller owns it, else 0.
local owner = redis.call('GET', KEYS[1])
if owner ~= ARGV[1] and (owner or ARGV[3] ~= '1') then return 0 end
if ARGV[2] == '0' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return 1
