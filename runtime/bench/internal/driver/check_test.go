package driver_test

import (
	"testing"

	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
	"github.com/batpak-go/batpak/runtime/bench/internal/ours"
	"github.com/batpak-go/batpak/runtime/bench/internal/peer"
	"github.com/batpak-go/batpak/runtime/bench/internal/probe"
	"github.com/batpak-go/batpak/runtime/bench/internal/reflog"
)

// What was appended is read back, in order, after a store was opened again.
func TestContract(t *testing.T) {
	for _, d := range append(peer.All(), ours.Driver, ours.Unmapped, reflog.Driver, probe.Raw) {
		t.Run(d.Name, func(t *testing.T) {
			if err := driver.Check(t.Context(), d, t.TempDir()); err != nil {
				t.Error(err)
			}
			if d.Role == driver.Peer {
				if err := driver.Check(t.Context(), driver.Group(d), t.TempDir()); err != nil {
					t.Errorf("grouped: %v", err)
				}
			}
		})
	}
}
