package check

import (
	"slices"

	"github.com/batpak-go/batpak/schema/model"
)

// maxDepth is how many containers may lie in each other, the payload included,
// before a decoder refuses them.
const maxDepth = 64

// defaultPayload is the largest payload that a store takes unless its options say
// otherwise, in bytes.
const defaultPayload = 1 << 20

// structBP103: what a struct holds is not nested deeper than a decoder goes.
func structBP103(c *checker) {
	depths := make(map[*model.Struct]int)
	for _, s := range c.pkg.Structs { // those that a struct holds come before it
		deepest := 0
		for _, f := range s.Fields {
			deepest = max(deepest, depth(f.Type, depths))
		}
		if depths[s] = 1 + deepest; depths[s] > maxDepth {
			c.add(s.Pos, "BP103", "%s: %d structs, slices, arrays and maps lie in each other; a decoder takes %d", s.Name, depths[s], maxDepth)
		}
	}
}

// depth counts the containers that lie in each other in a value of the type.
func depth(t *model.Type, of map[*model.Struct]int) int {
	n := 0
	for ; t != nil; t = t.Elem {
		switch t.Class {
		case model.ClassSlice, model.ClassArray, model.ClassMap:
			n++
		case model.ClassStruct:
			n += of[t.Struct]
		}
	}
	return n
}

// fieldBP116 warns of bounds that allow what a store refuses.
func fieldBP116(c *checker) {
	for _, s := range c.pkg.Structs {
		for _, f := range s.Fields {
			if s.Path == "" && !isState(c.pkg, s) && f.Max > defaultPayload {
				c.warn(f.Pos, "BP116", "%s.%s: max=%d is above the %d bytes that a payload has at most, unless the store's Options.MaxPayload is raised",
					s.Name, f.Name, f.Max, defaultPayload)
			}
		}
	}
}

// isState reports whether a struct is the state of a projection, which may be
// larger than a payload.
func isState(pkg *model.Package, s *model.Struct) bool {
	return slices.ContainsFunc(pkg.Projections, func(p *model.Projection) bool { return p.Saved == s }) &&
		!slices.ContainsFunc(pkg.Events, func(e *model.Event) bool { return e.Payload == s })
}

// enumBP117: a type is enumerated once.
func enumBP117(c *checker) {
	types := make(unique[[2]string])
	for _, e := range c.pkg.Enums {
		if e.Broken {
			continue
		}
		if first, taken := types.take([2]string{e.Type.Path, e.Type.Name}, holder{e.Var, e.Pos}); taken {
			c.addRelated(e.Pos, first.related(), "BP117", "%s is enumerated by %s already", e.Type.Name, first.name)
		}
	}
}
