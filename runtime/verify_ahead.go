package batpak

import (
	"context"
	"runtime"
	"sync"

	"github.com/batpak-go/batpak/runtime/internal/catalog"
	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// A verification that has no limit reads ahead on all processors. What is ahead of it
// is only ever found to be sound: whoever meets anything else says so and no more, and
// that part is verified again, in its turn, by the goroutine that verifies. So what
// is reported of a damage does not depend on who was ahead.

// chunkSize is how many events are verified together.
const chunkSize = 16 << 10

// aheadSize is how many of them are looked up at a time.
const aheadSize = 4 << 10

// helpers is how many goroutines read ahead. There are none where others decide how
// fast it goes, or in which order a disk is asked.
func (v *verifier) helpers() int {
	if v.pace.limit > 0 {
		return 0
	}
	return v.store.workers()
}

// workers is how many goroutines read ahead where order does not matter: none if there is
// one processor, or if the disk was replaced by one that is to be asked in one order.
func (s *Store) workers() int {
	if n := runtime.GOMAXPROCS(0); n > 1 && rtopts.FS(&s.options.Internal) == nil {
		return n
	}
	return 0
}

// inOrder does n things, several at a time and each with a verifier of its own, and
// takes in their results in order. Meanwhile it tells how many bytes were read.
func inOrder[T any](ctx context.Context, v *verifier, n int, do func(ctx context.Context, w *verifier, i int) T, take func(i int, result T) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var helpers sync.WaitGroup
	defer helpers.Wait()
	defer cancel()
	read := make(chan int64, 64)
	var queue []chan T
	for i, next := 0, 0; i < n; i++ {
		for ; next < n && len(queue) < v.helpers(); next++ {
			result, number := make(chan T, 1), next
			queue = append(queue, result)
			helpers.Go(func() {
				w := &verifier{store: v.store, until: v.until, heads: heads{}, pace: pace{read: read}}
				result <- do(ctx, w, number)
			})
		}
		for waits := true; waits; {
			select {
			case bytes := <-read:
				if err := v.advance(ctx, bytes); err != nil {
					return err
				}
			case result := <-queue[0]:
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := take(i, result); err != nil {
					return err
				}
				waits = false
			}
		}
		queue = queue[1:]
	}
	return nil
}

// anew verifies again what somebody has read before.
func (v *verifier) anew(again func() error) error {
	sometimes.Reached("part of a verification was done again in its turn")
	v.pace.anew = true
	defer func() { v.pace.anew = false }()
	return again()
}

// chunk is what is ahead of a verification: a range of events that are sound if the
// first of each stream in it follows from the one before the range.
type chunk struct {
	sound   bool
	firsts  []firstEvent
	count   tally
	segment uint64 // of the last event
}

// firstEvent is the first event of a stream in a chunk.
type firstEvent struct {
	ref    index.Ref
	stream *verified // where it ends in the chunk
	record format.Record
}

// newFirst keeps of a record what its link takes: as in a tombstone, the digest stands in
// the place of the payload, which may be large.
func newFirst(ref index.Ref, stream *verified, r *format.Record) firstEvent {
	short := *r
	if digest, ok := chain.PayloadDigest(r); ok {
		short.Payload, short.Tombstone = digest[:], true
	}
	return firstEvent{ref, stream, short.Clone()}
}

// ahead reads the events after one sequence up to another.
func (v *verifier) ahead(ctx context.Context, after, until uint64) (c chunk) {
	cursor := v.store.segments.Cursor()
	page, streams := make([]index.Ref, 0, aheadSize), make([]*verified, 0, aheadSize)
	for q := (index.Query{After: after, Until: until}); q.After < until; q.After = page[len(page)-1].Sequence {
		var err error
		if page, err = v.store.index.Find(page[:0], q); err != nil {
			return c
		}
		if len(page) == 0 {
			break
		}
		if streams, err = catalog.Entities(v.store.index, streams[:0], page, &v.known, v.heads.of); err != nil {
			return c
		}
		read := int64(0)
		cursor.Expect(len(page), func(i int) format.Pos { return page[i].Pos })
		for i, ref := range page {
			r, ref, err := v.store.find(cursor, ref)
			if err != nil {
				return c
			}
			head := streams[i]
			if !head.met() {
				c.firsts = append(c.firsts, newFirst(ref, head, r))
			} else if v.check(r, ref, head) != "" {
				return c
			}
			head.version, head.hash = r.Version, r.Hash
			c.count.take(r)
			read += int64(ref.Pos.Length)
		}
		c.segment = uint64(page[len(page)-1].Pos.Segment)
		if v.advance(ctx, read) != nil {
			return c
		}
	}
	c.sound = true
	return c
}

// accept takes in a chunk, or reports that it is not what follows.
func (v *verifier) accept(c *chunk) bool {
	if !c.sound {
		return false
	}
	for i := range c.firsts {
		f := &c.firsts[i]
		if head := v.heads.of(f.stream.entity); head.broken || !planted.Bug("first events of what is ahead are not checked") && v.check(&f.record, f.ref, head) != "" {
			return false
		}
	}
	for i := range c.firsts {
		s := c.firsts[i].stream
		*v.heads.of(s.entity) = *s
	}
	v.count.add(c.count)
	if c.segment > 0 {
		v.at = c.segment
	}
	return true
}

// eventsAhead is [verifier.events] with helpers.
func (v *verifier) eventsAhead(ctx context.Context) error {
	passed := uint64(0) // with what the range before it went over, of a damaged segment
	chunks := int((v.until + chunkSize - 1) / chunkSize)
	return inOrder(ctx, v, chunks, func(ctx context.Context, w *verifier, i int) chunk {
		return w.ahead(ctx, uint64(i)*chunkSize, min(v.until, uint64(i+1)*chunkSize))
	}, func(i int, c chunk) error {
		after, until := max(passed, uint64(i)*chunkSize), min(v.until, uint64(i+1)*chunkSize)
		if after >= until || after == uint64(i)*chunkSize && v.accept(&c) {
			return nil
		}
		return v.anew(func() (err error) {
			passed, err = v.eventsIn(ctx, after, until)
			return err
		})
	})
}

// segmentsAhead is [verifier.segments] with helpers.
func (v *verifier) segmentsAhead(ctx context.Context, last format.Pos) error {
	var files []uint64
	for n := uint64(1); n <= uint64(last.Segment); n = v.behindFile(n) {
		files = append(files, n)
	}
	var prev *segmentSum
	behind := uint64(0) // what was taken in
	return inOrder(ctx, v, len(files), func(ctx context.Context, w *verifier, i int) *segmentSum {
		sum, err := w.segment(ctx, files[i], v.endOf(files[i], last), nil)
		if err != nil {
			return nil
		}
		return sum
	}, func(i int, sum *segmentSum) (err error) {
		n := files[i]
		if n < behind {
			return nil // it was merged meanwhile with one before it
		}
		if v.at = n; sum != nil && sum.follows(prev) {
			prev, behind = sum, sum.last+1
			v.sound(sum)
			return nil
		}
		return v.anew(func() error {
			prev, err = v.oneSegment(ctx, n, v.endOf(n, last), prev)
			behind = v.behindSum(n, prev)
			return err
		})
	})
}
