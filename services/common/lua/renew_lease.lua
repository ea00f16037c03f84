-- Keeps or gives up a lease that is still one's own.
-- KEYS[1] `lease:{n}`   ARGV[1] owner   ARGV[2] milliseconds, '0' gives it up
-- Returns 1 while the caller owns it, else 0.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then redis.call('DEL', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
