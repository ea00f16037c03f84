-- Gives unique values to contacts, or takes them away, each if its holder is still the one that the caller saw.
-- For each: KEYS `u:{u<slot>}:<field>:<hash>`   ARGV '<contact>:<claimed, us>' as seen, or ''; contact id, '' frees it
-- Returns what each key holds now: '<contact>:<claimed, us>', or '' when it is free.
-- All are read by one command and written by one: a command costs more here than what it does.
local time = redis.call('TIME')
local now = string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2]))
local stored, held, holders = redis.call('MGET', unpack(KEYS)), {}, {}
for i = 1, #KEYS do
  local key, contact = KEYS[i], ARGV[2 * i]
  local holder = held[key] or stored[i] or ''
  if holder == ARGV[2 * i - 1] then
    holder = contact == '' and '' or contact .. ':' .. now
    held[key] = holder
  end
  holders[i] = holder
end
local taken, freed = {}, {}
for key, holder in pairs(held) do
  if holder == '' then
    freed[#freed + 1] = key
  else
    taken[#taken + 1] = key
    taken[#taken + 1] = holder
  end
end
if #taken > 0 then redis.call('MSET', unpack(taken)) end
if #freed > 0 then redis.call('DEL', unpack(freed)) end
return holders
