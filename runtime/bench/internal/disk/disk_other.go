//go:build unix && !linux

package disk

import "os"

// Datasync makes the bytes of a file durable.
func Datasync(f *os.File) error { return f.Sync() }

// Allocate gives a file size bytes, on disk or not.
func Allocate(f *os.File, size int64) error { return f.Truncate(size) }

func forget(*os.File) error { return nil }

// Resident is how many bytes of this process are in memory, but for the pages of
// files. It is 0 if the system does not tell.
func Resident() (bytes int64) { return 0 }
