package replay

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// Files are looked at before it is their turn, several at a time: their footers are
// opened, and those without one are read. Whoever does that knows nothing of the files
// before, so he judges nothing: he goes as far as the file is sound and goes on from
// itself. When its turn comes it is held against the files before, and taken in if it
// goes on from them as well. If not, it is read again, and from where somebody stopped it
// is read on, by the one goroutine that judges. So what is found, and what is said of
// it, is what it would be if nobody had looked ahead.

// ahead is a file that was looked at, or is now that its turn has come.
type ahead struct {
	scanner *segment.Scanner
	header  format.SegmentHeader
	raw     []byte // of the header

	claims bool                 // what is below is known
	next   format.SegmentHeader // what is said of the segment,
	known  bool                 // if anything is
	run    *sidx.Run            // its footer; nil = none that can be trusted,
	why    string               // for this reason
	ended  bool                 // it has a footer, whether that can be trusted or not
	limit  int64                // of its groups; 0 = the size of the file

	part *Log // its groups, up to the scanner's end; nil = they were not read
}

// stop is what [segment.Scanner.Next] said when it found no further group.
type stop struct{ err error }

// open returns what was seen of a file whose turn has come, be it that it is looked at
// only now. With an error of the header it returns the scanner as well.
func (l *Log) open(number uint64, a *ahead) (*ahead, error) {
	if a != nil && (number == 1 || a.header.Store == l.Header.Store) {
		return a, nil
	}
	s, err := l.reader.Scan(number)
	if err != nil {
		return nil, err
	}
	a = &ahead{scanner: s}
	a.header, err = l.head(s, number)
	a.raw = s.Bytes()
	return a, err
}

func (a *ahead) merged() bool {
	_, merged := a.scanner.Merged()
	return merged
}

// claimed finds out what is said of a sealed segment whose header l has begun.
func (a *ahead) claimed(l *Log) (err error) {
	if a.claims {
		return nil
	}
	if a.next, a.known, err = l.claim(a.scanner); err != nil {
		return err
	}
	if a.run, a.why, err = l.footer(a.header.Segment, a.header.Store); err != nil {
		return err
	}
	switch {
	case a.known:
		a.limit = int64(a.next.PrevLength)
	case a.run != nil:
		a.limit = int64(a.run.Length)
	}
	if a.limit > 0 {
		a.scanner.Limit(a.limit)
	}
	a.ended = a.run != nil
	if l.Distrust { // of a footer no more is believed than that it is none of the groups, and there
		a.run, a.why = nil, "a merge was under way"
	}
	a.claims = true
	return nil
}

// step is the scanner's next group, unless somebody has found that there is none.
func (l *Log) step(s *segment.Scanner) (bool, error) {
	if l.stopped != nil {
		err := l.stopped.err
		l.stopped = nil
		return false, err
	}
	return s.Next()
}

// accept takes in the groups that were read of the file that was begun, if any were and
// they go on from the files before. Otherwise it makes the scanner begin again.
func (l *Log) accept(a *ahead) (err error) {
	p := a.part
	if p == nil {
		return nil
	}
	if !l.followed(p) {
		sometimes.Reached("segment that was read ahead was read again")
		if a.scanner, err = l.reader.Scan(a.header.Segment); err != nil {
			return err
		}
		if _, err = l.head(a.scanner, a.header.Segment); err == nil && a.limit > 0 {
			a.scanner.Limit(a.limit)
		}
		return err
	}
	sometimes.Reached("segment that was read ahead was taken in")
	if p.rows != nil {
		l.Index.AddRows(a.header.Segment, p.rows)
		l.rows, l.LastID = p.rows, p.LastID
	}
	if p.tail.Groups {
		l.Incarnation = p.Incarnation
	}
	l.Bytes += p.Length - l.Length
	l.settle()
	l.Length, l.Next, l.Digest = p.Length, p.Next, p.Digest
	l.tail, l.proven, l.unproven, l.stopped = p.tail, p.proven, p.unproven, p.stopped
	return nil
}

// followed reports whether a segment that was read alone goes on from those before.
func (l *Log) followed(p *Log) bool {
	if p.oldest < l.Incarnation && p.tail.Groups {
		return false
	}
	if p.rows == nil {
		return true
	}
	first, _ := clock.TickOf(p.firstID)
	before, _ := clock.TickOf(l.LastID)
	if first <= before && !planted.Bug("first id of a segment that was read ahead is not checked") {
		return false
	}
	for entity, version := range p.rows.Bases() {
		head, err := l.stream([]byte(entity))
		if (err != nil || head.Version != version) && !planted.Bug("streams of a segment that was read ahead begin anywhere") {
			return false
		}
	}
	return true
}

// scouts look at files before their turn; nil if nobody does.
type scouts struct {
	log    *Log
	files  []segment.Span
	seen   []chan *ahead // by file
	taken  int
	begun  atomic.Int64
	room   chan struct{} // holds one for each file that was begun and not taken
	over   chan struct{} // closed when nobody takes any more
	helper sync.WaitGroup
}

// lookAhead begins to look at files. A file is begun only when few are that were not
// taken yet: so it takes no more memory than all of them would at last, but for a few.
func (l *Log) lookAhead(files []segment.Span) *scouts {
	n := min(l.Workers, len(files))
	if n == 0 {
		return nil
	}
	q := &scouts{log: l, files: files, seen: make([]chan *ahead, len(files)), room: make(chan struct{}, 2*n), over: make(chan struct{})}
	for i := range q.seen {
		q.seen[i] = make(chan *ahead, 1)
	}
	for range n {
		q.helper.Go(q.help)
	}
	return q
}

func (q *scouts) help() {
	for {
		select {
		case q.room <- struct{}{}:
		case <-q.over:
			return
		}
		i := int(q.begun.Add(1)) - 1
		if i >= len(q.files) {
			return
		}
		q.seen[i] <- q.look(i)
	}
}

// take is what was seen of the next file; nil if that is nothing.
func (q *scouts) take() *ahead {
	if q == nil {
		return nil
	}
	a := <-q.seen[q.taken]
	q.taken++
	<-q.room
	return a
}

// stop returns when nobody looks ahead any more.
func (q *scouts) stop() {
	if q != nil {
		close(q.over)
		q.helper.Wait()
	}
}

// look looks at a file alone. What is not as it should be it leaves to the one whose
// turn it is.
func (q *scouts) look(i int) *ahead {
	l, number, last := q.log, q.files[i].First, i == len(q.files)-1
	if last && slices.ContainsFunc(l.checkpoints, func(c *checkpoint.Checkpoint) bool { return c.Segment == number }) {
		return nil // it will hardly be read
	}
	s, err := l.reader.Scan(number)
	if err != nil {
		return nil
	}
	h, err := s.Head()
	if err != nil || h.Segment != number {
		return nil
	}
	a := &ahead{scanner: s, header: h, raw: slices.Clone(s.Bytes())}
	p := New(l.reader, l.cache)
	p.Next, p.Workers, p.Distrust, p.alone = h.FirstSequence, l.Workers, l.Distrust, true
	p.adopt(h, a.raw, a.merged())
	p.tail.Header = true
	defer p.settle()
	if !last {
		if err := a.claimed(p); err != nil {
			return nil
		}
		if a.run != nil && a.known && p.trusts(a.run, &a.next) {
			return a
		}
	}
	for p.stopped == nil {
		select {
		case <-q.over:
			return nil
		default:
		}
		ok, err := s.Next()
		if !ok || err != nil {
			p.stopped = &stop{err}
		} else if err := p.group(s); err != nil {
			return nil
		}
	}
	a.part = p
	return a
}
