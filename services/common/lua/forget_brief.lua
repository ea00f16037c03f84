-- Removes the profile of a device that joined without cookies, unless it came back since: then it lives for ever.
-- KEYS[1] `c:{c<slot>}:<id>`
if redis.call('TTL', KEYS[1]) > 0 then redis.call('DEL', KEYS[1]) end
return true
