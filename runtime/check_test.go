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
	return reported(fs, o, func(b *checkfs.Breach) { panic(b) })
}

// reported are checked options whose store may go on after a breach.
func reported(fs vfs.FS, o *batpak.Options, report func(*checkfs.Breach)) *batpak.Options {
	c := cloned(o)
	if !*checks {
		rtopts.SetFS(&c.Internal, fs)
		return c
	}
	check := checkfs.New(fs, report)
	rtopts.SetFS(&c.Internal, check)
	rtopts.SetPromise(&c.Internal, check.Promise)
	return c
}

// overseen are options with which a store in a real directory is opened, once, and held to
// its protocol like a checked one. What goes on beside the writer goes on there, and files
// are mapped, as without the checks; a directory that is replaced sees one call at a time.
func overseen(o *batpak.Options) *batpak.Options {
	c := cloned(o)
	if !*checks {
		return c
	}
	var check *checkfs.FS
	rtopts.SetOver(&c.Internal, func(fs vfs.FS) vfs.FS {
		check = checkfs.Must(fs)
		return check
	})
	rtopts.SetPromise(&c.Internal, func(sequence uint64) { check.Promise(sequence) })
	setDir(c, vfs.OpenDir)
	return c
}

// cloned are the options, nil meaning the defaults.
func cloned(o *batpak.Options) *batpak.Options {
	if o == nil {
		return &batpak.Options{}
	}
	c := *o
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
