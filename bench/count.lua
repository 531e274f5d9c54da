-- What wrk counted, as a line of JSON. Only `done` is defined: it runs once, at the end, and costs a request nothing.
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"micros":%d,"bytes":%d,"refused":%d,"broken":%d,"p50":%d,"p99":%d,"slowest":%d}\n',
    summary.requests, summary.duration, summary.bytes, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
