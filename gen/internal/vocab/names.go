package vocab

import (
	"fmt"
	"go/token"
	"go/types"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
)

// localNames are the parameters and variables of emitted functions. An import
// or a parameter named by the user never has one of these names.
var localNames = []string{
	"a", "b", "c", "ctx", "d", "draft", "dst", "e", "err", "id", "item",
	"j", "key", "opts", "permit", "propose", "read", "s", "saved", "scope", "src", "store", "stored", "t", "v",
}

// predeclared are the identifiers of the universe that emitted code uses.
var predeclared = []string{
	"append", "bool", "byte", "error", "false", "float32", "float64", "int", "int16", "int32", "int64", "int8", "len",
	"make", "new", "nil", "string", "true", "uint", "uint16", "uint32", "uint64", "uint8",
}

// imported is how a package is referred to.
type imported struct {
	name     string
	explicit bool // the import declaration spells the name
}

// Vocab decides every identifier of one package's emitted files and collects
// what is wrong with them. It is not safe for concurrent use.
type Vocab struct {
	taken   map[string]token.Position // the user's identifiers
	claimed map[string]token.Position // emitted identifiers -> the declaration they come from
	// collided are the pairs of declarations that need the same identifiers and
	// have been reported.
	collided map[[2]token.Position]bool
	imports  map[string]imported // by import path
	stems    map[*model.Struct]string
	diags    []diag.Diagnostic
	err      error
}

// NewTest is [New] for the tests of a package.
func NewTest(pkg *model.Package) *Vocab {
	n := New(pkg)
	for _, p := range []string{testingPath, propsPath, drawPath, gopterPath} {
		name := unused(path.Base(p), n.isReserved)
		n.imports[p] = imported{name: name, explicit: name != path.Base(p)}
	}
	return n
}

// New reads off a schema which names are in use.
func New(pkg *model.Package) *Vocab {
	n := &Vocab{
		taken:    pkg.Taken,
		claimed:  map[string]token.Position{},
		collided: map[[2]token.Position]bool{},
		imports:  map[string]imported{},
		stems:    map[*model.Struct]string{},
	}
	for _, name := range predeclared {
		if pos, ok := pkg.Taken[name]; ok {
			n.Report(pos, "BP701", fmt.Sprintf("%s hides the predeclared %s that generated code needs; rename it", name, name))
		}
	}
	n.nameImports(pkg)
	n.nameStructs(pkg)
	return n
}

// Report adds an error about the schema.
func (n *Vocab) Report(pos token.Position, code, message string, related ...diag.Related) {
	n.diags = append(n.diags, diag.Diagnostic{Pos: pos, Code: code, Message: message, Related: related})
}

// Diagnostics returns what was reported, sorted, and the first error that is
// not the schema's but gen's own or the model's.
func (n *Vocab) Diagnostics() ([]diag.Diagnostic, error) {
	diag.Sort(n.diags)
	return n.diags, n.err
}

// Import tells a file how the packages that it may refer to are called there. It
// has to be told before it is rendered.
func (n *Vocab) Import(f *jen.File) {
	for path, as := range n.imports {
		if as.explicit {
			f.ImportAlias(path, as.name)
		} else {
			f.ImportName(path, as.name)
		}
	}
}

// Stem returns what the names of a struct's functions and shape are made of:
// Source in decodeSource.
func (n *Vocab) Stem(s *model.Struct) string { return n.stems[s] }

// Claim takes a name for an emitted package-level identifier, or, as "Type.X",
// for an emitted method, and returns its last part. pos is the declaration that
// asks for it, or invalid for what every package has. A name that is in use is
// reported, once for each pair of declarations.
func (n *Vocab) Claim(name string, pos token.Position) string {
	if at, ok := n.taken[name]; ok {
		n.collision(pos, at, name)
	} else if at, ok := n.claimed[name]; ok && !n.collided[[2]token.Position{at, pos}] {
		n.collided[[2]token.Position{at, pos}] = true
		n.contest(pos, at, name)
	}
	n.claimed[name] = pos
	return name[strings.LastIndexByte(name, '.')+1:]
}

// collision reports an emitted identifier that the user has declared.
func (n *Vocab) collision(pos, declared token.Position, name string) {
	if !pos.IsValid() {
		n.Report(declared, "BP701", fmt.Sprintf("%s collides with the generated %s, which every schema has; rename it", name, name))
		return
	}
	n.Report(pos, "BP701", fmt.Sprintf("generated %s collides with your own; rename one of them", name),
		diag.Related{Pos: declared, Message: "declared here"})
}

// contest reports an emitted identifier that two declarations ask for.
func (n *Vocab) contest(pos, first token.Position, name string) {
	if !first.IsValid() {
		n.Report(pos, "BP701", fmt.Sprintf("generated %s collides with the one that every schema has; rename the declaration", name))
		return
	}
	n.Report(pos, "BP701", fmt.Sprintf("generated %s is needed twice; rename one of the declarations", name),
		diag.Related{Pos: first, Message: "first needed here"})
}

// L refers to a local variable or parameter of emitted code. It is one of
// localNames, changed only where the package, or the scope it is in, has an
// identifier of that name.
func (n *Vocab) L(name string, scope ...string) *jen.Statement {
	return jen.Id(unused(name, func(name string) bool { return n.isTaken(name) || slices.Contains(scope, name) }))
}

// Hidden reports whether emitted code could not see an identifier of the package, a
// predeclared one or an import where a variable had this name.
func (n *Vocab) Hidden(name string) bool {
	if n.isTaken(name) || types.Universe.Lookup(name) != nil {
		return true
	}
	for _, as := range n.imports {
		if as.name == name {
			return true
		}
	}
	return false
}

// Version is the local variable of a payload at an older version: v2.
func (n *Vocab) Version(version uint16) *jen.Statement { return n.L(fmt.Sprint("v", version)) }

func (n *Vocab) isTaken(name string) bool {
	_, ok := n.taken[name]
	return ok
}

// isReserved reports whether a local variable named by the user's schema, or an
// import, may not have this name.
func (n *Vocab) isReserved(name string) bool {
	return n.Hidden(name) || slices.Contains(localNames, name) || token.IsKeyword(name)
}

// unused returns name, or else nameValue, nameValue2, … of which used is false.
func unused(name string, used func(string) bool) string {
	candidate := name
	for i := 1; used(candidate); i++ {
		candidate = name + "Value"
		if i > 1 {
			candidate = fmt.Sprintf("%sValue%d", name, i)
		}
	}
	return candidate
}

// Fixed returns the paths of the packages that emitted code uses by itself.
func Fixed() []string {
	return []string{"cmp", "context", "strconv", "time", runtimePath, wirePath}
}

// nameImports names the packages that emitted code may refer to. The runtime
// is always called batpak, with the name spelled out; others go by their own
// names unless these are in use.
func (n *Vocab) nameImports(pkg *model.Package) {
	wanted := map[string]string{}
	for _, p := range Fixed() {
		wanted[p] = path.Base(p)
	}
	wanted[runtimePath] = "batpak"
	for _, imp := range foreign(pkg) {
		if _, ok := wanted[imp.Path]; !ok && imp.Path != pkg.Path {
			wanted[imp.Path] = imp.Name
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(wanted), fixedFirst) {
		name := unused(wanted[p], n.isReserved)
		n.imports[p] = imported{name: name, explicit: name != path.Base(p)}
	}
}

// fixedFirst orders import paths so that the fixed ones get their own names.
func fixedFirst(a, b string) int {
	rank := func(p string) int {
		if slices.Contains(Fixed(), p) {
			return 0
		}
		return 1
	}
	if c := rank(a) - rank(b); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

// foreign lists the packages that the schema's types come from.
func foreign(pkg *model.Package) []model.Import {
	var all []model.Import
	add := func(p, name string) {
		if p != "" {
			all = append(all, model.Import{Path: p, Name: name})
		}
	}
	var addType func(t *model.Type)
	addType = func(t *model.Type) {
		if t.Named != nil {
			add(t.Named.Path, t.Named.PkgName)
		}
		if t.Key != nil {
			addType(t.Key)
		}
		if t.Elem != nil {
			addType(t.Elem)
		}
	}
	for _, en := range pkg.Entities {
		add(en.ID.Path, en.ID.PkgName)
	}
	for _, s := range pkg.Structs {
		add(s.Path, s.PkgName)
		for _, f := range s.Fields {
			addType(f.Type)
		}
		for _, f := range s.Skipped {
			all = append(all, f.Imports...)
		}
	}
	for _, p := range pkg.Projections {
		add(p.State.Path, p.State.PkgName)
	}
	for _, r := range pkg.Reactors {
		add(r.Type.Path, r.Type.PkgName)
	}
	for _, c := range pkg.Commands {
		for _, fill := range c.Fill {
			all = append(all, fill.Imports...)
		}
	}
	return all
}

// nameStructs gives each struct the stem of its functions and shape.
func (n *Vocab) nameStructs(pkg *model.Package) {
	used := map[string]bool{}
	for _, s := range pkg.Structs {
		stem := Exported(s.Name)
		if s.Path != "" {
			stem = Exported(s.PkgName) + stem
		}
		stem = unused(stem, func(stem string) bool {
			return used[stem] || n.isTaken("append"+stem) || n.isTaken("check"+stem) ||
				n.isTaken("decode"+stem) || n.isTaken(Unexported(stem)+"Shape")
		})
		used[stem] = true
		n.stems[s] = stem
	}
}

// Own returns a name for an emitted, unexported package-level identifier: name,
// unless the package has one already.
func (n *Vocab) Own(name string) string { return unused(name, n.isTaken) }

// Param returns a name for a parameter that the user's schema names: name,
// unless something that the function's body may refer to is called that, or it
// is in use.
func (n *Vocab) Param(name string, inUse func(string) bool) string {
	return unused(name, func(name string) bool { return inUse(name) || n.isReserved(name) })
}

// initialisms are the words that linters want in one case.
var initialisms = strings.Fields(`acl api ascii cpu css dns eof guid html http https id ip json qps ram rpc sla
	smtp sql ssh tcp tls ttl udp ui gid uid uuid uri url utf8 vm xml xmpp xsrf xss sip rtp amqp db ts`)

// Camel turns lower-case words with dashes into a Go name: daily-limit becomes
// DailyLimit, and user-id becomes UserID.
func Camel(name string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(name, "-") {
		if slices.Contains(initialisms, word) {
			word = strings.ToUpper(word)
		}
		b.WriteString(Exported(word))
	}
	return b.String()
}

// Exported returns the name with its first letter in upper case, and without
// underscores, which linters do not want: OrderLine for order_line.
func Exported(name string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(name, "_") {
		first, size := utf8.DecodeRuneInString(word)
		if size > 0 {
			b.WriteRune(unicode.ToUpper(first))
		}
		b.WriteString(word[size:])
	}
	if b.Len() == 0 {
		return name
	}
	return b.String()
}

// Unexported returns the name with its first word in lower case, and without
// underscores: limit for Limit, id for ID, httpCode for HTTPCode.
func Unexported(name string) string {
	if strings.Contains(name, "_") {
		name = Exported(name)
	}
	r := []rune(name)
	for i := range r {
		if !unicode.IsUpper(r[i]) || i > 0 && i+1 < len(r) && unicode.IsLower(r[i+1]) {
			break
		}
		r[i] = unicode.ToLower(r[i])
	}
	return string(r)
}
