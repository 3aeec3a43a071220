package stat

// Either is how a file is asked about, by these two calls.
func Either(fd int, first, second func(fd int) (int64, uint64, error)) (size int64, names uint64, err error) {
	return either(fd, first, second)
}

// Statx is the call that is made first.
func Statx(fd int) (size int64, names uint64, err error) { return statx(fd) }

// Fstat is the call that is made where that one is refused.
func Fstat(fd int) (size int64, names uint64, err error) { return fstat(fd) }
