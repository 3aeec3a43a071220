package commit

import (
	"errors"

	"github.com/batpak-go/batpak/runtime/internal/frontier"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// Err is why the pipeline takes no more requests, or nil.
func (p *Pipeline) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Poison refuses what is not written yet, from now on: somebody else has failed to sync
// the directory, so no name that is made later can be called durable.
//
// A group that is past its write goes on, and is acknowledged. What it relies on is a sync
// of its own file, and the name of that. If the file was there before, its name was
// durable before the failure: no group goes to a segment whose name is not. If the group
// itself began the segment, it has synced the directory itself, and the log's directory
// lets no such sync succeed that ends after the failure (package stickyfs); so it was
// before.
func (p *Pipeline) Poison(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return
	}
	sometimes.Reached("pipeline was poisoned from outside")
	p.err = &PoisonedError{Cause: cause}
	if p.flying == nil {
		p.frontier.End(p.err)
	} else {
		sometimes.Reached("pipeline was poisoned while a group was under way")
	}
}

// Close lets the groups under way end, and their leaders, refuses new requests,
// and closes the log. If it returns nil, everything published is durable: a pipeline that is
// poisoned with more than that fails with the [*PoisonedError]. It must not be
// called twice.
func (p *Pipeline) Close() error {
	p.mu.Lock()
	p.closed = true
	if p.flying != nil || p.open.led {
		sometimes.Reached("closing waited for a group")
	}
	p.mu.Unlock()
	if !planted.Bug("closing does not wait for the groups under way") {
		p.leaders.Wait()
	}
	p.point("groups are done")
	p.mu.Lock()
	next, err := p.next, p.err
	p.mu.Unlock()
	p.frontier.End(ErrClosed)
	switch {
	case err == nil:
		return p.log.Close(next)
	case p.frontier.At(frontier.Durable) == p.frontier.At(frontier.Written) || planted.Bug("closing a poisoned store says nothing"):
		return p.log.Abandon()
	}
	sometimes.Reached("closed with written events that cannot be made durable")
	return errors.Join(err, p.log.Abandon())
}
