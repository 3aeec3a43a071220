package batpak_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// locks are the mutexes that a store leads to, found by going through everything that it
// holds. So one that is added some day is known here, and none has to be registered.
type locks struct {
	seen  map[visit]bool
	found map[place]int
	held  []place // of them, those that are not free
}

// place is where a lock is declared.
type place struct {
	of    reflect.Type
	field string
}

func (p place) String() string { return fmt.Sprint(p.of, ".", p.field) }

type visit struct {
	at unsafe.Pointer
	of reflect.Type
}

// locksOf looks at all mutexes of a store that nobody else uses meanwhile.
func locksOf(s *batpak.Store) *locks {
	l := &locks{seen: map[visit]bool{}, found: map[place]int{}}
	l.visit(reflect.ValueOf(s), place{})
	return l
}

// lock takes down a mutex, and whether it is held.
func (l *locks) lock(where place, try func() bool, unlock func()) {
	if l.found[where]++; !try() {
		l.held = append(l.held, where)
		return
	}
	unlock()
}

func (l *locks) visit(v reflect.Value, where place) {
	switch v.Kind() {
	case reflect.Pointer:
		key := visit{v.UnsafePointer(), v.Type()}
		if v.IsNil() || l.seen[key] || !ours(v.Type().Elem()) {
			return
		}
		l.seen[key] = true
		l.visit(v.Elem(), where)
	case reflect.Interface:
		if !v.IsNil() {
			l.visit(v.Elem(), where)
		}
	case reflect.Struct:
		l.fields(v, where)
	case reflect.Slice, reflect.Array:
		for i := 0; i < v.Len() && leads(v.Type().Elem()); i++ {
			l.visit(v.Index(i), where)
		}
	case reflect.Map:
		for i := v.MapRange(); leads(v.Type().Elem()) && i.Next(); {
			l.visit(i.Value(), where)
		}
	}
}

// fields visits those of a struct, if it is one of ours, or what an atomic pointer is at.
func (l *locks) fields(v reflect.Value, where place) {
	t := v.Type()
	switch {
	case !v.CanAddr():
	case t == reflect.TypeFor[sync.Mutex]():
		m := (*sync.Mutex)(unsafe.Pointer(v.UnsafeAddr()))
		l.lock(where, m.TryLock, m.Unlock)
		return
	case t == reflect.TypeFor[sync.RWMutex]():
		m := (*sync.RWMutex)(unsafe.Pointer(v.UnsafeAddr()))
		l.lock(where, m.TryLock, m.Unlock)
		return
	case t.PkgPath() == "sync/atomic" && strings.HasPrefix(t.Name(), "Pointer["):
		p := reflect.NewAt(t, unsafe.Pointer(v.UnsafeAddr()))
		l.visit(p.MethodByName("Load").Call(nil)[0], where)
		return
	}
	if !ours(t) {
		return
	}
	for i := range t.NumField() {
		if f := t.Field(i); leads(f.Type) {
			l.visit(v.Field(i), place{t, f.Name})
		}
	}
}

// ours reports whether a type is of the store, and not of the disks beneath it or of
// others.
func ours(t reflect.Type) bool {
	const module = "github.com/batpak-go/batpak/runtime"
	pkg := t.PkgPath()
	return pkg == "" || strings.HasPrefix(pkg, module) && !strings.HasSuffix(pkg, "/simfs") && !strings.HasSuffix(pkg, "/checkfs")
}

// leads reports whether there may be a lock in a value of a type, or behind it.
func leads(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map:
		return true
	case reflect.Slice, reflect.Array:
		return leads(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if leads(t.Field(i).Type) {
				return true
			}
		}
		return t == reflect.TypeFor[sync.Mutex]() || t == reflect.TypeFor[sync.RWMutex]()
	}
	return false
}

// lockWatch wants all locks of a store to be free at every operation of a disk.
type lockWatch struct {
	store  *batpak.Store
	found  map[string]bool
	looked int
	err    error
}

func (w *lockWatch) look(op faultfs.Op, name string) {
	if w.store == nil || w.err != nil {
		return
	}
	l := locksOf(w.store)
	for where := range l.found {
		w.found[where.String()] = true
	}
	if w.looked++; len(l.held) > 0 {
		w.err = fmt.Errorf("%s %s is called under %v", op, name, l.held)
	}
}

// TestNoLockLiesOverTheDisk lets stores do everything on one goroutine, and wants none of
// their locks to be held at any operation of the disk: whoever waits for the disk lets
// others go on, readers above all, and no lock waits for a disk that is stuck. What is
// to be done by one at a time, be it over the disk, takes turns by channels.
//
// What an opening makes cannot be reached before it has returned, so it is not looked at
// before; nor can anybody else wait for its locks until then. The lock of a mapping lies over
// its pages, and has to: they must not go while they are read.
func TestNoLockLiesOverTheDisk(t *testing.T) {
	t.Parallel()
	w := &lockWatch{found: map[string]bool{}}
	for seed := range uint64(max(1, fewer(8))) {
		p := newPlayer(drawHistory(seed, 40))
		p.onRead = func(op faultfs.Op, name string) {
			if p.store != nil { // and the last one there was while it is closed
				w.store = p.store
			}
			w.look(op, name)
		}
		p.onOp = func(op faultfs.Op, name string) error {
			p.onRead(op, name)
			return w.err
		}
		if err := p.run(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		w.store = nil
	}
	w.useAll(t)
	if w.err != nil {
		t.Fatal(w.err)
	}
	for _, want := range []string{
		"batpak.Store.mu", "batpak.merger.mu", "catalog.Catalog.mu", "commit.Pipeline.mu", "frontier.Frontier.mu", "index.Index.mu",
		"segment.Reader.mu", "sidx.pageSet.mu", "turn.Turns.mu",
	} {
		if !w.found[want] {
			t.Errorf("%s was not found among %v", want, slices.Sorted(maps.Keys(w.found)))
		}
	}
	t.Logf("%d operations of the disk; locks %v", w.looked, slices.Sorted(maps.Keys(w.found)))
}

// useAll calls what histories leave out.
func (w *lockWatch) useAll(t *testing.T) {
	t.Helper()
	disk := simfs.New()
	disk.OnOp(w.look)
	o := covering(512, 200)
	o.Compaction = &batpak.Compaction{}
	o.IndexCache = 1
	for life := range 2 {
		s, err := batpak.Open("simulated", simOptions(disk, o))
		w.store = opened(t, s, err)
		var last batpak.Receipt
		for i := range 24 {
			last = mustAppend(t, s, note(fmt.Sprint("e:", i%3), fmt.Sprint("text ", i)), batpak.Key(fmt.Sprint("key ", life, i)))
		}
		w.readAll(t, s, last)
		if _, err := s.Compact(t.Context(), batpak.Retention(func(m batpak.Meta) batpak.Fate { return batpak.Fate(m.Sequence % 3) })); err != nil {
			t.Fatal(err)
		}
		w.readAll(t, s, last)
		if _, err := s.Snapshot(t.Context(), fmt.Sprint("snapshot ", last.Sequence())); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		w.store = nil
	}
	s, err := batpak.OpenReadOnly("simulated", simOptions(disk, o))
	w.store = opened(t, s, err)
	w.readAll(t, s, batpak.Receipt{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// readAll reads in every way.
func (w *lockWatch) readAll(t *testing.T, s *batpak.Store, last batpak.Receipt) {
	t.Helper()
	for i := range 24 {
		_, _ = s.ByKey(fmt.Sprint("key ", i%2, i))
	}
	for e, err := range s.Events(batpak.Query{Prefix: "e:", Backward: true}) {
		if err != nil && !errors.Is(err, batpak.ErrTombstoned) {
			t.Fatal(err)
		}
		_, _ = s.Get(e.ID)
		if e.Sequence != last.Sequence() {
			continue
		}
		for _, err := range s.Ancestors(e.ID) {
			if err != nil {
				break // a tombstone
			}
		}
	}
	if v, err := s.Verify(context.Background()); err != nil || len(v.Damages) > 0 {
		t.Fatalf("Verify() = %+v, %v", v, err)
	}
	count := func(n *int, _ batpak.Event) error { *n++; return nil }
	_, _ = batpak.Project(t.Context(), s, "e:1", count)
	if last.Sequence() > 0 {
		_, _ = batpak.Decide(t.Context(), s, note("e:9", "decided"), func(ctx context.Context) (batpak.Permit[sum], error) {
			var n int
			r, err := batpak.Load(ctx, s, "e:9", batpak.Into(&n, count))
			if err != nil {
				return batpak.Permit[sum]{}, err
			}
			return batpak.Propose[sum](s, "count", []batpak.Gate[int]{}, r, n, note("e:9", "decided"))
		})
	}
}
