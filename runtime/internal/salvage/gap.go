package salvage

import "fmt"

// Gap is a place that holds no sound group, and the events that are lost there.
type Gap struct {
	Segment       uint64
	Offset        int64  // bytes from the start of the file
	End           int64  // of the damage; Offset if there is nothing at all
	FirstSequence uint64 // the first event that may be lost
	LastSequence  uint64 // the last one; less than the first if none is
	Open          bool   // nothing sound is behind it, so the last one is not known
	Streams       []string
	Reason        string
}

// ledger keeps the gaps in order. The last of them are open as long as no sound
// event was found behind them.
type ledger struct {
	gaps []Gap
	open int    // from here on
	next uint64 // sequence of the event after the last one that was found
	from uint64 // sequence of the first event behind the last gap that lost any
}

// lose notes that nothing sound is in a place.
func (l *ledger) lose(number uint64, at, end int64, reason string) {
	if n := len(l.gaps); n > l.open && l.gaps[n-1].Segment == number && l.gaps[n-1].End == at && at > 0 {
		l.gaps[n-1].End = end
		return
	}
	l.gaps = append(l.gaps, Gap{Segment: number, Offset: at, End: end, Reason: reason})
}

// reach notes that the log goes on with this sequence in a place. Open gaps that lie
// side by side share the events that are lost there: nothing tells them apart.
func (l *ledger) reach(sequence, number uint64, at int64) {
	if sequence > l.next && l.open == len(l.gaps) {
		l.lose(number, at, at, fmt.Sprintf("what follows begins with event %d", sequence))
	}
	for ; l.open < len(l.gaps); l.open++ {
		l.gaps[l.open].FirstSequence, l.gaps[l.open].LastSequence = l.next, sequence-1
	}
	if sequence > l.next {
		l.next, l.from = sequence, sequence
	}
}

// end closes the gaps behind which nothing sound was found.
func (l *ledger) end() {
	for ; l.open < len(l.gaps); l.open++ {
		l.gaps[l.open].FirstSequence, l.gaps[l.open].Open = l.next, true
	}
}

// touch notes that a stream has lost events behind a sequence: in one of the gaps
// that were closed since.
func (l *ledger) touch(stream string, after uint64) {
	for i := l.open - 1; i >= 0 && l.gaps[i].LastSequence > after; i-- {
		if g := &l.gaps[i]; g.LastSequence >= g.FirstSequence {
			g.Streams = append(g.Streams, stream)
		}
	}
}
