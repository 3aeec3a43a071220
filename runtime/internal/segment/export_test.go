package segment

// Lock takes the reader's lock.
func (r *Reader) Lock() { r.mu.Lock() }

// TryLock takes it if it is free.
func (r *Reader) TryLock() bool { return r.mu.TryLock() }

// Unlock gives it back.
func (r *Reader) Unlock() { r.mu.Unlock() }
