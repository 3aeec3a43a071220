package batpak_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// tenancy is an attempt to have a store: when it began and ended, and whether it
// was refused because another one had it.
type tenancy struct {
	began, opened, closing, ended int64
	refused                       bool
}

// TestScheduleOfOpenings lets several goroutines open, use and close one store
// again and again. One has it at a time, who is refused is refused because of
// another, and each finds what those before have stored.
func TestScheduleOfOpenings(t *testing.T) {
	t.Parallel()
	first := fresh(*scheduleSeed)
	for n := range schedules(500) {
		seed := first + uint64(n)
		var err error
		synctest.Test(t, func(*testing.T) { err = openings(newSchedule(seed)) })
		if err != nil {
			t.Fatalf("after %d schedules: %v\n\tgo test ./runtime -run '^%s$' -schedule.n=1 -schedule.seed=%d", n+1, err, t.Name(), seed)
		}
	}
}

func openings(s *schedule) error {
	d := simfs.New()
	d.OnOp(func(op faultfs.Op, _ string) { s.point(string(op)) })
	var all []tenancy
	var stored []batpak.Receipt
	var failed error
	left := 3
	for number := range left {
		s.start(number, func() {
			for round := range 4 {
				s.hold(&parked{number: number, point: "open"})
				a := tenancy{began: s.tick()}
				got, err := tenant(s, d, &a, fmt.Sprint(number, ".", round), len(stored))
				a.ended = s.tick()
				all, stored, failed = append(all, a), append(stored, got...), errors.Join(failed, err)
			}
			left--
		})
	}
	for waiting := s.quiet(); len(waiting) > 0; waiting = s.quiet() {
		s.step(waiting)
	}
	if left > 0 {
		panic(fmt.Sprintf("%d goroutines wait for ever", left))
	}
	d.OnOp(nil)
	return errors.Join(failed, tenancies(all), hasJust(d, stored))
}

// tenant opens the store, appends an event, and closes it.
func tenant(s *schedule, d *simfs.Disk, a *tenancy, text string, before int) (stored []batpak.Receipt, err error) {
	o := checked(d.FS(), &batpak.Options{SegmentSize: 512})
	rtopts.SetPoint(&o.Internal, s.point)
	store, err := batpak.Open("simulated", o)
	if errors.Is(err, batpak.ErrLocked) {
		a.refused = true
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	a.opened = s.tick()
	if found := int(store.Report().Events); found < before {
		err = fmt.Errorf("%s found %d events, want %d at least", text, found, before)
	}
	r, aerr := store.Append(context.Background(), note("a:1", text))
	a.closing = s.tick()
	return []batpak.Receipt{r}, errors.Join(err, aerr, store.Close())
}

// tenancies says what is wrong with who had the store when.
func tenancies(all []tenancy) error {
	for i, a := range all {
		excused := false
		for j, b := range all {
			switch {
			case i == j || b.refused:
			case a.refused && a.began < b.ended && b.began < a.ended:
				excused = true
			case !a.refused && a.opened < b.closing && b.opened < a.closing:
				return fmt.Errorf("two had the store at the same time: %+v, %+v", a, b)
			}
		}
		if a.refused && !excused {
			return fmt.Errorf("%+v was refused, but nobody else had the store: %+v", a, all)
		}
	}
	return nil
}

// hasJust holds what is on a disk against the receipts that were given.
func hasJust(d *simfs.Disk, want []batpak.Receipt) error {
	s, err := batpak.Open("simulated", simOptions(d, nil))
	if err != nil {
		return err
	}
	defer s.Close()
	got, err := everything(s)
	same := func(e batpak.Event, r batpak.Receipt) bool {
		return e.Sequence == r.Sequence() && e.ID == r.ID() && e.Hash == r.Hash()
	}
	if slices.SortFunc(want, func(a, b batpak.Receipt) int { return int(a.Sequence()) - int(b.Sequence()) }); err == nil && !slices.EqualFunc(got, want, same) {
		err = fmt.Errorf("%d events in the end, %d receipts were given", len(got), len(want))
	}
	return err
}
