package frozen

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/batpak-go/batpak/schema/model"
)

// Sample is a payload and what it is called.
type Sample struct {
	Name    string
	Fields  Fields
	Payload []byte
}

// maxPayload is the size beyond which a payload is no sample.
const maxPayload = 64 << 10

// edges is how many samples go through what lies between the ends of ranges.
const edges = 16

// Samples returns payloads of a struct, those that are equal once:
//
//	zero     every value is zero, every optional field absent
//	typical  every value is set
//	bare     like typical, but optional fields are absent
//	least    the lower ends of all ranges; text and lists are empty
//	most     the upper ends; text and lists are long
//	edge-0…  values around which an encoding changes its form
//
// There are none if no payload can be made; see the package comment.
func Samples(s *model.Struct) []Sample {
	if !possible(&model.Type{Class: model.ClassStruct, Struct: s}) || leaves(s) > maxPayload {
		return nil
	}
	makers := []maker{
		{name: "zero", bare: true, pick: func(n, _ int) int { return 0 }},
		{name: "typical", pick: func(n, _ int) int { return min(1, n-1) }},
		{name: "bare", bare: true, pick: func(n, _ int) int { return min(1, n-1) }},
		{name: "least", pick: func(n, _ int) int { return min(2, n-1) }},
		{name: "most", pick: func(n, _ int) int { return n - 1 }},
	}
	for i := range edges {
		makers = append(makers, maker{
			name: "edge-" + strconv.Itoa(i),
			pick: func(n, at int) int { return (i + at) % n },
		})
	}
	var samples []Sample
	for _, m := range makers {
		fields := m.fields(s, 0)
		payload := Append(nil, s, fields)
		same := func(o Sample) bool { return bytes.Equal(o.Payload, payload) }
		if len(payload) <= maxPayload && !slices.ContainsFunc(samples, same) {
			samples = append(samples, Sample{m.name, fields, payload})
		}
	}
	return samples
}

// possible reports whether a value of a type can be made that is not left out.
func possible(t *model.Type) bool {
	switch t.Class {
	case model.ClassForeign:
		return false
	case model.ClassArray:
		return possible(t.Elem)
	case model.ClassStruct:
		return !slices.ContainsFunc(t.Struct.Fields, func(f model.Field) bool { return !f.Optional && !possible(f.Type) })
	case model.ClassPointer:
		return possible(t.Elem)
	default: // a list can be empty
		return true
	}
}

// leaves is how many values a payload has at least, as far as that matters.
func leaves(s *model.Struct) int64 {
	var sum int64
	for _, f := range s.Fields {
		n, t := int64(1), f.Type
		for ; t.Elem != nil && t.Key == nil; t = t.Elem {
			if t.Class == model.ClassArray {
				n = min(n, maxPayload+1) * min(t.Len, maxPayload+1)
			}
		}
		if t.Struct != nil {
			n = min(n, maxPayload+1) * min(leaves(t.Struct), maxPayload+1)
		}
		sum = min(sum, maxPayload) + n
	}
	return sum
}

// maker makes one sample.
type maker struct {
	name string
	bare bool // optional fields are absent
	// pick chooses one of n values; at counts the values that were made before.
	// Value 0 is zero, 1 is typical, 2 the least and n-1 the greatest.
	pick func(n, at int) int
	at   int
}

// fields makes the fields of a struct.
func (m *maker) fields(s *model.Struct, depth int) Fields {
	fields := make(Fields, len(s.Fields))
	for i, f := range s.Fields {
		if f.Optional && (m.bare || !possible(f.Type)) {
			fields[i] = zero(f.Type)
		} else {
			fields[i] = m.value(f.Type, f.Max, depth)
		}
	}
	return fields
}

// value makes a value of a type, no longer than a limit unless that is 0. Depth counts
// the lists it is in.
func (m *maker) value(t *model.Type, limit int64, depth int) any {
	m.at++
	switch t.Class {
	case model.ClassPointer:
		return m.value(t.Elem, limit, depth)
	case model.ClassStruct:
		return m.fields(t.Struct, depth)
	case model.ClassArray:
		return m.list(t.Elem, int(t.Len), depth)
	case model.ClassSlice:
		n := m.length(limit, depth)
		if !possible(t.Elem) {
			n = 0
		}
		return m.list(t.Elem, n, depth+1)
	case model.ClassMap:
		return m.pairs(t, m.length(limit, depth), depth+1)
	default:
		all := scalars(t, limit)
		return all[m.pick(len(all), m.at)]
	}
}

// length makes the length of a list.
func (m *maker) length(limit int64, depth int) int {
	lengths := []int{0, 2, 0, 1, 15, 16, 17}
	if depth > 0 {
		lengths = []int{0, 1, 0, 2}
	}
	n := lengths[m.pick(len(lengths), m.at)]
	if limit > 0 {
		n = int(min(int64(n), limit))
	}
	return n
}

// list makes a list of n elements.
func (m *maker) list(t *model.Type, n, depth int) List {
	list := make(List, n)
	for i := range list {
		list[i] = m.value(t, 0, depth)
	}
	return list
}

// pairs makes a map of n pairs, or as many as there are keys.
func (m *maker) pairs(t *model.Type, n, depth int) Pairs {
	if !possible(t.Elem) {
		n = 0
	}
	keys := scalars(t.Key, 0)
	var pairs Pairs
	for i := 0; i < len(keys) && len(pairs) < n; i++ {
		key := keys[(m.at+i)%len(keys)]
		if !slices.ContainsFunc(pairs, func(p Pair) bool { return p.Key == key }) {
			pairs = append(pairs, Pair{key, m.value(t.Elem, 0, depth)})
		}
	}
	return pairs
}
