-- Makes the group that reads a stream from its beginning, and the stream, unless it is there.
-- KEYS[1] `hits:{n}`   ARGV[1] group
local answer = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if answer.err and not string.find(answer.err, 'BUSYGROUP') then return answer end
return true
