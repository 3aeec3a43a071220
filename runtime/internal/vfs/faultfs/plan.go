package faultfs

import (
	"io/fs"
	"sync"
	"syscall"
)

// Plan is which operations fail. The zero Plan lets none. It is safe for concurrent use.
type Plan struct {
	mu    sync.Mutex // guards all below, and the N of each fault
	armed []*Fault
	met   bool
}

// Fail arms a fault. Several may be armed; each counts for itself, and where
// two meet the older one decides.
func (p *Plan) Fail(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.N = max(f.N, 1)
	if f.Err == nil {
		f.Err = syscall.EIO
	}
	p.armed = append(p.armed, &f)
}

// Heal disarms all faults. It reports whether any operation has failed since the last time.
func (p *Plan) Heal() (met bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	met = p.met
	p.armed, p.met = nil, false
	return met
}

// Armed reports whether a fault is armed, be it one that has come and will not again.
func (p *Plan) Armed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.armed) > 0
}

// Do does an operation about name, or lets it fail. If its effect is to be lost it calls
// lost in place of effect, for what is there all the same and for what the caller is told,
// which may be that all is well. What effect returns goes to the caller as it is.
func (p *Plan) Do(op Op, name string, effect func() error, lost func(f *Fault) error) error {
	f := p.trip(op)
	if f == nil {
		return effect()
	}
	answer := f.Err
	if f.Kept {
		if err := effect(); err != nil {
			return err
		}
	} else if answer = lost(f); answer == nil {
		return nil
	}
	return &fs.PathError{Op: string(op), Path: name, Err: answer}
}

// trip counts an operation against the armed faults and returns the one that
// fails it, or nil.
func (p *Plan) trip(op Op) (hit *Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.armed {
		if f.Op != op && f.Op != OpAny {
			continue
		}
		f.N--
		if hit == nil && (f.N == 0 || f.Sticky && f.N < 0) {
			hit, p.met = f, true
		}
	}
	return hit
}
