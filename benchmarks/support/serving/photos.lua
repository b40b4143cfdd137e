-- For wrk: `wrk -s photos.lua URL -- FOLDER COUNT FIRST` posts the photos FOLDER/0.jpg to COUNT-1, one after
-- the other, from FIRST on, and prints one JSON line at the end.

local requests, place = {}, 0

function init(arguments)
  local folder, count = arguments[1], tonumber(arguments[2])
  for number = 0, count - 1 do
    local file = assert(io.open(folder .. "/" .. number .. ".jpg", "rb"))
    local headers = { ["Content-Type"] = "image/jpeg", ["Accept"] = "application/json" }
    requests[number] = wrk.format("POST", "/invocations", headers, file:read("*a"))
    file:close()
  end
  place = tonumber(arguments[3])
end

function request()
  place = place + 1
  return requests[place % (#requests + 1)]
end

function done(summary, latency, _)
  local errors = summary.errors
  print(string.format(
    '{"throughput": %.3f, "median_ms": %.4f, "p99_ms": %.4f, "failures": %d}',
    summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000,
    latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
