//go:build !peers

package peer

import "github.com/batpak-go/batpak/runtime/bench/internal/driver"

// All returns the drivers of all peers: none without the tag.
func All() []driver.Driver { return nil }
