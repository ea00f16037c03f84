-- Remembers which devices joined a contact without cookies lately, the newest few, and says which are beyond that.
-- KEYS[1] `brief:{c<slot>}:<contact>`   ARGV[1] how many are kept   ARGV[2] seconds to live   ARGV[3..] device contacts
-- Returns the device contacts that gave way.
for i = 3, #ARGV do
  redis.call('LREM', KEYS[1], 0, ARGV[i])
  redis.call('LPUSH', KEYS[1], ARGV[i])
end
local gone = redis.call('LRANGE', KEYS[1], ARGV[1], -1)
redis.call('LTRIM', KEYS[1], 0, ARGV[1] - 1)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return gone
