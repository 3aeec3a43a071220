package describe_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/token"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/command"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/describe"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/session"
	"github.com/batpak-go/batpak/cmd/internal/moduletest"
	"github.com/batpak-go/batpak/schema/model"
)

var update = flag.Bool("update", false, "rewrite the archives in testdata")

// golden compares what each view wrote with the archive of a name.
func golden(t *testing.T, name string, got map[string][]byte) {
	t.Helper()
	file := "testdata/" + name + ".txtar"
	if *update {
		a := &txtar.Archive{Comment: []byte("What batpakgen describe says of " + name + ". Rewrite it with -update.\n")}
		for _, view := range []string{"text", "md", "mermaid", "json", "jsonschema"} {
			a.Files = append(a.Files, txtar.File{Name: view, Data: got[view]})
		}
		if err := os.WriteFile(file, txtar.Format(a), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Files) != len(got) {
		t.Errorf("%s has %d files, want %d", file, len(a.Files), len(got))
	}
	for _, f := range a.Files {
		if d := cmp.Diff(string(f.Data), string(got[f.Name])); d != "" {
			t.Errorf("view %s of %s differs (-want +got); rewrite it with -update if that is right:\n%s", f.Name, name, d)
		}
	}
}

func TestBankIsDescribed(t *testing.T) {
	session := session.New(session.Options{Dir: moduletest.Root(t), Patterns: []string{"./examples/bank"}, Trace: io.Discard})
	results, err := session.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]byte{}
	for view, print := range describe.Views() {
		var out bytes.Buffer
		if err := print(&out, results[0].Package); err != nil {
			t.Fatal(err)
		}
		got[view] = out.Bytes()
	}
	golden(t, "bank", got)

	var out, errs bytes.Buffer
	args := []string{"-md", "-C", moduletest.Root(t), "./examples/bank"}
	if err := describe.Run(t.Context(), args, command.Streams{Out: &out, Err: &errs}); err != nil || errs.Len() > 0 {
		t.Fatalf("describe %v: %v, printed %s", args, err, &errs)
	}
	if d := cmp.Diff(string(got["md"]), out.String()); d != "" {
		t.Errorf("describe %v differs from its view (-view +got):\n%s", args, d)
	}
}

// What the bank does not have is in a model of its own.
func TestEverythingIsDescribed(t *testing.T) {
	got := map[string][]byte{}
	for view, print := range describe.Views() {
		var out bytes.Buffer
		if err := print(&out, kitchen()); err != nil {
			t.Fatal(err)
		}
		got[view] = out.Bytes()
	}
	golden(t, "kitchen", got)
}

// Names of two packages in one diagram are kept apart.
func TestDiagramOfPackagesKeepsThemApart(t *testing.T) {
	var out bytes.Buffer
	if err := describe.Views()["mermaid"](&out, kitchen(), kitchen()); err != nil {
		t.Fatal(err)
	}
	nodes := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^\t+(?:subgraph )?(\w+)[\[({]`).FindAllStringSubmatch(out.String(), -1) {
		nodes[m[1]]++
	}
	for node, n := range nodes {
		if n > 1 {
			t.Errorf("node %s is declared %d times:\n%s", node, n, &out)
		}
	}
	if open, closed := strings.Count(out.String(), "subgraph "), len(regexp.MustCompile(`(?m)^\t+end$`).FindAllString(out.String(), -1)); open != closed || open == 0 {
		t.Errorf("diagram opens %d subgraphs and closes %d", open, closed)
	}
}

// The schemas refer to nothing but their own definitions, and a field is
// required unless it is optional.
func TestSchemasAreSelfContained(t *testing.T) {
	var out bytes.Buffer
	if err := describe.Views()["jsonschema"](&out, kitchen()); err != nil {
		t.Fatal(err)
	}
	var all map[string]map[string]json.RawMessage
	if err := json.Unmarshal(out.Bytes(), &all); err != nil {
		t.Fatal(err)
	}
	if n := len(all["example.com/kitchen"]); n != 3 {
		t.Errorf("got %d schemas, want one for each of 3 versions", n)
	}
	for name, text := range all["example.com/kitchen"] {
		var s struct {
			Properties map[string]json.RawMessage
			Required   []string
			Defs       map[string]json.RawMessage `json:"$defs"`
		}
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatal(err)
		}
		for _, ref := range regexp.MustCompile(`"#/\$defs/([^"]+)"`).FindAllSubmatch(text, -1) {
			if s.Defs[string(ref[1])] == nil {
				t.Errorf("%s refers to %s, which it does not define", name, ref[1])
			}
		}
		for _, required := range s.Required {
			if s.Properties[required] == nil {
				t.Errorf("%s requires %s, which it does not have", name, required)
			}
		}
	}
}

func TestRunRefuses(t *testing.T) {
	m := moduletest.New(t)
	m.Write("bad/schema.go", "package bad\n\nimport \"github.com/batpak-go/batpak/schema\"\n\ntype ID string\n\nvar bad = schema.Entity[ID]{Prefix: \"Bad\"}\n")
	for _, tt := range []struct {
		args []string
		want int
		text string
	}{
		{[]string{"-json", "-md"}, command.Failure, "one of -json, -md, -mermaid and -jsonschema at a time"},
		{[]string{"-C", m.Dir, "./nowhere"}, command.Failure, "nowhere"},
		{[]string{"-C", m.Dir, "./bad"}, command.Findings, "[BP201]"},
	} {
		var out, errs bytes.Buffer
		to := command.Streams{Out: &out, Err: &errs}
		if got := command.Exit(describe.Run(t.Context(), tt.args, to), to); got != tt.want || !strings.Contains(errs.String(), tt.text) || out.Len() > 0 {
			t.Errorf("describe %v exits with %d and prints %q, %q, want %d and %q", tt.args, got, &out, &errs, tt.want, tt.text)
		}
	}
}

// A view passes on that it could not write.
func TestViewsFailWithTheirWriter(t *testing.T) {
	for name, print := range describe.Views() {
		if err := print(full{}, kitchen()); err == nil {
			t.Errorf("view %s to a full disk = nil, want an error", name)
		}
	}
}

// full is a disk without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// kitchen is a model with one of everything that a schema can say.
func kitchen() *model.Package {
	at := func(name string, line int) model.Decl {
		return model.Decl{Var: name, Pos: token.Position{Filename: "/src/kitchen/schema.go", Line: line, Column: 5}}
	}
	basic := func(b model.Basic) *model.Type { return &model.Type{Class: model.ClassBasic, Basic: b} }
	order := &model.Entity{Decl: at("order", 3), Prefix: "order", ID: model.NamedType{Name: "ID", Path: "example.com/ids", PkgName: "ids", Basic: "uint64"}}
	level := &model.Enum{
		Decl: at("level", 5), Type: model.NamedType{Name: "Level", Basic: "uint8"},
		Values: []model.EnumValue{{Name: "Low", Literal: "1"}, {Name: "High", Literal: "2"}},
	}
	mood := &model.Enum{
		Decl: at("mood", 6), Type: model.NamedType{Name: "Mood", Basic: "string"}, Open: true,
		Values: []model.EnumValue{{Name: "Good", Literal: `"good <>"`}},
	}
	shut := &model.Enum{
		Decl: at("shut", 6), Type: model.NamedType{Name: "Shut", Basic: "string"},
		Values: []model.EnumValue{{Name: "Yes", Literal: `"good <>"`}},
	}
	part := &model.Struct{Name: "Part", Path: "example.com/parts", PkgName: "parts", Fields: []model.Field{
		{Name: "Size", Wire: "size", Type: basic("int64")},
	}}
	line := &model.Struct{Name: "Line", Doc: "Line is a line | of an order.", Fields: []model.Field{
		{Name: "Part", Wire: "part", Type: &model.Type{Class: model.ClassStruct, Struct: part, Named: &model.NamedRef{Name: "Part", Path: "example.com/parts", PkgName: "parts"}}},
	}}
	lines := &model.Type{Class: model.ClassSlice, Elem: &model.Type{Class: model.ClassStruct, Struct: line, Named: &model.NamedRef{Name: "Line"}}}
	old := &model.Struct{Name: "orderPlacedV1", Fields: []model.Field{{Name: "Item", Wire: "item", Type: basic("string")}}}
	placed := &model.Struct{Name: "OrderPlaced", Doc: "OrderPlaced records an order.", Fields: []model.Field{
		{Name: "Lines", Wire: "lines", Type: lines, Max: 100},
		{Name: "Memo", Wire: "memo", Type: basic("string"), Optional: true, Max: 80},
		{Name: "Raw", Wire: "raw", Type: &model.Type{Class: model.ClassBytes}, Max: 7},
		{Name: "Digest", Wire: "digest", Type: &model.Type{Class: model.ClassFixed, Len: 32, Named: &model.NamedRef{Name: "Digest"}}},
		{Name: "At", Wire: "at", Type: &model.Type{Class: model.ClassPointer, Elem: &model.Type{Class: model.ClassTime}}, Optional: true},
		{Name: "Grid", Wire: "grid", Type: &model.Type{Class: model.ClassArray, Len: 3, Elem: basic("int8")}},
		{Name: "Labels", Wire: "labels", Type: &model.Type{Class: model.ClassMap, Key: basic("string"), Elem: basic("bool")}, Max: 5},
		{Name: "Counts", Wire: "counts", Type: &model.Type{Class: model.ClassMap, Key: basic("uint16"), Elem: basic("float64")}},
		{Name: "Level", Wire: "level", Type: &model.Type{Class: model.ClassBasic, Basic: "uint8", Enum: level, Named: &model.NamedRef{Name: "Level"}}},
		{Name: "Mood", Wire: "mood", Type: &model.Type{Class: model.ClassBasic, Basic: "string", Enum: mood, Named: &model.NamedRef{Name: "Mood"}}},
		{Name: "Shut", Wire: "shut", Type: &model.Type{Class: model.ClassBasic, Basic: "string", Enum: shut, Named: &model.NamedRef{Name: "Shut"}}},
		{Name: "Price", Wire: "price", Type: &model.Type{Class: model.ClassForeign, Named: &model.NamedRef{Name: "Money", Path: "example.com/money", PkgName: "money"}}},
	}}
	flagged := &model.Event{Decl: at("flagged", 9), Category: 1, Type: 0x10, Version: 1, Entity: order, Payload: &model.Struct{Name: "OrderFlagged"}}
	event := &model.Event{
		Decl: at("placed", 8), Category: 1, Type: 1, Version: 2, Entity: order, Payload: placed,
		Upcasts: []model.Upcast{{From: 1, Source: old, Target: placed, Func: "placedV1toV2"}},
	}
	event.Doc = "Orders are placed."
	count := &model.Projection{Decl: at("count", 12), Name: "order-count", Version: 3, State: model.NamedRef{Name: "Count"}, Fold: []model.Handler{{Event: event, Func: "count"}}, Ignore: []*model.Event{flagged}}
	small := &model.Gate{Decl: at("small", 14), Name: "small", Context: model.NamedRef{Name: "Placing"}, Func: "denyLarge", Codes: []model.Code{{Value: "LARGE"}, {Value: "HUGE"}}}
	small.Doc = "An order is small\nenough to be packed."
	place := &model.Command{
		Decl: at("place", 16), Name: "place-order", Event: event, Gates: []*model.Gate{small}, Context: model.NamedRef{Name: "Placing"}, Bypass: true,
		Fill: []model.Fill{
			{Field: "ID", From: model.FillID},
			{Field: "Order", From: model.FillEvent},
			{Field: "Count", From: model.FillProjection, Projection: count},
			{Field: "Again", From: model.FillProjection, Projection: count},
			{Field: "Limit", From: model.FillCaller, Type: "uint32"},
		},
	}
	event.Command = place
	watch := &model.Reactor{
		Decl: at("watch", 18), Name: "watch", Type: model.NamedRef{Name: "Watch"}, On: []model.Handler{{Event: event, Recv: "Watch", Func: "placed"}},
		Emits: []*model.Event{flagged},
	}
	free := &model.Command{Decl: at("flag", 20), Name: "flag", Event: flagged, Context: model.NamedRef{Name: "Flagging"}}
	flagged.Command = free
	return &model.Package{
		Path: "example.com/kitchen", Name: "kitchen", Dir: "/src/kitchen", Files: []string{"schema.go"},
		Entities: []*model.Entity{order}, Events: []*model.Event{event, flagged}, Enums: []*model.Enum{level, mood, shut},
		Structs: []*model.Struct{old, part, line, placed, flagged.Payload}, Projections: []*model.Projection{count},
		Gates: []*model.Gate{small}, Commands: []*model.Command{place, free}, Reactors: []*model.Reactor{watch},
		Retired: []model.Retired{{Category: 1, Type: 5, Name: "OrderRenamed"}},
	}
}
