package batpak_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	batpak "github.com/batpak-go/batpak/runtime"
)

// call is a call of a store's method: when it ran, what was asked for, and what it
// returned.
type call struct {
	client, life int
	what         string
	began, ended int64 // ticks; ended is 0 until it has returned
	lost         bool  // the process died before it had returned

	items   []item        // to append
	none    *batpak.Query // that no event may match
	gated   bool          // a command; the first item is its event
	limit   uint64        // from this version on the gate denies
	record  bool          // record a denial
	command string

	query    batpak.Query
	entity   string
	key      string
	sequence uint64
	mark     batpak.Mark
	dir      string // of a snapshot

	receipts  []batpak.Receipt
	events    []batpak.Event
	number    uint64 // a version, or how many events
	err       error
	cancelled bool
}

// item is an event to append.
type item struct {
	draft   batpak.Draft
	key     string
	variant int // of what is appended with the key
	expects bool
	version uint64
	cause   int // 1 + an earlier item; 0 = none
}

func (i *item) options() (opts []batpak.AppendOption) {
	if i.key != "" {
		opts = append(opts, batpak.Key(i.key))
	}
	if i.expects {
		opts = append(opts, batpak.Expect(i.version))
	}
	if i.cause > 0 {
		opts = append(opts, batpak.CausedByItem(i.cause-1))
	}
	return opts
}

// text is what a payload says.
func text(payload []byte) string { return strings.TrimRight(string(payload), " ") }

// fate is what is known of what a call has stored.
type fate int

const (
	kept fate = iota
	nothing
	unsure // one or the other
)

// fate is what is known of the call's items.
func (k *call) fate() fate {
	switch {
	case k.ended == 0 || k.lost:
		return unsure
	case k.err == nil:
		return kept
	case k.gated && errors.Is(k.err, batpak.ErrDenied):
		return nothing // what is unknown is the record of it
	case errors.Is(k.err, batpak.ErrOutcomeUnknown):
		return unsure
	}
	return nothing
}

// denial is what is known of the record of the call's denial.
func (k *call) denial() fate {
	switch {
	case !k.gated || !k.record:
		return nothing
	case k.ended == 0 || k.lost:
		return unsure
	case !errors.Is(k.err, batpak.ErrDenied):
		return nothing
	case errors.Is(k.err, batpak.ErrOutcomeUnknown):
		return unsure
	}
	if _, ok := k.err.(*batpak.DeniedError); ok { //nolint:errorlint // not wrapped means that nothing went wrong
		return kept
	}
	return nothing
}

func (k *call) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "[%d-%d] life %d, client %d: %s", k.began, k.ended, k.life, k.client, k.what)
	for _, i := range k.items {
		fmt.Fprintf(&b, " {%s %q", i.draft.Entity, text(i.draft.Payload))
		if i.key != "" {
			fmt.Fprintf(&b, " key %s", i.key)
		}
		if i.expects {
			fmt.Fprintf(&b, " expects %d", i.version)
		}
		b.WriteString("}")
	}
	if k.none != nil {
		fmt.Fprintf(&b, " if none %+v", *k.none)
	}
	fmt.Fprintf(&b, " %s%s%s", k.entity, k.key, k.dir)
	if k.sequence > 0 {
		fmt.Fprintf(&b, " event %d", k.sequence)
	}
	b.WriteString(" =")
	for _, r := range k.receipts {
		fmt.Fprintf(&b, " event %d version %d", r.Sequence(), r.Version())
	}
	if k.what == "Events" || k.what == "Follow" {
		fmt.Fprintf(&b, " %d events", len(k.events))
	}
	if k.number > 0 {
		fmt.Fprintf(&b, " %d", k.number)
	}
	if k.err != nil {
		fmt.Fprintf(&b, " %.120s", k.err.Error())
	}
	if k.lost {
		b.WriteString(" (lost)")
	}
	return b.String()
}

// client makes calls, one after the other.
type client struct {
	*trial
	number int
	random *rand.Rand
	made   int // names
}

// call makes a call, unless the process is dead.
func (c *client) call(k *call, do func(ctx context.Context)) {
	c.hold(&parked{number: c.number, point: k.what})
	if c.dead {
		return
	}
	k.client, k.life = c.number, c.life
	c.calls = append(c.calls, k)
	ctx := context.Background()
	if c.random.IntN(c.often) == 0 {
		cancellable, cancel := context.WithCancel(ctx)
		ctx = cancellable
		c.arm(k, cancel)
		defer c.disarm(k)
		defer cancel()
	}
	defer func() {
		if r := recover(); r != nil {
			c.fail(fmt.Errorf("%v: panicked: %v", k, r))
		}
		k.ended = c.tick()
	}()
	// Who waits for a WaitGroup, as Close does, has all synchronization hidden from
	// the race detector meanwhile; the lock that this takes shows what is above.
	k.began = c.tick()
	do(ctx)
}

// work makes n calls at random, some kinds more often than others.
func (c *client) work(n int) {
	total := 0
	for _, w := range c.weights {
		total += w
	}
	for range n {
		at := c.random.IntN(total)
		for i, w := range c.weights {
			if at -= w; at < 0 {
				c.makes()[i]()
				break
			}
		}
	}
}

// makes are the kinds of calls.
func (c *client) makes() []func() {
	return []func(){
		func() { c.append(1) }, func() { c.append(2 + c.random.IntN(2)) }, c.keyed, c.conditional, c.decide, c.propose,
		c.iterate, c.find, c.walk, c.head, c.project, c.verify, c.wait, c.sync, c.compact, c.snapshot,
	}
}

// weights say how often calls are of each kind: a trial that does not do everything
// does the rest more often.
func weights(random *rand.Rand) (all []int) {
	for _, usual := range []int{16, 8, 12, 8, 14, 6, 10, 8, 2, 6, 5, 3, 4, 4} {
		all = append(all, usual*[]int{0, 1, 1, 4}[random.IntN(4)])
	}
	all[0]++
	return all
}

var (
	callEntities = []string{"e:0", "e:1", "f:0"}
	callKinds    = []batpak.Kind{0x1001, 0x1002}
)

func (c *client) entityName() string { return callEntities[c.random.IntN(c.entities)] }

// name is a name that nothing else has.
func (c *client) name(prefix string) string {
	c.made++
	return fmt.Sprintf("%s%d.%d.%d", prefix, c.life, c.number, c.made)
}

// draft is an event that no other call appends.
func (c *client) draft(entity string) batpak.Draft {
	d := note(entity, c.name("c")+strings.Repeat(" ", 30*c.grows+c.random.IntN(1<<c.random.IntN(9))))
	d.Kind = callKinds[c.random.IntN(len(callKinds))]
	return d
}

// append appends n events, in one batch if there are several.
func (c *client) append(n int) {
	k := &call{what: "Commit"}
	for i := range n {
		it := item{draft: c.draft(c.entityName())}
		if c.random.IntN(2) == 0 {
			it.expects = true
			it.version = c.guess(k.items, it.draft.Entity)
		}
		if i > 0 && c.random.IntN(2) == 0 {
			it.cause = 1 + c.random.IntN(i)
		}
		k.items = append(k.items, it)
	}
	c.commit(k)
}

// guess is what the version of an entity may be after some items.
func (c *client) guess(before []item, entity string) uint64 {
	version, _ := c.store.Head(entity) // a store that was closed refuses the append anyway
	for _, i := range before {
		if i.draft.Entity == entity {
			version++
		}
	}
	return version + uint64(c.random.IntN(4)/3) // what is under way, or nothing
}

// commit appends the items of a call.
func (c *client) commit(k *call) {
	if len(k.items) == 1 && k.none == nil {
		k.what = "Append"
	}
	c.call(k, func(ctx context.Context) {
		if k.what == "Append" {
			var r batpak.Receipt
			if r, k.err = c.store.Append(ctx, k.items[0].draft, k.items[0].options()...); k.err == nil {
				k.receipts = []batpak.Receipt{r}
			}
			return
		}
		b := c.store.NewBatch()
		if k.none != nil {
			b.ExpectNone(*k.none)
		}
		for _, i := range k.items {
			b.Add(i.draft, i.options()...)
		}
		k.receipts, k.err = b.Commit(ctx)
	})
}

// keyed appends with a key that others use too, nearly always for the same events.
func (c *client) keyed() {
	n := c.random.IntN(4)
	k := &call{what: "Commit", items: []item{c.keyedItem(n, callEntities[n%c.entities])}}
	if n == 3 {
		second := k.items[0]
		second.draft = note(callEntities[c.entities-1], text(second.draft.Payload)+" b")
		second.key = ""
		second.expects = false
		k.items = append(k.items, second)
	}
	c.commit(k)
}

func (c *client) keyedItem(n int, entity string) item {
	it := item{key: fmt.Sprint("k", n)}
	if c.random.IntN(10) == 0 {
		it.variant = 1
	}
	it.draft = note(entity, fmt.Sprintf("k%d v%d", n, it.variant))
	if c.random.IntN(3) == 0 {
		it.expects, it.version = true, c.guess(nil, entity)
	}
	return it
}

// conditional appends if no event matches a query.
func (c *client) conditional() {
	q := batpak.Query{After: c.store.Frontier().Visible}
	switch c.random.IntN(4) {
	case 0:
		q.Entity = c.entityName()
	case 1:
		q.Prefix = "e:"
	case 2:
		q.Kinds = []batpak.Kind{callKinds[c.random.IntN(len(callKinds))]}
	}
	if c.random.IntN(8) == 0 {
		q.After = q.After / 2
	}
	c.commit(&call{what: "Commit if none", none: &q, items: []item{{draft: c.draft(c.entityName())}}})
}

// sums is the payload of the command in a trial.
type sum struct{}

// decide runs a command: a stream may have so many events.
func (c *client) decide() {
	k := &call{what: "Decide", gated: true, limit: c.limit, record: c.random.IntN(4) == 0}
	it := item{}
	if c.random.IntN(2) == 0 {
		it = c.keyedItem(4+c.random.IntN(2), "e:0")
		it.expects = false
	} else {
		it.draft = c.draft(c.entityName())
	}
	k.items = []item{it}
	k.command = c.name("d")
	opts := it.options()
	if k.record {
		opts = append(opts, batpak.RecordDenial())
	}
	c.call(k, func(ctx context.Context) {
		attempts := 0
		var r batpak.Receipt
		r, k.err = batpak.Decide(ctx, c.store, it.draft, func(ctx context.Context) (batpak.Permit[sum], error) {
			c.hold(&parked{number: c.number, point: "propose"})
			if attempts++; attempts == 2 {
				c.turn(it.draft.Entity, 1)
			}
			return c.permit(ctx, k)
		}, opts...)
		if attempts >= 2 {
			c.turn(it.draft.Entity, -1)
		}
		if k.err == nil {
			k.receipts = []batpak.Receipt{r}
		}
	})
}

// permit asks the gate.
func (c *client) permit(ctx context.Context, k *call) (batpak.Permit[sum], error) {
	d := k.items[0].draft
	fold := func(n *uint64, e batpak.Event) error {
		if *n++; e.Version != *n {
			return fmt.Errorf("version %d of %s follows after %d", e.Version, e.Entity, *n-1)
		}
		return nil
	}
	var n uint64
	reading, err := batpak.Load(ctx, c.store, d.Entity, batpak.Into(&n, fold))
	if err != nil {
		return batpak.Permit[sum]{}, err
	}
	gate := batpak.Gate[uint64]{Name: "limit", Eval: func(n uint64) *batpak.Denial {
		c.hold(&parked{number: c.number, point: "gate"})
		if n >= k.limit {
			return batpak.Deny("LIMIT", "there are enough")
		}
		return nil
	}}
	return batpak.Propose[sum](c.store, k.command, []batpak.Gate[uint64]{gate}, reading, n, d)
}

// propose runs a command in its two steps.
func (c *client) propose() {
	commit := &call{what: "Commit of a permit", gated: true, limit: c.limit, items: []item{{draft: c.draft(c.entityName())}}}
	commit.command = c.name("d")
	var p batpak.Permit[sum]
	ask := &call{what: "Propose", entity: commit.items[0].draft.Entity, limit: c.limit}
	c.call(ask, func(ctx context.Context) {
		if p, ask.err = c.permit(ctx, commit); ask.err == nil {
			ask.number = p.Version()
		}
	})
	if ask.err != nil || ask.ended == 0 {
		return
	}
	commit.items[0].expects, commit.items[0].version = true, p.Version()
	if c.random.IntN(2) == 0 {
		commit.items = append(commit.items, item{draft: c.draft(c.entityName()), cause: 1})
	}
	c.call(commit, func(ctx context.Context) {
		if len(commit.items) == 1 {
			var r batpak.Receipt
			if r, commit.err = batpak.Commit(ctx, c.store, p); commit.err == nil {
				commit.receipts = []batpak.Receipt{r}
			}
			return
		}
		b := c.store.NewBatch()
		batpak.AddPermit(b, p)
		b.Add(commit.items[1].draft, commit.items[1].options()...)
		commit.receipts, commit.err = b.Commit(ctx)
	})
}

// iterate reads what a query selects.
func (c *client) iterate() {
	k := &call{what: "Events"}
	switch c.random.IntN(6) {
	case 0:
		k.query.Entity = c.entityName()
	case 1:
		k.query.Prefix = "e:"
	case 2:
		k.query.Kinds = []batpak.Kind{callKinds[c.random.IntN(len(callKinds))]}
	case 3:
		k.query.After = uint64(c.random.IntN(10))
		k.query.Until = k.query.After + uint64(c.random.IntN(10))
	}
	meddles := c.random.IntN(8) == 0
	c.call(k, func(context.Context) {
		for e, err := range c.store.Events(k.query) {
			if err != nil {
				k.err = err
				return
			}
			k.events = append(k.events, e)
			if meddles {
				meddles = false
				c.append(1) // the body of a loop may do what it likes
			}
		}
	})
}

// find looks for one event.
func (c *client) find() {
	switch c.random.IntN(3) {
	case 0:
		k := &call{what: "At", sequence: 1 + c.store.Frontier().Visible}
		if c.random.IntN(2) == 0 {
			k.sequence = 1 + uint64(c.random.IntN(int(k.sequence)))
		}
		c.callFor(k, func() (batpak.Event, error) { return c.store.At(k.sequence) })
	case 1:
		k := &call{what: "ByKey", key: fmt.Sprint("k", c.random.IntN(6))}
		c.callFor(k, func() (batpak.Event, error) { return c.store.ByKey(k.key) })
	default:
		known := c.receipt()
		if known == nil {
			return
		}
		k := &call{what: "Get", sequence: known.Sequence()}
		c.callFor(k, func() (batpak.Event, error) { return c.store.Get(known.ID()) })
	}
}

func (c *client) callFor(k *call, find func() (batpak.Event, error)) {
	c.call(k, func(context.Context) {
		var e batpak.Event
		if e, k.err = find(); k.err == nil {
			k.events = []batpak.Event{e}
		}
	})
}

// receipt is a receipt that somebody has got.
func (c *client) receipt() *batpak.Receipt {
	for _, k := range slices.Backward(c.calls) {
		if k.ended != 0 && !k.lost && len(k.receipts) > 0 && c.random.IntN(2) == 0 {
			return &k.receipts[c.random.IntN(len(k.receipts))]
		}
	}
	return nil
}

// walk goes back from an event to the first one of its stream.
func (c *client) walk() {
	known := c.receipt()
	if known == nil {
		return
	}
	k := &call{what: "Ancestors", sequence: known.Sequence()}
	c.call(k, func(context.Context) {
		version := known.Version()
		for e, err := range c.store.Ancestors(known.ID()) {
			if k.err = err; err != nil {
				return
			}
			if version--; e.Version != version || e.Coordinate != known.Coordinate() {
				c.fail(fmt.Errorf("%v: %+v in place of version %d", k, e.Meta, version))
			}
		}
		if version != 1 {
			c.fail(fmt.Errorf("%v ended at version %d", k, version))
		}
	})
}

func (c *client) head() {
	k := &call{what: "Head", entity: c.entityName()}
	c.call(k, func(context.Context) { k.number, k.err = c.store.Head(k.entity) })
}

func (c *client) project() {
	k := &call{what: "Project", entity: c.entityName()}
	c.call(k, func(ctx context.Context) {
		f, err := batpak.Project(ctx, c.store, k.entity, func(n *int, _ batpak.Event) error {
			c.hold(&parked{number: c.number, point: "fold"})
			*n++
			return nil
		})
		if k.number, k.err = f.Version, err; err == nil && f.State != int(f.Version) {
			c.fail(fmt.Errorf("%v folded %d events to version %d", k, f.State, f.Version))
		}
	})
}

func (c *client) verify() {
	k := &call{what: "Verify"}
	c.call(k, func(ctx context.Context) {
		v, err := c.store.Verify(ctx)
		if err == nil && len(v.Damages) > 0 {
			err = fmt.Errorf("%w: %v", batpak.ErrCorrupt, v.Damages)
		}
		k.number, k.err = v.Events, err
	})
}

func (c *client) wait() {
	f := c.store.Frontier()
	k := &call{what: "Wait", sequence: f.Visible + uint64(c.random.IntN(4)), mark: batpak.Mark(c.random.IntN(3))}
	c.call(k, func(ctx context.Context) {
		k.err = c.store.Wait(ctx, k.mark, k.sequence)
		c.hold(&parked{number: c.number, point: "waited"})
		if f := c.store.Frontier(); k.err == nil && []uint64{f.Written, f.Durable, f.Visible}[k.mark] < k.sequence {
			c.fail(fmt.Errorf("%v, but the marks are at %+v", k, f))
		}
	})
}

func (c *client) sync() {
	k := &call{what: "Sync"}
	c.call(k, func(ctx context.Context) {
		written := c.store.Frontier().Written
		if k.err = c.store.Sync(ctx); k.err == nil && c.store.Frontier().Durable < written {
			c.fail(fmt.Errorf("%v, but the marks are at %+v, and %d events were written before", k, c.store.Frontier(), written))
		}
	})
}

// follow is another process, which opens the store for reading alone and looks at
// it now and then.
func (c *client) follow(n int) {
	var s *batpak.Store
	defer func() {
		if s != nil {
			_ = s.Close()
		}
	}()
	shown := 0
	for range n {
		k := &call{what: "Follow"}
		c.call(k, func(context.Context) {
			if s == nil {
				if s, k.err = openReader(c.disk, nil); k.err != nil {
					s, shown = nil, 0
					return
				}
			} else if k.err = s.Refresh(context.Background()); k.err != nil {
				return
			}
			for e, err := range s.Events(batpak.Query{}) {
				if k.err = err; err != nil {
					return
				}
				k.events = append(k.events, e)
			}
			if len(k.events) < shown {
				c.fail(fmt.Errorf("%v, after %d", k, shown))
			}
			shown = len(k.events)
		})
		if s != nil && c.random.IntN(3) == 0 {
			_ = s.Close()
			s, shown = nil, 0
		}
	}
}

func (c *client) close() {
	k := &call{what: "Close"}
	c.call(k, func(context.Context) {
		k.err = c.store.Close()
		c.closed.Store(true) // two may come back at the same time
		c.hold(&parked{number: c.number, point: "closed"})
	})
	if c.dead {
		_ = c.store.Close() // which ends the goroutines of the dead process
	}
}
