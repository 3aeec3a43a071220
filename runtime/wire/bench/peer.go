package bench

import "time"

// PeerOrder is [Order] for msgp.
type PeerOrder struct {
	ID       string            `msg:"id"`
	Customer string            `msg:"customer"`
	Total    int64             `msg:"total"`
	Currency string            `msg:"currency"`
	Paid     bool              `msg:"paid"`
	Attempt  uint32            `msg:"attempt"`
	PlacedAt time.Time         `msg:"placed_at"`
	Lines    []PeerLine        `msg:"lines"`
	Labels   map[string]string `msg:"labels"`
	Digest   []byte            `msg:"digest"`
}

// PeerLine is [Line] for msgp.
type PeerLine struct {
	Article string `msg:"article"`
	Count   int32  `msg:"count"`
	Price   int64  `msg:"price"`
}
