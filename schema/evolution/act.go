package evolution

import (
	"fmt"

	"github.com/batpak-go/batpak/schema/frozen"
	"github.com/batpak-go/batpak/schema/lock"
	"github.com/batpak-go/batpak/schema/shape"
)

// Release makes promises of the drafts of a lock file, and freezes payloads of
// their shapes: files holds those that there are, by path, and gets more.
func Release(f *lock.File, files map[string][]byte) {
	for i := range f.Events {
		e := &f.Events[i]
		for n := range e.Versions {
			v := &e.Versions[n]
			if v.State == lock.Released {
				continue
			}
			v.State = lock.Released
			path := frozen.Path(uint16(e.Kind), v.Number)
			old := files[path]
			if v.Frozen == "" {
				old = nil
			}
			if file := frozen.Grow(old, uint16(e.Kind), v.Number, parsed(v.Shape)); len(file) > 0 {
				files[path], v.Frozen = file, shape.Fingerprint(string(file))
			}
		}
	}
	for i := range f.Commands {
		f.Commands[i].State = lock.Released
	}
	for i := range f.Projections {
		f.Projections[i].State = lock.Released
	}
}

// GiveBack makes a draft of a released version again, and records why. The frozen
// payloads of the version are void then.
func GiveBack(f *lock.File, k lock.Kind, version uint16, reason string) error {
	e := f.Event(k)
	if e == nil || e.Version(version) == nil {
		return fmt.Errorf("version %d of %v is not in the lock file", version, k)
	}
	v := e.Version(version)
	if len(v.Promises()) == 0 {
		return fmt.Errorf("version %d of %v is a draft, which may change freely", version, k)
	}
	f.Accepted = append(f.Accepted, lock.Acceptance{Kind: k, Version: version, Was: v.Promises(), Reason: reason})
	f.Sort()
	v.State, v.Earlier, v.Frozen = lock.Draft, nil, ""
	return nil
}
