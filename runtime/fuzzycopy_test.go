package batpak_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

var copyRuns = flag.Int("copy.n", 120, "copies of a store in use that the copy test makes")

// copying is a copy of a directory that takes its time: names are read at one
// moment, and parts of files at later ones, while the store goes on.
type copying struct {
	random *rand.Rand
	begin  int // operation at which the names are read
	disk   *simfs.Disk
	acked  int // events when it began
	parts  []part
	copied *simfs.Disk
}

// part is some bytes of a file, and the operation at which they are read.
type part struct {
	name     string
	from, to int // pieces of 64 bytes
	at       int
}

// take goes on with the copy before an operation of the store.
func (c *copying) take(op, acked int) {
	if op == c.begin {
		c.acked, c.copied = acked, simfs.New()
		for _, name := range c.disk.Names() {
			c.plan(name)
		}
	}
	for _, p := range c.parts {
		if p.at == op {
			c.read(p)
		}
	}
}

// plan draws when the parts of a file are read: in order, as cp does.
func (c *copying) plan(name string) {
	at, from := c.begin, 0
	for range 1 + c.random.IntN(3) {
		at += c.random.IntN(30) * c.random.IntN(2)
		to := from + c.random.IntN(12)
		c.parts = append(c.parts, part{name, from, to, at})
		from = to
	}
	c.parts = append(c.parts, part{name, from, 1 << 20, at + c.random.IntN(30)*c.random.IntN(2)})
}

// read copies a part, as far as the file goes.
func (c *copying) read(p part) {
	const piece = 64
	now, have := c.disk.Bytes(p.name), c.copied.Bytes(p.name)
	from, to := min(p.from*piece, len(now)), min(p.to*piece, len(now))
	if have = have[:min(len(have), p.from*piece)]; len(have) < from { // it has grown since
		have = append(have, make([]byte, from-len(have))...)
	}
	c.copied.SetBytes(p.name, append(have, now[from:to]...))
}

// TestFuzzyCopy copies the directory of a store in use, each file in parts and each
// part at another time. The copy is refused, or it opens with what was acknowledged
// when the copy began and a prefix of what came after.
func TestFuzzyCopy(t *testing.T) {
	t.Parallel()
	opened, refused := 0, 0
	for seed := range uint64(*copyRuns) {
		c := &copying{random: rand.New(rand.NewPCG(seed, 6)), disk: simfs.New()}
		c.begin = 10 + c.random.IntN(120)
		var all []string
		durability := batpak.Durability(c.random.IntN(2))
		options := &batpak.Options{SegmentSize: 512 << c.random.IntN(4), Durability: durability}
		s := openSim(t, c.disk, options)
		c.disk.OnOp(func(op faultfs.Op, _ string) {
			if op != simfs.OpRest {
				c.take(c.disk.Ops(), int(s.Frontier().Durable))
			}
		})
		for i := range 60 {
			b := s.NewBatch()
			for j := range 1 + c.random.IntN(3) {
				text := fmt.Sprint(i, ".", j, strings.Repeat("x", c.random.IntN(100)))
				b.Add(note(fmt.Sprint("e:", j), text))
				all = append(all, text)
			}
			if _, err := b.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			if i%7 == 0 {
				if err := s.Sync(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		c.disk.OnOp(nil)
		for op := c.disk.Ops(); op < c.begin+200; op++ { // what the store was too quick for
			c.take(op, 0)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		copied, err := batpak.Open("simulated", simOptions(c.copied, nil))
		if errors.Is(err, batpak.ErrCorrupt) {
			refused++
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: Open() of the copy = %v", seed, err)
		}
		opened++
		got := texts(events(t, copied, batpak.Query{}))
		if len(got) < c.acked || strings.Join(got, " ") != strings.Join(all[:len(got)], " ") {
			t.Errorf("seed %d: the copy has %d events %q, want %d at least, and a prefix of %q", seed, len(got), got, c.acked, all)
		}
		if v, err := copied.Verify(t.Context()); err != nil || len(v.Damages) > 0 {
			t.Errorf("seed %d: Verify() of the copy = %+v, %v", seed, v, err)
		}
		if err := copied.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d copies opened, %d were refused", opened, refused)
	if opened == 0 || refused == 0 {
		t.Errorf("%d copies opened, %d were refused, want some of each", opened, refused)
	}
}
