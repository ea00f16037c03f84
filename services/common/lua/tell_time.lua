-- Tells the time by the clock that stamps claims and versions, in microseconds.
-- KEYS[1] any, which says what server of a cluster is asked
local time = redis.call('TIME')
return string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2]))
