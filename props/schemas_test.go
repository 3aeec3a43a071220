package props_test

import (
	"fmt"
	"strings"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
)

// plan is a generated schema, small enough to shrink. Its events get an entity
// each from two; every entity that has events has a projection, which folds some
// of them and ignores the others; and every gated event has a command.
type plan struct {
	events []plannedEvent
	has    uint8 // bits: what else there is
}

// The bits of plan.has.
const (
	overview = 1 << iota // a projection of all streams
	savedStates
	retiredKinds
	codes // of denials
	loop  // the reactor may answer itself
)

// plannedEvent says what an event looks like.
type plannedEvent struct {
	fields []uint8 // each an index of fieldTypes and, in its upper bits, options
	how    uint16  // bits: the entity, gated, ignored by the projection, and so on
}

// The bits of plannedEvent.how.
const (
	onSecond = 1 << iota
	gated
	ignored
	twoGates
	callerField
	documented
	bypassed
	answered // by the reactor
	emitted  // by the reactor
)

// fieldTypes are what a payload may be made of, each with a value and, if need be,
// an option for its tag. Named types are declared by declarations.
var fieldTypes = []struct{ name, value, option string }{
	{"bool", "true", ""},
	{"string", `"text ß"`, ""},
	{"int8", "-128", ""},
	{"int16", "-32768", ""},
	{"int32", "-70000", ""},
	{"int64", "-1 << 63", ""},
	{"uint8", "255", ""},
	{"uint16", "300", ""},
	{"uint32", "1 << 20", ""},
	{"uint64", "1<<64 - 1", ""},
	{"byte", "7", ""},
	{"rune", "'ß'", ""},
	{"time.Time", "when", ""},
	{"[]byte", `[]byte("bytes")`, ""},
	{"[16]byte", "[16]byte{15: 1}", ""},
	{"[]string", `[]string{"a", "", "c"}`, ""},
	{"[3]int32", "[3]int32{1, -1, 2}", ""},
	{"[][]byte", `[][]byte{[]byte("x"), []byte("y")}`, ""},
	{"[]time.Time", "[]time.Time{when, {}}", ""},
	{"*string", "new(string)", ""},
	{"*int64", "new(int64)", ""},
	{"*time.Time", "&when", ""},
	{"*Inner", "&inner", ""},
	{"Inner", "inner", ""},
	{"[]Inner", "[]Inner{inner, {}}", ""},
	{"[2]Inner", "[2]Inner{1: inner}", ""},
	{"Deep", "Deep{Inner: inner, Many: []Inner{inner}, When: when}", ""},
	{"Name", `"name"`, ""},
	{"Level", "9", ""},
	{"[]Level", "[]Level{1, 1 << 15}", ""},
	{"*Level", "new(Level)", ""},
	{"Digest", "Digest{31: 1}", ""},
	{"Tags", `Tags{"t"}`, ""},
	{"FirstID", `"id"`, ""},
	{"float64", "-1.5", "float"},
	{"*float32", "new(float32)", "float"},
	{"[]float64", "[]float64{0, 1}", "float"},
	{"map[string]int64", `map[string]int64{"b": 1, "a": 2}`, "sorted"},
	{"map[Level][]Inner", "map[Level][]Inner{2: {inner}, 1: nil}", "sorted"},
	{"map[Status]bool", "map[Status]bool{Open: true, None: false}", "sorted"},
	{"string", `"short"`, "max=9"},
	{"[]byte", `[]byte("few")`, "max=3"},
	{"Tags", `Tags{"t"}`, "max=2"},
	{"[]Inner", "[]Inner{inner}", "max=2"},
	{"Status", "Open", ""},
	{"*Status", "new(Open)", ""},
	{"[3]Grade", "[3]Grade{Fine, Bad}", ""},
	{"Hue", "200", ""},
	{"Sum", "Sum{5}", ""},
	{"*Sum", "&Sum{-5}", ""},
	{"[]Sum", "[]Sum{{1}, {}}", ""},
}

// fieldType is the type that a number in plannedEvent.fields stands for, a value
// of it, and an option.
func fieldType(f uint8) (name, value, option string) {
	t := fieldTypes[int(f)%len(fieldTypes)]
	return t.name, t.value, t.option
}

// declarations are the named types of every schema.
const declarations = `
// FirstID names what the first entity is.
type FirstID string

// SecondID names what the second entity is.
type SecondID int64

type (
	Name   string
	Level  uint16
	Digest [32]byte
	Tags   []string
)

// Inner is a part of payloads.
type Inner struct {
	Label string
	Count int64 ` + "`bat:\"count,optional\"`" + `
}

// Deep is a part with parts.
type Deep struct {
	Inner Inner
	Many  []Inner
	When  time.Time
}

type (
	Status string
	Grade  int8
	Hue    uint8
)

const (
	None   Status = ""
	Open   Status = "open"
	Closed Status = "closed"

	Bad  Grade = -1
	Fair Grade = 0
	Fine Grade = 127

	Violet Hue = 1
)

var (
	statuses = schema.Enum[Status]{}
	grades   = schema.Enum[Grade]{}
	hues     = schema.Enum[Hue]{Open: true}
)

// Sum is an amount with a codec of its own.
type Sum struct{ cents int64 }

func (m Sum) AppendWire(dst []byte) []byte { return wire.AppendInt(dst, m.cents) }

func (m *Sum) DecodeWire(d *wire.Decoder) { m.cents = d.Int64() }

func (m Sum) IsZero() bool { return m.cents == 0 }
`

func plans() gopter.Gen {
	event := gopter.DeriveGen(
		func(fields []uint8, how uint16) plannedEvent { return plannedEvent{fields, how} },
		func(e plannedEvent) ([]uint8, uint16) { return e.fields, e.how },
		sized(gen.SliceOf(gen.UInt8()), 9), gen.UInt16())
	return gopter.DeriveGen(
		func(events []plannedEvent, has uint8) plan { return plan{events, has} },
		func(p plan) ([]plannedEvent, uint8) { return p.events, p.has },
		sized(gen.SliceOf(event), 8), gen.UInt8())
}

// sized generates values of random sizes below a limit.
func sized(g gopter.Gen, limit int) gopter.Gen {
	return func(p *gopter.GenParameters) *gopter.GenResult { return g(p.WithSize(1 + p.Rng.Intn(limit))) }
}

// String is the source of the schema.
func (p plan) String() string { return p.source("schema") }

// source writes the schema as the package of that name.
func (p plan) source(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n\nimport (\n\t\"time\"\n\n\tbatpak \"github.com/batpak-go/batpak/runtime\"\n\t\"github.com/batpak-go/batpak/runtime/wire\"\n\t\"github.com/batpak-go/batpak/schema\"\n)\n", name)
	b.WriteString(declarations)
	b.WriteString("\nvar first = schema.Entity[FirstID]{Prefix: \"first\", Scope: \"all\"}\n")
	b.WriteString("\nvar second = schema.Entity[SecondID]{Prefix: \"second\"}\n")
	events := p.all()
	for i, e := range events {
		e.write(&b, i)
		if e.how&gated != 0 {
			p.writeCommand(&b, e, i)
		}
	}
	p.writeProjection(&b, "First", "first")
	p.writeProjection(&b, "Second", "second")
	if p.has&overview != 0 {
		p.writeProjection(&b, "Whole", "nil")
	}
	p.writeReactor(&b)
	if p.has&retiredKinds != 0 {
		b.WriteString("\nvar gone = schema.Retired{\n\t{Category: 9, Type: 1, Name: \"Gone\"},\n\t{Category: 9, Type: 2, Name: \"Lost\"},\n}\n")
	}
	return b.String()
}

// all are the events, after one that every schema has, so that it uses its
// imports.
func (p plan) all() []plannedEvent { return append([]plannedEvent{{fields: []uint8{12}}}, p.events...) }

// test writes a test of the package, which round-trips two values of each payload,
// and saves the states that they are folded into anywhere.
func (p plan) test(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n\nimport (\n\t\"testing\"\n\t\"time\"\n\n\t\"github.com/batpak-go/batpak/props\"\n\tbatpak \"github.com/batpak-go/batpak/runtime\"\n)\n", name)
	b.WriteString("\nfunc TestCodecs(t *testing.T) {\n\twhen, inner := time.Unix(-5, 7).UTC(), Inner{Label: \"l\", Count: 3}\n\t_, _ = when, inner\n\tstreams := map[string][]batpak.Event{}\n")
	for i, e := range p.all() {
		var fields []string
		for n, f := range e.fields {
			_, value, _ := fieldType(f)
			fields = append(fields, fmt.Sprintf("Field%d: %s", n, value))
		}
		fmt.Fprintf(&b, "\n\tcodec%d := props.Codec[Payload%d]{Append: Payload%d.AppendBatpak, Decode: (*Payload%d).DecodeBatpak}\n", i, i, i, i)
		fmt.Fprintf(&b, "\tfor _, v := range []Payload%d{{}, {%s}} {\n\t\tif err := codec%d.RoundTrip(v); err != nil {\n\t\t\tt.Error(err)\n\t\t}\n",
			i, strings.Join(fields, ", "), i)
		fmt.Fprintf(&b, "\t\te := batpak.Event{Meta: batpak.Meta{Kind: KindPayload%d, PayloadVersion: 1}, Payload: v.AppendBatpak(nil)}\n", i)
		fmt.Fprintf(&b, "\t\tstreams[%q] = append(streams[%[1]q], e)\n\t\tstreams[\"Whole\"] = append(streams[\"Whole\"], e)\n\t}\n", e.entity())
	}
	if p.has&savedStates != 0 {
		for _, projection := range []string{"First", "Second", "Whole"} {
			if folds, _ := p.projected(projection); len(folds) > 0 {
				fmt.Fprintf(&b, "\tfor cut := range streams[%q] {\n\t\tif err := props.SaveSplit(by%[1]sState, FoldBy%[1]s, streams[%[1]q], cut); err != nil {\n\t\t\tt.Error(err)\n\t\t}\n\t}\n", projection)
			}
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// entity is the name of the event's entity, as in Go identifiers.
func (e plannedEvent) entity() string {
	if e.how&onSecond != 0 {
		return "Second"
	}
	return "First"
}

// write writes the payload and the declaration of event i, and its command.
func (e plannedEvent) write(b *strings.Builder, i int) {
	if e.how&documented != 0 {
		fmt.Fprintf(b, "\n// Payload%d was generated,\n// and is \"documented\".", i)
	}
	fmt.Fprintf(b, "\ntype Payload%d struct {\n", i)
	for n, f := range e.fields {
		typ, _, option := fieldType(f)
		options := ""
		if option != "" {
			options = "," + option
		}
		if f >= 0xC0 && typ != "Deep" && typ != "[2]Inner" { // which cannot be compared with their zeros
			options += ",optional"
		}
		tag := ""
		if options != "" {
			tag = fmt.Sprintf(" `bat:\"field_%d%s\"`", n, options)
		}
		fmt.Fprintf(b, "\tField%d %s%s\n", n, typ, tag)
	}
	b.WriteString("}\n")
	fmt.Fprintf(b, "\nvar event%d = schema.Event[Payload%d]{Category: 0x%x, Type: 0x%03x, Version: 1, Entity: %s}\n",
		i, i, 1+i%3, i, strings.ToLower(e.entity()))
}

// writeCommand writes the command of event i with its context and gates.
func (p plan) writeCommand(b *strings.Builder, e plannedEvent, i int) {
	fmt.Fprintf(b, "\ntype context%d struct {\n\tID %sID\n\tState %sState\n\tProposed Payload%d\n", i, e.entity(), e.entity(), i)
	if e.how&callerField != 0 {
		b.WriteString("\tLimit int64 `bat:\"caller\"`\n\tBy Name `bat:\"caller\"`\n")
	}
	b.WriteString("}\n")
	gates := []string{fmt.Sprintf("gate%d", i)}
	if e.how&twoGates != 0 {
		gates = append(gates, fmt.Sprintf("other%d", i))
	}
	denials, bypass := "", ""
	if p.has&codes != 0 {
		denials = `, Codes: schema.Codes{"FEW", "MANY"}`
	}
	if e.how&bypassed != 0 {
		bypass = ", Bypass: true"
	}
	for _, g := range gates {
		fmt.Fprintf(b, "\nvar %s = schema.Gate[context%d]{Name: \"%s\", Eval: deny%s%s}\n", g, i, g, g, denials)
		fmt.Fprintf(b, "\nfunc deny%s(c context%d) *batpak.Denial {\n\tif c.State.Events > 3 {\n\t\treturn batpak.Deny(\"MANY\", \"too many\")\n\t}\n\treturn nil\n}\n", g, i)
	}
	fmt.Fprintf(b, "\nvar command%d = schema.Command[context%d, Payload%d]{Name: \"do-%d\", Event: event%d, Gates: schema.Gates[context%d]{%s}%s}\n",
		i, i, i, i, i, i, strings.Join(gates, ", "), bypass)
}

// projected says which events a projection folds and which it ignores. One that would fold nothing of an entity folds its first event.
func (p plan) projected(projection string) (folds, ignores []int) {
	folded := map[string]bool{} // by entity
	for i, e := range p.all() {
		if projection != e.entity() && (projection != "Whole" || p.has&overview == 0) {
			continue
		}
		if e.how&ignored != 0 && folded[e.entity()] {
			ignores = append(ignores, i)
			continue
		}
		folds = append(folds, i)
		folded[e.entity()] = true
	}
	return folds, ignores
}

// writeProjection writes a projection per entity, or of all streams. A state that
// is saved holds the latest event of each kind.
func (p plan) writeProjection(b *strings.Builder, name, per string) {
	folds, ignores := p.projected(name)
	var handlers, fields, methods, rest strings.Builder
	saved := ""
	if p.has&savedStates != 0 {
		saved = " Saved: true,"
	}
	for _, i := range folds {
		fmt.Fprintf(&handlers, "\t\tschema.On(event%d, (*%sState).on%[1]d),\n", i, name)
		keep := ""
		if saved != "" {
			fmt.Fprintf(&fields, "\tLatest%d *Payload%[1]d\n", i)
			keep = fmt.Sprintf("; s.Latest%d = &e.Payload", i)
		}
		fmt.Fprintf(&methods, "\nfunc (s *%sState) on%d(e batpak.Stored[Payload%[2]d]) { s.Events++%s }\n", name, i, keep)
	}
	for _, i := range ignores {
		fmt.Fprintf(&rest, "event%d, ", i)
	}
	fmt.Fprintf(b, "\ntype %sState struct {\n\tEvents int64\n%s}\n%s", name, &fields, &methods)
	if len(folds) == 0 {
		return
	}
	fmt.Fprintf(b, "\nvar by%s = schema.Projection[%[1]sState]{Name: \"by-%s\", Version: 1, Per: %s,%s\n\tFold: schema.Fold[%[1]sState]{\n%[5]s\t},\n\tIgnore: schema.Events{%[6]s},\n}\n",
		name, strings.ToLower(name), per, saved, &handlers, strings.TrimSuffix(rest.String(), ", "))
}

// writeReactor writes a reactor, if there are events for one. Unless it may loop, it
// emits nothing that it answers.
func (p plan) writeReactor(b *strings.Builder) {
	var reactions, emits, methods strings.Builder
	for i, e := range p.all() {
		answers := e.how&answered != 0
		if answers {
			fmt.Fprintf(&reactions, "schema.React(event%d, (*Watch).on%[1]d), ", i)
			fmt.Fprintf(&methods, "\nfunc (*Watch) on%d(batpak.Stored[Payload%[1]d], *batpak.Batch) error { return nil }\n", i)
		}
		if e.how&emitted != 0 && (!answers || p.has&loop != 0) {
			fmt.Fprintf(&emits, "event%d, ", i)
		}
	}
	if reactions.Len() == 0 {
		return
	}
	fmt.Fprintf(b, "\ntype Watch struct{}\n%s\nvar watch = schema.Reactor[Watch]{Name: \"watch\", On: schema.Reactions[Watch]{%s}, Emits: schema.Events{%s}, Loop: %v}\n",
		&methods, strings.TrimSuffix(reactions.String(), ", "), strings.TrimSuffix(emits.String(), ", "), p.has&loop != 0)
}
