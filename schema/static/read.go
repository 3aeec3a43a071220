package static

import (
	"go/ast"
	"go/token"
	"go/types"
	"iter"
	"slices"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/payload"
	"github.com/batpak-go/batpak/schema/purity"
	"github.com/batpak-go/batpak/schema/source"
)

// Read reads the schema of a package. Diagnostics are sorted by position. The
// model is complete if none of them is an error. Its order is that of the source,
// files by name, whatever order they come in.
func Read(src *source.Package) (*model.Package, []diag.Diagnostic) {
	src = src.Sorted()
	sink := diag.NewSink(src.Fset)
	r := &reader{
		src:         src,
		sink:        sink,
		payloads:    payload.NewReader(src.Types, src.Files, src.Errors, sink),
		pure:        purity.NewChecker(src.Types, slices.Concat(src.Files, src.Generated), src.Info, sink),
		vars:        source.Find(src, sink),
		entities:    make(map[*source.Variable]*model.Entity),
		events:      make(map[*source.Variable]*model.Event),
		gates:       make(map[*source.Variable]*model.Gate),
		projections: make(map[*model.Projection]types.Type),
		pkg:         &model.Package{Path: src.Path, Name: src.Types.Name(), Dir: src.Dir},
	}
	r.packageName()
	r.declarations()
	r.pkg.Structs = r.payloads.Structs()
	r.taken()
	r.receivers()
	return r.pkg, sink.Diagnostics()
}

// reader reads the schema of one package.
type reader struct {
	src      *source.Package
	sink     *diag.Sink
	vars     *source.Variables
	payloads *payload.Reader
	pure     *purity.Checker

	entities    map[*source.Variable]*model.Entity
	events      map[*source.Variable]*model.Event
	gates       map[*source.Variable]*model.Gate
	projections map[*model.Projection]types.Type // and the types of their states
	structs     map[string]*model.Struct         // of the package, by name; see stored

	pkg *model.Package
}

// packageName passes on what the type checker says of a name that is none: generated
// files would have it, too.
func (r *reader) packageName() {
	for _, f := range r.src.Files {
		if f.Name.Name == "_" {
			r.sink.Add(f.Name, "BP005", "invalid package name _")
		}
	}
}

// declarations evaluates all declarations, those that others refer to first.
func (r *reader) declarations() {
	for _, v := range r.declared("Entity") {
		r.entities[v] = r.entity(v)
		r.pkg.Entities = append(r.pkg.Entities, r.entities[v])
	}
	for _, v := range r.declared("Enum") {
		r.pkg.Enums = append(r.pkg.Enums, r.enum(v))
	}
	for _, v := range r.declared("Event") {
		r.events[v] = r.event(v)
		r.pkg.Events = append(r.pkg.Events, r.events[v])
	}
	for _, v := range r.declared("Projection") {
		r.pkg.Projections = append(r.pkg.Projections, r.projection(v))
	}
	for _, v := range r.declared("Gate") {
		r.gates[v] = r.gate(v)
		r.pkg.Gates = append(r.pkg.Gates, r.gates[v])
	}
	for _, v := range r.declared("Command") {
		r.pkg.Commands = append(r.pkg.Commands, r.command(v))
	}
	for _, v := range r.declared("Reactor") {
		r.pkg.Reactors = append(r.pkg.Reactors, r.reactor(v))
	}
	for _, v := range r.declared("Retired") {
		r.retired(v)
	}
}

// declared returns the sound declarations of one type of package schema.
func (r *reader) declared(kind string) []*source.Variable {
	var list []*source.Variable
	for _, v := range r.vars.List {
		if v.Kind == kind && !v.Failed && v.Target() == v {
			list = append(list, v)
			name := r.src.FileName(v.Name.Pos())
			if i, found := slices.BinarySearch(r.pkg.Files, name); !found {
				r.pkg.Files = slices.Insert(r.pkg.Files, i, name)
			}
		}
	}
	return list
}

// taken collects the identifiers that the user declared or imported with a dot. It asks the syntax, not
// the package's scope, where a stale generated file may have come first.
func (r *reader) taken() {
	r.pkg.Taken = make(map[string]token.Position, r.src.Types.Scope().Len())
	take := func(name string, at *ast.Ident) { r.pkg.Taken[name] = r.sink.Position(at.Pos()) }
	for _, f := range r.src.Files {
		for _, spec := range f.Imports {
			for _, name := range r.dotImported(spec) {
				take(name, spec.Name)
			}
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					take(d.Name.Name, d.Name)
				} else if recv := receiver(d); r.isPayload(recv) {
					take(recv+"."+d.Name.Name, d.Name)
				}
			case *ast.GenDecl:
				for name := range declaredNames(d) {
					take(name.Name, name)
				}
			}
		}
	}
	delete(r.pkg.Taken, "_")
	delete(r.pkg.Taken, "init")
}

// dotImported are the identifiers that an import with a dot introduces. The
// package may not declare them.
func (r *reader) dotImported(spec *ast.ImportSpec) []string {
	if spec.Name == nil || spec.Name.Name != "." {
		return nil
	}
	pkg, ok := r.src.Info.Defs[spec.Name].(*types.PkgName)
	if !ok {
		return nil
	}
	names := pkg.Imported().Scope().Names()
	return slices.DeleteFunc(names, func(name string) bool { return !token.IsExported(name) })
}

// isPayload reports whether a type of the package is stored.
func (r *reader) isPayload(name string) bool { return r.stored(name) != nil }

// stored is the struct of the package that is stored and has a name, or nil.
func (r *reader) stored(name string) *model.Struct {
	if r.structs == nil {
		r.structs = make(map[string]*model.Struct, len(r.pkg.Structs))
		for _, s := range r.pkg.Structs {
			if s.Path == "" {
				r.structs[s.Name] = s
			}
		}
	}
	return r.structs[name]
}

// receivers finds out what the user's methods call their receivers: of a type, what
// most of them do, and of as many the first.
func (r *reader) receivers() {
	count := make(map[*model.Struct]map[string]int)
	for _, f := range r.src.Files {
		for _, d := range f.Decls {
			method, ok := d.(*ast.FuncDecl)
			if !ok || method.Recv == nil || len(method.Recv.List) != 1 || len(method.Recv.List[0].Names) != 1 {
				continue
			}
			s, name := r.stored(receiver(method)), method.Recv.List[0].Names[0].Name
			if s == nil || name == "_" {
				continue
			}
			if count[s] == nil {
				count[s] = make(map[string]int)
			}
			if count[s][name]++; count[s][name] > count[s][s.Receiver] {
				s.Receiver = name
			}
		}
	}
}

// receiver is the name of a method's receiver type, or empty.
func receiver(d *ast.FuncDecl) string {
	if len(d.Recv.List) != 1 {
		return ""
	}
	t := ast.Unparen(d.Recv.List[0].Type)
	if star, ok := t.(*ast.StarExpr); ok {
		t = ast.Unparen(star.X)
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// declaredNames are the identifiers that a declaration of constants, variables
// or types introduces.
func declaredNames(d *ast.GenDecl) iter.Seq[*ast.Ident] {
	return func(yield func(*ast.Ident) bool) {
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					if !yield(name) {
						return
					}
				}
			case *ast.TypeSpec:
				if !yield(spec.Name) {
					return
				}
			}
		}
	}
}
