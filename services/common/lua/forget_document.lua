-- Removes a document, a profile or a record, if nobody wrote it meanwhile, and takes it out of the outbox.
-- KEYS[1] `c:{c<slot>}:<id>` or `r:{r<slot>}:<kind>:<id>`   KEYS[2] `changes:{c<slot>}` or `made:{r<slot>}`
-- ARGV[1] version that was read, 16 digits   ARGV[2] its name in the outbox
-- Returns 1 when it is gone, 0 when somebody else was faster.
local stored = redis.call('GETRANGE', KEYS[1], 0, 15)
if stored ~= '' and stored ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
return 1
