-- Gives a unique value to a contact, or takes it away, if its holder is still the one that the caller saw.
-- KEYS[1] `u:{u<slot>}:<field>:<hash>`   ARGV[1] '<contact>:<claimed, us>' as seen, or ''   ARGV[2] contact id, '' frees it
-- Returns what the key holds now: '<contact>:<claimed, us>', or '' when it is free.
local holder = redis.call('GET', KEYS[1]) or ''
if holder ~= ARGV[1] then return holder end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) return '' end
local time = redis.call('TIME')
local claim = ARGV[2] .. ':' .. string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2]))
redis.call('SET', KEYS[1], claim)
return claim
