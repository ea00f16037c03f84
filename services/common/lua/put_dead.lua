-- Puts a hit aside; the oldest ones give way.
-- KEYS[1] hits:dead   ARGV[1] the hit as it came   ARGV[2] reason   ARGV[3] how many are kept
return redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'h', ARGV[1], 'reason', ARGV[2])
