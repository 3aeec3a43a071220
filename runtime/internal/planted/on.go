//go:build planted

package planted

import (
	"os"
	"sync"
)

// Env names the environment variable that holds the name of the bug.
const Env = "BATPAK_PLANTED"

// The process is started for one bug, so its name is read once.
var switchedOn = sync.OnceValue(func() string { return os.Getenv(Env) })

// Bug reports whether the bug of this name is switched on.
func Bug(name string) bool { return name == switchedOn() }

// Skip calls do, or does nothing if the bug of this name is switched on.
func Skip(name string, do func() error) error {
	if Bug(name) {
		return nil
	}
	return do()
}
