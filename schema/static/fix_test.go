package static_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/schema/diag"
)

// broken has fields that cannot be stored, and can be put right.
const broken = `package bank

import "github.com/batpak-go/batpak/schema"

type ID string

var account = schema.Entity[ID]{Prefix: "account", Scope: "ledger"}

var opened = schema.Event[Opened]{Category: 1, Type: 1, Version: 1, Entity: account}

var gone = schema.Retired{0: {Category: 1, Type: 2, Name: "Gone"}, {Category: 1, Type: 3, Name: "Left"}, 1 + 1: {Category: 1, Type: 4, Name: "Lost"}}

// Opened has more than a payload may have.
type Opened struct {
	Count       int
	Counts, More []int // of all
	Pointer     *uint
	Nested      [3][]int
	note        string
	cached, old map[string]bool ` + "`bat:\"-\"`" + `
	Part        Part
	Rate        float64
	Rates       *[4][]Percent // of all
}

type Percent float32

type Part struct{ address uintptr; Size uint }
`

// What needs more thought has no fix: indexes that are out of order, fields whose tags
// say something already, and those that share a declaration.
func TestFixesAreCertain(t *testing.T) {
	source := strings.NewReplacer(
		"0: {Category", "3: {Category",
		"Rate        float64", "Rate, Other float64", "*[4][]Percent", "*[4][]Percent `bat:\",optional\"`",
		"note        string", "note, noted string",
	).Replace(broken)
	seen := map[string]int{}
	for _, d := range findings(newWorld(t), source) {
		if seen[d.Code]++; len(d.Fixes) > 0 && (d.Code == "BP003" || d.Code == "BP105" || strings.Contains(d.Message, ".note")) {
			t.Errorf("%v: %s [%s] has the fix %q, want none", d.Pos, d.Message, d.Code, d.Fixes[0].Message)
		}
	}
	if seen["BP003"] != 1 || seen["BP105"] != 3 || seen["BP102"] != 3 {
		t.Errorf("codes: %v, want one BP003, three BP105 and three BP102", seen)
	}
}

// Each suggested fix puts right what it was suggested for, and nothing new is wrong. All
// together leave nothing to put right.
func TestFixesPutItRight(t *testing.T) {
	w := newWorld(t)
	left := len(findings(w, broken))
	fixes := 0
	for _, d := range findings(w, broken) {
		if len(d.Fixes) == 0 {
			t.Errorf("%v: %s [%s] has no fix", d.Pos, d.Message, d.Code)
		}
		for _, fix := range d.Fixes {
			fixes++
			after := findings(w, apply(broken, fix.Edits))
			if len(after) >= left {
				t.Errorf("%v: after %q there is still %v", d.Pos, fix.Message, after)
			}
		}
	}
	if fixes < 11 {
		t.Errorf("%d fixes, want one for each field at least", fixes)
	}
	source := broken
	for range left {
		ds := findings(w, source)
		if len(ds) == 0 {
			return
		}
		source = apply(source, ds[0].Fixes[0].Edits)
	}
	if ds := findings(w, source); len(ds) > 0 {
		t.Errorf("after all fixes: %v\n%s", ds, source)
	}
}

// findings are the diagnostics of a source.
func findings(w world, source string) []diag.Diagnostic {
	_, ds := readSource(w, source)
	return ds
}

// apply makes the edits, from the last one in the file to the first.
func apply(source string, edits []diag.Edit) string {
	edits = slices.SortedFunc(slices.Values(edits), func(a, b diag.Edit) int { return cmp.Compare(b.Pos.Offset, a.Pos.Offset) })
	for _, e := range edits {
		source = strings.Join([]string{source[:e.Pos.Offset], e.New, source[e.End.Offset:]}, "")
	}
	return source
}
