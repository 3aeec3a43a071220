//go:build unix

package batpak_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
)

var (
	killN    = flag.Int("kill.n", 200, "processes to kill on the real disk")
	killSeed = flag.Uint64("kill.seed", 0, "seed of the first directory of the kill test; 0 means a new one each time")
)

const (
	killWriters = 4  // goroutines of a child that append
	killLives   = 12 // of one directory
)

// killOp is one append of a writer of the kill test. All of it follows from the seed of
// the directory, the writer and its number, so that any process can say what it was
// and repeat it.
type killOp struct {
	writer, number int
	drafts         []batpak.Draft
	keys           []string // empty: that event has none
}

func killOpOf(seed uint64, writer, number int) killOp {
	r := rand.New(rand.NewPCG(seed, uint64(writer)<<32|uint64(number)))
	op := killOp{writer: writer, number: number}
	n := 1
	if r.IntN(3) == 0 {
		n += r.IntN(4)
	}
	for i := range n {
		text := fmt.Sprintf("%d/%d/%d ", writer, number, i) + strings.Repeat("x", r.IntN(8<<r.IntN(11)))
		key := ""
		if r.IntN(8) > 0 && (i == 0 || r.IntN(2) == 0) {
			key = fmt.Sprintf("key %d/%d/%d", writer, number, i)
		}
		op.drafts = append(op.drafts, note(fmt.Sprint("e:", r.IntN(6)), text))
		op.keys = append(op.keys, key)
	}
	return op
}

// keyed reports whether the op can be repeated.
func (op *killOp) keyed() bool {
	return slices.ContainsFunc(op.keys, func(k string) bool { return k != "" })
}

func (op *killOp) commit(s *batpak.Store) ([]batpak.Receipt, error) {
	b := s.NewBatch()
	for i, d := range op.drafts {
		var opts []batpak.AppendOption
		if op.keys[i] != "" {
			opts = append(opts, batpak.Key(op.keys[i]))
		}
		b.Add(d, opts...)
	}
	return b.Commit(context.Background())
}

// receiptLine is all that a receipt says, as a child prints it.
func receiptLine(r batpak.Receipt) string {
	return fmt.Sprintf("%v:%d:%d:%s:%d:%v:%v:%v", r.StoreID(), r.Incarnation(), r.Sequence(), r.Coordinate().Entity, r.Version(), r.ID(), r.Hash(), r.Durable())
}

// liveUntilKilled is the child that appends from many goroutines and prints each
// receipt, until it is killed. Its arguments are the directory, the seed, whether
// the store is relaxed, and the number of the next op of each writer.
func liveUntilKilled(args []string) error { return appendOps(args, func() {}) }

// appendOps does that, and calls a function after each append.
func appendOps(args []string, appended func()) error {
	seed, err := strconv.ParseUint(args[1], 10, 64)
	if err != nil {
		return err
	}
	o := killOptions(args[2] == "relaxed")
	say("opening")
	s, err := batpak.Open(args[0], overseen(o))
	if err != nil {
		return err
	}
	say("opened")
	var wg sync.WaitGroup
	failed := make(chan error, killWriters+1)
	for w := range killWriters {
		next, err := strconv.Atoi(args[3+w])
		if err != nil {
			return err
		}
		wg.Go(func() {
			for ; ; next++ {
				op := killOpOf(seed, w, next)
				receipts, err := op.commit(s)
				if err != nil {
					failed <- err
					return
				}
				var line strings.Builder
				fmt.Fprintf(&line, "%d %d", w, next)
				for _, r := range receipts {
					line.WriteString(" " + receiptLine(r))
				}
				say("%s", line.String())
				appended()
			}
		})
	}
	if o.Durability == batpak.Relaxed {
		go func() {
			for {
				if err := s.Sync(context.Background()); err != nil {
					failed <- err
				}
			}
		}()
	}
	return <-failed
}

func killOptions(relaxed bool) *batpak.Options {
	o := &batpak.Options{SegmentSize: 64 << 10, Compaction: &batpak.Compaction{}}
	if relaxed {
		o.Durability = batpak.Relaxed
	}
	return o
}

// killed is a directory in which processes live and are killed, and what they said.
type killed struct {
	t        *testing.T
	dir      string
	seed     uint64
	random   *rand.Rand
	relaxed  bool
	receipts map[[2]int][]string // by writer and number
	next     [killWriters]int
	opened   bool // the process that lives has opened the store
	early    int  // processes that were killed before they had
}

// TestKillOfAProcessThatAppends kills processes that append to a store on the real
// disk: while they append, from many goroutines, and while they recover from the
// kill before. Every receipt that one of them has printed is of an event that is
// there, byte for byte; batches are there whole or not at all; nothing is there
// twice; and who repeats an append with a key gets the receipt of the first time.
//
//	go test ./runtime -run TestKill -kill.n=500
func TestKillOfAProcessThatAppends(t *testing.T) {
	t.Parallel()
	kills, early, events := 0, 0, 0
	for n := uint64(0); kills < fewer(*killN); n++ {
		seed := *killSeed + n
		if *killSeed == 0 {
			seed = rand.Uint64()
		}
		k := &killed{t: t, dir: t.TempDir(), seed: seed, random: rand.New(rand.NewPCG(seed, 8)), relaxed: seed%3 == 0, receipts: map[[2]int][]string{}}
		for range killLives {
			k.live()
			kills++
			if k.repeatable() && k.random.IntN(2) == 0 {
				continue // the next one meets what this one left, unseen
			}
			if _, err := k.check(); err != nil {
				t.Fatalf("after %d kills: %v\n\tgo test ./runtime -run '^%s$' -kill.seed=%d", kills, err, t.Name(), seed)
			}
		}
		n, err := k.check()
		if err != nil {
			t.Fatalf("after %d kills: %v\n\tgo test ./runtime -run '^%s$' -kill.seed=%d", kills, err, t.Name(), seed)
		}
		early, events = early+k.early, events+n
	}
	t.Logf("%d processes were killed, %d of them while they opened the store; they stored %d events", kills, early, events)
}

// repeatable reports whether all that was under way can be repeated.
func (k *killed) repeatable() bool {
	for w, n := range k.next {
		if op := killOpOf(k.seed, w, n); !op.keyed() {
			return false
		}
	}
	return true
}

// live lets a process live until it has printed some receipts, or until some
// moment of its opening, and kills it.
func (k *killed) live() {
	k.t.Helper()
	c := startChild(k.t, "killed", k.args()...)
	if line := c.must(); line != "opening" {
		k.t.Fatalf("the process says %q", line)
	}
	if k.random.IntN(3) == 0 {
		time.Sleep(time.Duration(k.random.IntN(2000)) * time.Microsecond) // any moment will do
	} else {
		for range 1 + k.random.IntN(1<<k.random.IntN(9)) {
			if line, ok := c.hear(); ok {
				k.heard(line)
			}
		}
	}
	if err := c.cmd.Process.Kill(); err != nil {
		k.t.Fatal(err)
	}
	for line, ok := c.hear(); ok; line, ok = c.hear() {
		k.heard(line)
	}
	if !k.opened {
		k.early++
	}
	k.opened = false
	_ = c.cmd.Wait() // it was killed
}

// args are those of the next process.
func (k *killed) args() []string {
	mode := "synced"
	if k.relaxed {
		mode = "relaxed"
	}
	args := []string{k.dir, fmt.Sprint(k.seed), mode}
	for _, n := range k.next {
		args = append(args, fmt.Sprint(n))
	}
	return args
}

// heard takes note of a line that a process printed.
func (k *killed) heard(line string) {
	if line == "opened" {
		k.opened = true
		return
	}
	words := strings.Fields(line)
	if len(words) < 3 {
		return // it was killed in the middle of the line
	}
	writer, werr := strconv.Atoi(words[0])
	number, nerr := strconv.Atoi(words[1])
	if err := errors.Join(werr, nerr); err != nil || number != k.next[writer] {
		k.t.Fatalf("the process says %q, want op %d of the writer: %v", line, k.next[writer], err)
	}
	k.receipts[[2]int{writer, number}] = words[2:]
	k.next[writer]++
}

// check opens the store and holds it against what was heard. It returns how many
// events there are.
func (k *killed) check() (events int, err error) {
	s, err := openDir(k.dir, killOptions(k.relaxed))
	if err != nil {
		return 0, err
	}
	defer s.Close()
	if v, err := s.Verify(context.Background()); err != nil || len(v.Damages) > 0 {
		return 0, fmt.Errorf("Verify() = %+v, %w", v, err)
	}
	there, err := k.read(s)
	if err != nil {
		return 0, err
	}
	for at, receipts := range k.receipts {
		if err := k.checkReceipts(s, killOpOf(k.seed, at[0], at[1]), receipts); err != nil {
			return 0, err
		}
	}
	for w := range k.next {
		op := killOpOf(k.seed, w, k.next[w])
		n := there[[2]int{w, k.next[w]}]
		if n != 0 && n != len(op.drafts) {
			return 0, fmt.Errorf("op %d/%d has %d of its %d events", w, k.next[w], n, len(op.drafts))
		}
		if n == 0 || op.keyed() && k.random.IntN(2) == 0 {
			continue // it is repeated by the next process
		}
		if op.keyed() {
			receipts, err := op.commit(s)
			if err != nil || receipts[0].Sequence() > s.Frontier().Visible {
				return 0, fmt.Errorf("op %d/%d, which is there, is repeated with %v, %w", w, k.next[w], receipts, err)
			}
			for _, r := range receipts {
				k.receipts[[2]int{w, k.next[w]}] = append(k.receipts[[2]int{w, k.next[w]}], receiptLine(r))
			}
		}
		k.next[w]++ // it happened, and cannot be repeated
	}
	return int(s.Frontier().Visible), nil
}

// read reads all events, which are those of ops that were begun, each there once and
// as it was given, and returns how many there are of each op.
func (k *killed) read(s *batpak.Store) (there map[[2]int]int, err error) {
	there = map[[2]int]int{}
	for e, err := range s.Events(batpak.Query{}) {
		if err != nil {
			return nil, err
		}
		var writer, number, item int
		if _, err := fmt.Sscanf(string(e.Payload), "%d/%d/%d ", &writer, &number, &item); err != nil {
			return nil, fmt.Errorf("event %d is %.40q: %w", e.Sequence, e.Payload, err)
		}
		op, at := killOpOf(k.seed, writer, number), [2]int{writer, number}
		switch d := op.drafts[min(item, len(op.drafts)-1)]; {
		case number > k.next[writer]:
			return nil, fmt.Errorf("event %d is of op %d/%d, which cannot have begun", e.Sequence, writer, number)
		case there[at] != item:
			return nil, fmt.Errorf("event %d is item %d of op %d/%d, of which there are %d before it", e.Sequence, item, writer, number, there[at])
		case string(e.Payload) != string(d.Payload) || e.Coordinate != d.Coordinate || e.Key != op.keys[item]:
			return nil, fmt.Errorf("event %d is %.60q in %v with key %q, want %.60q in %v with key %q", e.Sequence, e.Payload, e.Coordinate, e.Key, d.Payload, d.Coordinate, op.keys[item])
		}
		there[at]++
	}
	return there, nil
}

// checkReceipts holds the receipts of an op against its events, and against those
// of a retry.
func (k *killed) checkReceipts(s *batpak.Store, op killOp, receipts []string) error {
	for i, want := range receipts {
		fields := strings.Split(want, ":")
		sequence, err := strconv.ParseUint(fields[2], 10, 64)
		if err != nil {
			return err
		}
		e, err := s.At(sequence)
		if err != nil || fmt.Sprint(e.ID) != fields[6] || fmt.Sprint(e.Hash) != fields[7] || string(e.Payload) != string(op.drafts[i].Payload) {
			return fmt.Errorf("receipt %s of op %d/%d is of event %+v, %w", want, op.writer, op.number, e.Meta, err)
		}
	}
	if !op.keyed() || k.random.IntN(4) > 0 {
		return nil
	}
	again, err := op.commit(s)
	if err != nil {
		return fmt.Errorf("retry of op %d/%d: %w", op.writer, op.number, err)
	}
	for i, r := range again {
		want := receipts[i]
		if k.relaxed { // what was not durable then is now
			want = strings.TrimSuffix(strings.TrimSuffix(want, "true"), "false") + fmt.Sprint(r.Durable())
		}
		if got := receiptLine(r); got != want {
			return fmt.Errorf("retry of op %d/%d gives %s, the first time it was %s", op.writer, op.number, got, want)
		}
	}
	return nil
}
