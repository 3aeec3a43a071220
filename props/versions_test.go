package props_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/batpak-go/batpak/schema/frozen"
	"github.com/batpak-go/batpak/schema/model"
)

// plannedVersion is a shape that an event has, or once had.
type plannedVersion struct {
	typ    string // name of the struct
	fields []plannedField
	// refuses is the field of the version before that the step to this one does not
	// take any value of, or -1.
	refuses int
	method  bool // the step is a method
}

// plannedField is a field of a version.
type plannedField struct {
	fieldType
	id, wire           int // of its names; those of the event's other fields, past and present, differ
	optional, embedded bool
	from               int // the field of the version before that it is made of, or -1
	by                 conversion
}

// conversion is how a field is made of one of the version before.
type conversion uint8

const (
	kept      conversion = iota
	pointed              // to what it was
	pulled               // from what it pointed to, or zero
	listed               // as the one element of a list
	converted            // to another type over the same
	printed              // as text
)

// stepDeclarations are what upcasts use.
const stepDeclarations = `
var errRefused = errors.New("refused")

func pulled[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func signed(n int64) string { return strconv.FormatInt(n, 10) }

func unsigned(n uint64) string { return strconv.FormatUint(n, 10) }

func truth(b bool) string { return strconv.FormatBool(b) }
`

// newField is the field that a number stands for: the lower 8 bits are a type, and
// of the others some are options.
func newField(x uint16, id int) plannedField {
	types := fieldTypes()
	f := plannedField{fieldType: types[int(x&0xFF)%len(types)], id: id, wire: id, from: -1}
	f.embedded = x&(1<<14) != 0 && embeddable(f.fieldType)
	f.optional = x&(1<<15) != 0 && f.comparable()
	return f
}

// embeddable reports whether a field of the type needs no name.
func embeddable(t fieldType) bool {
	if strings.Contains(t.name, "[") {
		return false
	}
	word := t.name[strings.LastIndexAny(t.name, "*.")+1:]
	return word[0] >= 'A' && word[0] <= 'Z'
}

// comparable reports whether there is a test for its zero value.
func (f *plannedField) comparable() bool {
	return f.fieldType.name != "Deep" && f.fieldType.name != "[2]Inner"
}

// isPointer reports whether the field is one.
func (f *plannedField) isPointer() bool { return strings.HasPrefix(f.fieldType.name, "*") }

// isList reports whether the field is a slice or a map.
func (f *plannedField) isList() bool {
	t := f.fieldType.name
	return strings.HasPrefix(t, "[]") || strings.HasPrefix(t, "map[") || t == "Tags"
}

// name is the field's name in Go.
func (f *plannedField) name() string {
	if !f.embedded {
		return "Field" + strconv.Itoa(f.id)
	}
	base := strings.TrimPrefix(f.fieldType.name, "*")
	return base[strings.Index(base, ".")+1:]
}

// write writes the declaration of the field.
func (f *plannedField) write(b *strings.Builder) {
	options := ""
	if f.option != "" {
		options = "," + f.option
	}
	if f.optional {
		options += ",optional"
	}
	tag := ""
	if options != "" || f.embedded || f.wire != f.id {
		tag = fmt.Sprintf(" `bat:\"field%d%s\"`", f.wire, options)
	}
	name := f.name() + " "
	if f.embedded {
		name = ""
	}
	fmt.Fprintf(b, "\t%s%s%s\n", name, f.fieldType.name, tag)
}

// versions are the shapes of event i, from version 1.
func (e plannedEvent) versions(i int) []plannedVersion {
	ids := 0
	first := plannedVersion{refuses: -1}
	for _, x := range e.fields {
		first.add(newField(x, ids), len(first.fields))
		ids++
	}
	all := []plannedVersion{first}
	for n, edits := range e.steps {
		all = append(all, all[n].next(edits, &ids))
		all[n+1].method = e.how>>(n%16)&1 != 0
	}
	last := &all[len(all)-1]
	if e.grows {
		f := newField(e.how, ids)
		if f.embedded = false; !f.comparable() {
			f = newField(19, ids) // a pointer
		}
		f.optional = true
		last.add(f, len(last.fields))
	}
	last.typ = fmt.Sprintf("Payload%d", i)
	for n := len(all) - 2; n >= 0; n-- {
		all[n].typ = fmt.Sprintf("payload%dV%d", i, n+1)
		if all[n].same(all[n+1]) {
			all[n].typ = all[n+1].typ
		}
	}
	return all
}

// next is the version that edits make of one.
func (v plannedVersion) next(edits []uint16, ids *int) plannedVersion {
	next := plannedVersion{fields: slices.Clone(v.fields), refuses: -1}
	for i := range next.fields {
		next.fields[i].from, next.fields[i].by = i, kept
	}
	for _, x := range edits {
		next.edit(x, ids)
	}
	return next
}

// edit makes one change: the lower 4 bits say which, the next 3 where, and the upper
// ones with what.
func (v *plannedVersion) edit(x uint16, ids *int) {
	fresh := func() int { *ids++; return *ids - 1 }
	if len(v.fields) == 0 {
		v.add(newField(x>>7|x&0xC000, fresh()), 0)
		return
	}
	at := int(x>>4&7) % len(v.fields)
	f := &v.fields[at]
	switch x & 15 {
	case 0, 1:
		v.add(newField(x>>7|x&0xC000, fresh()), at)
	case 2, 3:
		v.fields = slices.Delete(v.fields, at, at+1)
	case 4, 5:
		f.id, f.embedded = fresh(), false
		if x&(1<<8) != 0 {
			f.wire = f.id
		}
	case 6, 7:
		changed := newField(x>>7&^(1<<14), f.id)
		changed.wire = f.wire
		*f = changed
		if f.id != f.wire && x&(1<<13) != 0 {
			f.id = fresh()
		}
	case 8, 9, 10, 11:
		f.convert(int(x >> 6))
	case 12:
		moved := *f
		v.fields = slices.Delete(v.fields, at, at+1)
		v.fields = slices.Insert(v.fields, int(x>>8)%(len(v.fields)+1), moved)
	case 13:
		f.optional = !f.optional && f.comparable()
	case 14, 15:
		if f.from >= 0 && f.by == kept && reason(f.fieldType.name) != "" {
			v.refuses = f.from
		}
	}
}

// add adds a field, under a name of its own.
func (v *plannedVersion) add(f plannedField, at int) {
	if slices.ContainsFunc(v.fields, func(o plannedField) bool { return o.name() == f.name() }) {
		f.embedded = false
	}
	v.fields = slices.Insert(v.fields, at, f)
}

// convert makes a field of another type of one that was kept as it is. What it has
// stored for a field that is new is of no use then.
func (f *plannedField) convert(how int) {
	if f.from < 0 || f.by != kept {
		return
	}
	t := &f.fieldType
	was, value := t.name, t.value
	for tries := 0; f.by == kept && tries < 3; tries++ {
		switch choice := (how + tries) % 3; {
		case choice == 0 && f.isPointer():
			f.by, t.name, t.value = pulled, was[1:], "pulled("+value+")"
		case choice == 0 && !f.isList():
			f.by, t.name, t.value = pointed, "*"+was, "new("+was+"("+value+"))"
		case choice == 1 && !f.isPointer():
			f.by, t.name, t.value = listed, "[]"+was, "[]"+was+"{"+value+"}"
		case choice == 2 && wider(was) != "":
			f.by, t.name, t.option = converted, wider(was), ""
			t.value = t.name + "(" + value + ")"
		case choice == 2 && printer(was) != "":
			f.by, t.name, t.value = printed, "string", printer(was)+"("+value+")"
		}
	}
	f.embedded = false
	f.optional = f.optional && f.comparable()
}

// wider is a type that has all values of another, or "".
func wider(t string) string {
	switch t {
	case "int8", "int16", "int32", "rune":
		return "int64"
	case "uint8", "uint16", "uint32", "byte", "Level", "Hue", "parts.Mode":
		return "uint64"
	case "Name", "FirstID", "Status":
		return "string"
	case "string":
		return "Name"
	}
	return ""
}

// printer is the function that makes text of a type, or "".
func printer(t string) string {
	return map[string]string{"int64": "signed", "uint64": "unsigned", "bool": "truth"}[t]
}

// same reports whether two versions may have one struct.
func (v plannedVersion) same(o plannedVersion) bool {
	return slices.EqualFunc(v.fields, o.fields, func(a, b plannedField) bool {
		return a.name() == b.name() && a.fieldType.name == b.fieldType.name && a.option == b.option &&
			a.wire == b.wire && a.optional == b.optional && a.embedded == b.embedded
	})
}

// write writes the struct.
func (v plannedVersion) write(b *strings.Builder, unstored bool) {
	fmt.Fprintf(b, "\ntype %s struct {\n", v.typ)
	for i, f := range v.fields {
		if unstored && i == len(v.fields)/2 {
			b.WriteString("\tcache map[string]func() `bat:\"-\"`\n\tCached chan int `bat:\"-\"`\n")
		}
		f.write(b)
	}
	b.WriteString("}\n")
}

// writeStep writes the function that makes a payload of this version of one of the
// version before, and returns how a schema names it.
func (v plannedVersion) writeStep(b *strings.Builder, before plannedVersion, name string) string {
	step := name
	if v.method {
		fmt.Fprintf(b, "\nfunc (v %s) %s() (%s, error) {\n", before.typ, name, v.typ)
		step = before.typ + "." + name
	} else {
		fmt.Fprintf(b, "\nfunc %s(v %s) (%s, error) {\n", name, before.typ, v.typ)
	}
	b.WriteString(someValues)
	if v.refuses >= 0 {
		f := before.fields[v.refuses]
		fmt.Fprintf(b, "\tif "+reason(f.fieldType.name)+" {\n\t\treturn %s{}, errRefused\n\t}\n", f.name(), v.typ)
	}
	fmt.Fprintf(b, "\treturn %s{\n", v.typ)
	for _, f := range v.fields {
		value := f.value
		if f.from >= 0 {
			value = f.made("v."+before.fields[f.from].name(), before.fields[f.from].fieldType.name)
		}
		fmt.Fprintf(b, "\t\t%s: %s,\n", f.name(), value)
	}
	b.WriteString("\t}, nil\n}\n")
	return step
}

// made writes the value of a field that is made of another.
func (f *plannedField) made(of, typ string) string {
	switch f.by {
	case pointed:
		return "new(" + of + ")"
	case pulled:
		return "pulled(" + of + ")"
	case listed:
		return f.fieldType.name + "{" + of + "}"
	case converted:
		return f.fieldType.name + "(" + of + ")"
	case printed:
		return printer(typ) + "(" + of + ")"
	}
	return of
}

// lifted is what the chain makes of a payload of a version, whose structs are those
// of the model, and whether it takes it.
func lifted(versions []plannedVersion, structs []*model.Struct, number int, fields frozen.Fields) (frozen.Fields, bool) {
	for n := number; n < len(versions); n++ {
		if at := versions[n].refuses; at >= 0 && refused(fields[at]) {
			return nil, false
		}
		next := make(frozen.Fields, len(versions[n].fields))
		for i, f := range versions[n].fields {
			v := f.stored
			if f.from >= 0 {
				v = f.convertValue(fields[f.from], structs[n].Fields[i].Type)
			}
			next[i] = f.foreign(v)
		}
		fields = next
	}
	return fields, true
}

// reason is why a step does not take a value of a type, for the name of the field,
// or "".
func reason(t string) string {
	switch t {
	case "bool":
		return "v.%s"
	case "string", "Name", "FirstID", "Status", "[]byte":
		return "len(v.%s) > 40"
	case "int8", "int16", "int32", "rune", "int64":
		return "v.%s < 0"
	case "uint8", "uint16", "uint32", "uint64", "byte", "Level", "Hue":
		return "v.%s > 100"
	}
	return ""
}

// refused reports whether a step does not take a value.
func refused(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case string:
		return len(v) > 40
	case []byte:
		return len(v) > 40
	case uint64:
		return v > 100
	case int64:
		return v < 0
	}
	return false
}

// convertValue makes a value of the field's type of one of the version before.
func (f *plannedField) convertValue(v any, t *model.Type) any {
	switch {
	case f.by == pulled && v == nil:
		return zeroValue(t)
	case f.by == listed && t.Class == model.ClassBytes:
		return []byte{byte(v.(uint64))}
	case f.by == listed:
		if raw, ok := v.(frozen.Raw); ok && len(raw) == 0 {
			v = sumOf(0)
		}
		return frozen.List{v}
	case f.by == printed:
		return fmt.Sprint(v)
	}
	return v
}

// foreign is a value as it stands for one of a type with a codec of its own, if it
// is: in an optional field, nothing is zero.
func (f *plannedField) foreign(v any) any {
	raw, ok := v.(frozen.Raw)
	zero := len(raw) == 0 || string(raw) == string(sumOf(0))
	switch {
	case !ok || !zero:
		return v
	case f.optional && !f.isPointer():
		return frozen.Raw(nil)
	default:
		return sumOf(0)
	}
}
