-- Forgets that documents wait for projection, unless they changed again meanwhile.
-- For each: KEYS `changes:{c<slot>}` or `made:{r<slot>}`   ARGV how many pairs follow; pairs of a name in the outbox and
-- the version that was projected
-- Returns how many each forgot.
local a, forgotten = 1, {}
for i = 1, #KEYS do
  local last = a + 2 * tonumber(ARGV[a])
  local gone = {}
  for pair = a + 1, last, 2 do
    local waiting = redis.call('ZSCORE', KEYS[i], ARGV[pair])
    if waiting and tonumber(waiting) <= tonumber(ARGV[pair + 1]) then gone[#gone + 1] = ARGV[pair] end
  end
  for first = 1, #gone, 1000 do
    redis.call('ZREM', KEYS[i], unpack(gone, first, math.min(first + 999, #gone)))
  end
  a, forgotten[i] = last + 1, #gone
end
return forgotten
