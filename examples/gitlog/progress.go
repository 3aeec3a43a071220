package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/batpak-go/batpak/examples/gitlog/internal/record"
	batpak "github.com/batpak-go/batpak/runtime"
)

// progress is a line on a terminal that says what is being done.
type progress struct {
	to    io.Writer
	shown bool // to is a terminal
	last  time.Time
	dirty bool // there is a line to clear
}

// interval is the least time between two lines about the same thing.
const interval = 100 * time.Millisecond

// isTerminal reports whether a file is a terminal, or something like it.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// say replaces the line.
func (p *progress) say(text string) {
	if p.shown {
		fmt.Fprintf(p.to, "\r\x1b[K%s", text)
		p.dirty = true
	}
}

// record says how far recording has come.
func (p *progress) record(at record.Progress) {
	if time.Since(p.last) < interval {
		return
	}
	p.last = time.Now()
	p.say(fmt.Sprintf("recording: %d of %d commits, %d events", at.Recorded, at.Fresh, at.Appended))
}

// verify says how far verifying has come.
func (p *progress) verify(at batpak.VerifyProgress) {
	if time.Since(p.last) < interval || at.Of == 0 {
		return
	}
	p.last = time.Now()
	p.say(fmt.Sprintf("verifying: %d %%", 100*at.Done/at.Of))
}

// clear removes the line.
func (p *progress) clear() {
	if p.dirty {
		fmt.Fprint(p.to, "\r\x1b[K")
		p.dirty = false
	}
}
