-- Forgets that documents wait for projection, unless they changed again meanwhile.
-- KEYS[1] `changes:{c<slot>}` or `made:{r<slot>}`   ARGV: pairs of a name in the outbox and the version that was projected
for i = 1, #ARGV, 2 do
  local waiting = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if waiting and tonumber(waiting) <= tonumber(ARGV[i + 1]) then redis.call('ZREM', KEYS[1], ARGV[i]) end
end
return true
