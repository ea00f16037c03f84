-- Replaces a document, a profile or a record, if nobody else did, and notes it as not yet projected.
-- KEYS[1] `c:{c<slot>}:<id>` or `r:{r<slot>}:<kind>:<id>`   KEYS[2] `changes:{c<slot>}` or `made:{r<slot>}`
-- ARGV[1] version that was read, 16 digits, or '' for none   ARGV[2] new document   ARGV[3] its name in the outbox
-- ARGV[4] seconds to live, '0' for ever   ARGV[5] Redis time in microseconds after which it is too late, '0' never
-- Returns the new version, max(stored + 1, Redis time in microseconds), or false when it is too late or somebody else was faster.
local stored = redis.call('GETRANGE', KEYS[1], 0, 15)
if stored ~= ARGV[1] then return false end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local latest = tonumber(ARGV[5])
if latest > 0 and now > latest then return false end
local version = string.format('%016.0f', math.max((tonumber(stored) or 0) + 1, now))
redis.call('SET', KEYS[1], version .. ARGV[2])
if ARGV[4] == '0' then
  redis.call('ZADD', KEYS[2], version, ARGV[3])
else
  redis.call('EXPIRE', KEYS[1], ARGV[4])
end
return version
