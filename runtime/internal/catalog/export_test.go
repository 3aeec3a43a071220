package catalog

// TryLock takes the catalog's lock if it is free.
func (c *Catalog) TryLock() bool { return c.mu.TryLock() }

// Unlock gives it back.
func (c *Catalog) Unlock() { c.mu.Unlock() }
