package report

// line is a row of the tables: a figure and what to call it.
type line struct {
	name string
	Figure
	less bool // is better
}

// lines are the workloads in the order of the tables.
func lines() []line {
	return []line{
		{"W1: durable append, 1 goroutine", Figure{Workload: "w1", Metric: Rate}, false},
		{"W1: its latency", Figure{Workload: "w1", Metric: P50}, true},
		{"W2: durable append, 8 goroutines", Figure{Workload: "w2/8", Metric: Rate}, false},
		{"W2: 64 goroutines", Figure{Workload: "w2/64", Metric: Rate}, false},
		{"W2: 256 goroutines", Figure{Workload: "w2/256", Metric: Rate}, false},
		{"W3: durable batches of 100", Figure{Workload: "w3/100", Metric: Rate}, false},
		{"W3: durable batches of 1,000", Figure{Workload: "w3/1000", Metric: Rate}, false},
		{"W4: relaxed append, 1 goroutine", Figure{Workload: "w4", Metric: Rate}, false},
		{"Load: relaxed batches of 1,000", Figure{Workload: "load", Metric: Rate}, false},
		{"Disk, when closed", Figure{Workload: "load", Metric: Disk}, true},
		{"Disk beyond payload and names", Figure{Workload: "load", Metric: Beyond}, true},
		{"R1: get by key", Figure{Workload: "r1/key", Metric: P50}, true},
		{"R1: get by the store's own id", Figure{Workload: "r1/id", Metric: P50}, true},
		{"R1: get by sequence", Figure{Workload: "r1/seq", Metric: P50}, true},
		{"R2: one stream", Figure{Workload: "r2", Metric: Rate}, false},
		{"R3: everything", Figure{Workload: "r3", Metric: Rate}, false},
		{"Page of 100 of a stream", Figure{Workload: "page/stream", Metric: P50}, true},
		{"Page of 100 of a prefix", Figure{Workload: "page/prefix", Metric: P50}, true},
		{"Page of 100 of a scope", Figure{Workload: "page/scope", Metric: P50}, true},
		{"Page of 100 of a kind", Figure{Workload: "page/kind", Metric: P50}, true},
		{"Verify all chains", Figure{Workload: "verify", Metric: Rate}, false},
		{"Project a stream of 100,000", Figure{Workload: "project/all", Metric: Rate}, false},
		{"Project 5 more", Figure{Workload: "project/new", Metric: P50}, true},
		{"C1: open and read, closed before", Figure{Workload: "c1/warm", Metric: Millis}, true},
		{"C1: with a cold page cache", Figure{Workload: "c1/cold", Metric: Millis}, true},
		{"C1: without its snapshot", Figure{Workload: "c1/nosnapshot", Metric: Millis}, true},
		{"C1: from the log alone", Figure{Workload: "c1/scan", Metric: Millis}, true},
		{"C1: after kill -9", Figure{Workload: "c1/kill", Metric: Millis}, true},
		{"Heap after that", Figure{Workload: "c1/warm", Metric: Heap}, true},
		{"Writer beside compaction", Figure{Workload: "compact", Metric: Slowdown}, true},
		{"Writer beside compaction that comes by itself", Figure{Workload: "compact/unasked", Metric: Slowdown}, true},
		{"CRC-32C of a payload", Figure{Workload: "limit/crc", Metric: Nanos}, true},
	}
}

// bar is what the store of this repository is to reach.
type bar struct {
	what string
	Figure
	to    string // a driver, bestIndexed, bestPeer, tenthOf, or "" for the figure itself
	most  bool   // the limit is the most that is allowed, not the least
	limit float64
	cores bool // the limit is for each core
}

const (
	bestIndexed = "the best indexed peer"
	bestPeer    = "the best peer"
	tenthOf     = "a tenth of the events"
)

// bars are for payloads of 128 bytes and a store of 1,000,000 events in 1,000
// streams; those that are no ratios are for the machine that they were set on.
func bars() []bar {
	rate := func(w string) Figure { return Figure{Workload: w, Metric: Rate} }
	p50 := func(w string) Figure { return Figure{Workload: w, Metric: P50} }
	return []bar{
		{"durable append, 1 goroutine, latency", p50("w1"), "raw", true, 1.15, false},
		{"durable append, 1 goroutine", rate("w1"), bestIndexed, false, 1, false},
		{"durable append, 8 goroutines", rate("w2/8"), "ref-log", false, 0.9, false},
		{"durable append, 8 goroutines", rate("w2/8"), bestPeer, false, 1, false},
		{"durable append, 64 goroutines", rate("w2/64"), "ref-log", false, 0.9, false},
		{"durable append, 64 goroutines", rate("w2/64"), bestPeer, false, 1, false},
		{"durable append, 256 goroutines", rate("w2/256"), "ref-log", false, 0.9, false},
		{"durable append, 256 goroutines", rate("w2/256"), bestPeer, false, 1, false},
		{"durable batches of 1,000", rate("w3/1000"), "ref-log", false, 0.8, false},
		{"durable batches of 1,000", rate("w3/1000"), bestIndexed, false, 4, false},
		{"durable batches of 1,000", rate("w3/1000"), "", false, 630_000, false},
		{"relaxed append, 1 goroutine", rate("w4"), "ref-log", false, 0.7, false},
		{"open and read, ms", Figure{Workload: "c1/warm", Metric: Millis}, "", true, 10, false},
		{"open and read without a snapshot, ms", Figure{Workload: "c1/nosnapshot", Metric: Millis}, "", true, 100, false},
		{"open and read from the log alone, MB/s", Figure{Workload: "c1/scan", Metric: Megabytes}, "", false, 500, true},
		{"heap after opening, MB", Figure{Workload: "c1/warm", Metric: Heap}, "", true, 16, false},
		{"get by id, µs", p50("r1/id"), "", true, 1.5, false},
		{"get by sequence, µs", p50("r1/seq"), "", true, 1, false},
		{"one stream, events/s", rate("r2"), "", false, 2e6, false},
		{"full scan, events/s", rate("r3"), "", false, 10e6, false},
		{"page of a stream, µs", p50("page/stream"), "", true, 100, false},
		{"page of a prefix, µs", p50("page/prefix"), "", true, 100, false},
		{"page of a scope, µs", p50("page/scope"), "", true, 100, false},
		{"page of a kind, µs", p50("page/kind"), "", true, 100, false},
		{"project 100,000 events, events/s", rate("project/all"), "", false, 1.5e6, false},
		{"project 5 more, µs", p50("project/new"), "", true, 100, false},
		{"verify all chains, events/s", rate("verify"), "", false, 1.2e6, true},
		{"disk beyond payload and names, B/event", Figure{Workload: "load", Metric: Beyond}, "", true, 130, false},
		{"append p99 while compacting, to without", Figure{Workload: "compact", Metric: Slowdown}, "", true, 2, false},
		{"append p99 while compacting by itself, to without", Figure{Workload: "compact/unasked", Metric: Slowdown}, "", true, 2, false},
	}
}
