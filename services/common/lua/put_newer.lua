-- Puts back a document, a profile or a record, as it was projected, unless the stored one is as new. It is not noted in the outbox.
-- KEYS[1] `c:{c<slot>}:<id>` or `r:{r<slot>}:<kind>:<id>`   ARGV[1] the document, its version of 16 digits in front
-- Returns 1 when it was stored.
if redis.call('GETRANGE', KEYS[1], 0, 15) >= string.sub(ARGV[1], 1, 16) then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
return 1
