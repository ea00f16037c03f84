-- Writes something for a WAIT behind it to wait for, and says whose history it belongs to.
-- KEYS[1] `fence:{<tag>}`
-- Returns the server's replication id. It has another one when a replica took over, or when it was started anew.
redis.call('SET', KEYS[1], 1)
return string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
