package batpak_test

import (
	"strings"
	"syscall"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestCheckpointThatCannotBeOpened: an opening that cannot open a checkpoint, which proves
// what no group does, writes that again, and may; the store goes on.
func TestCheckpointThatCannotBeOpened(t *testing.T) {
	d := simfs.New()
	var images []*simfs.Disk
	renamed := false
	d.OnOp(func(op faultfs.Op, name string) {
		if renamed {
			images = append(images, d.Kill())
		}
		renamed = op == faultfs.OpRename && strings.HasPrefix(name, "checkpoint-")
	})
	s := openSim(t, d, covering(4096, 400))
	for range 20 {
		mustAppend(t, s, note("a:1", "payload"))
	}
	d.OnOp(nil)
	if len(images) < 3 {
		t.Fatalf("%d checkpoints were written, want some", len(images))
	}
	for _, image := range images {
		image.OnOp(func(op faultfs.Op, name string) {
			if op == faultfs.OpOpen && strings.HasPrefix(name, "checkpoint-") {
				image.Fail(faultfs.Fault{Op: faultfs.OpOpen, Err: syscall.EIO})
			}
		})
		s, err := batpak.Open("simulated", simOptions(image, covering(4096, 400)))
		if err != nil {
			t.Fatalf("Open() = %v", err)
		}
		image.OnOp(nil)
		if s.Report().Rewritten == 0 {
			t.Errorf("%+v: nothing was written again, though no group proves the last one", s.Report())
		}
		mustAppend(t, s, note("a:1", "more"))
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
