package bench

import "time"

// Order is the sample: ten fields, among them a time, nested lines, a map and a
// digest.
type Order struct {
	ID       string
	Customer string
	Total    int64
	Currency string
	Paid     bool
	Attempt  uint32
	PlacedAt time.Time
	Lines    []Line
	Labels   map[string]string `bat:",sorted"`
	Digest   []byte
}

// Line is one article of an order.
type Line struct {
	Article string
	Count   int32
	Price   int64
}
