-- Replaces documents, profiles or records, each if nobody else did, and notes them as not yet projected.
-- For each: KEYS `c:{c<slot>}:<id>` or `r:{r<slot>}:<kind>:<id>`, and `changes:{c<slot>}` or `made:{r<slot>}`
-- ARGV version that was read, 16 digits, or '' for none; new document; its name in the outbox; seconds to live, '0' for
-- ever; Redis time in microseconds after which it is too late, '0' never
-- Returns the new versions, max(stored + 1, Redis time in microseconds), '0' where it is too late or somebody was faster.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local versions = {}
for i = 1, #KEYS / 2 do
  local key, outbox, a = KEYS[2 * i - 1], KEYS[2 * i], 5 * (i - 1)
  local stored = redis.call('GETRANGE', key, 0, 15)
  local latest = tonumber(ARGV[a + 5])
  if stored ~= ARGV[a + 1] or (latest > 0 and now > latest) then
    versions[i] = '0'
  else
    local version = string.format('%016.0f', math.max((tonumber(stored) or 0) + 1, now))
    redis.call('SET', key, version .. ARGV[a + 2])
    if ARGV[a + 4] == '0' then
      redis.call('ZADD', outbox, version, ARGV[a + 3])
    else
      redis.call('EXPIRE', key, ARGV[a + 4])
    end
    versions[i] = version
  end
end
return versions
