package batpak_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// wish is an event to append, with all that its appender says of it.
type wish struct {
	draft       batpak.Draft
	key         string
	correlation batpak.ID
	causation   batpak.ID
	causeItem   int // 1 + the item of the same request that causes it; 0 = none
	decision    *batpak.Decision
}

// options are those that say what is stored; expectations are not among them.
func (it *wish) options() (all []batpak.AppendOption) {
	if it.key != "" {
		all = append(all, batpak.Key(it.key))
	}
	if !it.correlation.IsZero() {
		all = append(all, batpak.Correlate(it.correlation))
	}
	if !it.causation.IsZero() {
		all = append(all, batpak.CausedBy(it.causation))
	}
	if it.causeItem > 0 {
		all = append(all, batpak.CausedByItem(it.causeItem-1))
	}
	if it.decision != nil {
		all = append(all, batpak.Decided(it.decision))
	}
	return all
}

// request is a batch: its events are stored together or not at all.
type request struct {
	items    []wish
	receipts []batpak.Receipt // nil until it was acknowledged
}

// keyed reports whether the request can be repeated without harm.
func (q *request) keyed() bool {
	return slices.ContainsFunc(q.items, func(it wish) bool { return it.key != "" })
}

// batch makes the request for a store.
func (q *request) batch(s *batpak.Store) *batpak.Batch {
	b := s.NewBatch()
	for i := range q.items {
		b.Add(q.items[i].draft, q.items[i].options()...)
	}
	return b
}

// events are what the store has of the request once its writer gave it a place.
func (q *request) events(place []format.Head) []batpak.Event {
	all := make([]batpak.Event, len(q.items))
	for i, h := range place {
		it := &q.items[i]
		e := batpak.Event{Payload: it.draft.Payload, Meta: batpak.Meta{
			Coordinate: it.draft.Coordinate, Kind: it.draft.Kind, PayloadVersion: it.draft.PayloadVersion,
			Sequence: h.Sequence, Version: h.Version, ID: h.ID, Hash: h.Hash, Time: batpak.ID(h.ID).Time(),
			Correlation: it.correlation, Causation: it.causation, Key: it.key, Decision: it.decision,
		}}
		if e.Correlation.IsZero() {
			e.Correlation = e.ID
		}
		if it.causeItem > 0 {
			e.Causation = all[it.causeItem-1].ID
		}
		all[i] = e
	}
	return all
}

// chronicle is what a store was asked for, in the order of its writer: first what was
// acknowledged or shown, then what is under way or in doubt. Whatever a crash
// leaves of the store is held against it; see [chronicle.check].
type chronicle struct {
	options  batpak.Options
	seed     uint64
	wall     time.Time
	events   []batpak.Event // as they are, or would be, stored
	requests []*request     // whose events these are
	ends     []int          // of the requests, in events

	checks   int           // so far; some laws are held only every few of them
	held     map[held]bool // that laws were held of
	thorough bool          // all laws are held each time
	brief    bool          // only those are that are about what is on the disk
	lying    bool          // the disk is, so that there may be checkpoints of no use
	lies     lies          // what became of images of disks that lied
	lied     *simfs.Disk   // of which the image is, if that may lack what it said was durable
	text     []byte        // of the latest story, to make the next one in
}

func newChronicle(o batpak.Options, seed uint64) *chronicle {
	return &chronicle{options: o, seed: seed, wall: time.Unix(1_700_000_000, 0)}
}

// add adds a request whose events the writer gave this place.
func (c *chronicle) add(q *request, place []format.Head) {
	c.events = append(c.events, q.events(place)...)
	c.requests = append(c.requests, q)
	c.ends = append(c.ends, len(c.events))
}

// cut takes away all requests behind the first n events.
func (c *chronicle) cut(n int) {
	keep := 0
	for keep < len(c.ends) && c.ends[keep] <= n {
		keep++
	}
	c.events, c.requests, c.ends = c.events[:n], c.requests[:keep], c.ends[:keep]
}

// story is a fingerprint of what a store with n events is held against: the events and,
// unless that is brief, who was told of them, and the time.
func (c *chronicle) story(n int, brief bool) uint64 {
	b := c.text[:0]
	if !brief {
		b = c.appendClock(b)
	}
	end := 0
	for i, q := range c.requests {
		if c.ends[i] > n {
			break
		}
		end = c.ends[i]
		b = binary.LittleEndian.AppendUint64(b, uint64(end))
		if brief {
			continue
		}
		b = binary.LittleEndian.AppendUint64(b, uint64(len(q.receipts)))
		for _, r := range q.receipts {
			b = binary.LittleEndian.AppendUint64(b, r.Incarnation())
		}
	}
	c.text = appendEvents(b, c.events[:end])
	return maphash.Bytes(imageSeed, c.text)
}

func (c *chronicle) appendClock(b []byte) []byte {
	return binary.LittleEndian.AppendUint64(b, uint64(c.wall.UnixNano()))
}

// appendEvents appends what tells events from others.
func appendEvents(b []byte, events []batpak.Event) []byte {
	for i := range events {
		e := &events[i]
		b = append(append(b, e.ID[:]...), e.Hash[:]...)
		b = append(append(b, byte(len(e.Key))), e.Key...)
	}
	return b
}

// clone returns a chronicle that goes its own way.
func (c *chronicle) clone() *chronicle {
	own := *c
	own.held, own.text = nil, nil
	own.events, own.ends, own.requests = slices.Clone(c.events), slices.Clone(c.ends), slices.Clone(c.requests)
	for i, q := range own.requests {
		copied := *q
		own.requests[i] = &copied
	}
	return &own
}

// start is the number of events before request i.
func (c *chronicle) start(i int) int {
	if i == 0 {
		return 0
	}
	return c.ends[i-1]
}

// version is how many of the first n events an entity has.
func (c *chronicle) version(entity string, n int) (version uint64) {
	for _, e := range c.events[:n] {
		if e.Entity == entity {
			version++
		}
	}
	return version
}

// whole reports whether a request ends after n events.
func (c *chronicle) whole(n int) bool {
	_, found := slices.BinarySearch(c.ends, n)
	return n == 0 || found
}

// open opens the store on a disk. What it draws depends on the chronicle and the
// number alone.
func (c *chronicle) open(d *simfs.Disk, number uint64) (*batpak.Store, error) {
	options := c.options
	if number < ownLife {
		options.Compaction = nil
	}
	o := simOptions(d, &options)
	rtopts.SetNow(&o.Internal, func() time.Time { return c.wall })
	random := rand.NewPCG(c.seed, number)
	rtopts.SetRandom(&o.Internal, func(p []byte) {
		for i := range p {
			p[i] = byte(random.Uint64() >> 32)
		}
	})
	return batpak.Open("simulated", o)
}

// ownLife is the number of the first opening that is not of an image.
const ownLife = 100

// sometimes reports whether something that is dear is done this time.
func (c *chronicle) sometimes(every int) bool { return c.thorough || c.checks%every == 0 }

// matches is what [batpak.Query] says, once more.
func matches(q *batpak.Query, e *batpak.Event) bool {
	return (q.Entity == "" || q.Entity == e.Entity) && strings.HasPrefix(e.Entity, q.Prefix) &&
		(q.Scope == "" || q.Scope == e.Scope) && (len(q.Kinds) == 0 || slices.Contains(q.Kinds, e.Kind)) &&
		(len(q.Categories) == 0 || slices.Contains(q.Categories, e.Kind.Category())) &&
		(q.Correlation.IsZero() || q.Correlation == e.Correlation) &&
		!e.Time.Before(q.From) && (q.To.IsZero() || e.Time.Before(q.To)) &&
		e.Sequence > q.After && (q.Until == 0 || e.Sequence <= q.Until)
}

// sameStored reports whether two events are the same in all that can be seen of
// them.
func sameStored(a, b *batpak.Event) bool {
	if a.Decision != b.Decision {
		if !reflect.DeepEqual(a.Decision, b.Decision) {
			return false
		}
		alike := *a
		alike.Decision = b.Decision
		a = &alike
	}
	return a.Meta == b.Meta && bytes.Equal(a.Payload, b.Payload)
}

// describe writes all there is to an event.
func describe(e *batpak.Event) string {
	return fmt.Sprintf("{event %d, version %d of %v, id %v, kind %v, payload version %d, correlation %v, causation %v, time %v, key %q, decision %+v, hash %v, %d bytes %.40q}",
		e.Sequence, e.Version, e.Coordinate, e.ID, e.Kind, e.PayloadVersion, e.Correlation, e.Causation, e.Time, e.Key, e.Decision, e.Hash, len(e.Payload), e.Payload)
}

// lawProtocol is the number of the law that what a store asks of its disk keeps to the
// protocol that package checkfs knows, whether a crash shows it or not.
const lawProtocol = 13

// breach is a law of the oracle that does not hold.
type breach struct {
	law int // V1 to V12
	err error
}

func (b *breach) Error() string { return fmt.Sprintf("V%d: %v", b.law, b.err) }
func (b *breach) Unwrap() error { return b.err }

func breaks(law int, format string, args ...any) error {
	return &breach{law, fmt.Errorf(format, args...)}
}

// commit commits a request and holds the receipts against what they must be: the
// events that are there, if they are, or else the next ones.
func (c *chronicle) commit(s *batpak.Store, q *request) ([]batpak.Receipt, error) {
	return q.batch(s).Commit(context.Background())
}
