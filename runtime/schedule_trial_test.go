package batpak_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing/synctest"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// trial is a store on a simulated disk, and clients that call it at the same time,
// as a schedule has it. It has one life, or a second one after a crash.
type trial struct {
	*schedule
	test     string // whose trial it is
	seed     uint64
	first    uint64 // seed of the trials that it is one of
	disk     *simfs.Disk
	options  batpak.Options
	store    *batpak.Store
	weights  []int  // of the kinds of calls
	followed bool   // another process reads
	entities int    // that there are
	limit    uint64 // of events that a command leaves a stream with
	life     int
	alive    int           // clients
	closing  bool          // there is a client that closes the store
	closed   atomic.Bool   // it has closed it
	dead     bool          // the process has crashed
	spoiled  bool          // operations of the disk are to fail
	fault    faultfs.Fault // one that is to fail
	honest   bool          // no operation of the disk fails
	short    bool          // a read may find a file ending early, which is damage for all one knows

	calls   []*call // in the order in which they began
	armed   []armed
	turns   map[string]int // commands that have the turn of a stream
	err     error          // what was found first
	crashes int            // images that were judged
	copies  int            // snapshots that were judged
	merged  int            // files that were written by calls
	marks   batpak.Frontier
	ended   int                // contexts
	ops     map[faultfs.Op]int // of the disk
	often   int                // one call in so many may be cancelled
	grows   int                // how many more calls each client makes
	events  []batpak.Event     // in the end

	plan plan
}

// plan is what happens beside the calls, by steps.
type plan struct {
	cancels bool  // contexts end now and then
	cancel  int   // then the context of one of the calls ends
	which   int   // of them; or which of the images a crash leaves
	crash   int   // then the process dies
	images  []int // then it is looked at what a crash would leave
	close   int   // then somebody closes the store
	twice   bool  // and somebody else
	room    int   // then a full disk has room again
}

const never = math.MaxInt

// quiet is a plan in which nothing happens.
func nothingHappens() plan {
	return plan{cancel: never, crash: never, close: never, room: never}
}

// armed is a context that may be ended.
type armed struct {
	call   *call
	cancel context.CancelFunc
}

func newTrial(seed uint64) *trial {
	t := &trial{
		schedule: newSchedule(seed), seed: seed, first: cmp.Or(*scheduleSeed, seed), disk: simfs.New(), life: 1, honest: true,
		turns: map[string]int{}, ops: map[faultfs.Op]int{}, often: 4,
	}
	r := t.random
	t.weights, t.entities, t.limit = weights(r), 1+r.IntN(len(callEntities)), 1+r.Uint64N(8)
	t.options.SegmentSize = 512 << r.IntN(4)
	if r.IntN(4) == 0 {
		t.options.Durability = batpak.Relaxed
		t.options.ShowUnsynced = r.IntN(2) == 0
	}
	t.plan = nothingHappens()
	t.plan.cancels = true
	t.plan.which = r.IntN(3)
	if r.IntN(3) == 0 {
		t.plan.crash = 20 + r.IntN(300)
	}
	if r.IntN(4) == 0 {
		t.plan.close, t.plan.twice = r.IntN(400), r.IntN(2) == 0
	}
	for range r.IntN(3) {
		t.plan.images = append(t.plan.images, r.IntN(300))
	}
	t.spoiled, t.followed = r.IntN(2) == 0, r.IntN(3) == 0
	t.honest = !t.spoiled
	if merges := rand.New(rand.NewPCG(seed, 3)); merges.IntN(3) == 0 {
		t.options.Compaction = &batpak.Compaction{}
		rtopts.SetFanIn(&t.options.Internal, 2)
	}
	if checkpoints := rand.New(rand.NewPCG(seed, 4)); checkpoints.IntN(4) == 0 {
		rtopts.SetCheckpoint(&t.options.Internal, 200<<checkpoints.IntN(3), 0)
	} else if checkpoints.IntN(8) == 0 {
		rtopts.SetCheckpoint(&t.options.Internal, 0, 1+checkpoints.Uint64N(6))
	}
	called := []int{0, 0} // merges and snapshots
	if upkeep := rand.New(rand.NewPCG(seed, 7)); upkeep.IntN(8) == 0 {
		called = []int{24, 12}
		t.weights[0] += 24
		t.options.SegmentSize, t.grows = 512, 6
	}
	t.weights = append(t.weights, called...)
	return t
}

// spoil lets operations of the disk fail.
func (t *trial) spoil() {
	r := t.random
	if r.IntN(8) == 0 {
		t.disk.SetFree(r.Int64N(20_000))
		t.plan.room = r.IntN(400)
		return
	}
	for range 1 + r.IntN(3) {
		all := failures()
		f := all[r.IntN(2)*r.IntN(len(all))]
		f.N = r.IntN(20)
		if f.Op == faultfs.OpCreate || f.Op == faultfs.OpSyncDir || f.Op == faultfs.OpTruncate {
			f.N /= 5
		}
		t.failing(f)
	}
}

// failing arms a fault.
func (t *trial) failing(f faultfs.Fault) {
	if f.Err == nil {
		others := []error{syscall.EIO, syscall.EINTR, syscall.EROFS, syscall.EACCES, syscall.ESTALE}
		f.Err = others[rand.New(rand.NewPCG(t.seed, uint64(f.N))).IntN(len(others))] // which are not told apart
	}
	if t.options.Durability == batpak.Relaxed && f.Loss == faultfs.Reverted {
		f.Loss = faultfs.Ghosts // or what was acknowledged may not even be there when the process goes on
	}
	t.honest, t.short = false, t.short || f.Err == short
	t.disk.Fail(f)
}

// failures are the ways in which one operation fails, with EIO or what is like it if there
// is no error. The first one leaves the writer as it was.
func failures() []faultfs.Fault {
	all := []faultfs.Fault{{Op: faultfs.OpWrite, Err: syscall.ENOSPC}}
	for _, kept := range []bool{false, true} {
		all = append(all,
			faultfs.Fault{Op: faultfs.OpWrite, Kept: kept},
			faultfs.Fault{Op: faultfs.OpCreate, Kept: kept, Err: syscall.ENOSPC},
			faultfs.Fault{Op: faultfs.OpSyncDir, Kept: kept},
			faultfs.Fault{Op: faultfs.OpTruncate, Kept: kept},
			faultfs.Fault{Op: faultfs.OpSync, Kept: kept})
	}
	return append(all, faultfs.Fault{Op: faultfs.OpSync, Loss: faultfs.Reverted}, faultfs.Fault{Op: faultfs.OpSync, Loss: faultfs.Partial}, faultfs.Fault{Op: faultfs.OpRead})
}

// run runs the trial. It is to be judged yet.
func (t *trial) run() error {
	t.live(2+t.random.IntN(5), 2+t.random.IntN(6)+t.grows)
	if t.dead && t.err == nil {
		t.live(2, 4)
	}
	if t.err == nil {
		t.fail(t.settle())
	}
	return t.err
}

// fail takes down what was found, unless the process is dead.
func (t *trial) fail(err error) {
	if t.err == nil && !t.dead {
		t.err = err
	}
}

// open opens the store on a disk.
func (t *trial) open(d *simfs.Disk) (*batpak.Store, error) {
	o := reported(d.FS(), &t.options, func(b *checkfs.Breach) { t.fail(b) })
	t.setDir(o, d)
	random := rand.NewChaCha8([32]byte{byte(t.seed), byte(t.seed >> 8), byte(t.life), byte(t.crashes)})
	rtopts.SetRandom(&o.Internal, func(p []byte) { random.Read(p) })
	if d == t.disk {
		rtopts.SetPoint(&o.Internal, t.point)
	}
	return batpak.Open("simulated", o)
}

// live lets clients make calls until all of them are done, or dead.
func (t *trial) live(clients, calls int) {
	if t.dead {
		t.dead, t.closing, t.life = false, false, t.life+1
		t.closed.Store(false)
		t.plan = nothingHappens()
		t.plan.cancels = true
	}
	t.free = true
	var err error
	if t.store, err = t.open(t.disk); err != nil {
		t.fail(fmt.Errorf("open: %w", err))
		return
	}
	if t.spoiled && t.life == 1 {
		t.spoil()
	}
	if t.fault.Op != "" {
		t.failing(t.fault)
		t.fault.Op = ""
	}
	t.free, t.marks = false, batpak.Frontier{}
	t.disk.OnOp(func(op faultfs.Op, _ string) {
		t.mu.Lock()
		t.ops[op]++
		t.mu.Unlock()
		t.point(string(op))
	})
	for i := range clients {
		c := t.client(i + 1)
		t.begin(c, func() { c.work(calls) })
	}
	if t.followed {
		c := t.client(firstFollower)
		t.begin(c, func() { c.follow(2 * calls) })
	}
	t.drive()
	t.disk.OnOp(nil)
	t.let()
	_ = t.store.Close() // again, for a trial that failed
}

func (t *trial) client(number int) *client {
	return &client{trial: t, number: number, random: rand.New(rand.NewPCG(t.seed, uint64(100*t.life+number)))}
}

// firstFollower is the number of the client that is a process of its own.
const firstFollower = 80

// begin starts a client.
func (t *trial) begin(c *client, work func()) {
	t.alive++
	t.start(c.number, func() {
		defer func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.alive--
		}()
		work()
	})
}

// drive takes one step after the other until nobody is left.
func (t *trial) drive() {
	const most = 20_000
	slept := false
	for step := 0; ; step++ {
		waiting := t.quiet()
		t.watch()
		if n := len(waiting); n > 0 && t.closed.Load() && waiting[n-1].number >= firstStarted {
			t.fail(fmt.Errorf("after Close the store's goroutine %d goes on, at %q", waiting[n-1].number, waiting[n-1].point))
		}
		switch {
		case t.err != nil || step == most:
			if t.err == nil {
				t.err = fmt.Errorf("no end after %d steps", step)
			}
			t.let()
			t.giveUp()
			return
		case len(waiting) > 0:
			if !t.happens(step) {
				t.step(waiting)
			}
		case t.alive == 0 && t.closing:
			return
		case !t.closing: // who is left waits for something that may never come
			t.shut()
		case !slept:
			slept = true
			time.Sleep(time.Hour)
		default:
			panic(t.report(fmt.Errorf("%d clients wait for ever", t.alive)))
		}
	}
}

// giveUp waits for the clients of a trial that failed.
func (t *trial) giveUp() {
	for range 3 {
		synctest.Wait()
		if t.alive > 0 {
			for _, a := range t.armed {
				a.cancel()
			}
			t.disk.Stop()
			_ = t.store.Close()
			time.Sleep(time.Hour)
		}
	}
	if t.alive > 0 {
		panic(t.report(fmt.Errorf("%w; then %d clients wait for ever", t.err, t.alive)))
	}
}

// happens lets happen beside the calls what is planned for this step, and reports
// whether that needs the goroutines to come to rest again.
func (t *trial) happens(step int) bool {
	p := &t.plan
	switch {
	case step >= p.crash && !t.dead:
		t.crash()
	case step >= p.close && !t.closing:
		t.shut()
		if p.twice {
			second := t.client(91)
			t.begin(second, second.close)
		}
		return true
	case slices.Contains(p.images, step):
		t.look()
	case step >= p.room:
		p.room = never
		t.disk.SetFree(1 << 30)
	case step == p.cancel && p.which < len(t.armed):
		t.end(t.armed[p.which])
		return true
	case p.cancels && len(t.armed) > 0 && t.random.IntN(30) == 0:
		t.end(t.armed[t.random.IntN(len(t.armed))])
		return true
	}
	return false
}

// end ends a context.
func (t *trial) end(a armed) {
	a.call.cancelled, t.ended = true, t.ended+1
	t.note("-", fmt.Sprint("cancel client ", a.call.client))
	t.wake(a.call.client)
	a.cancel()
}

// shut starts the client that closes the store.
func (t *trial) shut() {
	t.closing = true
	c := t.client(90)
	t.begin(c, c.close)
}

func (t *trial) arm(k *call, cancel context.CancelFunc) {
	t.armed = append(t.armed, armed{k, cancel})
}

func (t *trial) disarm(k *call) {
	t.armed = slices.DeleteFunc(t.armed, func(a armed) bool { return a.call == k })
}

// turn notes that a command has got the turn of a stream, or gives it back.
func (t *trial) turn(entity string, n int) {
	if t.turns[entity] += n; t.turns[entity] > 1 {
		t.fail(fmt.Errorf("%d commands have the turn of %s", t.turns[entity], entity))
	}
}

// watch wants the marks of the store to rise, and to be in order.
func (t *trial) watch() {
	f := t.store.Frontier()
	switch {
	case f.Written < t.marks.Written || f.Durable < t.marks.Durable || f.Visible < t.marks.Visible:
		t.fail(fmt.Errorf("marks fell from %+v to %+v", t.marks, f))
	case f.Durable > f.Written || f.Visible > f.Written || f.Visible > f.Durable && !t.options.ShowUnsynced:
		t.fail(fmt.Errorf("marks are at %+v", f))
	}
	t.marks = f
}

// crash ends the life of the process. What is on the disk then is where the next
// life begins.
func (t *trial) crash() {
	for _, k := range t.calls {
		k.lost = k.lost || k.ended == 0
	}
	i := t.image()
	if t.options.Durability == batpak.Relaxed {
		i = images(t.disk, t.random)[0] // a kill: others take back what was acknowledged
	}
	t.note("-", i.how)
	t.disk.Stop()
	t.dead, t.disk = true, i.disk
}

// image is a disk as a crash leaves it now.
func (t *trial) image() image { return images(t.disk, t.random)[t.plan.which] }

// look judges what a crash would leave now.
func (t *trial) look() {
	i := t.image()
	t.crashes++
	t.note("-", i.how)
	if err := t.survives(i); err != nil {
		t.fail(fmt.Errorf("%s after %d steps: %w", i.how, t.steps, err))
	}
}

// survives holds an image against what is known so far.
func (t *trial) survives(i image) error {
	s, err := t.open(i.disk)
	if err != nil {
		return err
	}
	events, err := everything(s)
	if err == nil {
		floor, least := t.floor(i)
		err = t.checkLog(events, floor)
		if err == nil && uint64(len(events)) < least {
			err = fmt.Errorf("there are %d events, want %d at least", len(events), least)
		}
	}
	if err = errors.Join(err, s.Close()); err != nil {
		return err
	}
	return cmp.Or(t.reopens(i.disk.CutHard(), events), t.checkSnapshots(i.disk, events))
}

// reopens wants a disk to have just these events.
func (t *trial) reopens(d *simfs.Disk, want []batpak.Event) error {
	s, err := t.open(d)
	if err != nil {
		return err
	}
	got, err := everything(s)
	if err = errors.Join(err, s.Close()); err != nil {
		return err
	}
	same := func(a, b batpak.Event) bool { return a.Sequence == b.Sequence && a.Hash == b.Hash }
	if !slices.EqualFunc(got, want, same) {
		return fmt.Errorf("%d events after a power cut, want the %d that were shown before it", len(got), len(want))
	}
	return nil
}

// everything reads all events of a store, and verifies them.
func everything(s *batpak.Store) (all []batpak.Event, err error) {
	for e, err := range s.Events(batpak.Query{}) {
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	v, err := s.Verify(context.Background())
	if err == nil && (len(v.Damages) > 0 || v.Events != uint64(len(all))) {
		err = fmt.Errorf("%d events, verified %+v", len(all), v)
	}
	return all, err
}

// floor is up to which sequence a crash must leave what was acknowledged, and how
// many events it must leave because they were shown to somebody.
func (t *trial) floor(i image) (floor, least uint64) {
	floor = math.MaxUint64
	least = t.store.Frontier().Durable
	if t.options.Durability == batpak.Relaxed && !i.keepsAll {
		floor = least
	}
	for _, k := range t.calls {
		if k.ended == 0 || k.lost || t.options.ShowUnsynced && !i.keepsAll && k.what != "Follow" {
			continue
		}
		for _, e := range k.events {
			least = max(least, e.Sequence)
		}
	}
	return floor, least
}

// settle reads what is there in the end.
func (t *trial) settle() error {
	t.free = true
	t.disk.Heal()
	t.disk.SetFree(1 << 30)
	s, err := t.open(t.disk)
	if err != nil {
		return fmt.Errorf("open in the end: %w", err)
	}
	t.events, err = everything(s)
	return cmp.Or(err, s.Close(), t.checkSnapshots(t.disk, t.events))
}

// report says how to see it again, and what happened.
func (t *trial) report(err error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "after %d schedules, seed %d: %v\n", t.seed-t.first+1, t.seed, err)
	fmt.Fprintf(&b, "\tgo test ./runtime -run '^%s$' -schedule.n=1 -schedule.seed=%d -fault.all=%t\n", t.test, t.seed, *allFaults)
	for _, k := range t.calls {
		fmt.Fprintf(&b, "\t%v\n", k)
	}
	for _, e := range t.events {
		fmt.Fprintf(&b, "\tevent %d: %s version %d %q\n", e.Sequence, e.Entity, e.Version, text(e.Payload))
	}
	return b.String()
}
