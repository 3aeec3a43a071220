package batpak_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

var (
	crashRuns = flag.Int("crash.n", 800, "histories that the random crash test runs")
	crashSeed = flag.Uint64("crash.seed", 0, "seed of the first history; 0 means a new one each time")
	crashOps  = flag.Int("crash.ops", 40, "operations of a history, about")
)

// TestCrashAtAnyOperation plays random histories, crashes the store at each
// operation of its disk in several ways, some of them followed by a crash of the
// recovery, and holds what that leaves against the chronicle.
func TestCrashAtAnyOperation(t *testing.T) {
	runs := *crashRuns
	if testing.Short() {
		runs = min(runs, 12)
	}
	playAll(t, runs, fresh(*crashSeed), drawSome)
}

// drawSome draws a history of about n operations, and for one seed in a hundred one of 200
// to 2,000.
func drawSome(seed uint64, n int) *history {
	if seed%100 == 0 {
		n = max(n, int(200*math.Pow(10, rand.New(rand.NewPCG(seed, 6)).Float64())))
	}
	return drawHistory(seed, n)
}

// playAll plays so many of the histories that are drawn, and keeps the one that fails.
func playAll(t *testing.T, runs int, first uint64, draw func(seed uint64, n int) *history) *tally {
	t.Helper()
	total, err := playMany(first, runs, draw)
	if err != nil {
		if f, ok := errors.AsType[*failedHistory](err); ok {
			keep(t, f.history, f.err)
			err = fmt.Errorf("%w\n\tgo test ./runtime -run '^%s$' -crash.n=1 -crash.seed=%d -crash.ops=%d", err, t.Name(), f.history.seed, *crashOps)
		}
		t.Fatal(err)
	}
	t.Logf("from seed %d on: %v", first, &total)
	return &total
}

// fresh is the seed that a lane begins with: the one that is given or, since what was tried
// before finds nothing new, another one each time.
func fresh(given uint64) uint64 {
	if given > 0 {
		return given
	}
	return uint64(rand.Uint32()) + 1 // and not one of those that have many digits
}

// playMany plays n histories, as many beside each other as there are processors.
// If several fail, it is the first that is reported, and the images counted are
// those up to there: so both depend on the seeds alone.
func playMany(first uint64, n int, draw func(seed uint64, n int) *history) (total tally, err error) {
	results := make([]result, n)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex // guards next
	next := 0
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= n || ctx.Err() != nil {
					return
				}
				if results[i].err = results[i].play(draw(first+uint64(i), *crashOps)); results[i].err != nil {
					cancel()
				}
			}
		})
	}
	wg.Wait()
	for _, r := range results {
		total.add(&r.tally)
		if r.err != nil {
			return total, fmt.Errorf("after %d images: %w", total.images, r.err)
		}
	}
	return total, nil
}

// result is what came of a history.
type result struct {
	tally
	err error
}

func (r *result) play(h *history) error {
	p := newPlayer(h)
	p.tries(&r.tally)
	err := p.run()
	r.lies = p.chronicle.lies
	if err != nil {
		return &failedHistory{h, err}
	}
	return nil
}

// failedHistory is a history that breaks a law.
type failedHistory struct {
	history *history
	err     error
}

func (f *failedHistory) Error() string { return fmt.Sprintf("seed %d: %v", f.history.seed, f.err) }

// tally counts images of crashes.
type tally struct {
	images int               // that were checked
	nested int               // of them, those of a recovery
	same   int               // that were the same as one before
	seen   map[sight]verdict // may be that of other histories with the same knobs
	lies                     // what became of images of disks that lied
}

func (t *tally) String() string {
	return fmt.Sprintf("%d images, %d of them of a recovery; %d more were the same as one before", t.images, t.nested, t.same)
}

func (t *tally) add(o *tally) {
	t.images += o.images
	t.nested += o.nested
	t.same += o.same
	t.lies.add(o.lies)
}

// sight is a disk that was looked at, and what was done with it.
type sight struct {
	disk uint64 // fingerprint
	then string // crashes of the disk, or of the recovery of an image; "" = the laws were held
	era  int    // of the chronicle, 1 or more if the disk may have lost what it said was durable
}

// verdict is what was found in one image, or in all that follow from a disk.
type verdict struct {
	least, most int    // events
	story       uint64 // of the chronicle up to the most
	brief       bool   // fewer laws were held
	images      int    // that it is about
}

// join adds what was found in another image.
func (v *verdict) join(o verdict) {
	v.least, v.most, v.images = min(v.least, o.least), max(v.most, o.most), v.images+o.images
}

// unseen is the verdict on no image at all.
func unseen() verdict { return verdict{least: math.MaxInt} }

// knows reports whether the laws hold of a sight, after which there must be floor events,
// because they held before: the store has the same events then, and is held against the
// same chronicle of them.
func (p *player) knows(s sight, floor int, brief bool) (verdict, bool) {
	v, ok := p.tally.seen[s]
	c := p.chronicle
	return v, ok && (brief || !v.brief) && floor <= v.least && v.most <= len(c.events) && v.story == c.story(v.most, v.brief)
}

// learns notes the verdict on a sight.
func (p *player) learns(s sight, v verdict, brief bool) {
	if p.tally.seen == nil {
		p.tally.seen = map[sight]verdict{}
	}
	v.story, v.brief = p.chronicle.story(v.most, brief), brief
	p.tally.seen[s] = v
}

// tries has the player crash at each operation of the disk.
func (p *player) tries(t *tally) {
	p.tally = t
	p.onOp = func(faultfs.Op, string) error {
		f, all := p.floors(), p.watch
		if all == nil {
			r := rand.New(rand.NewPCG(p.seed, uint64(p.disk.Ops())<<16+uint64(p.lives)))
			all = drawScenarios(r, p.knobs.images)
		}
		for _, s := range all {
			if _, err := p.try(p.disk, s, f); err != nil {
				return &failure{s, err}
			}
		}
		return nil
	}
}

// failure is a scenario after which a law does not hold.
type failure struct {
	scenario scenario
	err      error
}

func (f *failure) Error() string { return fmt.Sprintf("%v: %v", f.scenario, f.err) }
func (f *failure) Unwrap() error { return f.err }

// try crashes a disk, and what recovers from it, and holds what that leaves
// against the chronicle.
func (p *player) try(d *simfs.Disk, s scenario, f floors) (verdict, error) {
	if s[0].kind != crashKill {
		f.kill = f.cut // and all that is left is durable
	}
	then := s[1:]
	brief := p.brief && p.depth+len(then) > 0
	defer p.chronicle.lost(p.chronicle.lied)
	if s[0].kind != crashKill && d.Lied() > 0 {
		p.chronicle.lied = d.Kill() // d itself is locked while all its cuts are made
	}
	var own sight // of all cuts; a single image is known when it is seen
	if s[0].kind == crashCuts {
		own = sight{disk: d.Sum(imageSeed), then: s.String(), era: p.era()}
		if v, ok := p.knows(own, f.kill, brief); ok {
			p.tally.same += v.images
			return v, nil
		}
	}
	all := unseen()
	for image := range s[0].images(d) {
		v, err := p.judge(image, then, f, brief)
		if err != nil {
			return all, err
		}
		all.join(v)
	}
	if s[0].kind == crashCuts {
		p.learns(own, all, brief)
	}
	return all, nil
}

// era tells apart what is held against a disk that lied, of which no image says how many
// events it has.
func (p *player) era() int {
	if p.chronicle.lied == nil {
		return 0
	}
	return 1 + p.lives<<16 + p.failed
}

// judge holds an image against the chronicle, or what crashes of its recovery leave.
func (p *player) judge(image *simfs.Disk, then scenario, f floors, brief bool) (v verdict, err error) {
	s := sight{disk: image.Sum(imageSeed), era: p.era()}
	if len(then) > 0 {
		s.then = "recovery > " + then.String()
	}
	if v, ok := p.knows(s, f.kill, brief); ok {
		p.tally.same += v.images
		return v, nil
	}
	if len(then) > 0 {
		v, err = p.tryRecovery(image, then, f)
	} else {
		p.tally.images++
		if p.depth > 0 {
			p.tally.nested++
		}
		p.chronicle.brief = brief
		v, err = p.chronicle.check(image, f.kill)
	}
	if err == nil {
		p.learns(s, v, brief)
	}
	return v, err
}

// tryRecovery opens the store on a disk and crashes it at each operation of that.
func (p *player) tryRecovery(d *simfs.Disk, s scenario, f floors) (all verdict, err error) {
	p.depth++
	defer func() { p.depth-- }()
	all = unseen()
	d.OnOp(func(op faultfs.Op, name string) {
		if err == nil && changes(op) {
			var v verdict
			if v, err = p.try(d, s, f); err != nil {
				err = fmt.Errorf("before operation %d of the recovery, %s %s: %w", d.Ops(), op, name, err)
			}
			all.join(v)
		}
	})
	oerr := caught(func() error {
		_, err := p.chronicle.open(d, 1)
		return err
	})
	d.OnOp(nil)
	if err == nil && oerr != nil && !p.chronicle.excuses(d, oerr) {
		err = &breach{1, oerr}
	}
	return all, err
}

// changes reports whether an operation may change what is on the disk.
func changes(op faultfs.Op) bool {
	return op != faultfs.OpRead && op != faultfs.OpOpen && op != faultfs.OpList
}
