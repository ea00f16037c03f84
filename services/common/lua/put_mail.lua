-- Keeps a mail that is to be sent, and when it is due, if nobody else wrote it since it was read; or forgets it.
-- KEYS[1] `mail:{mail}:<id>`   KEYS[2] `mails:{mail}`
-- ARGV[1] version that was read, 16 digits, or '' for none   ARGV[2] new document, or '' to forget it   ARGV[3] the id
-- ARGV[4] when it is due, microseconds   ARGV[5] how many may wait; one that waits already may be written all the same
-- Returns the new version, '0' when somebody else was faster, '-1' when too many wait.
local stored = redis.call('GETRANGE', KEYS[1], 0, 15)
if stored ~= ARGV[1] then return '0' end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[3])
  return '1'
end
if stored == '' and redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[5]) then return '-1' end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local version = string.format('%016.0f', math.max((tonumber(stored) or 0) + 1, now))
redis.call('SET', KEYS[1], version .. ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[3])
return version
