//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package vfs

import "os"

// syncData makes content and size durable. It does not see that a file was removed.
func syncData(f *os.File) error { return f.Sync() }
