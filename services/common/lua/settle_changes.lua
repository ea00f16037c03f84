-- Forgets that documents wait for projection, unless they changed again meanwhile.
-- For each: KEYS `changes:{c<slot>}` or `made:{r<slot>}`   ARGV how many pairs follow; pairs of a name in the outbox and
-- the version that was projected
-- Returns how many each forgot.
local AT_ONCE = 1000
local a, forgotten = 1, {}
for i = 1, #KEYS do
  local last, count = a + 2 * tonumber(ARGV[a]), 0
  for first = a + 1, last, 2 * AT_ONCE do
    local names, gone = {}, {}
    for pair = first, math.min(first + 2 * AT_ONCE - 1, last), 2 do names[#names + 1] = ARGV[pair] end
    for n, waiting in ipairs(redis.call('ZMSCORE', KEYS[i], unpack(names))) do
      if waiting and tonumber(waiting) <= tonumber(ARGV[first + 2 * n - 1]) then gone[#gone + 1] = names[n] end
    end
    if #gone > 0 then redis.call('ZREM', KEYS[i], unpack(gone)) end
    count = count + #gone
  end
  a, forgotten[i] = last + 1, count
end
return forgotten
