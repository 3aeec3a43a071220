//go:build !planted

package planted

// Bug is false.
func Bug(string) bool { return false }

// Skip calls do.
func Skip(_ string, do func() error) error { return do() }
