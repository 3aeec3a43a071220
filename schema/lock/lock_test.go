package lock_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/token"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/batpak-go/batpak/schema/lock"
)

var (
	seed = flag.Uint64("seed", 1, "where random files come from")
	runs = flag.Int("runs", 150, "random files for each law")
)

func forRandom(t *testing.T, law func(rng *rand.Rand) error) {
	t.Helper()
	for i := range *runs {
		if err := law(rand.New(rand.NewPCG(*seed, uint64(i)))); err != nil {
			t.Fatalf("-seed %d, run %d: %v", *seed, i, err)
		}
	}
}

// shapes are shapes of which each has grown out of the one before.
func shapes() []string {
	return []string{
		"{amount:int64<=5}", `{amount:int64<=5;memo?:string("<"|"ß"|plain)}`, `{amount:int64<=5;memo?:string("<"|"ß"|plain);more?:*time}`,
		`{amount:int64<=5;memo?:string;more?:*time;some?:bytes}`,
	}
}

// randomFile is a small file whose entries come from small sets, so that two of
// them have many in common.
func randomFile(rng *rand.Rand) *lock.File {
	f := &lock.File{Package: "example.com/app"}
	for _, prefix := range []string{"account", "order"} {
		f.Entities = append(f.Entities, lock.Entity{
			Prefix: prefix, Scope: []string{"", "all & <more>"}[rng.IntN(2)], ID: []lock.ID{"", "string", "int8", "uint64"}[rng.IntN(4)],
		})
	}
	for k := range lock.Kind(8) {
		k += 0x1001
		switch rng.IntN(4) {
		case 0:
			f.Retired = append(f.Retired, lock.Retired{Kind: k, Name: "Gone"})
		case 1, 2:
			f.Events = append(f.Events, randomEvent(rng, k))
		}
	}
	for _, name := range []string{"balance", "withdraw"} {
		state := []lock.State{lock.Draft, lock.Released}[rng.IntN(2)]
		if rng.IntN(2) == 0 {
			f.Commands = append(f.Commands, lock.Command{Name: name, State: state, Event: 0x1001, Gates: []string{"a", "b"}[:rng.IntN(3)]})
			f.Projections = append(f.Projections, lock.Projection{Name: name, State: state, Version: 1 + rng.Uint32N(2), Folds: []lock.Kind{1, 0xffff}[:rng.IntN(3)]})
		}
	}
	for range rng.IntN(3) {
		a := lock.Acceptance{Of: lock.OfEvent, Name: "1:001", Version: 1, Was: shapes()[:1]}
		switch rng.IntN(3) {
		case 0:
			a = (&lock.Command{Name: "withdraw", Gates: []string{"a"}}).Acceptance("")
		case 1:
			a = (&lock.Projection{Name: "balance", Version: 1, Folds: []lock.Kind{1, 0xffff}}).Acceptance("")
		}
		a.Reason = fmt.Sprint("\"why\" ", rng.IntN(3))
		f.Accepted = append(f.Accepted, a)
	}
	f.Sort()
	return f
}

func randomEvent(rng *rand.Rand, k lock.Kind) lock.Event {
	e := lock.Event{Kind: k, Name: "Name", Entity: []string{"account", "order"}[rng.IntN(2)]}
	for n := range uint16(1 + rng.IntN(3)) {
		v := lock.Version{Number: n + 1, State: []lock.State{lock.Draft, lock.Released, lock.Revised}[rng.IntN(3)]}
		last := rng.IntN(len(shapes()))
		if v.State == lock.Revised {
			last = max(last, 1)
		}
		if v.Shape = shapes()[last]; v.State != lock.Draft {
			v.Earlier, v.Frozen = shapes()[:last], "0123456789abcdef"
		}
		e.Versions = append(e.Versions, v)
	}
	return e
}

// same compares files without regard to positions.
func same(a, b *lock.File) string {
	return cmp.Diff(a, b, cmpopts.IgnoreTypes(token.Position{}), cmpopts.EquateEmpty())
}

// What is printed can be parsed, and is the same file.
func TestPrintParses(t *testing.T) {
	forRandom(t, func(rng *rand.Rand) error {
		f := randomFile(rng)
		text := lock.Print(f)
		got, err := lock.Parse("lock", text)
		if err != nil {
			return fmt.Errorf("Parse(Print(f)) = %w for\n%s", err, text)
		}
		if d := same(f, got); d != "" {
			return fmt.Errorf("Parse(Print(f)) differs (-want +got):\n%s", d)
		}
		windows, err := lock.Parse("lock", bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")))
		if err != nil || same(f, windows) != "" {
			return fmt.Errorf("Parse with line ends of Windows = %w, or another file:\n%s", err, text)
		}
		return pointAtEntries(got, text)
	})
}

// pointAtEntries holds that positions are where the entries' keys are.
func pointAtEntries(f *lock.File, text []byte) error {
	places := map[string]token.Position{}
	for _, e := range f.Entities {
		places[`"`+e.Prefix+`": {"scope"`] = e.Pos
	}
	for _, e := range f.Events {
		places[`"`+e.Kind.String()+`": {"name"`] = e.Pos
		for _, v := range e.Versions {
			want := fmt.Sprintf(`"%d": {"state": %q`, v.Number, v.State)
			if err := pointAt(v.Pos, text, want); err != nil {
				return err
			}
		}
	}
	for _, r := range f.Retired {
		places[`"`+r.Kind.String()+`": "`] = r.Pos
	}
	for _, c := range f.Commands {
		places[`"`+c.Name+`": {"state": "`+string(c.State)+`", "event"`] = c.Pos
	}
	for _, p := range f.Projections {
		places[`"`+p.Name+`": {"state": "`+string(p.State)+`", "version"`] = p.Pos
	}
	for _, a := range f.Accepted {
		places[`{"`+a.Of+`": "`+a.Name+`"`] = a.Pos
	}
	for want, at := range places {
		if err := pointAt(at, text, want); err != nil {
			return err
		}
	}
	return nil
}

func pointAt(at token.Position, text []byte, want string) error {
	lines := strings.Split(string(text), "\n")
	if at.Filename != "lock" || at.Line < 1 || at.Line > len(lines) || !strings.HasPrefix(lines[at.Line-1][at.Column-1:], want) ||
		!strings.HasPrefix(string(text[at.Offset:]), want) {
		return fmt.Errorf("position %+v is not that of %s in\n%s", at, want, text)
	}
	return nil
}

// What git makes of two changed files is joined: nothing that either side has
// promised is lost, and the result is a lock file again.
func TestRepairAfterMerge(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	conflicts, disagreements := 0, 0
	forRandom(t, func(rng *rand.Rand) error {
		base := randomFile(rng)
		ours, theirs := changed(rng, base), changed(rng, base)
		merged, conflict := merge(t, git, dir, lock.Print(base), lock.Print(ours), lock.Print(theirs))
		if !conflict {
			return nil
		}
		conflicts++
		if _, err := lock.Parse("lock", merged); !errors.Is(err, lock.ErrConflict) {
			return fmt.Errorf("Parse(merged) = %w, want ErrConflict", err)
		}
		f, err := lock.Repair("lock", merged)
		if errors.Is(err, lock.ErrDisagree) {
			disagreements++
			return nil
		}
		if err != nil {
			return fmt.Errorf("Repair(merged) = %w for\n%s", err, merged)
		}
		if _, err := lock.Parse("lock", lock.Print(f)); err != nil {
			return fmt.Errorf("Parse(Print(Repair(merged))) = %w for\n%s", err, lock.Print(f))
		}
		return errors.Join(keeps(f, ours, theirs), keeps(f, theirs, ours))
	})
	if conflicts < *runs/4 {
		t.Errorf("%d conflicts in %d runs", conflicts, *runs)
	}
	if disagreements > conflicts/10 {
		t.Errorf("%d disagreements in %d conflicts", disagreements, conflicts)
	}
}

// changed is a file after some work on a branch: versions grew, were released or
// given back, and events came and went.
func changed(rng *rand.Rand, base *lock.File) *lock.File {
	f, _ := lock.Parse("lock", lock.Print(base))
	for range 1 + rng.IntN(3) {
		k := lock.Kind(0x1001 + rng.IntN(9))
		i, found := slices.BinarySearchFunc(f.Events, k, func(e lock.Event, k lock.Kind) int { return int(e.Kind) - int(k) })
		retired := slices.ContainsFunc(f.Retired, func(r lock.Retired) bool { return r.Kind == k })
		switch {
		case retired:
		case !found:
			f.Events = slices.Insert(f.Events, i, randomEvent(rng, k))
		case rng.IntN(4) == 0:
			f.Events = slices.Delete(f.Events, i, i+1)
			at, _ := slices.BinarySearchFunc(f.Retired, k, func(r lock.Retired, k lock.Kind) int { return int(r.Kind) - int(k) })
			f.Retired = slices.Insert(f.Retired, at, lock.Retired{Kind: k, Name: "Gone"})
		case rng.IntN(2) == 0:
			e := &f.Events[i]
			e.Versions = append(e.Versions, lock.Version{Number: uint16(len(e.Versions) + 1), State: lock.Draft, Shape: shapes()[rng.IntN(4)]})
		case rng.IntN(2) == 0:
			giveBack(f, &f.Events[i].Versions[0], k, fmt.Sprint("why ", rng.Uint32()))
		default:
			f.Events[i].Versions[0].State = lock.Released
		}
	}
	return f
}

// giveBack makes a draft of a version that was released.
func giveBack(f *lock.File, v *lock.Version, k lock.Kind, reason string) {
	if v.State == lock.Draft {
		return
	}
	f.Accepted = append(f.Accepted, lock.Acceptance{Of: lock.OfEvent, Name: k.String(), Version: uint32(v.Number), Was: v.Promises(), Reason: reason})
	f.Sort()
	v.State, v.Earlier, v.Frozen = lock.Draft, nil, ""
}

// givenBack reports whether other has given back a version that side has.
func givenBack(k lock.Kind, v lock.Version, side, other *lock.File) bool {
	of := func(f *lock.File) []lock.Acceptance { return f.AcceptedOf(lock.OfEvent, k.String(), uint32(v.Number)) }
	return slices.ContainsFunc(of(other), func(a lock.Acceptance) bool {
		return !slices.ContainsFunc(of(side), func(b lock.Acceptance) bool { return b.Reason == a.Reason })
	})
}

// merge runs git's three-way merge and reports whether it left conflicts.
func merge(t *testing.T, git, dir string, base, ours, theirs []byte) ([]byte, bool) {
	t.Helper()
	names := []string{"ours", "base", "theirs"}
	for i, text := range [][]byte{ours, base, theirs} {
		if err := os.WriteFile(filepath.Join(dir, names[i]), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), git, "merge-file", "-p", "--diff3", "ours", "base", "theirs")
	cmd.Dir = dir
	merged, err := cmd.Output()
	exit, failed := errors.AsType[*exec.ExitError](err)
	if err != nil && (!failed || exit.ExitCode() < 0 || exit.ExitCode() > 127) {
		t.Fatalf("git merge-file: %v", err)
	}
	return merged, failed
}

// keeps holds that f has what a side promised, unless the other side has retired
// the kind.
func keeps(f, side, other *lock.File) error {
	for _, r := range side.Retired {
		if !slices.ContainsFunc(f.Retired, func(x lock.Retired) bool { return x.Kind == r.Kind }) {
			return fmt.Errorf("%v is not retired any more", r.Kind)
		}
	}
	for _, e := range side.Events {
		for _, v := range e.Versions {
			if slices.ContainsFunc(other.Retired, func(r lock.Retired) bool { return r.Kind == e.Kind }) || givenBack(e.Kind, v, side, other) {
				continue
			}
			var got *lock.Version
			if merged := f.Event(e.Kind); merged != nil {
				got = merged.Version(v.Number)
			}
			if v.State == lock.Draft {
				continue
			}
			if got == nil {
				return fmt.Errorf("version %d of %v is gone", v.Number, e.Kind)
			}
			if p := got.Promises(); len(p) < len(v.Promises()) || !reflect.DeepEqual(p[:len(v.Promises())], v.Promises()) {
				return fmt.Errorf("version %d of %v promises %v, one side promised %v", v.Number, e.Kind, p, v.Promises())
			}
		}
	}
	for _, a := range side.Accepted {
		if !slices.ContainsFunc(f.AcceptedOf(a.Of, a.Name, a.Version), func(x lock.Acceptance) bool { return x.Reason == a.Reason }) {
			return fmt.Errorf("the record of %s %s@%d is gone", a.Of, a.Name, a.Version)
		}
	}
	return nil
}

// FuzzParse holds that what parses is printed as it was, that what can be
// repaired can be parsed then, and that everything else is a typed error.
func FuzzParse(f *testing.F) {
	for i := range uint64(5) {
		text := lock.Print(randomFile(rand.New(rand.NewPCG(i, 0))))
		f.Add(text)
		other := lock.Print(randomFile(rand.New(rand.NewPCG(i, 1))))
		f.Add(slices.Concat([]byte("<<<<<<< a\n"), text, []byte("=======\n"), other, []byte(">>>>>>> b\n")))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := lock.Parse("lock", data)
		checkError(t, err)
		if err == nil && !bytes.Equal(lock.Print(file), bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))) {
			t.Errorf("Parse accepts\n%s\nwhich is printed as\n%s", data, lock.Print(file))
		}
		repaired, err := lock.Repair("lock", data)
		checkError(t, err)
		if err != nil {
			return
		}
		if _, err := lock.Parse("lock", lock.Print(repaired)); err != nil {
			t.Errorf("Parse(Print(Repair(data))) = %v for\n%s", err, lock.Print(repaired))
		}
	})
}

func checkError(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	e, ok := errors.AsType[*lock.Error](err)
	if !ok || e.Pos.Line == 0 || e.Pos.Column == 0 || e.Pos.Filename != "lock" || e.Unwrap() == nil {
		t.Errorf("err = %#v, want a *lock.Error with a position", err)
	}
}
