-- wrk asks the questions of a file (paths, one a line) in turn, from a given line on, and tells as JSON how it went.
local questions, at = {}, 0

function init(args)
  wrk.headers["Authorization"] = os.getenv("BENCH_AUTHORIZATION")
  for path in io.lines(args[1]) do
    questions[#questions + 1] = wrk.format("GET", path)
  end
  at = tonumber(args[2])
end

function request()
  at = at % #questions + 1
  return questions[at]
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.6f,"bytes":%d,"bad_statuses":%d,"broken":%d,"timeouts":%d,"p50_ms":%.3f,"p99_ms":%.3f}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    e.status, e.connect + e.read + e.write, e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
