-- Forgets that a contact waits for projection, unless it changed again meanwhile.
-- KEYS[1] `changes:{c<slot>}`   ARGV: pairs of contact id and the version that was projected
for i = 1, #ARGV, 2 do
  local waiting = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if waiting and tonumber(waiting) <= tonumber(ARGV[i + 1]) then redis.call('ZREM', KEYS[1], ARGV[i]) end
end
return true
