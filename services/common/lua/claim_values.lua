-- Gives unique values to contacts, or takes them away, each if its holder is still the one that the caller saw.
-- For each: KEYS `u:{u<slot>}:<field>:<hash>`   ARGV '<contact>:<claimed, us>' as seen, or ''; contact id, '' frees it
-- Returns what each key holds now: '<contact>:<claimed, us>', or '' when it is free.
local time = redis.call('TIME')
local now = string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2]))
local holders = {}
for i = 1, #KEYS do
  local key, seen, contact = KEYS[i], ARGV[2 * i - 1], ARGV[2 * i]
  local holder = redis.call('GET', key) or ''
  if holder ~= seen then
    holders[i] = holder
  elseif contact == '' then
    redis.call('DEL', key)
    holders[i] = ''
  else
    holders[i] = contact .. ':' .. now
    redis.call('SET', key, holders[i])
  end
end
return holders
