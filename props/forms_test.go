package props_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/batpak-go/batpak/schema"
)

// forms writes the values of a schema in forms chosen at random: a number as a
// literal, a sum, a shift or a constant, a list as a literal or a variable, a
// struct with and without the names of its fields.
type forms struct {
	rng   *rand.Rand
	body  strings.Builder // declarations
	extra int             // names given to parts
}

// formDeclarations are the types that declarations does not have.
const formDeclarations = `
type Color uint8

const (
	Red Color = iota + 1
	Green
	Blue    = Red<<2 | Green
	Crimson = Red
	secret  Color = 9
)

type Mood string

const Good, Bleak Mood = "good", "ble" + "ak \""

const Best = Good

// Money has a codec of its own.
type Money struct{ cents int64 }

func (m Money) AppendWire(dst []byte) []byte { return wire.AppendInt(dst, m.cents) }

func (m *Money) DecodeWire(d *wire.Decoder) { m.cents = d.Int64() }

func (m Money) Equal(other Money) bool { return m == other }
`

// formFields are fields whose tags matter, or whose types others do not have.
var formFields = [][2]string{
	{"float64", ",float"},
	{"[]float32", "NAME,float"},
	{"map[string]int64", ",sorted"},
	{"map[Level]Inner", "NAME,sorted,optional"},
	{"string", ",max=10"},
	{"[]byte", ",optional,max=1"},
	{"[]string", "NAME,max=3"},
	{"Color", ""},
	{"*Mood", ""},
	{"[]Color", ""},
	{"Money", ""},
	{"[]Money", "NAME"},
}

// randomForms is the source of a random schema.
func randomForms(rng *rand.Rand, name string) string {
	f := &forms{rng: rng}
	f.body.WriteString(declarations + formDeclarations)
	f.declare("var colors = %s", f.literal(schema.Enum[string]{}, "schema.Enum[Color]", map[string]string{"Open": "(false)"}))
	f.declare("var moods = %s", f.literal(schema.Enum[string]{}, "schema.Enum[Mood]", map[string]string{"Open": "1 < 2"}))
	f.entity("first", "FirstID", "all")
	f.entity("second", "SecondID", "")
	var events [2][]string
	for i := range 2 + rng.IntN(5) {
		which := rng.IntN(2)
		events[which] = append(events[which], f.event(i, [2]string{"first", "second"}[which]))
	}
	for which, list := range events {
		if len(list) > 0 {
			f.projection([2]string{"First", "Second"}[which], [2]string{"first", "second"}[which], list)
			f.command([2]string{"First", "Second"}[which], list[rng.IntN(len(list))])
		}
	}
	f.projection("Whole", "", events[:]...)
	f.reactor(slices.Concat(events[:]...))
	f.retired()
	return fmt.Sprintf("package %s\n\nimport (\n\t\"time\"\n\n\t\"example.com/random/parts\"\n\tbatpak \"github.com/batpak-go/batpak/runtime\"\n\t\"github.com/batpak-go/batpak/schema\"\n\t\"github.com/batpak-go/batpak/runtime/wire\"\n)\n\nvar _ *batpak.Denial\n%s", name, &f.body)
}

// name is a new name for a part.
func (f *forms) name(prefix string) string {
	f.extra++
	return fmt.Sprintf("%s%d", prefix, f.extra)
}

// declare declares a variable or a constant, alone or in a group, with a comment or
// without.
func (f *forms) declare(format string, args ...any) {
	decl := fmt.Sprintf(format, args...)
	keyword, rest, _ := strings.Cut(decl, " ")
	switch n := f.rng.IntN(8); {
	case n == 0 && keyword == "var":
		decl = "// These belong together.\nvar (\n" + f.comment() + rest + "\n)"
	case n == 1 && keyword == "var":
		decl = "var (\n\t" + f.name("beside") + " = 1 // it is the first\n" + f.comment() + rest + " // and this is not\n)"
	default:
		decl = f.comment() + decl
	}
	f.body.WriteString("\n" + decl + "\n")
}

// comment writes a comment or none.
func (f *forms) comment() string {
	return [...]string{
		"", "", "// There is a \"reason\".\n", "// Some say\n//\n//\tmore\n// than others.\n", "/* A block\nof two lines. */\n", "// It is far away.\n\n",
		"// It is told.\n//nolint:all\n", "//nolint:all\n",
	}[f.rng.IntN(8)]
}

// number writes a number of a type.
func (f *forms) number(n uint64, typ string) string {
	switch f.rng.IntN(10) {
	case 0:
		return fmt.Sprintf("%#x", n)
	case 1:
		return fmt.Sprintf("(%#b)", n)
	case 2:
		return fmt.Sprintf("%d + 3 - 3", n)
	case 3:
		return fmt.Sprintf("%d<<1 | %d", n>>1, n&1)
	case 4:
		name := f.name("number")
		f.declare("const %s = %d", name, n)
		return name
	case 5:
		name := f.name("number")
		f.declare("const %s %s = %d", name, typ, n)
		return "((" + name + "))"
	case 6:
		return fmt.Sprintf("%s(%d)", typ, n)
	case 7:
		name := f.name("number")
		f.declare("const (\n\t_ = iota + %d - 1\n\t%s\n)", n, name)
		return name
	case 8:
		if n < 30 {
			return fmt.Sprintf("%s(len(%q))", typ, strings.Repeat("x", int(n)))
		}
	}
	return strconv.FormatUint(n, 10)
}

// truth writes a truth value.
func (f *forms) truth(b bool) string {
	switch f.rng.IntN(4) {
	case 0:
		return fmt.Sprintf("!(%v)", !b)
	case 1:
		return map[bool]string{true: "1 < 2", false: "len(`x`) != 1"}[b]
	case 2:
		name := f.name("truth")
		f.declare("const %s = %v", name, b)
		return name
	}
	return strconv.FormatBool(b)
}

// text writes a text.
func (f *forms) text(s string) string {
	switch f.rng.IntN(6) {
	case 0:
		return "`" + s + "`"
	case 1:
		at := f.rng.IntN(len(s) + 1)
		return fmt.Sprintf("%q + (%q)", s[:at], s[at:])
	case 2:
		name := f.name("text")
		f.declare("const %s = %q", name, s)
		return name
	case 3:
		return fmt.Sprintf("string(%q)", s)
	}
	return strconv.Quote(s)
}

// same writes an expression that means the same.
func (f *forms) same(e string) string {
	if f.rng.IntN(4) == 0 {
		return "(" + e + ")"
	}
	return e
}

// list writes a list of a type.
func (f *forms) list(typ string, elements ...string) string {
	lit := typ + "{" + strings.Join(elements, ", ") + "}"
	if f.rng.IntN(3) > 0 {
		return f.same(lit)
	}
	name := f.name("list")
	f.declare("var %s = %s", name, f.same(lit))
	return name
}

// literal writes a struct of package schema; sample is any of its kind.
func (f *forms) literal(sample any, typ string, fields map[string]string) string {
	t := reflect.TypeOf(sample)
	positional := f.rng.IntN(3) == 0
	var elements []string
	for field := range t.Fields() {
		name := field.Name
		value, ok := fields[name]
		switch {
		case positional && !ok:
			elements = append(elements, zero(field.Type))
		case positional:
			elements = append(elements, value)
		case ok:
			elements = append(elements, name+": "+value)
		}
	}
	if !positional {
		f.rng.Shuffle(len(elements), func(i, j int) { elements[i], elements[j] = elements[j], elements[i] })
	}
	lit := typ + "{" + strings.Join(elements, ", ") + "}"
	if typ == "" { // an element of a list
		return lit
	}
	return f.same(lit)
}

// zero writes the zero value of a type.
func zero(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return `""`
	case reflect.Bool:
		return "false"
	case reflect.Interface, reflect.Slice, reflect.Func:
		return "nil"
	}
	return "0"
}

// entity writes an entity, which may get a second name.
func (f *forms) entity(name, id, scope string) {
	fields := map[string]string{"Prefix": f.text("the-" + name)}
	if scope != "" || f.rng.IntN(2) == 0 {
		fields["Scope"] = f.text(scope)
	}
	f.declare("var %s = %s", name, f.literal(schema.Entity[string]{}, "schema.Entity["+id+"]", fields))
}

// event writes an event with its payloads and upcasts, and returns its name.
func (f *forms) event(i int, entity string) string {
	version := 1 + f.rng.IntN(3)
	types := make([]string, version)
	for v := range types {
		types[v] = fmt.Sprintf("payload%dV%d", i, v+1)
		if v == version-1 {
			types[v] = fmt.Sprintf("Payload%d", i)
		}
		fmt.Fprintf(&f.body, "\n%stype %s struct {\n", f.comment(), types[v])
		for n := range f.rng.IntN(5) {
			drawn := newField(uint16(f.rng.IntN(256)), n).fieldType
			typ, option := drawn.name, drawn.option
			plain := ""
			if option != "" {
				option = "," + option
				plain = fmt.Sprintf(" `bat:%q`", option)
			}
			tag := [...]string{plain, plain, " `bat:\"-\"`", fmt.Sprintf(" `json:\"x\" bat:\"field_no_%d%s\"`", n, option)}[f.rng.IntN(4)]
			if f.rng.IntN(3) == 0 {
				field := formFields[f.rng.IntN(len(formFields))]
				typ, tag = field[0], ""
				if field[1] != "" {
					tag = fmt.Sprintf(" `bat:%q`", strings.Replace(field[1], "NAME", fmt.Sprintf("name_%d", n), 1))
				}
			}
			fmt.Fprintf(&f.body, "\tMyFIELDNo%d %s%s\n", n, typ, tag)
		}
		f.body.WriteString("}\n")
	}
	var steps []string
	for v := range version - 1 {
		lift := fmt.Sprintf("lift%dV%d", i, v+1)
		if f.rng.IntN(2) == 0 {
			f.declare("func %s(v %s) (%s, error) { return %s{}, nil }", lift, types[v], types[v+1], types[v+1])
		} else {
			f.declare("func (v %s) %s() (%s, error) { return %s{}, nil }", types[v], lift, types[v+1], types[v+1])
			lift = types[v] + "." + lift
		}
		steps = append(steps, f.same(fmt.Sprintf("schema.Step(%s, %s)", f.number(uint64(v+1), "uint16"), f.same(lift))))
	}
	if f.rng.IntN(3) == 0 {
		other := f.name("entity")
		f.declare("var %s = %s", other, entity)
		entity = other
	}
	fields := map[string]string{
		"Category": f.number(uint64(1+f.rng.IntN(12)), "schema.Category"),
		"Type":     f.number(uint64(i+f.rng.IntN(2)*0x100), "schema.TypeID"),
		"Version":  f.number(uint64(version), "uint16"),
		"Entity":   f.same(entity),
	}
	if len(steps) > 0 {
		fields["Upcasts"] = f.list("schema.Chain", steps...)
	}
	name := fmt.Sprintf("event%d", i)
	f.declare("var %s = %s", name, f.literal(schema.Event[int]{}, fmt.Sprintf("schema.Event[Payload%d]", i), fields))
	return name
}

// projection writes a projection of some events of each list, and ignores the
// others. Without an entity it is of all streams.
func (f *forms) projection(name, entity string, lists ...[]string) {
	state := name + "State"
	f.declare("type %s struct{ N int64 }", state)
	var handlers, rest []string
	for _, events := range lists {
		for i, e := range events {
			if i > 0 && f.rng.IntN(3) == 0 {
				rest = append(rest, f.same(e))
				continue
			}
			handlers = append(handlers, f.handler("On", state, "apply"+name, e, ""))
		}
	}
	fields := map[string]string{
		"Name": f.text("by-" + strings.ToLower(name)), "Version": f.number(1+uint64(f.rng.IntN(300)), "uint32"),
		"Fold": f.list("schema.Fold["+state+"]", handlers...),
	}
	if entity != "" {
		fields["Per"] = f.same(entity)
	} else if f.rng.IntN(2) == 0 {
		fields["Per"] = "nil"
	}
	if f.rng.IntN(2) == 0 {
		fields["Saved"] = f.truth(f.rng.IntN(3) > 0)
	}
	if len(rest) > 0 {
		fields["Ignore"] = f.list("schema.Events", rest...)
	}
	f.declare("var by%s = %s", name, f.literal(schema.Projection[int]{}, "schema.Projection["+state+"]", fields))
}

// handler writes a call of schema.On or schema.React and the function that it names,
// which takes the event and perhaps more.
func (f *forms) handler(constructor, typ, prefix, event, more string) string {
	payload := strings.Replace(event, "event", "Payload", 1)
	name, body := prefix+payload, "{}"
	if constructor == "React" {
		body = "error { return nil }"
	}
	if f.rng.IntN(2) == 0 {
		f.declare("func %s(*%s, batpak.Stored[%s]%s) %s", name, typ, payload, more, body)
	} else {
		f.declare("func (x *%s) %s(batpak.Stored[%s]%s) %s", typ, name, payload, more, body)
		name = "(*" + typ + ")." + name
	}
	return f.same(fmt.Sprintf("schema.%s%s(%s, %s)", constructor, [...]string{"", "[" + typ + "]"}[f.rng.IntN(2)], f.same(event), f.same(name)))
}

// reactor writes a reactor to some events, which may emit some of them.
func (f *forms) reactor(events []string) {
	f.declare("type Watch struct{ N int64 }")
	var reactions, emits []string
	loops := false
	for i, e := range events {
		reacts := i == 0 || f.rng.IntN(2) == 0
		if reacts {
			reactions = append(reactions, f.handler("React", "Watch", "answer", e, ", *batpak.Batch"))
		}
		if f.rng.IntN(2) == 0 {
			emits = append(emits, f.same(e))
			loops = loops || reacts
		}
	}
	fields := map[string]string{"Name": f.text("watch-all"), "On": f.list("schema.Reactions[Watch]", reactions...)}
	if len(emits) > 0 {
		fields["Emits"] = f.list("schema.Events", emits...)
	}
	if loops || f.rng.IntN(2) == 0 {
		fields["Loop"] = f.truth(loops)
	}
	f.declare("var watch = %s", f.literal(schema.Reactor[int]{}, "schema.Reactor[Watch]", fields))
}

// retired writes lists of kinds that were given once. No event has their category.
func (f *forms) retired() {
	for list := range f.rng.IntN(3) {
		var kinds []string
		for i := range 1 + f.rng.IntN(2) {
			kinds = append(kinds, f.literal(schema.RetiredEvent{}, [...]string{"", "schema.RetiredEvent"}[f.rng.IntN(2)], map[string]string{
				"Category": f.number(uint64(0xE+list), "schema.Category"), "Type": f.number(uint64(i), "schema.TypeID"),
				"Name": f.text(fmt.Sprintf("Gone%d", i)),
			}))
		}
		f.declare("var retired%d = %s", list, f.same("schema.Retired{"+strings.Join(kinds, ", ")+"}"))
	}
}

// context writes the fields of a gate context.
func (f *forms) context(name, payload string) string {
	var fields []string
	for i := range f.rng.IntN(8) {
		typ := newField(uint16(f.rng.IntN(256)), i).fieldType.name
		fields = append(fields, []string{
			fmt.Sprintf("\tField%d %sID\n", i, name), fmt.Sprintf("\tfield%d %sState\n", i, name), fmt.Sprintf("\tField%d %s\n", i, payload),
			fmt.Sprintf("\tField%d %s `json:\"x\" bat:\"caller\"`\n", i, typ), fmt.Sprintf("\tfield%d %s `bat:\"caller\"`\n", i, typ),
			fmt.Sprintf("\tField%d %s `bat:\"-\"`\n", i, typ), "\t_ int\n",
		}[f.rng.IntN(7)])
	}
	return strings.Join(fields, "")
}

// command writes the command of an event with its gates and context.
func (f *forms) command(name, event string) {
	payload := strings.Replace(event, "event", "Payload", 1)
	c := name + "Context"
	f.declare("type %s struct {\n%s}", c, f.context(name, payload))
	var gates []string
	for i := range f.rng.IntN(3) {
		eval := fmt.Sprintf("eval%s%d", name, i)
		if f.rng.IntN(2) == 0 {
			f.declare("func %s(%s) *batpak.Denial { return nil }", eval, c)
		} else {
			f.declare("func (%s) %s() *batpak.Denial { return nil }", c, eval)
			eval = c + "." + eval
		}
		gate := fmt.Sprintf("gate%s%d", name, i)
		fields := map[string]string{
			"Name": f.text(fmt.Sprintf("gate-%s-%d", strings.ToLower(name), i)), "Eval": f.same(eval),
		}
		if f.rng.IntN(2) == 0 {
			codes := []string{f.text("NSF"), f.text("TOO_LATE"), f.text("X-9")}
			fields["Codes"] = f.list("schema.Codes", codes[:1+f.rng.IntN(len(codes))]...)
		}
		f.declare("var %s = %s", gate, f.literal(schema.Gate[int]{}, "schema.Gate["+c+"]", fields))
		gates = append(gates, f.same(gate))
	}
	fields := map[string]string{"Name": f.text("do-" + strings.ToLower(name)), "Event": f.same(event)}
	if len(gates) > 0 {
		fields["Gates"] = f.list("schema.Gates["+c+"]", gates...)
	}
	if f.rng.IntN(2) == 0 {
		fields["Bypass"] = f.truth(f.rng.IntN(2) == 0)
	}
	f.declare("var do%s = %s", name, f.literal(schema.Command[int, int]{}, "schema.Command["+c+", "+payload+"]", fields))
}
