package report

// The metrics.
const (
	Rate      = "events/s"
	P50       = "p50 µs"
	P99       = "p99 µs"
	Ops       = "ops/s"
	Millis    = "ms"
	Megabytes = "MB/s"
	Heap      = "heap MB"
	Resident  = "anonymous MB"
	Disk      = "B/event on disk"
	Beyond    = "B/event beyond payload and names"
	Nanos     = "ns"
	Slowdown  = "p99 with / without"
)
