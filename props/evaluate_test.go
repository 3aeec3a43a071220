package props_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/types"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/tools/go/packages"

	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/read"

	"github.com/batpak-go/batpak/props"
)

const schemaPath = "github.com/batpak-go/batpak/schema"

// What the static reader reads is what Go evaluates: the declarations of the
// examples, and of random schemas that say the same things in different ways, are
// printed by a program of their own, in which the constructors of package schema
// keep their arguments, and compared with the model.
func TestReaderSeesWhatGoEvaluates(t *testing.T) {
	t.Parallel()
	dir := newModule(t)
	for name, from := range map[string]string{"bank": "../examples/bank", "history": "../examples/gitlog/history"} {
		copyPackage(t, from, filepath.Join(dir, name))
	}
	rng := rand.New(rand.NewPCG(uint64(props.Seed(t)), 0))
	for n := range props.Cases(t, 3) {
		name := fmt.Sprintf("forms%d", n)
		writeFile(t, filepath.Join(dir, name, "schema.go"), randomForms(rng, name))
	}
	declared := declarationsOf(t, dir)
	evaluated := evaluate(t, dir, declared)
	results, err := read.Load(t.Context(), read.Config{Dir: dir, Patterns: []string{"./..."}, Env: environment()})
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != len(declared) {
		t.Errorf("%d packages were read, want %d", len(results), len(declared))
	}
	for _, r := range results {
		if err := sound(r.Diagnostics); err != nil {
			t.Errorf("%s: %v\n%s", r.Package.Path, err, sourceOf(t, r.Package.Dir))
			continue
		}
		got := described(r.Package)
		want := evaluated[r.Package.Name]
		for name, text := range want {
			if _, ok := got[name]; !ok && slices.Contains(slices.Collect(maps.Values(got)), text) {
				delete(want, name) // another name of a declaration
			}
		}
		if d := gocmp.Diff(want, got); d != "" {
			t.Errorf("%s is not read as it is evaluated (-evaluated +read):\n%s\n%s", r.Package.Path, d, sourceOf(t, r.Package.Dir))
		}
		if d := gocmp.Diff(commentsAbove(t, r.Package), docs(r.Package)); d != "" {
			t.Errorf("the comments of %s are not read as they are written (-written +read):\n%s", r.Package.Path, d)
		}
	}
}

// sourceOf is the schema of a random package, for messages.
func sourceOf(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "schema.go"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// copyPackage copies the Go files of a package, without its tests.
func copyPackage(t *testing.T, from, to string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(from, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("Glob(%s) = %v, %v", from, files, err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(to, filepath.Base(file)), string(text))
	}
}

// declarationsOf finds the variables of schema types in the packages of a module,
// by package name, with the name of the type, and behind that of an enumeration the
// constants. It asks the type checker alone.
func declarationsOf(t *testing.T, dir string) map[string]map[string]string {
	t.Helper()
	pkgs, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedSyntax | packages.NeedTypes | packages.NeedImports, Dir: dir, Env: environment()}, "./...")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]string{}
	for _, pkg := range pkgs {
		if pkg.Name == "parts" {
			continue // which has no schema
		}
		for _, e := range pkg.Errors {
			t.Fatalf("%s: %v", pkg.PkgPath, e)
		}
		vars := map[string]string{}
		for _, name := range pkg.Types.Scope().Names() {
			v, ok := pkg.Types.Scope().Lookup(name).(*types.Var)
			if !ok {
				continue
			}
			if named, ok := types.Unalias(v.Type()).(*types.Named); ok && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == schemaPath {
				switch kind := named.Obj().Name(); kind {
				case "Entity", "Event", "Projection", "Gate", "Command", "Reactor", "Enum", "Retired":
					vars[name] = kind
				}
				if named.Obj().Name() == "Enum" {
					vars[name] += " " + strings.Join(constantsOf(pkg, named.TypeArgs().At(0).(*types.Named)), " ")
				}
			}
		}
		if len(vars) == 0 {
			t.Fatalf("%s declares nothing", pkg.PkgPath)
		}
		found[pkg.Name] = vars
	}
	return found
}

// constantsOf names the constants of a type in source order, as a package does.
func constantsOf(pkg *packages.Package, typ *types.Named) []string {
	scope, qualifier := typ.Obj().Pkg().Scope(), ""
	if typ.Obj().Pkg() != pkg.Types {
		qualifier = typ.Obj().Pkg().Name() + "."
	}
	var consts []*types.Const
	for _, name := range scope.Names() {
		c, ok := scope.Lookup(name).(*types.Const)
		if ok && types.Identical(c.Type(), typ) && (qualifier == "" || c.Exported()) {
			consts = append(consts, c)
		}
	}
	slices.SortFunc(consts, func(a, b *types.Const) int {
		pa, pb := pkg.Fset.Position(a.Pos()), pkg.Fset.Position(b.Pos())
		return cmp.Or(strings.Compare(pa.Filename, pb.Filename), pa.Line-pb.Line, pa.Column-pb.Column)
	})
	names := make([]string, 0, len(consts))
	for _, c := range consts {
		names = append(names, qualifier+c.Name())
	}
	return names
}

// evaluate runs, in each package, a test that prints its declarations.
func evaluate(t *testing.T, dir string, declared map[string]map[string]string) map[string]map[string]string {
	t.Helper()
	template, err := os.ReadFile("testdata/evaluated_test.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	scratch := t.TempDir()
	for pkg, vars := range declared {
		text := strings.NewReplacer(append(mentions(vars), "PACKAGE", pkg)...).Replace(string(template))
		writeFile(t, filepath.Join(dir, pkg, "evaluated_test.go"), text)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-vet=off", "-overlay="+keepingSchema(t, scratch), "-run=TestBatpakEvaluated", "./...")
	cmd.Dir, cmd.Env = dir, append(environment(), "BATPAK_EVALUATED="+scratch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go test: %v\n%s", err, out)
	}
	evaluated := map[string]map[string]string{}
	for pkg := range declared {
		data, err := os.ReadFile(filepath.Join(scratch, pkg+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var texts map[string]string
		if err := json.Unmarshal(data, &texts); err != nil {
			t.Fatal(err)
		}
		evaluated[pkg] = texts
	}
	return evaluated
}

// mentions are the variables of a package as the program lists them, each list after
// the word that it stands for.
func mentions(vars map[string]string) []string {
	lists := map[string]*strings.Builder{}
	for _, list := range []string{"VALUES", "PAYLOADS", "CONSTANTS", "COMMANDS", "STATES", "ENTITIES"} {
		lists[list] = new(strings.Builder)
	}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		fmt.Fprintf(lists["VALUES"], "%q: %s, ", name, name)
		switch kind, constants, _ := strings.Cut(vars[name], " "); kind {
		case "Event":
			fmt.Fprintf(lists["PAYLOADS"], "%q: batpakPayload(%s), ", name, name)
		case "Command":
			fmt.Fprintf(lists["COMMANDS"], "%q: batpakFilled(%s), ", name, name)
		case "Projection":
			fmt.Fprintf(lists["STATES"], "batpakFolded(%s), ", name)
		case "Entity":
			fmt.Fprintf(lists["ENTITIES"], "schema.AnyEntity(%s): batpakID(%s), ", name, name)
		case "Enum":
			fmt.Fprintf(lists["CONSTANTS"], "%q: {", name)
			for c := range strings.FieldsSeq(constants) {
				fmt.Fprintf(lists["CONSTANTS"], "{%q, %s}, ", c[strings.Index(c, ".")+1:], c)
			}
			lists["CONSTANTS"].WriteString("}, ")
		}
	}
	var pairs []string
	for word, list := range lists {
		pairs = append(pairs, word, list.String())
	}
	return pairs
}

// keepingSchema is an overlay in which the constructors of package schema keep
// their arguments.
func keepingSchema(t *testing.T, scratch string) string {
	t.Helper()
	file, err := filepath.Abs("../schema/schema.go")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, change := range [][2]string{
		{"type Upcast struct{ _ [0]func() }", "type Upcast struct { From uint16; F any }"},
		{"return Upcast{}", "return Upcast{from, f}"},
		{"type Handler[S any] struct{ _ [0]func(*S) }", "type Handler[S any] struct { Event AnyEvent; F any }"},
		{"return Handler[S]{}", "return Handler[S]{e, apply}"},
		{"type Reaction[R any] struct{ _ [0]func(*R) }", "type Reaction[R any] struct { Event AnyEvent; F any }"},
		{"return Reaction[R]{}", "return Reaction[R]{e, f}"},
	} {
		if strings.Count(text, change[0]) != 1 {
			t.Fatalf("schema.go has %q %d times, want once", change[0], strings.Count(text, change[0]))
		}
		text = strings.Replace(text, change[0], change[1], 1)
	}
	keeping := filepath.Join(scratch, "schema.go")
	writeFile(t, keeping, text)
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: keeping}})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(scratch, "overlay.json"), string(overlay))
	return filepath.Join(scratch, "overlay.json")
}

// described describes the declarations of a model as the program does.
func described(p *model.Package) map[string]string {
	d := describer{p.Path}
	out := map[string]string{}
	for _, en := range p.Entities {
		out[en.Var] = fmt.Sprintf("entity %q %q of %s", en.Prefix, en.Scope, d.name(en.ID.Path, en.ID.Name))
	}
	for _, e := range p.Events {
		var text strings.Builder
		fmt.Fprintf(&text, "event %s version %d in %s", kindText(e), e.Version, e.Entity.Prefix)
		for _, u := range e.Upcasts {
			fmt.Fprintf(&text, " from %d %s.%s %s by %s", u.From, p.Name, u.Source.Name, d.shape(u.Source), u.Func)
		}
		out[e.Var] = text.String() + " carries " + d.shape(e.Payload)
	}
	for _, pr := range p.Projections {
		per := "nothing"
		if pr.Per != nil {
			per = pr.Per.Prefix
		}
		text := fmt.Sprintf("projection %q version %d of %s per %s:", pr.Name, pr.Version, d.name(pr.State.Path, pr.State.Name), per)
		out[pr.Var] = text + handlersText(pr.Fold) + " but " + kindsText(pr.Ignore) + fmt.Sprintf(", saved %v", pr.Saved != nil)
	}
	for _, g := range p.Gates {
		codes := []string{}
		for _, c := range g.Codes {
			codes = append(codes, c.Value)
		}
		out[g.Var] = fmt.Sprintf("gate %q of %s by %s with %v", g.Name, d.name(g.Context.Path, g.Context.Name), g.Func, codes)
	}
	for _, c := range p.Commands {
		gates := []string{}
		for _, g := range c.Gates {
			gates = append(gates, g.Name)
		}
		out[c.Var] = fmt.Sprintf("command %q of %s,%s to %s through %v, bypass %v given",
			c.Name, d.name(c.Context.Path, c.Context.Name), d.name("", c.Event.Payload.Name), kindText(c.Event), gates, c.Bypass) + fillsText(c.Fill)
	}
	for _, r := range p.Reactors {
		out[r.Var] = fmt.Sprintf("reactor %q of %s:", r.Name, d.name(r.Type.Path, r.Type.Name)) + handlersText(r.On) +
			" emits " + kindsText(r.Emits) + fmt.Sprintf(", loop %v", r.Loop)
	}
	for _, r := range p.Retired {
		if out[r.Var] == "" {
			out[r.Var] = "retired"
		}
		out[r.Var] += fmt.Sprintf(" %#x/%#03x %s", r.Category, r.Type, r.Name)
	}
	for _, e := range p.Enums {
		out[e.Var] = fmt.Sprintf("enum %s open %v of", d.name(e.Type.Path, e.Type.Name), e.Open)
		for _, v := range e.Values {
			out[e.Var] += " " + v.Name + "=" + v.Literal
		}
	}
	return out
}

// fillsText describes where the fields of a context come from.
func fillsText(fills []model.Fill) string {
	var text strings.Builder
	for _, f := range fills {
		text.WriteString(" " + f.Field + " by ")
		switch f.From {
		case model.FillEvent:
			text.WriteString("the event")
		case model.FillID:
			text.WriteString("the id")
		case model.FillProjection:
			text.WriteString(f.Projection.Name)
		case model.FillCaller:
			typ := regexp.MustCompile(`\bbyte\b`).ReplaceAllString(f.Type, "uint8")
			text.WriteString("the caller as " + regexp.MustCompile(`\brune\b`).ReplaceAllString(typ, "int32"))
		}
	}
	return text.String()
}

// describer describes the types of a package.
type describer struct{ path string }

// name names a type by its package.
func (d describer) name(path, name string) string {
	if path == "" {
		path = d.path
	}
	return path + "." + name
}

// shape describes the fields of a struct, those that are not stored included.
func (d describer) shape(s *model.Struct) string {
	texts := make([]string, len(s.Fields)+len(s.Skipped))
	for _, skipped := range s.Skipped {
		texts[skipped.Index] = skipped.Name + " is not stored"
	}
	i := 0
	for _, f := range s.Fields {
		for texts[i] != "" {
			i++
		}
		texts[i] = fmt.Sprintf("%s %s %s %v %d", f.Name, f.Wire, d.typ(f.Type), f.Optional, f.Max)
	}
	return "{" + strings.Join(texts, "; ") + "}"
}

// typ describes the type of a field.
func (d describer) typ(t *model.Type) string {
	name := ""
	if t.Named != nil {
		name = d.name(t.Named.Path, t.Named.Name) + "="
	}
	switch t.Class {
	case model.ClassTime:
		return "time"
	case model.ClassPointer:
		return "*" + d.typ(t.Elem)
	case model.ClassBytes:
		return name + "bytes"
	case model.ClassSlice:
		return name + "[]" + d.typ(t.Elem)
	case model.ClassFixed:
		return name + fmt.Sprintf("bytes[%d]", t.Len)
	case model.ClassArray:
		return name + fmt.Sprintf("[%d]%s", t.Len, d.typ(t.Elem))
	case model.ClassMap:
		return name + "map[" + d.typ(t.Key) + "]" + d.typ(t.Elem)
	case model.ClassStruct:
		return name + d.shape(t.Struct)
	case model.ClassForeign:
		return name + "foreign"
	}
	return name + string(t.Basic)
}

func kindText(e *model.Event) string { return fmt.Sprintf("%#x/%#03x", e.Category, e.Type) }

func kindsText(events []*model.Event) string {
	kinds := []string{}
	for _, e := range events {
		kinds = append(kinds, kindText(e))
	}
	return fmt.Sprint(kinds)
}

func handlersText(list []model.Handler) string {
	var text strings.Builder
	for _, h := range list {
		name := h.Func
		if h.Recv != "" {
			name = h.Recv + "." + name
		}
		text.WriteString(" " + kindText(h.Event) + " by " + name)
	}
	return text.String()
}
