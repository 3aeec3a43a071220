package replay_test

import (
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

func TestLostName(t *testing.T) {
	for _, number := range []uint64{1, 26, 1<<64 - 1} {
		for _, offset := range []int64{0, 96, 1<<31 - 1} {
			name := replay.LostName(number, offset)
			if got, ok := replay.ParseLostName(name); !ok || got != number || !vfs.ValidName(name) {
				t.Errorf("ParseLostName(%q) = %d, %v, want %d", name, got, ok, number)
			}
		}
	}
}

// FuzzParseLostName: a name is that of a lost file if it is written as one, and then
// of nothing else.
func FuzzParseLostName(f *testing.F) {
	for _, name := range []string{
		"", "lost-", "lost-0000000000000001-00000060", "lost-0000000000000001-0000006G", "lost-000000000000000A-00000060",
		"lost-+000000000000001-00000060", "lost-0000000000000001-+0000060", "lost-0000000000000001--0000060",
		"lost-0000000000000001-00000060.tmp", "LOST-0000000000000001-00000060", "lost-0x00000000000001-00000060", "lost-ffffffffffffffff-ffffffff",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		number, ok := replay.ParseLostName(name)
		if _, ours := segment.ParseName(name); ok && (ours || !vfs.ValidName(name) || len(name) != len(replay.LostName(number, 0))) {
			t.Errorf("ParseLostName(%q) = %d", name, number)
		}
	})
}
