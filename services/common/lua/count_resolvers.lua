-- Signs a resolver in and counts those that gave a sign of life lately.
-- KEYS[1] resolvers   ARGV[1] the caller   ARGV[2] seconds after which a silent one is dead
-- Returns how many are alive, the caller among them.
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
return redis.call('ZCARD', KEYS[1])
