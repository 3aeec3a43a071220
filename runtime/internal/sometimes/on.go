//go:build planted

package sometimes

import (
	"fmt"
	"os"
	"sync"
)

// Env names the environment variable that holds the name of the file to which
// each state is added when it is reached for the first time in the process.
const Env = "BATPAK_SOMETIMES"

var (
	mu   sync.Mutex // guards seen
	seen = map[string]bool{}
)

// Reached notes that the state of this name was reached.
func Reached(name string) {
	mu.Lock()
	defer mu.Unlock()
	if seen[name] {
		return
	}
	seen[name] = true
	path := os.Getenv(Env)
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		seen[name] = false // a process that is short of files says it the next time
		return
	}
	defer f.Close()
	fmt.Fprintln(f, name)
}
