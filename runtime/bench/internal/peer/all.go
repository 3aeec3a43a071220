//go:build peers

package peer

import (
	"errors"
	"fmt"

	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
)

// All returns the drivers of all peers, in the order of the tables.
func All() []driver.Driver {
	return []driver.Driver{sqlite, bolt, pebbleDriver, badgerDriver, etcd, raft, tidwallDriver}
}

var (
	errDuplicate = errors.New("duplicate id, or version of an entity")
	errNotFound  = errors.New("not found")
)

// quiet is a logger for peers that insist on one. It tells of nothing but the end.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...))
}
