-- Puts what a webhook is to be told behind what waits already; the oldest gives way.
-- KEYS[1] `hook:{r<slot>}:<id>`   ARGV[1] how many may wait   ARGV[2..] notes
-- Returns how many gave way.
for i = 2, #ARGV do redis.call('XADD', KEYS[1], '*', 'n', ARGV[i]) end
local beyond = redis.call('XLEN', KEYS[1]) - tonumber(ARGV[1])
if beyond <= 0 then return 0 end
redis.call('XTRIM', KEYS[1], 'MAXLEN', ARGV[1])
return beyond
