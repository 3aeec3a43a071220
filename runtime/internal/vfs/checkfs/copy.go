package checkfs

import (
	"errors"
	"io/fs"

	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/segment"
)

// copying is what is known of a directory that a snapshot is made in. No file in it
// is a segment to the rest of the protocol.
type copying struct {
	under   bool // way: the guard was made
	taken   bool // away was a file, and the directory was not synced since
	discard bool // was begun: a file was taken away
	over    bool // the guard was to be taken away
}

// link says why a file must not be shared with another directory.
func (p *protocol) link(name string) error {
	if err := p.checkLock(); err != nil {
		return err
	}
	if s, ok := segment.ParseSpan(name); !ok || p.files[name] == nil || s.Last >= p.reached {
		return because("the file may be written to: segment %d is the last with an event that is known to be durable", p.reached)
	}
	return nil
}

func (p *protocol) linked(name string, err error) {
	if n := p.files[name]; n != nil && err == nil {
		n.shared = true
	}
}

// add says why a file of another directory must not get a name in this one.
func (p *protocol) add(name string) error {
	if !p.copying.under {
		return because("only a snapshot shares files")
	}
	return p.create(name)
}

func (p *protocol) added(name string, err error) {
	if err == nil {
		p.files[name] = &inode{name: name, made: true, synced: true, shared: true, torn: -1}
	}
}

// cloned takes in a file of so many bytes, none of which is durable.
func (p *protocol) cloned(name string, size int64, err error) {
	if err == nil {
		p.files[name] = &inode{name: name, made: true, torn: -1, size: size, unsynced: spans(nil).add(0, size)}
	}
}

// guards says why a file must not be made in a directory that is to hold a snapshot.
func (p *protocol) guards(name string) error {
	guard := p.files[replay.Unfinished]
	switch {
	case name == replay.Unfinished && len(p.files) > 0:
		return because("there is something in the directory")
	case name == replay.Unfinished:
		return nil
	case guard == nil || !guard.named:
		return because("nothing durable says that the snapshot is unfinished")
	}
	return nil
}

// removeCopied says why a name must not be taken away of a directory that a snapshot
// is made in.
func (p *protocol) removeCopied(name string) error {
	switch {
	case p.copying.over:
		return because("the snapshot may be finished")
	case name != replay.Unfinished:
		return nil
	case p.ended != nil:
		return because("nothing makes the names durable after %w", p.ended)
	case p.copying.discard && len(p.files) > 1:
		return because("some of the files are there and others are not")
	case p.copying.taken:
		return because("a file that was taken away may come back")
	}
	return p.outputs(p.files[name])
}

func (p *protocol) removedCopied(name string, err error) {
	c := &p.copying
	switch {
	case name == replay.Unfinished:
		c.over = true
	case err == nil || !errors.Is(err, fs.ErrNotExist):
		c.taken, c.discard = true, true
	}
}
