package batpak_test

import (
	"flag"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

var checks = flag.Bool("check", true, "hold each store to its protocol, call by call; without it, only what a crash shows counts")

// checked are options with which a store is opened on fs, once, and held to its
// protocol: the first breach ends all tests, with what led to it, unless it is [caught].
func checked(fs vfs.FS, o *batpak.Options) *batpak.Options {
	var c batpak.Options
	if o != nil {
		c = *o
	}
	if !*checks {
		rtopts.SetFS(&c.Internal, fs)
		return &c
	}
	check := checkfs.Must(fs)
	rtopts.SetFS(&c.Internal, check)
	rtopts.SetPromise(&c.Internal, check.Promise)
	return &c
}

// caught returns the breach of its protocol that a store is about to commit in f as an
// error, for lanes that cut down and keep what fails. The store is in the midst of a call
// then, so nobody closes it, or it would wait for itself.
func caught(f func() error) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *checkfs.Breach:
			err = r
		default:
			panic(r)
		}
	}()
	return f()
}

// simOptions are options with which the store on a simulated disk is opened once.
func simOptions(d *simfs.Disk, o *batpak.Options) *batpak.Options {
	c := checked(d.FS(), o)
	setDir(c, func(name string) (vfs.FS, error) { return d.Dir(name), nil })
	return c
}

// setDir lets a store open the directories of snapshots this way, and holds these to
// their protocol.
func setDir(o *batpak.Options, open func(path string) (vfs.FS, error)) {
	rtopts.SetDir(&o.Internal, func(path string) (vfs.FS, error) {
		fs, err := open(path)
		if err != nil || !*checks {
			return fs, err
		}
		return checkfs.Must(fs), nil
	})
}

// rawOptions are simOptions without the checks, for lanes that open a store so often,
// or use it so much, that these would take most of the time: of what was damaged one
// opening in sixteen is checked, of the images of crashes one in eight, of those that
// snapshots and merges leave none, since the same rooms are under the checks in the
// lanes that make these images.
//
// Nor are the checks on where a test calls batpak.Open for a real directory, as the
// processes do that are killed, race or meet the limits of the system: a directory
// that is stood before has its upkeep done inline, and what these are about is, among
// others, upkeep that goes on beside the writer.
func rawOptions(d *simfs.Disk, o *batpak.Options) *batpak.Options {
	var c batpak.Options
	if o != nil {
		c = *o
	}
	rtopts.SetFS(&c.Internal, d.FS())
	rtopts.SetDir(&c.Internal, func(name string) (vfs.FS, error) { return d.Dir(name), nil })
	return &c
}

// openDir opens the store in a real directory.
func openDir(dir string, o *batpak.Options) (*batpak.Store, error) {
	fs, err := vfs.OpenDir(dir)
	if err != nil {
		return nil, err
	}
	c := checked(fs, o)
	setDir(c, vfs.OpenDir)
	return batpak.Open(dir, c)
}
