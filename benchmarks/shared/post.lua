-- wrk's script: POST /v1/emails with 2 KB of HTML, each to another recipient; the sum as one line of JSON.
local made, at = {}, 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local html = file:read("*a")
  file:close()
  local headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. args[2] }
  html = html:gsub('\\', '\\\\'):gsub('"', '\\"'):gsub('\n', '\\n')
  for number = 1, 1000 do
    local body = string.format(
      '{"from":"%s","to":["pelanggan%d@example.com"],"subject":"Pesanan INV-%07d","html":"%s"}',
      args[3], number, number, html)
    made[number] = wrk.format("POST", "/v1/emails", headers, body)
  end
end

function request()
  at = at % #made + 1
  return made[at]
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
