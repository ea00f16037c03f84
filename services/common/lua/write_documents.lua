-- Replaces documents, profiles or records, each if nobody else did, and notes them as not yet projected.
-- For each: KEYS `c:{c<slot>}:<id>` or `r:{r<slot>}:<kind>:<id>`, and `changes:{c<slot>}` or `made:{r<slot>}`
-- ARGV version that was read, 16 digits, or '' for none; new document; its name in the outbox; seconds to live, '0' for
-- ever; Redis time in microseconds after which it is too late, '0' never
-- Returns the new versions, max(stored + 1, Redis time in microseconds), '0' where it is too late or somebody was faster.
-- New ones are looked for by one command, and all are written by one: a command costs more here than what it does.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local new, written, versions, documents = {}, {}, {}, {}
for i = 1, #KEYS / 2 do
  if ARGV[5 * i - 4] == '' then new[#new + 1] = KEYS[2 * i - 1] end
end
local none_is_there = #new > 0 and redis.call('EXISTS', unpack(new)) == 0
for i = 1, #KEYS / 2 do
  local key, outbox, a = KEYS[2 * i - 1], KEYS[2 * i], 5 * (i - 1)
  local seen, latest = ARGV[a + 1], tonumber(ARGV[a + 5])
  local stored = written[key] or (none_is_there and seen == '' and '') or redis.call('GETRANGE', key, 0, 15)
  if stored ~= seen or (latest > 0 and now > latest) then
    versions[i] = '0'
  else
    local version = string.format('%016.0f', math.max((tonumber(stored) or 0) + 1, now))
    documents[#documents + 1] = key
    documents[#documents + 1] = version .. ARGV[a + 2]
    if ARGV[a + 4] == '0' then
      redis.call('ZADD', outbox, version, ARGV[a + 3])
    end
    written[key], versions[i] = version, version
  end
end
if #documents > 0 then redis.call('MSET', unpack(documents)) end
for i = 1, #KEYS / 2 do
  local seconds = ARGV[5 * i - 1]
  if seconds ~= '0' and versions[i] ~= '0' then redis.call('EXPIRE', KEYS[2 * i - 1], seconds) end
end
return versions
