package checkfs

import "time"

// SetPatience says how long a lock may be held by others.
func (c *FS) SetPatience(d time.Duration) { c.wait = d }
