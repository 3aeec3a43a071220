package batpak_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
)

var readerKills = flag.Int("reader.kills", 6, "writers that are killed beside a reader")

// writerEnv names the directory in which a process of the test below writes.
const writerEnv = "BATPAK_TEST_WRITER"

// TestWriterProcess is no test but the writer of the next one, in a process of its
// own: it appends batches until it is killed.
func TestWriterProcess(t *testing.T) {
	dir, ok := os.LookupEnv(writerEnv)
	if !ok {
		t.Skip("is a process of TestReaderBesideAKilledWriter")
	}
	s, err := batpak.Open(dir, overseen(&batpak.Options{SegmentSize: 4096}))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("writing")
	for n := s.Frontier().Visible; ; {
		b := s.NewBatch()
		for range 1 + n%3 {
			n++
			b.Add(note(fmt.Sprint("e:", n%3), numbered(n)))
		}
		if _, err := b.Commit(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

// numbered is the payload of the event with this sequence.
func numbered(sequence uint64) string {
	return fmt.Sprint(sequence, strings.Repeat("x", int(sequence%200)))
}

// TestReaderBesideAKilledWriter reads while another process writes, is killed, and
// is followed by the next, on the real disk: every event that a reader shows is the
// one that was written, and none is taken back.
func TestReaderBesideAKilledWriter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var reader *batpak.Store
	shown := uint64(0)
	for kill := range *readerKills {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWriterProcess$")
		cmd.Env = append(os.Environ(), writerEnv+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var line string
		if _, err := fmt.Fscanln(out, &line); err != nil || line != "writing" {
			t.Fatalf("the writer said %q, %v", line, err)
		}
		if reader == nil {
			if reader, err = batpak.OpenReadOnly(dir, overseen(nil)); err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
		}
		before := shown
		for end := time.Now().Add(time.Duration(30+20*kill) * time.Millisecond); time.Now().Before(end) || shown == before; {
			shown = readOn(t, reader, shown) // any moment will do, once something was read of this writer
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		shown = readOn(t, reader, shown)
	}
	fresh, err := batpak.OpenReadOnly(dir, overseen(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	w := open(t, dir, nil)
	if got := w.Frontier().Visible; readOn(t, fresh, 0) > got || shown > got || shown == 0 {
		t.Errorf("readers showed %d events, the next writer shows %d", shown, got)
	}
	if v, err := reader.Verify(t.Context()); err != nil || len(v.Damages) > 0 {
		t.Errorf("Verify() = %+v, %v, want no damage", v, err)
	}
	t.Logf("%d kills, %d events", *readerKills, shown)
}

// readOn refreshes a reader and checks what it shows behind an event.
func readOn(t *testing.T, s *batpak.Store, after uint64) uint64 {
	t.Helper()
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatalf("Refresh() = %v", err)
	}
	if s.Frontier().Visible < after {
		t.Fatalf("%d events are shown after %d", s.Frontier().Visible, after)
	}
	for e, err := range s.Events(batpak.Query{After: after}) {
		if after++; err != nil || e.Sequence != after || string(e.Payload) != numbered(after) {
			t.Fatalf("event %d = %+v, %v", after, e.Meta, err)
		}
	}
	return after
}
