package promise_test

import (
	gocmp "cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/cmd/internal/output"
	"github.com/batpak-go/batpak/cmd/internal/promise"
	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/lock"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/shape"
)

// shop is a schema whose events have shapes, by type and version.
func shop(t *testing.T, dir string, events ...[]string) *model.Package {
	t.Helper()
	order := &model.Entity{Decl: model.Decl{Var: "order"}, Prefix: "order", ID: model.NamedType{Name: "OrderID", Basic: "string"}}
	pkg := &model.Package{Path: "example.com/shop", Name: "shop", Dir: dir, Entities: []*model.Entity{order}}
	for i, versions := range events {
		e := &model.Event{Decl: model.Decl{Var: fmt.Sprint("event", i)}, Category: 1, Type: uint16(i), Entity: order}
		for n, text := range versions {
			s, err := shape.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			s.Name = fmt.Sprint("Payload", i)
			e.Version, e.Payload = uint16(n+1), s
			if n+1 < len(versions) {
				e.Upcasts = append(e.Upcasts, model.Upcast{From: e.Version, Source: s})
			}
		}
		pkg.Events = append(pkg.Events, e)
	}
	return pkg
}

// keep lists the changes that an act makes to the files of a package, in the order in
// which they are made, or what is found to be wrong.
func keep(t *testing.T, a promise.Act, pkg *model.Package) ([]output.Change, []diag.Diagnostic) {
	t.Helper()
	files, ds, err := a.Keep(pkg)
	if err != nil {
		t.Fatalf("Keep(%+v) = %v, want nil", a, err)
	}
	var plan output.Plan
	if err := plan.CompareData(pkg.Path, pkg.Dir, files); err != nil {
		t.Fatal(err)
	}
	return plan.Changes(), ds
}

// write makes changes on disk; what is new is left beside its place as well, as
// by a process that was killed before it had put all in place.
func write(t *testing.T, changes, left []output.Change) {
	t.Helper()
	for _, c := range changes {
		if err := os.MkdirAll(filepath.Dir(c.Path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(c.Path, c.New, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range left {
		name := filepath.Join(filepath.Dir(c.Path), "."+filepath.Base(c.Path)+".123")
		if err := os.MkdirAll(filepath.Dir(c.Path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, c.New[:len(c.New)/2], 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// tree returns the files below a directory, without what a killed process left.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	for _, pattern := range []string{"*", "testdata/batpak/*"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if data, err := os.ReadFile(name); err == nil && !strings.HasPrefix(filepath.Base(name), ".") {
				files[strings.TrimPrefix(name, dir)] = string(data)
			}
		}
	}
	return files
}

// situation is what there is when a release begins, and the schema that is released.
type situation struct {
	acts []promise.Act // what was done with the schema of before
	was  [][]string    // of before; no event is a version if there is no lock file
	now  [][]string
}

// before are situations in which a release begins.
func before() map[string]situation {
	three := [][]string{{"{a:bool}", "{a:int64}"}, {"{b:string}"}}
	return map[string]situation{
		"no lock file":       {now: three},
		"no payloads":        {now: [][]string{{"{a:codec(Own)}", "{b:codec(Own)}"}, {"{c:codec(Own)}"}}},
		"drafts":             {acts: []promise.Act{{}}, was: three, now: three},
		"an earlier release": {acts: []promise.Act{{Release: true}}, was: [][]string{{"{a:bool}"}, {"{b:string}"}}, now: [][]string{{"{a:bool}", "{a:int64}"}, {"{b:string;c?:time}"}, {"{}"}}},
	}
}

// A release that is killed, after whichever file it had written, is an error of every
// other run, in which nothing is written, and is repeated by the next release: the
// files are the same in the end.
func TestKilledReleaseIsRepeated(t *testing.T) {
	for name, tt := range before() {
		killed := 0
		for after := 0; ; after++ {
			dir := t.TempDir()
			for _, a := range tt.acts {
				changes, ds := keep(t, a, shop(t, dir, tt.was...))
				if len(ds) > 0 {
					t.Fatalf("%s: findings of before: %v", name, ds)
				}
				write(t, changes, nil)
			}
			pkg := shop(t, dir, tt.now...)
			changes, ds := keep(t, promise.Act{Release: true}, pkg)
			if len(ds) > 0 {
				t.Fatalf("%s: findings of the release: %v", name, ds)
			}
			if after > len(changes) {
				break
			}
			want := tree(t, dir)
			for _, c := range changes {
				want[strings.TrimPrefix(c.Path, dir)] = string(c.New)
			}
			write(t, changes[:after], changes[after:])

			for _, other := range []promise.Act{{}, {Fix: true}, {NoDrafts: true}} {
				_, ds := keep(t, other, pkg)
				wrong := after > 0 && after < len(changes)
				if told := diag.HasErrors(ds) && strings.Contains(ds[0].Message, "interrupted"); wrong && !told {
					t.Errorf("%s, killed after %d files: %+v finds %v, want that a release was interrupted", name, after, other, ds)
				}
			}
			changes, ds = keep(t, promise.Act{Release: true}, pkg)
			if len(ds) > 0 {
				t.Errorf("%s, killed after %d files: the next release finds %v, want nothing", name, after, ds)
			}
			write(t, changes, nil)
			if d := cmp.Diff(want, tree(t, dir)); d != "" {
				t.Errorf("%s, killed after %d files: the files differ (-want +got):\n%s", name, after, d)
			}
			killed++
		}
		if killed < 4 {
			t.Errorf("%s: killed %d times, want at least 4", name, killed)
		}
	}
}

// What is given back, and is killed after whichever file it had changed, is finished by
// the next run.
func TestKilledAcceptIsFinished(t *testing.T) {
	for after := 0; ; after++ {
		dir := t.TempDir()
		pkg := shop(t, dir, []string{"{a:bool}", "{a:int64}"}, []string{"{b:codec(Own)}"})
		changes, _ := keep(t, promise.Act{Release: true}, pkg)
		write(t, changes, nil)
		pkg = shop(t, dir, []string{"{a:int8}", "{a:string}"}, []string{"{b:codec(Other)}"})
		changes, ds := keep(t, promise.Act{Accept: "entity:order", Reason: "never deployed"}, pkg)
		if len(ds) > 0 || len(changes) != 4 {
			t.Fatalf("the act finds %v and changes %d files, want nothing and 4", ds, len(changes))
		}
		// As output.Plan.Apply has it: what is void is removed last.
		slices.SortStableFunc(changes, func(a, b output.Change) int { return gocmp.Compare(len(b.New), len(a.New)) })
		if after > len(changes) {
			break
		}
		apply(t, changes[:after])
		if after == 0 {
			continue // not begun
		}
		if _, ds := keep(t, promise.Act{}, pkg); len(ds) == 0 && after < len(changes) {
			t.Errorf("killed after %d files: the next run finds nothing", after)
		}
		changes, ds = keep(t, promise.Act{Fix: true}, pkg)
		if len(ds) > 0 {
			t.Errorf("killed after %d files: lock -fix finds %v, want nothing", after, ds)
		}
		apply(t, changes)
		if files := tree(t, dir); len(files) != 1 {
			t.Errorf("killed after %d files: the next run leaves %d files, want the lock file", after, len(files))
		}
		changes, _ = keep(t, promise.Act{Release: true}, pkg)
		apply(t, changes)
		if changes, ds := keep(t, promise.Act{NoDrafts: true}, pkg); len(changes) > 0 || len(ds) > 0 {
			t.Errorf("killed after %d files: released again, it finds %v and changes %d files, want nothing", after, ds, len(changes))
		}
	}
}

// Beside a lock file of before its second release, the payloads of a version that was once
// given back are not taken for what that act has left.
func TestOlderLockFileIsMissed(t *testing.T) {
	dir := t.TempDir()
	pkg := shop(t, dir, []string{"{a:bool}"})
	var older string
	for _, a := range []promise.Act{{Release: true}, {Accept: "1:000", Reason: "never deployed"}, {Release: true}} {
		changes, _ := keep(t, a, pkg)
		apply(t, changes)
		if a.Accept != "" {
			older = tree(t, dir)[string(filepath.Separator)+lock.Name]
		}
	}
	if err := os.WriteFile(filepath.Join(dir, lock.Name), []byte(older), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ds := keep(t, promise.Act{}, shop(t, dir, []string{"{a:int8}"})); len(ds) != 1 || ds[0].Code != "BP611" {
		t.Errorf("the next run finds %v, want BP611", ds)
	}
}

// What was given back and released again stays when its kind is retired, as all that was
// promised of a retired kind does.
func TestPayloadsOfARetiredKindStay(t *testing.T) {
	dir := t.TempDir()
	pkg := shop(t, dir, []string{"{a:bool}"}, []string{"{b:string}"})
	for _, a := range []promise.Act{{Release: true}, {Accept: "1:000", Reason: "never deployed"}, {Release: true}} {
		changes, ds := keep(t, a, pkg)
		if len(ds) > 0 {
			t.Fatalf("Keep(%+v) finds %v, want nothing", a, ds)
		}
		apply(t, changes)
	}
	pkg.Events = pkg.Events[1:]
	pkg.Retired = []model.Retired{{Category: 1, Type: 0, Name: "Payload0"}}
	changes, _ := keep(t, promise.Act{}, pkg)
	apply(t, changes)
	if changes, ds := keep(t, promise.Act{NoDrafts: true}, pkg); len(changes) > 0 || len(ds) > 0 || len(tree(t, dir)) != 3 {
		t.Errorf("the next run finds %v and changes %d of %d files, want nothing, and 3 files", ds, len(changes), len(tree(t, dir)))
	}
}

// apply makes changes on disk, removals among them.
func apply(t *testing.T, changes []output.Change) {
	t.Helper()
	for _, c := range changes {
		if c.State == output.Orphan {
			if err := os.Remove(c.Path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		write(t, []output.Change{c}, nil)
	}
}

// A lock file is missed although no payload of what was released can be made, so that
// another one is not begun over another shape. What was released before such versions
// had a file is as good as ever, and the next release makes the file.
func TestLostLockFileIsMissed(t *testing.T) {
	dir := t.TempDir()
	pkg := shop(t, dir, []string{"{a:codec(Own)}"})
	changes, _ := keep(t, promise.Act{Release: true}, pkg)
	write(t, changes, nil)
	released := tree(t, dir)
	lockFile := filepath.Join(dir, lock.Name)
	if err := os.Remove(lockFile); err != nil {
		t.Fatal(err)
	}
	changed := shop(t, dir, []string{"{a:codec(Other)}"})
	for _, a := range []promise.Act{{}, {Release: true}, {Fix: true}, {NoDrafts: true}} {
		if changes, ds := keep(t, a, changed); len(changes) > 0 || len(ds) != 1 || ds[0].Code != "BP610" {
			t.Errorf("without the lock file, Keep(%+v) finds %v and changes %d files, want BP610 and none", a, ds, len(changes))
		}
	}

	older := regexp.MustCompile(`, "frozen": "[0-9a-f]+"`).ReplaceAllString(released[string(filepath.Separator)+lock.Name], "")
	if err := os.WriteFile(lockFile, []byte(older), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "testdata")); err != nil {
		t.Fatal(err)
	}
	for _, a := range []promise.Act{{}, {Fix: true}, {NoDrafts: true}} {
		if changes, ds := keep(t, a, pkg); len(changes) > 0 || len(ds) > 0 {
			t.Errorf("without a file, Keep(%+v) finds %v and changes %d files, want nothing", a, ds, len(changes))
		}
	}
	changes, ds := keep(t, promise.Act{Release: true}, pkg)
	write(t, changes, nil)
	if d := cmp.Diff(released, tree(t, dir)); d != "" || len(ds) > 0 {
		t.Errorf("another release finds %v, and the files differ (-want +got):\n%s", ds, d)
	}
}

// Payloads that the release would not write are not taken for those of one that was
// killed, lock file or none, and nothing is written.
func TestStraysAreNotAdopted(t *testing.T) {
	const first = "testdata/batpak/1_000__v1.hex"
	for name, spoil := range map[string]func(files map[string]string){
		"altered":         func(files map[string]string) { files[first] += "# more\n" },
		"shortened":       func(files map[string]string) { files[first] = files[first][:len(files[first])-1] },
		"another version": func(files map[string]string) { files["testdata/batpak/1_000__v3.hex"] = files[first] },
		"another kind":    func(files map[string]string) { files["testdata/batpak/1_00a__v1.hex"] = files[first] },
		"another name":    func(files map[string]string) { files["testdata/batpak/mine.hex"] = files[first] },
	} {
		for _, locked := range []bool{false, true} {
			dir := t.TempDir()
			pkg := shop(t, dir, []string{"{a:bool}", "{a:int64}"}, []string{"{b:string}"})
			drafts, _ := keep(t, promise.Act{}, pkg)
			changes, _ := keep(t, promise.Act{Release: true}, pkg)
			files := make(map[string]string)
			for _, c := range changes {
				if filepath.Base(c.Path) != lock.Name {
					files[filepath.ToSlash(strings.TrimPrefix(c.Path, dir+string(filepath.Separator)))] = string(c.New)
				}
			}
			spoil(files)
			var spoiled []output.Change
			for _, path := range slices.Sorted(maps.Keys(files)) {
				spoiled = append(spoiled, output.Change{Path: filepath.Join(dir, filepath.FromSlash(path)), New: []byte(files[path])})
			}
			write(t, spoiled, nil)
			if locked {
				write(t, drafts, nil)
			}
			for _, a := range []promise.Act{{Release: true}, {}, {Fix: true}} {
				if changes, ds := keep(t, a, pkg); !diag.HasErrors(ds) || len(changes) > 0 {
					t.Errorf("%s, lock file %t: Keep(%+v) finds %v and changes %d files, want an error and none", name, locked, a, ds, len(changes))
				}
			}
		}
	}
}
