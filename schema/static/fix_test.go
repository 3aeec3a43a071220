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

// Opened has more than a payload may have.
type Opened struct {
	Count       int
	Counts, More []int // of all
	Pointer     *uint
	Nested      [3][]int
	note        string
	cached, old map[string]bool ` + "`bat:\"-\"`" + `
	Part        Part
}

type Part struct{ address uintptr; Size uint }
`

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
	if fixes < 8 {
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
