package batpak_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

var damageSeed = flag.Uint64("damage.seed", 1, "seed of what the damage lanes draw")

// specimen is the directory of a store at rest, to be damaged, and what those who
// appended to it know.
type specimen struct {
	directory
	events []batpak.Event // acknowledged, in the order of their sequences
	groups []placed       // in the order of the log
	past   []directory    // what it was at earlier times
}

// bare is the specimen with no footer behind the groups of its segments.
func (sp *specimen) bare() *specimen {
	c := *sp
	segments := sp.segments()
	for _, name := range segments[:max(1, len(segments))-1] {
		c.directory = c.with(name, sp.directory[name][:sealedAt(sp.directory, name)])
	}
	return &c
}

// placed is a group in its place.
type placed struct {
	format.GroupHeader
	file        string
	offset, end int64
}

// proof is the end of what the group says was durable in its segment.
func (g *placed) proof() int64 {
	if g.Type == format.GroupClose {
		return g.offset
	}
	return int64(g.Durable)
}

// author makes a specimen. What it does depends on the seed alone.
type author struct {
	t       *testing.T
	random  *rand.Rand
	chacha  *rand.ChaCha8
	now     time.Time
	options batpak.Options
	payload int // bytes, about
	disk    *simfs.Disk
	store   *batpak.Store
	events  []batpak.Event
}

func newAuthor(t *testing.T, seed uint64, segmentSize int64, payload int) *author {
	a := &author{
		t: t, random: rand.New(rand.NewPCG(seed, 2)), chacha: rand.NewChaCha8([32]byte{byte(seed), 1}),
		now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), payload: payload, disk: simfs.New(),
		options: batpak.Options{SegmentSize: segmentSize},
	}
	rtopts.SetNow(&a.options.Internal, func() time.Time {
		a.now = a.now.Add(137 * time.Microsecond)
		return a.now
	})
	rtopts.SetRandom(&a.options.Internal, func(p []byte) { a.chacha.Read(p) })
	return a
}

// open opens the store, which must have every event that was acknowledged.
func (a *author) open() {
	a.t.Helper()
	s, err := batpak.Open("simulated", simOptions(a.disk, &a.options))
	if err != nil {
		a.t.Fatal(err)
	}
	a.store = s
	if got, err := eventsOf(s); err != nil || differs(got, a.events) != "" || len(got) != len(a.events) {
		a.t.Fatalf("the store opens with %d events, %v, want %d", len(got), err, len(a.events))
	}
}

func (a *author) close() {
	a.t.Helper()
	if err := a.store.Close(); err != nil {
		a.t.Fatal(err)
	}
}

// die is the end of the process: the store is not closed.
func (a *author) die() {
	image := a.disk.Kill()
	a.disk.Stop()
	_ = a.store.Close() // the process is dead
	a.disk = image
}

// tear leaves half a write behind the last group, as a crash does.
func (a *author) tear() {
	d := directoryOf(a.disk)
	segments := d.segments()
	name := segments[len(segments)-1]
	end := len(bytes.TrimRight(d[name], "\x00"))
	if n := len(groupsOf(a.t, d)); n > 0 {
		end = int(groupsOf(a.t, d)[n-1].end)
	}
	torn := make([]byte, 60+a.random.IntN(300))
	for i := range torn {
		torn[i] = byte(a.random.Uint32()) | 1
	}
	a.disk.SetBytes(name, append(slices.Clone(d[name][:end]), torn...))
}

// write appends n times, events of every shape there is.
func (a *author) write(n int) {
	a.t.Helper()
	for range n {
		var receipts []batpak.Receipt
		var err error
		switch a.random.IntN(8) {
		case 0, 1:
			receipts, err = a.batch()
		case 2:
			receipts, err = a.decide(nil)
		case 3:
			receipts, err = a.decide(batpak.Deny("NO", "denied as told"))
		default:
			var r batpak.Receipt
			r, err = a.store.Append(a.t.Context(), a.draft(), a.wishes()...)
			receipts = []batpak.Receipt{r}
		}
		if err != nil {
			a.t.Fatal(err)
		}
		a.learn(receipts)
	}
}

// learn takes note of the events that have been stored since the last time, which
// are those of the receipts, if there are any.
func (a *author) learn(receipts []batpak.Receipt) {
	a.t.Helper()
	for n := uint64(len(a.events)) + 1; n <= a.store.Frontier().Visible; n++ {
		e, err := a.store.At(n)
		if err != nil {
			a.t.Fatal(err)
		}
		if len(receipts) > 0 {
			if r := receipts[0]; e.ID != r.ID() || e.Hash != r.Hash() || e.Sequence != r.Sequence() || e.Version != r.Version() {
				a.t.Fatalf("At(%d) = %+v, its receipt is %+v", n, e, r)
			}
			receipts = receipts[1:]
		}
		a.events = append(a.events, e)
	}
	if len(receipts) > 0 {
		a.t.Fatalf("%d receipts without events", len(receipts))
	}
}

func (a *author) batch() ([]batpak.Receipt, error) {
	b := a.store.NewBatch()
	for i := range 2 + a.random.IntN(4) {
		opts := a.wishes()
		if i > 0 && a.random.IntN(2) == 0 {
			opts = append(opts, batpak.CausedByItem(a.random.IntN(i)))
		}
		b.Add(a.draft(), opts...)
	}
	return b.Commit(a.t.Context())
}

func (a *author) draft() batpak.Draft {
	d := note(fmt.Sprint("e:", a.random.IntN(5)), strings.Repeat("p", a.random.IntN(2*a.payload)))
	d.Scope = fmt.Sprint("scope ", a.random.IntN(2))
	d.Kind += batpak.Kind(a.random.IntN(3))
	return d
}

// wishes draws what may be given with any event.
func (a *author) wishes() (opts []batpak.AppendOption) {
	if a.random.IntN(2) == 0 {
		opts = append(opts, batpak.Key(fmt.Sprint("key ", a.random.Uint64())))
	}
	if a.random.IntN(4) == 0 {
		opts = append(opts, batpak.Correlate(batpak.ID{1, byte(a.random.IntN(3))}))
	}
	if n := len(a.events); n > 0 && a.random.IntN(4) == 0 {
		opts = append(opts, batpak.CausedBy(a.events[a.random.IntN(n)].ID))
	}
	return opts
}

// decide runs a command whose one gate says denial. It returns the receipt of the
// event, or none if what was stored is the record of the denial.
func (a *author) decide(denial *batpak.Denial) ([]batpak.Receipt, error) {
	d := a.draft()
	gates := []batpak.Gate[int]{{Name: "told", Eval: func(int) *batpak.Denial { return denial }}}
	r, err := batpak.Decide(a.t.Context(), a.store, d, func(ctx context.Context) (batpak.Permit[int], error) {
		reading, err := batpak.Load(ctx, a.store, d.Entity)
		if err != nil {
			return batpak.Permit[int]{}, err
		}
		return batpak.Propose[int](a.store, "decide", gates, reading, 0, d)
	}, batpak.RecordDenial())
	if denial != nil && errors.Is(err, batpak.ErrDenied) {
		return nil, nil
	}
	return []batpak.Receipt{r}, err
}

// specimen takes what the disk holds.
func (a *author) specimen() *specimen {
	d := directoryOf(a.disk)
	return &specimen{directory: d, events: slices.Clone(a.events), groups: groupsOf(a.t, d)}
}

// groupsOf finds the groups of a sound log.
func groupsOf(t *testing.T, d directory) (all []placed) {
	t.Helper()
	for _, name := range d.segments() {
		b := d[name]
		at, err := beginning(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for {
			g, err := format.ParseGroupHeader(b[at.Offset:], at)
			if err != nil {
				break
			}
			end := at.Offset + format.GroupHeaderSize + int64(g.BodyLength)
			all = append(all, placed{g, name, at.Offset, end})
			at.Offset = end
		}
	}
	return all
}

// beginning is the place of the first group in a file of the log.
func beginning(b []byte) (format.Place, error) {
	if m, err := format.ParseMergedHeader(b); err == nil {
		return format.Place{Store: m.Store, Segment: m.Segment, Offset: format.MergedHeaderSize, Last: m.Last, Round: m.Round}, nil
	}
	h, err := format.ParseSegmentHeader(b)
	return format.Place{Store: h.Store, Segment: h.Segment, Offset: format.SegmentHeaderSize}, err
}

// The lives after which a specimen is taken: the store is open and has space
// written ahead, is closed, or has just begun a segment that has no group yet.
const (
	active  = "active"
	closed  = "closed"
	rotated = "rotated"
	// begun is closed, and there are checkpoints of the last segment.
	begun = "begun"
	// merged is closed, and its first file was made of several, without some of the
	// events.
	merged = "merged"
	// staged is merged, and another merge was cut short when it was noted: what it
	// makes is staged beside what it is made of.
	staged = "staged"
)

// grow makes a specimen of at least so many bytes, with files of every kind that
// a store writes: sealed segments, some of which end in or contain a close group,
// the last segment, what was cut off torn tails, and a temporary file.
func grow(t *testing.T, state string, size int, segmentSize int64, payload int) *specimen {
	t.Helper()
	a := newAuthor(t, *damageSeed, segmentSize, payload)
	var past []directory
	merges := state == merged || state == staged
	for total := 0; total < size || merges && len(directoryOf(a.disk).segments()) < 7; past = append(past, directoryOf(a.disk)) {
		a.open()
		a.write(8 + a.random.IntN(8))
		if a.random.IntN(2) == 0 {
			a.close()
		} else {
			a.die()
			a.tear()
		}
		total = 0
		for _, content := range directoryOf(a.disk) {
			total += len(content)
		}
	}
	a.open()
	switch state {
	case active:
		a.write(5)
		a.die()
	case closed:
		a.write(5)
		a.close()
	case rotated:
		a.rotate()
	case merged:
		a.close()
		a.merge(0, 4, false)
		a.open()
		a.write(5)
		a.close()
	case staged:
		a.close()
		a.merge(0, 2, false)
		a.open()
		a.write(5)
		a.close()
		a.merge(1, 3, true)
	case begun:
		a.close()
		for len(directoryOf(a.disk).marks()) < 2 { // of the last segment
			rtopts.SetCheckpoint(&a.options.Internal, 200, 0)
			a.open()
			a.write(1)
			a.die() // at rest there would be one
		}
		rtopts.SetCheckpoint(&a.options.Internal, 1<<20, 0)
		a.open()
		a.write(2)
		a.close()
		if len(directoryOf(a.disk).marks()) < 2 {
			t.Fatal("the last segment was begun when it had no checkpoints")
		}
	}
	for _, name := range []string{segment.Name(1) + vfs.TempSuffix, "notes of another program"} {
		a.disk.SetBytes(name, []byte("left here by "+name))
	}
	sp := a.specimen()
	sp.past = past
	fates := map[batpak.Fate]int{}
	for _, e := range sp.events {
		fates[e.Fate]++
	}
	if merges && len(fates) < 3 {
		t.Fatalf("fates of the events are %v, want some of each", fates)
	}
	if !slices.ContainsFunc(sp.names(), func(name string) bool { return strings.HasPrefix(name, "lost-") }) || len(sp.segments()) < 3 {
		t.Fatalf("the specimen has the files %q, want several segments and a lost tail", sp.names())
	}
	return sp
}

// rotate appends until the log begins a segment, and dies before the first group
// is written to it.
func (a *author) rotate() {
	before := len(directoryOf(a.disk).segments())
	for {
		stop := false
		a.disk.OnOp(func(op faultfs.Op, name string) {
			n, _ := segment.ParseName(name)
			if op == faultfs.OpWrite && int(n) > before { // not under its temporary name any more
				stop = true
				a.disk.Stop()
			}
		})
		_, err := a.store.Append(a.t.Context(), a.draft())
		if stop {
			image := a.disk.Kill()
			_ = a.store.Close() // the process is dead
			a.disk = image
			return
		}
		if err != nil {
			a.t.Fatal(err)
		}
		a.learn(nil)
	}
}
