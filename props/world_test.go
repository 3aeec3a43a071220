package props_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/batpaktest"

	"github.com/batpak-go/batpak/props"
)

// opener opens one store again and again.
type opener func(*batpak.Options) (*batpak.Store, error)

// onDisks runs a test on the simulated and on the real disk, the latter with
// fewer cases. Each call of fresh makes an empty disk, which is gone after use.
func onDisks(t *testing.T, simulated, real int, test func(t *testing.T, cases int, fresh func(use func(opener) error) error)) {
	t.Run("simulated", func(t *testing.T) {
		test(t, simulated, func(use func(opener) error) error { return use(batpaktest.NewDisk().Open) })
	})
	t.Run("real", func(t *testing.T) {
		parent := t.TempDir()
		test(t, real, func(use func(opener) error) error {
			dir, err := os.MkdirTemp(parent, "store")
			if err != nil {
				return err
			}
			err = use(func(o *batpak.Options) (*batpak.Store, error) { return batpaktest.OpenDir(dir, o) })
			return errors.Join(err, os.RemoveAll(dir))
		})
	})
}

// world is a store under test, and the model that it must be like.
type world struct {
	open    opener
	options batpak.Options
	store   *batpak.Store
	model   props.Model
	stored  []stored
	step    int
	// after is called after each step, if it is set.
	after func()
}

// stored is a request that the store took.
type stored struct {
	request  props.Request
	receipts []batpak.Receipt
}

// The names in the tests: beginnings of each other, and beyond ASCII.
var (
	entities = []string{"account:1", "account:2", "account:11", "acc", "häuser:ß", "b"}
	scopes   = []string{"s", "scope:2"}
	kinds    = []batpak.Kind{0x1001, 0x1002, 0xFFFF}
)

// run opens the store and takes all steps, each of which must have the outcome
// that the model says. It leaves the store open, unless there is an error.
func (w *world) run(ctx context.Context, ops []op) (err error) {
	if w.options.SegmentSize == 0 {
		w.options.SegmentSize = batpak.MinSegmentSize
	}
	if w.store, err = w.open(&w.options); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			w.store.Close()
		}
	}()
	for i, o := range ops {
		w.step++
		if err := w.take(ctx, o); err != nil {
			return fmt.Errorf("step %d, %v: %w", i, o, err)
		}
		if w.after != nil {
			w.after()
		}
	}
	return nil
}

// take takes one step.
func (w *world) take(ctx context.Context, o op) error {
	switch o.act {
	case appendOne:
		return w.submit(ctx, props.Request{Wishes: []props.Wish{w.wish(o, 0)}})
	case appendBatch, appendIfNone:
		var r props.Request
		for i := range 1 + int(o.size)%5 {
			r.Wishes = append(r.Wishes, w.wish(op{o.act, o.who + uint8(i)*3, o.size, o.how}, i))
		}
		if o.act == appendIfNone {
			r.Conditions = []batpak.Query{w.condition(o)}
		}
		return w.submit(ctx, r)
	case retry, retryOther:
		return w.retry(ctx, o)
	case syncAll:
		return w.store.Sync(ctx)
	case reopen:
		return w.reopen(ctx, batpak.MinSegmentSize<<(o.size%4))
	}
	return fmt.Errorf("there is no act %d", o.act)
}

func (w *world) submit(ctx context.Context, r props.Request) error {
	before := w.model.Len()
	receipts, err := w.model.Submit(ctx, w.store, &r)
	if err == nil && w.model.Len() > before {
		w.stored = append(w.stored, stored{r, receipts})
	}
	return err
}

// wish makes item i of a request.
func (w *world) wish(o op, i int) props.Wish {
	n := props.Wish{Draft: batpak.Draft{
		Coordinate:     batpak.Coordinate{Entity: entities[int(o.who)%len(entities)], Scope: scopes[o.how/howScope%2]},
		Kind:           kinds[(int(o.how/howKind)+i)%len(kinds)],
		PayloadVersion: 1 + uint16(o.how%3),
		Payload:        bytes.Repeat([]byte{byte(w.step)}, int(o.size)*int(o.size)/64),
	}}
	if o.how&howKey != 0 {
		n.Key = fmt.Sprintf("key %d.%d", w.step, i)
	}
	if o.how&howExpect != 0 {
		version, err := w.store.Head(n.Entity)
		if err != nil {
			panic(err) // the disk is sound, and the store is open
		}
		n.Expects, n.Version = true, version
		if o.how&howStale != 0 {
			n.Version++
		}
	}
	if events := w.model.Events(); o.how&howCause != 0 && len(events) > 0 {
		n.Causation = events[int(o.size)%len(events)].ID
		if o.how&howItem != 0 {
			n.CauseItem = i
		}
	}
	if o.how&howCorrelate != 0 {
		n.Correlation = batpak.ID{1, o.who}
	}
	return n
}

// condition is a query that sometimes finds something.
func (w *world) condition(o op) batpak.Query {
	entity := entities[int(o.who)%len(entities)]
	return batpak.Query{
		Prefix: entity[:min(len(entity), 1+int(o.how%2))],
		Kinds:  kinds[:1+o.how%2],
		After:  uint64(w.model.Len()) - min(uint64(w.model.Len()), uint64(o.size%8)),
	}
}

// retry repeats a request that was stored, or comes with its key and another
// event. The model knows what must become of it.
func (w *world) retry(ctx context.Context, o op) error {
	if len(w.stored) == 0 {
		return nil
	}
	r := w.stored[int(o.who)%len(w.stored)].request
	r.Wishes = slices.Clone(r.Wishes)
	if o.act == retryOther {
		n := &r.Wishes[int(o.size)%len(r.Wishes)]
		switch o.how % 4 {
		case 0:
			n.Payload = append([]byte("other"), n.Payload...)
		case 1:
			n.Kind ^= 1
		case 2:
			n.Scope += "x"
		case 3:
			n.PayloadVersion++
		}
	}
	return w.submit(ctx, r)
}

// reopen closes the store, which must have everything, and opens it with another
// size of segments.
func (w *world) reopen(ctx context.Context, segmentSize int64) error {
	if err := w.store.Close(); err != nil {
		return err
	}
	w.options.SegmentSize = segmentSize
	store, err := w.open(&w.options)
	if err != nil {
		return err
	}
	w.store = store
	if r := w.store.Report(); !r.Clean || r.Cut != 0 || r.Rewritten != 0 || r.Events != uint64(w.model.Len()) {
		return fmt.Errorf("report of opening = %+v, want %d events after a clean close", r, w.model.Len())
	}
	return w.model.Compare(ctx, w.store)
}

// finish makes everything visible, compares, and does so again after closing and
// opening.
func (w *world) finish(ctx context.Context) error {
	defer func() { w.store.Close() }() // again, if something is wrong
	if err := w.store.Sync(ctx); err != nil {
		return err
	}
	if err := w.model.Compare(ctx, w.store); err != nil {
		return err
	}
	if err := w.reopen(ctx, batpak.MinSegmentSize); err != nil {
		return fmt.Errorf("after opening again: %w", err)
	}
	return w.store.Close()
}
