package props_test

import (
	"slices"
	"strings"
	"testing"
)

// rooms maps each package of the module, by its directory, to the packages of
// this module and of others that its code, tests aside, may import. The standard
// library is free to all. Each package is listed, each listed package exists, and
// each permission is used, so the table cannot rot. It has no cycle because Go
// has none.
var rooms = map[string][]string{
	// The store, from the leaves to the face.
	"runtime/internal/planted":    {},
	"runtime/internal/sometimes":  {},
	"runtime/wire":                {"runtime/internal/planted"},
	"runtime/internal/clock":      {"runtime/internal/planted"},
	"runtime/internal/format":     {"runtime/internal/planted"},
	"runtime/internal/frontier":   {"runtime/internal/planted", "runtime/internal/sometimes"},
	"runtime/internal/tiers":      {"runtime/internal/planted"},
	"runtime/internal/turn":       {"runtime/internal/planted", "runtime/internal/sometimes"},
	"runtime/internal/vfs/mount":  {},
	"runtime/internal/vfs/stat":   {"golang.org/x/sys/unix"},
	"runtime/internal/vfs":        {"golang.org/x/sys/unix", "runtime/internal/planted", "runtime/internal/sometimes", "runtime/internal/vfs/mount", "runtime/internal/vfs/stat"},
	"runtime/internal/vfs/mapfs":  {"runtime/internal/planted", "runtime/internal/sometimes", "runtime/internal/vfs", "runtime/internal/vfs/mount"},
	"runtime/internal/vfs/simfs":  {"runtime/internal/vfs", "runtime/internal/vfs/faultfs"},
	"runtime/internal/rtopts":     {"runtime/internal/vfs"},
	"runtime/internal/chain":      {"runtime/internal/format", "runtime/internal/planted", "github.com/zeebo/blake3"},
	"runtime/internal/saved":      {"runtime/internal/chain", "runtime/internal/planted"},
	"runtime/internal/chunk":      {},
	"runtime/internal/index/keys": {"runtime/internal/sometimes"},
	"runtime/internal/index":      {"runtime/internal/chunk", "runtime/internal/format", "runtime/internal/index/keys", "runtime/internal/planted", "runtime/internal/sometimes"},
	"runtime/internal/segment":    {"runtime/internal/format", "runtime/internal/planted", "runtime/internal/sometimes", "runtime/internal/vfs"},
	"runtime/internal/sidx":       {"runtime/internal/chunk", "runtime/internal/format", "runtime/internal/index", "runtime/internal/planted", "runtime/internal/sometimes", "github.com/zeebo/blake3"},
	"runtime/internal/catalog":    {"runtime/internal/index", "runtime/internal/planted", "runtime/internal/segment", "runtime/internal/sidx", "runtime/internal/sometimes"},
	"runtime/internal/footer":     {"runtime/internal/chain", "runtime/internal/format", "runtime/internal/index", "runtime/internal/planted", "runtime/internal/segment", "runtime/internal/sidx", "runtime/internal/sometimes", "runtime/internal/vfs"},
	"runtime/internal/checkpoint": {"runtime/internal/chain", "runtime/internal/footer", "runtime/internal/format", "runtime/internal/index", "runtime/internal/planted", "runtime/internal/segment", "runtime/internal/sidx", "runtime/internal/sometimes", "runtime/internal/vfs"},
	"runtime/internal/compact":    {"runtime/internal/chain", "runtime/internal/format", "runtime/internal/planted", "runtime/internal/segment", "runtime/internal/sidx", "runtime/internal/sometimes", "runtime/internal/vfs"},
	"runtime/internal/replay":     {"runtime/internal/catalog", "runtime/internal/chain", "runtime/internal/checkpoint", "runtime/internal/clock", "runtime/internal/compact", "runtime/internal/footer", "runtime/internal/format", "runtime/internal/index", "runtime/internal/planted", "runtime/internal/segment", "runtime/internal/sidx", "runtime/internal/sometimes", "runtime/internal/vfs"},
	"runtime/internal/recovery":   {"runtime/internal/catalog", "runtime/internal/chain", "runtime/internal/checkpoint", "runtime/internal/compact", "runtime/internal/format", "runtime/internal/planted", "runtime/internal/replay", "runtime/internal/segment", "runtime/internal/sidx", "runtime/internal/sometimes", "runtime/internal/vfs"},
	"runtime/internal/salvage":    {"runtime/internal/chain", "runtime/internal/clock", "runtime/internal/footer", "runtime/internal/format", "runtime/internal/index", "runtime/internal/planted", "runtime/internal/replay", "runtime/internal/segment", "runtime/internal/sometimes", "runtime/internal/vfs"},
	"runtime/internal/commit":     {"runtime/internal/catalog", "runtime/internal/chain", "runtime/internal/clock", "runtime/internal/format", "runtime/internal/frontier", "runtime/internal/index", "runtime/internal/planted", "runtime/internal/segment", "runtime/internal/sometimes", "runtime/internal/vfs"},
	"runtime/internal/snapshot":   {"runtime/internal/chain", "runtime/internal/format", "runtime/internal/planted", "runtime/internal/replay", "runtime/internal/segment", "runtime/internal/sometimes", "runtime/internal/vfs"},
	"runtime/internal/vfs/faultfs": {
		"runtime/internal/vfs", "runtime/internal/vfs/mount",
	},
	"runtime/internal/vfs/stickyfs": {
		"runtime/internal/planted", "runtime/internal/sometimes", "runtime/internal/vfs",
	},
	"runtime": {
		"runtime/internal/catalog", "runtime/internal/chain", "runtime/internal/checkpoint", "runtime/internal/clock", "runtime/internal/commit", "runtime/internal/compact", "runtime/internal/footer", "runtime/internal/format",
		"runtime/internal/frontier", "runtime/internal/index", "runtime/internal/planted", "runtime/internal/recovery", "runtime/internal/replay",
		"runtime/internal/rtopts", "runtime/internal/salvage", "runtime/internal/saved", "runtime/internal/segment", "runtime/internal/sidx", "runtime/internal/snapshot", "runtime/internal/sometimes", "runtime/internal/tiers", "runtime/internal/turn",
		"runtime/internal/vfs", "runtime/internal/vfs/mapfs", "runtime/internal/vfs/mount", "runtime/internal/vfs/stickyfs", "runtime/wire",
	},
	"runtime/batpaktest": {
		"runtime", "runtime/internal/rtopts", "runtime/internal/vfs", "runtime/internal/vfs/checkfs", "runtime/internal/vfs/faultfs", "runtime/internal/vfs/simfs",
	},
	"runtime/internal/vfs/checkfs": {
		"runtime/internal/chain", "runtime/internal/checkpoint", "runtime/internal/format", "runtime/internal/replay", "runtime/internal/segment", "runtime/internal/vfs", "runtime/internal/vfs/mount",
	},

	// The compiler: from declarations to a model, from a model to files.
	"schema":                            {"runtime"},
	"schema/model":                      {},
	"schema/diag":                       {},
	"schema/check":                      {"schema/diag", "schema/model"},
	"schema/payload":                    {"schema/diag", "schema/model"},
	"schema/purity":                     {"schema/diag", "schema/purity/internal/address"},
	"schema/purity/internal/address":    {},
	"schema/source":                     {"schema/diag"},
	"schema/static":                     {"schema/diag", "schema/model", "schema/payload", "schema/purity", "schema/source"},
	"schema/read":                       {"schema/diag", "schema/model", "schema/source", "schema/static", "golang.org/x/tools/go/gcexportdata", "golang.org/x/tools/go/packages"},
	"gen/internal/vocab":                {"schema/diag", "schema/model", "github.com/dave/jennifer/jen"},
	"gen/internal/codec":                {"gen/internal/vocab", "schema/model", "github.com/dave/jennifer/jen"},
	"gen/internal/sampler":              {"gen/internal/vocab", "schema/model", "github.com/dave/jennifer/jen"},
	"gen":                               {"gen/internal/codec", "gen/internal/sampler", "gen/internal/vocab", "schema/diag", "schema/model", "schema/shape", "github.com/dave/jennifer/jen", "golang.org/x/tools/imports"},
	"cmd/batpakgen/internal/command":    {},
	"cmd/internal/output":               {"gen", "schema/diag", "github.com/rogpeppe/go-internal/diff"},
	"cmd/batpakgen/internal/session":    {"cmd/internal/output", "cmd/internal/promise", "gen", "schema/check", "schema/diag", "schema/model", "schema/read"},
	"cmd/batpakgen/internal/explain":    {"cmd/batpakgen/internal/command", "schema/diag", "golang.org/x/tools/txtar"},
	"cmd/batpakgen/internal/diagram":    {"schema/model"},
	"cmd/batpakgen/internal/jsonschema": {"schema/model"},
	"cmd/batpakgen/internal/scaffold":   {"cmd/batpakgen/internal/command", "cmd/batpakgen/internal/session", "schema/diag", "schema/lock", "golang.org/x/tools/txtar"},
	"cmd/batpakgen/internal/cache":      {},
	"cmd/batpakgen/internal/inputs":     {"golang.org/x/mod/modfile"},
	"cmd/batpakgen/internal/generate":   {"cmd/batpakgen/internal/cache", "cmd/batpakgen/internal/command", "cmd/batpakgen/internal/inputs", "cmd/batpakgen/internal/session", "schema/diag"},
	"cmd/batpakgen/internal/describe":   {"cmd/batpakgen/internal/command", "cmd/batpakgen/internal/diagram", "cmd/batpakgen/internal/jsonschema", "cmd/batpakgen/internal/session", "schema/diag", "schema/lock", "schema/model"},
	"cmd/batpakgen":                     {"cmd/batpakgen/internal/command", "cmd/batpakgen/internal/describe", "cmd/batpakgen/internal/explain", "cmd/batpakgen/internal/generate", "cmd/batpakgen/internal/scaffold"},

	// What was promised about stored events.
	"schema/shape":              {"schema/model", "github.com/zeebo/blake3"},
	"schema/lock/internal/node": {},
	"schema/lock":               {"schema/lock/internal/node", "schema/shape"},
	"schema/frozen":             {"schema/model", "schema/shape"},
	"schema/evolution":          {"schema/diag", "schema/frozen", "schema/lock", "schema/model", "schema/shape"},
	"cmd/internal/promise":      {"cmd/internal/output", "schema/diag", "schema/evolution", "schema/frozen", "schema/lock", "schema/model", "schema/shape"},
	"cmd/internal/moduletest":   {},
	"schema/internal/edited":    {},
	"cmd/batpakvet":             {"cmd/internal/output", "cmd/internal/promise", "gen", "schema/check", "schema/diag", "schema/lock", "schema/model", "schema/source", "schema/static", "golang.org/x/tools/go/analysis", "golang.org/x/tools/go/analysis/unitchecker"},

	// What uses them. No package imports these but their own.
	"examples/bank":                    {"runtime", "runtime/wire", "schema"},
	"examples/gitlog/history":          {"runtime", "runtime/wire", "schema"},
	"examples/gitlog/internal/git":     {},
	"examples/gitlog/internal/gittest": {},
	"examples/gitlog/internal/record":  {"examples/gitlog/history", "examples/gitlog/internal/git", "runtime"},
	"examples/gitlog/internal/report":  {"examples/gitlog/history", "runtime"},
	"examples/gitlog": {
		"examples/gitlog/history", "examples/gitlog/internal/git", "examples/gitlog/internal/record",
		"examples/gitlog/internal/report", "runtime",
	},
	"props":      {"props/draw", "runtime", "runtime/batpaktest", "github.com/leanovate/gopter", "github.com/leanovate/gopter/prop"},
	"props/draw": {"runtime", "runtime/wire", "github.com/leanovate/gopter"},
}

// A room uses its neighbours in the table, and no others.
func TestRoomsUseOnlyTheirNeighbours(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range mustTyped(t) {
		name := room(p.PkgPath)
		seen[name] = true
		allowed, ok := rooms[name]
		if !ok {
			t.Errorf("%s: package is not in the table of rooms", name)
			continue
		}
		used := map[string]bool{}
		for imported := range p.Imports {
			used[room(imported)] = true
			if !standard(imported) && !slices.Contains(allowed, room(imported)) {
				t.Errorf("%s must not import %s", name, room(imported))
			}
		}
		for _, a := range allowed {
			if !used[a] {
				t.Errorf("%s: permission to import %s is not used", name, a)
			}
		}
	}
	for name := range rooms {
		if !seen[name] {
			t.Errorf("%s: in the table of rooms, but no such package", name)
		}
	}
}

// systems are the packages that reach the world outside the process, and the rooms that
// may use them. A store does so through package vfs alone, whose directories a test
// replaces: what went past it would be held to no protocol and crashed by no lane.
var systems = map[string][]string{
	"net": {},
	"os": {
		"cmd/batpakgen", "cmd/batpakgen/internal/cache", "cmd/batpakgen/internal/describe", "cmd/batpakgen/internal/inputs",
		"cmd/batpakgen/internal/scaffold", "cmd/batpakgen/internal/session", "cmd/batpakvet", "cmd/internal/moduletest",
		"cmd/internal/output", "cmd/internal/promise", "examples/gitlog", "examples/gitlog/internal/git",
		"examples/gitlog/internal/gittest", "props", "runtime/internal/vfs", "runtime/internal/vfs/mapfs",
		"runtime/internal/vfs/mount", "runtime/internal/vfs/stat", "schema/read",
	},
	"os/exec": {
		"cmd/batpakgen/internal/inputs", "cmd/batpakgen/internal/scaffold", "cmd/internal/moduletest",
		"examples/gitlog/internal/git", "examples/gitlog/internal/gittest", "schema/read",
	},
	"plugin": {},
	"syscall": {
		"cmd/batpakgen", "examples/gitlog", "runtime/internal/segment", "runtime/internal/vfs", "runtime/internal/vfs/faultfs",
		"runtime/internal/vfs/mapfs", "runtime/internal/vfs/mount", "runtime/internal/vfs/simfs", "runtime/internal/vfs/stat", // of these, segment, faultfs and simfs for the numbers of errors
	},
	"unsafe": {},
}

func TestRoomsReachTheSystemThroughVFS(t *testing.T) {
	used := map[string]bool{}
	for _, p := range mustTyped(t) {
		name := room(p.PkgPath)
		for imported := range p.Imports {
			allowed, guarded := systems[imported]
			if used[imported+" "+name] = true; guarded && !slices.Contains(allowed, name) {
				t.Errorf("%s must not import %s", name, imported)
			}
		}
	}
	for imported, allowed := range systems {
		for _, name := range allowed {
			if !used[imported+" "+name] {
				t.Errorf("%s: permission to import %s is not used", name, imported)
			}
		}
	}
}

// standard tells the standard library by its paths, whose first element has no
// dot.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}
