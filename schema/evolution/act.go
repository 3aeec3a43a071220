package evolution

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

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
			if v.State == lock.Released && v.Frozen != "" {
				continue
			}
			v.State = lock.Released
			path, texts := frozen.Path(uint16(e.Kind), v.Number), []string{v.Shape}
			if v.Frozen == "" { // also of what was released without payloads, when there was no file then
				files[path], texts = nil, v.Promises()
			}
			for _, text := range texts {
				files[path] = frozen.Grow(files[path], uint16(e.Kind), v.Number, parsed(text))
			}
			v.Frozen = shape.Fingerprint(string(files[path]))
		}
	}
	for i := range f.Commands {
		f.Commands[i].State = lock.Released
	}
	for i := range f.Projections {
		f.Projections[i].State = lock.Released
	}
}

// GiveBack makes drafts of what a name stands for in a lock file, and records why:
//
//	1:002@3, MoneyDeposited@3   a version of an event
//	1:002, MoneyDeposited       all versions of an event
//	entity:account              all versions of the events of an entity
//	projection:balance          a projection
//	command:withdraw            a command
//
// The frozen payloads of versions are void then.
func GiveBack(f *lock.File, name, reason string) error {
	before := len(f.Accepted)
	var err error
	switch sort, rest, _ := strings.Cut(name, ":"); sort {
	case lock.OfCommand:
		err = giveBackCommand(f, rest, reason)
	case lock.OfProjection:
		err = giveBackProjection(f, rest, reason)
	case "entity":
		err = giveBackEntity(f, rest, reason)
	default:
		err = giveBackEvent(f, name, reason)
	}
	if err == nil && len(f.Accepted) == before {
		err = errors.New("it is a draft, which may change freely")
	}
	f.Sort()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// giveBackCommand makes a command a draft.
func giveBackCommand(f *lock.File, name, reason string) error {
	i := slices.IndexFunc(f.Commands, func(c lock.Command) bool { return c.Name == name })
	if i < 0 {
		return errors.New("the lock file knows no such command")
	}
	if c := &f.Commands[i]; c.State == lock.Released {
		f.Accepted, c.State = append(f.Accepted, c.Acceptance(reason)), lock.Draft
	}
	return nil
}

// giveBackProjection makes a projection a draft.
func giveBackProjection(f *lock.File, name, reason string) error {
	i := slices.IndexFunc(f.Projections, func(p lock.Projection) bool { return p.Name == name })
	if i < 0 {
		return errors.New("the lock file knows no such projection")
	}
	if p := &f.Projections[i]; p.State == lock.Released {
		f.Accepted, p.State = append(f.Accepted, p.Acceptance(reason)), lock.Draft
	}
	return nil
}

// giveBackEntity makes drafts of all versions of the events of an entity.
func giveBackEntity(f *lock.File, prefix, reason string) error {
	if f.Entity(prefix) == nil {
		return errors.New("the lock file knows no such entity")
	}
	for i := range f.Events {
		if e := &f.Events[i]; e.Entity == prefix {
			giveBackVersions(f, e, 0, reason)
		}
	}
	return nil
}

// giveBackEvent makes drafts of a version of an event, or of all.
func giveBackEvent(f *lock.File, name, reason string) error {
	event, number, one := strings.Cut(name, "@")
	version, err := strconv.ParseUint(number, 10, 16)
	if one && (err != nil || version == 0) {
		return fmt.Errorf("%q is no version", number)
	}
	k, isKind := lock.ParseKind(event)
	i := slices.IndexFunc(f.Events, func(e lock.Event) bool { return e.Kind == k && isKind || e.Name == event })
	if i < 0 {
		return fmt.Errorf("the lock file knows no event %s", event)
	}
	e := &f.Events[i]
	if one && e.Version(uint16(version)) == nil {
		return fmt.Errorf("version %d of %v is not in the lock file", version, e.Kind)
	}
	giveBackVersions(f, e, uint16(version), reason)
	return nil
}

// giveBackVersions makes drafts of the versions of an event that have a number, or of
// all if that is 0.
func giveBackVersions(f *lock.File, e *lock.Event, number uint16, reason string) {
	for i := range e.Versions {
		v := &e.Versions[i]
		if number != 0 && v.Number != number || len(v.Promises()) == 0 {
			continue
		}
		f.Accepted = append(f.Accepted, lock.Acceptance{
			Of: lock.OfEvent, Name: e.Kind.String(), Version: uint32(v.Number), Was: v.Promises(), Reason: reason,
		})
		v.State, v.Earlier, v.Frozen = lock.Draft, nil, ""
	}
}
