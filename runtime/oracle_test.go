package batpak_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// imageSeed is that of the fingerprints of images.
var imageSeed = maphash.MakeSeed()

// oracle holds a store that was opened on what a crash left against a chronicle.
type oracle struct {
	*chronicle
	store  *batpak.Store
	disk   *simfs.Disk
	before *simfs.Disk    // as the crash left it
	events []batpak.Event // that the store has, which are the first of the chronicle
	added  []batpak.Event // by the oracle, after them
	random *rand.Rand
}

// check opens what a crash left and holds the laws against it:
//
//	V1   opening succeeds
//	V2   there are at least floor events, and whole requests in the writer's order
//	V3   each event is what was asked for and what its appender was told, in all
//	     that can be seen of it
//	V4   the store verifies
//	V5   a request that is repeated with its key is there once, with the receipt it
//	     has if it survived; with another payload it is refused
//	V6   every query and look-up finds what filtering the chronicle finds
//	V7   pages that follow each other are what a query selects, and a view shows what
//	     there was when it was at its place
//	V8   a projection is the fold of the chronicle, from the start or from a state that
//	     was saved; one of events that were lost is refused
//	V9   opening again changes nothing, and nothing is written after a clean close
//	V10  what was shown survives a power cut that leaves nothing unsynced
//	V11  an append works and survives such a cut
//	V12  the directory holds the store's names alone, and the report says what was
//	     cut off
//	V13  whatever was opened kept to its protocol, if it was held to it
//
// V5 to V11 are about what recovery made of the image; see [oracle.known]. A
// chronicle that is brief leaves out V5 to V8, and of V9 what is about a close.
//
// The verdict says how many events the store has; of a disk that lied, only that the
// laws hold.
func (c *chronicle) check(image *simfs.Disk, floor int) (v verdict, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *checkfs.Breach:
			err = p
		default:
			err = breaks(1, "panic: %v\n%s", p, debug.Stack())
		}
	}()
	c.checks++
	v = verdict{least: floor, images: 1}
	o := &oracle{chronicle: c, disk: image, before: image.Kill(), random: rand.New(rand.NewPCG(c.seed, uint64(c.checks)))}
	if o.store, err = c.open(image, 1); err != nil {
		if c.excuses(image, err) {
			c.lies.refused++
			return v, nil
		}
		return v, &breach{1, err}
	}
	n, err := c.prefix(o.store)
	if c.excuses(image, err) {
		c.lies.found++
		return v, o.servesTheRest(floor)
	}
	err = inTurn(func() error { return o.contents(n, err, floor) }, o.verifies, o.reports)
	if errors.Is(err, errExcused) {
		c.lies.found++
		return v, nil
	}
	if err != nil {
		return v, err
	}
	if c.lied == nil {
		v.least, v.most = len(o.events), len(o.events)
	}
	if o.counts(); o.before.Lied() > 0 || o.known() {
		return v, nil
	}
	if c.brief {
		return v, inTurn(o.survives, o.goesOn)
	}
	return v, inTurn(o.survives, o.finds, o.pages, o.walks, o.folds, o.resumes, o.repeats, o.goesOn, o.closes)
}

// inTurn holds laws until one is broken.
func inTurn(laws ...func() error) error {
	for _, law := range laws {
		if err := law(); err != nil {
			return err
		}
	}
	return nil
}

// held is a disk, and what it is held against.
type held struct {
	disk    uint64 // fingerprint of all that is on it, synced or not
	number  uint64 // of the opening that made it so, if laws are about what follows; or else of the one they are about
	events  int    // of the store
	story   uint64 // of the chronicle
	brief   bool
	settled bool // nothing is left to repair
}

// known reports whether recovery made the same of another image before. What is to
// come depends on that, on the clock, and on what is drawn; so it is left out, but
// for one time in eight.
func (o *oracle) known() bool {
	return o.met(held{disk: o.disk.Sum(imageSeed), number: 1, events: len(o.events), story: o.story(len(o.chronicle.events), o.brief), brief: o.brief})
}

// opened reports whether the same disk was opened before with the same clock and the same
// random numbers, and had to show the same events.
func (o *oracle) opened(d *simfs.Disk, number uint64, settled bool) bool {
	h := held{disk: d.Sum(imageSeed), number: number, events: len(o.events) + len(o.added), settled: settled}
	h.story = maphash.Bytes(imageSeed, appendEvents(appendEvents(o.appendClock(nil), o.events), o.added))
	return o.met(h)
}

// met reports whether laws were held of the same before, but for one time in eight.
func (o *oracle) met(h held) bool {
	known := o.held[h]
	if o.held == nil {
		o.held = map[held]bool{}
	}
	o.held[h] = true
	return known && !o.sometimes(8)
}

// contents holds V2 and V3 of what reading all events came to.
func (o *oracle) contents(n int, err error, floor int) error {
	switch {
	case err != nil:
		return err
	case n < floor:
		return breaks(2, "there are %d events, want %d at least", n, floor)
	case !o.whole(n):
		return breaks(2, "there are %d events, a part of a batch; batches end with %v", n, o.ends)
	}
	o.events = o.chronicle.events[:n:n]
	return nil
}

// prefix is how many of the chronicle's events a store has. It has no others.
func (c *chronicle) prefix(s *batpak.Store) (n int, err error) {
	for e, err := range s.Events(batpak.Query{}) {
		switch {
		case err != nil:
			return 0, breaks(3, "event after %d: %w", n, err)
		case n == len(c.events):
			return 0, breaks(2, "event %s after the %d that were asked for", describe(&e), n)
		case !sameStored(&e, &c.events[n]):
			return 0, breaks(3, "event is %s, want %s", describe(&e), describe(&c.events[n]))
		}
		n++
	}
	return n, nil
}

// errExcused says that Verify finds damage which is owed to the disk's lies, though every
// event is there: the header of a group may be gone and all its records be as they were.
var errExcused = errors.New("excused by lies")

// verifies holds V4.
func (o *oracle) verifies() error {
	v, err := o.store.Verify(context.Background())
	excused := func(d batpak.Damage) bool {
		return o.excuses(o.before, &batpak.CorruptError{File: d.File, Reason: d.Reason})
	}
	if err == nil && len(v.Damages) > 0 && !slices.ContainsFunc(v.Damages, func(d batpak.Damage) bool { return !excused(d) }) {
		return errExcused
	}
	if err != nil || len(v.Damages) > 0 || v.Events != uint64(len(o.events)) {
		return breaks(4, "Verify() = %+v, %v, want %d sound events", v, err, len(o.events))
	}
	return nil
}

// reports holds V12.
func (o *oracle) reports() error {
	r, bytesBefore := o.store.Report(), int64(0)
	var files []segment.Span
	last := uint64(0)
	for _, name := range o.disk.Names() {
		if s, ok := segment.ParseSpan(name); ok && s.First == last+1 {
			files, last = append(files, s), s.Last
			continue
		}
		if !strings.HasPrefix(name, "lost-") && !checkpoint.IsName(name) {
			return breaks(12, "the directory holds %v", o.disk.Names())
		}
	}
	if r.Events != uint64(len(o.events)) || r.Segments != uint64(len(files)) || len(r.Foreign) > 0 || r.Created && r.Events > 0 {
		return breaks(12, "report is %+v, there are %d events in %d segments", r, len(o.events), len(files))
	}
	if n := uint64(len(r.Unindexed)); r.Indexed+n+1 != r.Segments && n < 100 {
		return breaks(12, "report is %+v, and does not say why each of the other segments was read", r)
	}
	for _, why := range r.Refused {
		if !strings.Contains(why, ": it is of segment") && r.Merge == "" && !o.lying {
			return breaks(12, "report is %+v, and no crash makes a checkpoint of no use", r)
		}
	}
	for i, s := range files[:max(1, len(files))-1] {
		name := s.Name()
		end, err := endOf(o.disk, s, files[i+1])
		if err != nil {
			return breaks(12, "segment %d or the one behind it: %w", s.First, err)
		}
		if bytesBefore += end; !intact(o.disk.View(name), o.before.View(name), 0, end) && (r.Merge == "" || s.Round == 0) {
			return breaks(12, "segment %d is not the last and was changed", s.First)
		}
	}
	return o.reportsCut(&r, last, r.Bytes-bytesBefore)
}

// endOf is where the groups of a file end that another one follows.
func endOf(d *simfs.Disk, s, next segment.Span) (int64, error) {
	if s.Round > 0 {
		h, err := format.ParseMergedHeader(d.View(s.Name())[:format.MergedHeaderSize])
		return int64(h.Length), err
	}
	if next.Round > 0 {
		h, err := format.ParseMergedHeader(d.View(next.Name())[:format.MergedHeaderSize])
		return int64(h.PrevLength), err
	}
	h, err := format.ParseSegmentHeader(d.View(next.Name()))
	return int64(h.PrevLength), err
}

// reportsCut looks for what was behind the end of the last segment: it is kept
// aside.
func (o *oracle) reportsCut(r *batpak.OpenReport, last uint64, end int64) error {
	name := segment.Name(last)
	before, now := o.before.View(name), o.disk.View(name)
	if end < format.SegmentHeaderSize || end > int64(len(now)) {
		return breaks(12, "report is %+v, but segment %d has %d bytes", *r, last, len(now))
	}
	again := end == format.SegmentHeaderSize // such a segment is made again
	if !again && (int64(len(before)) < end || !bytes.Equal(before[:end], now[:end])) {
		return breaks(12, "recovery changed what stands before the end of segment %d at %d", last, end)
	}
	behind := before[min(int64(len(before)), end):]
	behind = bytes.TrimRight(behind, "\x00")
	if len(bytes.Trim(now[end:], "\x00")) > 0 {
		return breaks(12, "something stands behind the end of segment %d at %d", last, end)
	}
	if int64(len(behind)) != r.Cut || r.Kept != r.Cut || (r.Cut > 0) != (r.Lost != "") {
		return breaks(12, "report is %+v, but %d bytes stood behind the end", *r, len(behind))
	}
	if r.Cut > 0 && (r.Lost != fmt.Sprintf("lost-%016x-%08x", last, end) || !bytes.Equal(o.disk.View(r.Lost), behind)) {
		return breaks(12, "%s does not hold the %d bytes that were cut off segment %d at %d", r.Lost, len(behind), last, end)
	}
	return nil
}

// survives holds V9 and V10. Where a power cut leaves the bytes as they are, it
// stands for the death of the process, too.
func (o *oracle) survives() error {
	cut := o.disk.CutHard()
	if lost := o.store.Report().Lost; !bytes.Equal(cut.View(lost), o.disk.View(lost)) {
		return breaks(12, "a power cut takes %s, in which the tail was kept", lost)
	}
	settled := cut.Sum(imageSeed) == o.disk.Sum(imageSeed)
	if err := o.opensAgain(10, "after a power cut", cut, settled); err != nil {
		return err
	}
	if settled && !o.sometimes(16) {
		return nil
	}
	killed := o.disk.Kill()
	for _, how := range []string{"a second time", "a third time"} {
		if err := o.opensAgain(9, how, killed, true); err != nil {
			return err
		}
		killed = killed.Kill()
	}
	return nil
}

// opensAgain opens what was recovered already. If it is settled nothing is left
// to repair.
func (o *oracle) opensAgain(law int, how string, d *simfs.Disk, settled bool) error {
	if o.opened(d, 2, settled) {
		return nil
	}
	before := d.SumLive(imageSeed)
	s, err := o.open(d, 2)
	if err != nil {
		return breaks(law, "open %s: %w", how, err)
	}
	n, err := o.prefix(s)
	if err != nil || n != len(o.events) {
		return breaks(law, "%s there are %d events, %v, want the %d that were shown", how, n, err, len(o.events))
	}
	if r := s.Report(); settled && (r.Cut > 0 || r.Lost != "" || d.SumLive(imageSeed) != before) {
		return breaks(9, "opening %s changed the directory: %+v", how, r)
	}
	return nil
}

// repeats holds V5: against requests that were not acknowledged, and against one
// that was.
func (o *oracle) repeats() error {
	var doubtful []int
	for i := len(o.requests) - 1; i >= 0 && o.requests[i].receipts == nil; i-- {
		if o.requests[i].keyed() {
			doubtful = append(doubtful, i)
		}
	}
	if n := len(doubtful); n > 3 && !o.thorough {
		doubtful = []int{doubtful[0], doubtful[o.random.IntN(n)], doubtful[n-1]}
	}
	slices.Sort(doubtful)
	for _, i := range slices.Compact(doubtful) {
		if err := o.repeat(i); err != nil {
			return err
		}
	}
	if n := len(o.requests); n > 0 {
		if i := o.random.IntN(n); o.requests[i].keyed() && o.requests[i].receipts != nil {
			return o.repeat(i)
		}
	}
	return nil
}

// repeat repeats request i.
func (o *oracle) repeat(i int) error {
	q := o.requests[i]
	want, lost := o.chronicle.events[o.start(i):o.ends[i]], o.ends[i] > len(o.events)
	if lost {
		receipts, err := o.commit(o.store, q)
		if err != nil {
			return breaks(5, "repeat request %d, which was lost: %w", i, err)
		}
		if want, err = o.next(q, receipts); err != nil {
			return err
		}
	}
	receipts, err := o.commit(o.store, q)
	if err != nil || len(receipts) != len(want) {
		return breaks(5, "repeat request %d, whose events are there: %d receipts, %v", i, len(receipts), err)
	}
	for k, r := range receipts {
		if !isReceiptOf(&r, &want[k]) || !lost && q.receipts != nil && r.Incarnation() != q.receipts[k].Incarnation() {
			return breaks(5, "repeat request %d: receipt %+v of event %s", i, r, describe(&want[k]))
		}
	}
	other := request{items: slices.Clone(q.items)}
	k := slices.IndexFunc(other.items, func(it wish) bool { return it.key != "" })
	other.items[k].draft.Payload = append([]byte("other "), other.items[k].draft.Payload...)
	if _, err := o.commit(o.store, &other); !errors.Is(err, batpak.ErrKeyReused) {
		return breaks(5, "request %d with another payload: %v, want it refused", i, err)
	}
	return nil
}

// next notes the events of a request that the store took just now, which must be
// the next ones.
func (o *oracle) next(q *request, receipts []batpak.Receipt) ([]batpak.Event, error) {
	place := make([]format.Head, len(receipts))
	for k, r := range receipts {
		sequence := uint64(len(o.events) + len(o.added) + k + 1)
		if r.Sequence() != sequence || r.Coordinate() != q.items[k].draft.Coordinate {
			return nil, breaks(11, "append after the crash has receipt %+v, want one of event %d", r, sequence)
		}
		place[k] = format.Head{Sequence: r.Sequence(), Version: r.Version(), ID: r.ID(), Hash: r.Hash()}
	}
	added := q.events(place)
	o.added = append(o.added, added...)
	return added, nil
}

func isReceiptOf(r *batpak.Receipt, e *batpak.Event) bool {
	return r.Sequence() == e.Sequence && r.Version() == e.Version && r.ID() == e.ID && r.Hash() == e.Hash && r.Coordinate() == e.Coordinate
}

// goesOn holds V11.
func (o *oracle) goesOn() error {
	after := &request{items: []wish{{draft: note("after:1", "after"), key: "after"}}}
	b := o.store.NewBatch()
	b.Add(after.items[0].draft, batpak.Key("after"), batpak.ExpectNew())
	receipts, err := b.Commit(context.Background())
	if err == nil {
		err = o.store.Sync(context.Background())
	}
	if err != nil {
		return breaks(11, "append after the crash: %w", err)
	}
	if _, err := o.next(after, receipts); err != nil {
		return err
	}
	all := *o.chronicle
	all.events = slices.Concat(o.events, o.added)
	cut := o.disk.CutHard()
	if o.opened(cut, 3, false) {
		return nil
	}
	s, err := o.open(cut, 3)
	if err != nil {
		return breaks(11, "open after an append and a power cut: %w", err)
	}
	if n, err := all.prefix(s); err != nil || n != len(all.events) {
		return breaks(11, "after an append and a power cut there are %d events, %v, want %d", n, err, len(all.events))
	}
	return nil
}

// closes holds the rest of V9: a store that was closed is opened without a write.
func (o *oracle) closes() error {
	if !o.sometimes(4) {
		return nil
	}
	if err := o.store.Close(); err != nil {
		return breaks(9, "close: %w", err)
	}
	var writes []faultfs.Op
	for range 2 {
		d := o.disk.Kill()
		if o.opened(d, 4, true) {
			return nil
		}
		before := d.SumLive(imageSeed)
		d.OnOp(func(op faultfs.Op, _ string) {
			if changes(op) && op != faultfs.OpSyncDir {
				writes = append(writes, op)
			}
		})
		s, err := o.open(d, 4)
		if err != nil {
			return breaks(9, "open after a close: %w", err)
		}
		if r := s.Report(); !r.Clean || r.Events != uint64(len(o.events)+len(o.added)) || len(writes) > 0 || d.SumLive(imageSeed) != before {
			return breaks(9, "open after a close: %+v, operations %v", r, writes)
		}
		d.OnOp(nil)
		o.disk = d
	}
	return nil
}
