package batpak_test

import (
	"errors"
	"slices"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/mount"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// mounted is a directory that lies on a file system of that kind.
type mounted struct {
	vfs.FS
	kind string
	err  error
}

func (m mounted) Network() (string, error) { return m.kind, m.err }

// A store on a file system of another machine is refused, unchanged and unlocked,
// unless it is allowed; and if it cannot be known, that is an error, too.
func TestNetworkFileSystemIsRefused(t *testing.T) {
	disk := simfs.New()
	s := openSim(t, disk, nil)
	mustAppend(t, s, note("e:1", "kept"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before, calls := disk.Names(), disk.Ops()
	opening := map[string]func(vfs.FS, *batpak.Options) (*batpak.Store, error){
		"Open": func(fs vfs.FS, o *batpak.Options) (*batpak.Store, error) { return batpak.Open("", checked(fs, o)) },
		"OpenReadOnly": func(fs vfs.FS, o *batpak.Options) (*batpak.Store, error) {
			return batpak.OpenReadOnly("", checked(fs, o))
		},
	}
	for name, open := range opening {
		unknown := errors.New("the kernel does not say")
		for _, m := range []mounted{{kind: "NFS"}, {err: unknown}} {
			m.FS = disk.FS()
			_, err := open(m, nil)
			var refused *batpak.NetworkFSError
			switch {
			case m.err != nil && !errors.Is(err, unknown):
				t.Errorf("%s() where nothing is known = %v, want that error", name, err)
			case m.err == nil && (!errors.Is(err, batpak.ErrNetworkFS) || !errors.As(err, &refused) || refused.Kind != "NFS"):
				t.Errorf("%s() on NFS = %v, want ErrNetworkFS", name, err)
			}
		}
	}
	if after := disk.Names(); !slices.Equal(after, before) || disk.Ops() != calls {
		t.Errorf("the refusals made %d calls and left %q, want none, and %q", disk.Ops()-calls, after, before)
	}
	for name, open := range opening {
		for _, allowed := range []struct {
			kind string
			o    batpak.Options
		}{{"NFS", batpak.Options{AllowNetworkFS: true}}, {mount.Plan9, batpak.Options{}}} {
			s, err := open(mounted{FS: disk.FS(), kind: allowed.kind}, &allowed.o)
			if err != nil {
				t.Fatalf("%s() on %s: %v", name, allowed.kind, err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
