package recovery_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestCrashOnAFullDisk: whatever a crash leaves, a log opens on a disk without a
// byte of space, with all that was acked and a prefix of the rest; it closes, and
// goes on when there is space. Only a log that never had a segment does not begin.
func TestCrashOnAFullDisk(t *testing.T) {
	for _, p := range scripts() {
		t.Run(fmt.Sprint("seed ", p.seed), func(t *testing.T) {
			t.Parallel()
			disk, m, before := simfs.New(), new(model), new(seen)
			disk.OnOp(func(op faultfs.Op, name string) {
				if !mutates(op) {
					return
				}
				images := []*simfs.Disk{disk.Kill(), disk.CutHard(), disk.Cut(uint64(disk.Ops()))}
				for i, image := range images {
					if !before.first(m, image) {
						continue
					}
					if err := m.fullCheck(image); err != nil {
						t.Fatalf("before operation %d, %s %s, image %d: %v", disk.Ops(), op, name, i, err)
					}
				}
			})
			if err := p.run(disk, m); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// fullCheck opens an image on which there is no space.
func (m *model) fullCheck(image *simfs.Disk) error {
	image.SetFree(0)
	s, err := open(image.FS(), 600)
	if err != nil {
		header := image.Bytes(segment.Name(1))
		if _, bad := format.ParseSegmentHeader(header); bad == nil || !errors.Is(err, syscall.ENOSPC) {
			return fmt.Errorf("open: %w", err)
		}
		image.SetFree(1 << 20)
		return m.deepCheck(image)
	}
	got, err := s.events()
	if err != nil {
		return err
	}
	if err := s.close(new(model)); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	if n, err := m.check(image.CutHard()); err != nil || n != len(got) {
		return fmt.Errorf("after a power cut there are %d events of %d, %w", n, len(got), err)
	}
	image.SetFree(1 << 20)
	return m.deepCheck(image)
}
