package commit

// Lock takes the pipeline's lock.
func (p *Pipeline) Lock() { p.mu.Lock() }

// TryLock takes it if it is free.
func (p *Pipeline) TryLock() bool { return p.mu.TryLock() }

// Unlock gives it back.
func (p *Pipeline) Unlock() { p.mu.Unlock() }

// Gathering is the memory in which the next group to be written has its events.
func (p *Pipeline) Gathering() []byte {
	if p.flying != nil {
		return p.flying.buf
	}
	return p.open.buf
}
