package commit_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/commit"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// ledger is what the submitters of a run were told.
type ledger struct {
	mu      sync.Mutex
	acked   map[uint64]format.Head // by sequence
	texts   map[[16]byte]string    // by id
	unknown map[[16]byte]bool
	refused map[string]bool // payloads of requests of which nothing was committed
}

func newLedger() *ledger {
	return &ledger{acked: map[uint64]format.Head{}, texts: map[[16]byte]string{}, unknown: map[[16]byte]bool{}, refused: map[string]bool{}}
}

// note takes down the outcome of a request.
func (l *ledger) note(q *commit.Request, texts []string, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		for i, h := range q.Heads() {
			if other, taken := l.acked[h.Sequence]; taken {
				return fmt.Errorf("sequence %d is given to %x and to %x", h.Sequence, other.ID, h.ID)
			}
			l.acked[h.Sequence], l.texts[h.ID] = h, texts[i]
		}
		return nil
	}
	if u, ok := errors.AsType[*commit.UnknownError](err); ok {
		for _, h := range u.Heads {
			l.unknown[h.ID] = true
		}
		return nil
	}
	for _, text := range texts {
		l.refused[text] = true
	}
	if _, conflict := errors.AsType[*commit.Conflict](err); conflict || errors.Is(err, syscall.ENOSPC) ||
		errors.Is(err, commit.ErrLookAgain) || errors.Is(err, context.Canceled) || isPoisoned(err) {
		return nil
	}
	return fmt.Errorf("request got %w", err)
}

// check holds a log against what its submitters were told.
func (l *ledger) check(r *rig) error {
	records, err := r.records()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	found := 0
	for _, rec := range records {
		h, acked := l.acked[rec.Sequence]
		switch {
		case acked && (rec.Head != h || string(rec.Payload) != l.texts[h.ID]):
			return fmt.Errorf("event %d is %+v %q, its submitter was told %+v %q", rec.Sequence, rec.Head, rec.Payload, h, l.texts[h.ID])
		case acked:
			found++
		case l.refused[string(rec.Payload)]:
			return fmt.Errorf("event %d, %q, was refused", rec.Sequence, rec.Payload)
		case !l.unknown[rec.ID]:
			return fmt.Errorf("event %d, %q, is no one's", rec.Sequence, rec.Payload)
		}
	}
	if found != len(l.acked) {
		return fmt.Errorf("log has %d of %d acknowledged events", found, len(l.acked))
	}
	return nil
}

// TestManySubmitters lets 256 goroutines submit at random while the disk is full
// now and then, ends them with a sync that fails or a close, and holds the log
// against what they were told: as it is, killed, and after a power cut.
func TestManySubmitters(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			d := simfs.New()
			r := begin(t, d, tuning{segmentSize: 4096 << seed})
			l := newLedger()
			var wg sync.WaitGroup
			for worker := range 256 {
				wg.Go(func() {
					if err := work(r, l, worker, int(seed)-3, rand.New(rand.NewPCG(seed, uint64(worker)))); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if err := l.check(r); err != nil {
				t.Errorf("as it is: %v", err)
			}
			if poisoned := r.Err() != nil; poisoned != (seed >= 3) {
				t.Errorf("pipeline is poisoned: %v, want it from seed 3 on", poisoned)
			}
			if seed%2 == 0 {
				r.close(t)
			}
			for how, image := range map[string]*simfs.Disk{"kill": d.Kill(), "hard cut": d.CutHard(), "cut": d.Cut(seed)} {
				again := begin(t, image, tuning{})
				if err := l.check(again); err != nil {
					t.Errorf("after a %s: %v", how, err)
				}
				again.close(t)
			}
			if seed%2 != 0 {
				r.close(t)
			}
		})
	}
}

// work submits requests of one to four events to a few streams. The poisoner lets
// a sync fail on its way; it may be none of the workers.
func work(r *rig, l *ledger, worker, poisoner int, random *rand.Rand) error {
	for n := range 12 {
		var items []event
		var texts []string
		for i := range 1 + random.IntN(4)*random.IntN(2) {
			text := fmt.Sprint(worker, ".", n, ".", i)
			e := event{entity: fmt.Sprint("e", random.IntN(8)), text: text, cause: random.IntN(i + 1)}
			switch random.IntN(4) {
			case 0:
				memory := r.index.Memory()
				head, _ := memory.Head([]byte(e.entity))
				e.expects, e.version = true, head.Version
			case 1:
				e.key = text
			}
			items, texts = append(items, e), append(texts, text)
		}
		q := request(items...)
		q.Known = r.index.Next() - 1
		if random.IntN(4) == 0 {
			q.Conditions = []index.Query{{Entity: "nobody"}} // which all groups under way are held against
		}
		ctx, cancel := context.WithCancel(context.Background())
		switch random.IntN(24) {
		case 0:
			go cancel()
		case 1:
			r.disk.Fail(faultfs.Fault{Op: faultfs.OpWrite, Err: syscall.ENOSPC})
		}
		if worker == poisoner && n == 8 {
			r.disk.Fail(faultfs.Fault{Op: faultfs.OpSync})
		}
		err := r.Submit(ctx, q)
		cancel()
		if err := l.note(q, texts, err); err != nil {
			return err
		}
	}
	return nil
}
