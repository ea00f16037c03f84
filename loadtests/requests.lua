-- Sends prepared requests in turn. Arguments after `--`: the file, each request headed by a line with its length.
-- At the end it prints one line of JSON.
local requests, count, turn = {}, 0, 0
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  while true do
    local length = file:read("*l")
    if not length then break end
    count = count + 1
    requests[count] = file:read(tonumber(length))
  end
  file:close()
  turn = math.floor(count / 4) * number  -- the threads begin at different places
end

function request()
  turn = turn % count + 1
  return requests[turn]
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"requests":%d,"microseconds":%d,"p50":%.3f,"p99":%.3f,"bad_status":%d,"socket_errors":%d}',
    summary.requests, summary.duration, latency:percentile(50) / 1000, latency:percentile(99) / 1000, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
