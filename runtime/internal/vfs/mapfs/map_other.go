//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package mapfs

import "errors"

// mmap maps nothing.
func mmap(descriptor, int) ([]byte, error) { return nil, errors.ErrUnsupported }

func munmap([]byte) error { return nil }
