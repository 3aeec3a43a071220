package evolution_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/token"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/evolution"
	"github.com/batpak-go/batpak/schema/frozen"
	"github.com/batpak-go/batpak/schema/lock"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/shape"
)

var (
	seed = flag.Uint64("seed", 1, "where random histories come from")
	runs = flag.Int("runs", 60, "random histories")
)

// history is the life of a schema: it is edited, generated and released, and the
// test keeps count of what was promised.
type history struct {
	rng      *rand.Rand
	pkg      *model.Package
	locked   *lock.File
	files    map[string][]byte
	promised map[string][]string // "1:002@3" -> shapes that were released
}

func newHistory(rng *rand.Rand) *history {
	account := &model.Entity{Prefix: "account", Scope: "ledger"}
	pkg := &model.Package{Path: "example.com/bank", Entities: []*model.Entity{account}}
	for i := range uint16(3) {
		e := &model.Event{Decl: model.Decl{Var: fmt.Sprint("event", i)}, Category: 1, Type: i, Version: 1, Entity: account}
		e.Payload = &model.Struct{Name: fmt.Sprint("Payload", i), Fields: []model.Field{field(rng, "first")}}
		pkg.Events = append(pkg.Events, e)
	}
	return &history{rng: rng, pkg: pkg, locked: new(lock.File), files: map[string][]byte{}, promised: map[string][]string{}}
}

func field(rng *rand.Rand, name string) model.Field {
	basics := []model.Basic{"bool", "string", "int64", "uint8"}
	return model.Field{
		Wire: name, Optional: rng.IntN(2) == 0,
		Type: &model.Type{Class: model.ClassBasic, Basic: basics[rng.IntN(len(basics))]},
	}
}

// edit changes the schema in a way that package check finds nothing wrong with.
func (h *history) edit() {
	if len(h.pkg.Events) == 0 {
		return
	}
	at := h.rng.IntN(len(h.pkg.Events))
	e := *h.pkg.Events[at]
	s := *e.Payload
	s.Fields = slices.Clone(s.Fields)
	switch h.rng.IntN(8) {
	case 0: // a field more, anywhere
		name := fmt.Sprint("f", h.rng.IntN(1000))
		s.Fields = slices.Insert(s.Fields, h.rng.IntN(len(s.Fields)+1), field(h.rng, name))
	case 1: // a field less
		if len(s.Fields) > 0 {
			s.Fields = slices.Delete(s.Fields, 0, 1)
		}
	case 2: // another type
		if len(s.Fields) > 0 {
			s.Fields[0] = field(h.rng, s.Fields[0].Wire)
		}
	case 3: // another order
		slices.Reverse(s.Fields)
	case 4, 5: // the next version
		e.Upcasts = append(slices.Clone(e.Upcasts), model.Upcast{From: e.Version, Source: e.Payload, Target: &s})
		e.Version++
	case 6: // back to the version before
		if n := len(e.Upcasts); n > 0 {
			s, e.Upcasts, e.Version = *e.Upcasts[n-1].Source, e.Upcasts[:n-1], e.Version-1
		}
	case 7: // another shape of the past
		if n := len(e.Upcasts); n > 0 {
			e.Upcasts = slices.Clone(e.Upcasts)
			e.Upcasts[0].Source = &model.Struct{Name: "past", Fields: []model.Field{field(h.rng, "first")}}
		}
	}
	e.Payload = &s
	h.pkg.Events = slices.Clone(h.pkg.Events)
	h.pkg.Events[at] = &e
	if h.rng.IntN(12) == 0 {
		h.pkg.Events = slices.Delete(h.pkg.Events, at, at+1)
	}
}

// kept holds that what was promised is what the schema says, or has grown into it.
func (h *history) kept(f *lock.File) error {
	for key, shapes := range h.promised {
		name, number, _ := strings.Cut(key, "@")
		k, _ := lock.ParseKind(name)
		e := f.Event(k)
		if e == nil {
			return fmt.Errorf("%s is gone", key)
		}
		var version uint16
		if _, err := fmt.Sscan(number, &version); err != nil {
			return err
		}
		v := e.Version(version)
		if v == nil {
			return fmt.Errorf("%s is gone", key)
		}
		if d := cmp.Diff(shapes, v.Promises()); d != "" {
			return fmt.Errorf("promises of %s differ (-want +got):\n%s", key, d)
		}
		for _, text := range shapes {
			if !additive(text, v.Shape) {
				return fmt.Errorf("%s was promised as %s, and is %s", key, text, v.Shape)
			}
		}
	}
	return nil
}

func additive(before, after string) bool {
	b, _ := shape.Parse(before)
	a, _ := shape.Parse(after)
	return !slices.ContainsFunc(shape.Diff(b, a), func(c shape.Change) bool { return !c.Additive })
}

// release keeps count of what is promised from now on.
func (h *history) release() {
	evolution.Release(h.locked, h.files)
	for _, e := range h.locked.Events {
		for _, v := range e.Versions {
			key := fmt.Sprintf("%v@%d", e.Kind, v.Number)
			if old := h.promised[key]; len(old) == 0 || old[len(old)-1] != v.Shape {
				h.promised[key] = append(old, v.Shape)
			}
		}
	}
}

// Whatever is done to a schema: if Judge lets it pass, every promise is kept; and
// it lets pass what keeps every promise, and asks for no more.
func TestPromisesAreKept(t *testing.T) {
	passed, refused := 0, 0
	for run := range *runs {
		h := newHistory(rand.New(rand.NewPCG(*seed, uint64(run))))
		for step := range 40 {
			before := h.pkg.Events
			h.edit()
			next, ds := evolution.Judge(h.pkg, h.locked)
			err := h.kept(next)
			switch {
			case diag.HasErrors(ds):
				refused++
				if err == nil && !strict(ds) {
					t.Fatalf("-seed %d, run %d, step %d: refused although all promises are kept: %v", *seed, run, step, ds)
				}
				h.pkg.Events = before
				continue
			case err != nil:
				t.Fatalf("-seed %d, run %d, step %d: passed, but %v", *seed, run, step, err)
			}
			passed++
			if again, ds := evolution.Judge(h.pkg, next); len(ds) > 0 || !cmp.Equal(next, again, cmpopts.IgnoreTypes(token.Position{})) {
				t.Fatalf("-seed %d, run %d, step %d: judged again, it is another file or %v", *seed, run, step, ds)
			}
			if _, err := lock.Parse("lock", lock.Print(next)); err != nil {
				t.Fatalf("-seed %d, run %d, step %d: %v", *seed, run, step, err)
			}
			if h.locked = next; h.rng.IntN(4) == 0 {
				locked, files := lock.Print(h.locked), maps.Clone(h.files)
				h.release()
				if err := h.resumes(locked, files); err != nil {
					t.Fatalf("-seed %d, run %d, step %d: a release that was interrupted: %v", *seed, run, step, err)
				}
				if ds := append(evolution.FrozenBP611("", h.locked, h.files), evolution.DraftsBP612(h.pkg, h.locked)...); len(ds) > 0 {
					t.Fatalf("-seed %d, run %d, step %d: after a release: %v", *seed, run, step, ds)
				}
			}
		}
	}
	if passed < *runs || refused < *runs {
		t.Errorf("%d edits passed, %d were refused", passed, refused)
	}
}

// resumes holds that a release that wrote some of its payloads and no lock file comes to
// the same when it is run again. Text and before are the files that it found.
func (h *history) resumes(text []byte, before map[string][]byte) error {
	was, err := lock.Parse("lock", text)
	if err != nil {
		return err
	}
	there := maps.Clone(before)
	for path, file := range h.files {
		if h.rng.IntN(2) == 0 {
			there[path] = file
		}
	}
	again := maps.Clone(there)
	for path, file := range evolution.Interrupted(h.pkg, was, there) {
		if again[path] = file; file == nil {
			delete(again, path)
		}
	}
	if !maps.EqualFunc(before, again, bytes.Equal) {
		return fmt.Errorf("payloads of %v are found, of %v were there", slices.Sorted(maps.Keys(again)), slices.Sorted(maps.Keys(before)))
	}
	for path := range h.files { // not by a release of something else
		there[path] = append(slices.Clip(there[path]), "0123456789abcdef zero 80\n"...)
		if _, wrong := evolution.Interrupted(h.pkg, was, there)[path]; wrong {
			return fmt.Errorf("%s is taken for what a release wrote", path)
		}
		break // any will do
	}
	return nil
}

// strict reports whether diagnostics are of rules that ask for more than that
// promises are kept: that the past does not even grow, that versions are not left
// out, that names do not change their meaning.
func strict(ds []diag.Diagnostic) bool {
	return slices.ContainsFunc(ds, func(d diag.Diagnostic) bool {
		return slices.Contains([]string{"BP604", "BP605", "BP609"}, d.Code)
	})
}

// released is a file with one version, which has grown once.
func released(t *testing.T) (*lock.File, map[string][]byte) {
	t.Helper()
	f := &lock.File{Events: []lock.Event{{
		Kind: 0x1002, Name: "Deposited", Versions: []lock.Version{{Number: 1, State: lock.Draft, Shape: "{amount:int64}"}},
	}}}
	files := map[string][]byte{}
	evolution.Release(f, files)
	v := f.Event(0x1002).Version(1)
	v.State, v.Earlier, v.Shape = lock.Revised, []string{v.Shape}, "{amount:int64;memo?:string}"
	evolution.Release(f, files)
	if v.State != lock.Released || v.Frozen == "" || len(files) != 1 {
		t.Fatalf("after Release the version is %+v with %d files", v, len(files))
	}
	return f, files
}

// What was frozen stays when more is released.
func TestReleaseAddsPayloads(t *testing.T) {
	_, files := released(t)
	file := string(files[frozen.Path(0x1002, 1)])
	for _, text := range []string{"{amount:int64}", "{amount:int64;memo?:string}"} {
		if !strings.Contains(file, "\n"+shape.Fingerprint(text)+" zero ") {
			t.Errorf("file has no payloads of %s:\n%s", text, file)
		}
	}
}

func TestRefreezeMakesWhatIsMissing(t *testing.T) {
	f, files := released(t)
	path := frozen.Path(0x1002, 1)
	want := string(files[path])
	delete(files, path)
	if ds := evolution.FrozenBP611("", f, files); len(ds) != 1 {
		t.Errorf("FrozenBP611 without the file = %v, want one diagnostic", ds)
	}
	evolution.Refreeze(f, files)
	if got := string(files[path]); got != want {
		t.Errorf("Refreeze made %q, want %q", got, want)
	}
	files[path] = append(files[path], '\n')
	evolution.Refreeze(f, files)
	if ds := evolution.FrozenBP611("", f, files); len(ds) != 1 {
		t.Errorf("FrozenBP611 of an altered file = %v, want one diagnostic", ds)
	}
	delete(files, path)
	f.Event(0x1002).Version(1).Frozen = "0123456789abcdef" // made by another program
	evolution.Refreeze(f, files)
	if len(files) > 0 {
		t.Errorf("Refreeze made payloads that the lock file does not know")
	}
}

// Payloads that a lock file does not know of are never taken for its own, whatever is
// released: they would be overwritten. Those of kinds that are retired stay.
func TestStrayPayloadsAreFound(t *testing.T) {
	f, files := released(t)
	f.Retired = []lock.Retired{{Kind: 0x1005, Name: "Gone"}}
	files[frozen.Path(0x1005, 3)] = []byte("# Payloads.\n")
	if ds := evolution.FrozenBP611("", f, files); len(ds) > 0 {
		t.Errorf("FrozenBP611 of what is promised, and retired = %v, want none", ds)
	}
	for _, path := range []string{
		frozen.Path(0x1002, 2), frozen.Path(0x1003, 1), "testdata/batpak/1_002__v01.hex", "testdata/batpak/1_02__v1.hex", "testdata/batpak/new.hex",
	} {
		files[path] = []byte("# Payloads.\n")
		if ds := evolution.FrozenBP611("shop", f, files); len(ds) != 1 || ds[0].Pos.Filename != filepath.Join("shop", filepath.FromSlash(path)) {
			t.Errorf("FrozenBP611 with a stray %s = %v, want one diagnostic there", path, ds)
		}
		delete(files, path)
	}
	v := f.Event(0x1002).Version(1)
	v.State, v.Earlier, v.Frozen = lock.Draft, nil, ""
	if ds := evolution.FrozenBP611("", f, files); len(ds) != 1 {
		t.Errorf("FrozenBP611 of payloads of a draft = %v, want one diagnostic", ds)
	}
}

func TestGiveBack(t *testing.T) {
	f, _ := released(t)
	f.Entities = []lock.Entity{{Prefix: "account"}, {Prefix: "order"}}
	f.Events[0].Entity = "account"
	f.Events = append(f.Events, lock.Event{Kind: 0x1004, Name: "Placed", Entity: "order", Versions: []lock.Version{
		{Number: 1, State: lock.Released, Shape: "{}"}, {Number: 2, State: lock.Released, Shape: "{a:bool}"}, {Number: 3, State: lock.Draft, Shape: "{b:bool}"},
	}})
	f.Commands = []lock.Command{{Name: "withdraw", State: lock.Released, Event: 0x1002, Gates: []string{"funds"}}}
	f.Projections = []lock.Projection{{Name: "balance", State: lock.Released, Version: 3, Folds: []lock.Kind{0x1002}}}
	text := lock.Print(f)
	deposited := lock.Acceptance{Of: lock.OfEvent, Name: "1:002", Version: 1, Was: []string{"{amount:int64}", "{amount:int64;memo?:string}"}, Reason: "never deployed"}
	placed := []lock.Acceptance{
		{Of: lock.OfEvent, Name: "1:004", Version: 1, Was: []string{"{}"}, Reason: "never deployed"},
		{Of: lock.OfEvent, Name: "1:004", Version: 2, Was: []string{"{a:bool}"}, Reason: "never deployed"},
	}
	for name, want := range map[string][]lock.Acceptance{
		"1:002@1":            {deposited},
		"Deposited@1":        {deposited},
		"1:002":              {deposited},
		"1:004":              placed,
		"Placed@2":           placed[1:],
		"entity:account":     {deposited},
		"entity:order":       placed,
		"command:withdraw":   {{Of: lock.OfCommand, Name: "withdraw", Was: []string{"funds"}, Reason: "never deployed"}},
		"projection:balance": {{Of: lock.OfProjection, Name: "balance", Version: 3, Was: []string{"1:002"}, Reason: "never deployed"}},
	} {
		f, err := lock.Parse("lock", text)
		if err != nil {
			t.Fatal(err)
		}
		if err := evolution.GiveBack(f, name, "never deployed"); err != nil {
			t.Errorf("GiveBack(%s) = %v, want nil", name, err)
			continue
		}
		if d := cmp.Diff(want, f.Accepted); d != "" {
			t.Errorf("Accepted after GiveBack(%s) differs (-want +got):\n%s", name, d)
		}
		again, err := lock.Parse("lock", lock.Print(f))
		if err != nil || !cmp.Equal(f, again, cmpopts.IgnoreTypes(token.Position{}), cmpopts.EquateEmpty()) {
			t.Errorf("after GiveBack(%s) the file is read as another, error %v", name, err)
		}
		if err := evolution.GiveBack(f, name, "again"); err == nil || !strings.HasSuffix(err.Error(), "it is a draft, which may change freely") {
			t.Errorf("GiveBack(%s), again = %v, want that it is a draft", name, err)
		}
	}
	for name, want := range map[string]string{
		"": "the lock file knows no event ", "@": `"" is no version`, "1:002@": `"" is no version`, "1:002@0": `"0" is no version`, "1:002@x": `"x" is no version`,
		"1:002@2": "version 2 of 1:002 is not in the lock file", "1:003": "the lock file knows no event 1:003", "1:003@1": "the lock file knows no event 1:003",
		"Gone": "the lock file knows no event Gone", "event:1:002": "the lock file knows no event event:1:002",
		"entity:": "the lock file knows no such entity", "entity:Placed": "the lock file knows no such entity",
		"command:balance": "the lock file knows no such command", "projection:withdraw": "the lock file knows no such projection",
	} {
		if err := evolution.GiveBack(f, name, "why"); err == nil || err.Error() != name+": "+want {
			t.Errorf("GiveBack(%q) = %v, want %s", name, err, want)
		}
	}
	if len(f.Accepted) > 0 {
		t.Errorf("Accepted = %v after errors, want none", f.Accepted)
	}
}
