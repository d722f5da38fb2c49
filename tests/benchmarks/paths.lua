-- Asks for the paths of a file one after another, from a place in it that differs from run to run.
-- Arguments: the file ("path" or "path<TAB>ETag" a line), the number of the first line, the header Accept-Encoding (may be empty).
local requests, at = {}, 0

function init(arguments)
  local encoding = arguments[3]
  for line in io.lines(arguments[1]) do
    local path, etag = line:match("^([^\t]+)\t?(.*)$")
    local headers = {}
    if encoding and encoding ~= "" then headers["Accept-Encoding"] = encoding end
    if etag ~= "" then headers["If-None-Match"] = etag end
    requests[#requests + 1] = wrk.format("GET", path, headers)
  end
  at = tonumber(arguments[2]) % #requests
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    "result %d %d %d %.3f %.3f %d\n", summary.requests, summary.duration, summary.bytes,
    latency:percentile(50) / 1000, latency:percentile(95) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
