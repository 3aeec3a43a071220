package props_test

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"

	"github.com/batpak-go/batpak/runtime/wire"
	"github.com/batpak-go/batpak/schema/frozen"
)

// plan is a generated schema, small enough to shrink. Its events get an entity
// each from two; every entity that has events has a projection, which folds some
// of them and ignores the others; and every gated event has a command.
type plan struct {
	events  []plannedEvent
	has     uint8 // bits: what else there is
	earlier bool  // what the schema was when it was released first
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
	fields []uint16   // of version 1; see newField
	steps  [][]uint16 // the edits that make a later version of the one before; see edit
	how    uint16     // bits: the entity, gated, ignored by the projection, and so on
	grows  bool       // the current version has one more optional field
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
	young    // is not in the earlier schema
	dropped  // is in the earlier schema only, and retired then
	late     // its last version is not in the earlier schema
	grown    // its current version has grown since the earlier schema
	unstored // its payload has a field that is not stored
)

// fieldType is what a field may be: a type, a value of it, as Go writes it and as
// package frozen does, and if need be an option for its tag.
type fieldType struct {
	name, value, option string
	stored              any
}

// someTime and somePart are what values are called "when" and "inner".
func someTime() time.Time     { return time.Unix(-5, 7).UTC() }
func somePart() frozen.Fields { return frozen.Fields{"l", int64(3)} }

// someValues declares them in Go.
const someValues = "\twhen, inner := time.Unix(-5, 7).UTC(), Inner{Label: \"l\", Count: 3}\n\t_, _ = when, inner\n"

// fieldTypes are what a payload may be made of. Named types are those of
// declarations and of partsSource.
func fieldTypes() []fieldType {
	type list = frozen.List
	when, inner, noPart := someTime(), somePart(), frozen.Fields{"", int64(0)}
	return []fieldType{
		{"bool", "true", "", true},
		{"string", `"text ß"`, "", "text ß"},
		{"int8", "-128", "", int64(-128)},
		{"int16", "-32768", "", int64(-32768)},
		{"int32", "-70000", "", int64(-70000)},
		{"int64", "-1 << 63", "", int64(-1 << 63)},
		{"uint8", "255", "", uint64(255)},
		{"uint16", "300", "", uint64(300)},
		{"uint32", "1 << 20", "", uint64(1 << 20)},
		{"uint64", "1<<64 - 1", "", uint64(1<<64 - 1)},
		{"byte", "7", "", uint64(7)},
		{"rune", "'ß'", "", int64('ß')},
		{"time.Time", "when", "", when},
		{"[]byte", `[]byte("bytes")`, "", []byte("bytes")},
		{"[16]byte", "[16]byte{15: 1}", "", append(make([]byte, 15), 1)},
		{"[]string", `[]string{"a", "", "c"}`, "", list{"a", "", "c"}},
		{"[3]int32", "[3]int32{1, -1, 2}", "", list{int64(1), int64(-1), int64(2)}},
		{"[][]byte", `[][]byte{[]byte("x"), []byte("y")}`, "", list{[]byte("x"), []byte("y")}},
		{"[]time.Time", "[]time.Time{when, {}}", "", list{when, time.Time{}}},
		{"*string", "new(string)", "", ""},
		{"*int64", "new(int64)", "", int64(0)},
		{"*time.Time", "&when", "", when},
		{"*Inner", "&inner", "", inner},
		{"Inner", "inner", "", inner},
		{"[]Inner", "[]Inner{inner, {}}", "", list{inner, noPart}},
		{"[2]Inner", "[2]Inner{1: inner}", "", list{noPart, inner}},
		{"Deep", "Deep{Inner: inner, Many: []Inner{inner}, When: when}", "", frozen.Fields{inner, list{inner}, when}},
		{"Name", `"name"`, "", "name"},
		{"Level", "9", "", uint64(9)},
		{"[]Level", "[]Level{1, 1 << 15}", "", list{uint64(1), uint64(1 << 15)}},
		{"*Level", "new(Level)", "", uint64(0)},
		{"Digest", "Digest{31: 1}", "", append(make([]byte, 31), 1)},
		{"Tags", `Tags{"t"}`, "", list{"t"}},
		{"FirstID", `"id"`, "", "id"},
		{"float64", "-1.5", "float", -1.5},
		{"*float32", "new(float32)", "float", 0.0},
		{"[]float64", "[]float64{0, 1}", "float", list{0.0, 1.0}},
		{"map[string]int64", `map[string]int64{"b": 1, "a": 2}`, "sorted", frozen.Pairs{{Key: "b", Value: int64(1)}, {Key: "a", Value: int64(2)}}},
		{"map[Level][]Inner", "map[Level][]Inner{2: {inner}, 1: nil}", "sorted", frozen.Pairs{{Key: uint64(2), Value: list{inner}}, {Key: uint64(1), Value: list{}}}},
		{"map[Status]bool", "map[Status]bool{Open: true, None: false}", "sorted", frozen.Pairs{{Key: "open", Value: true}, {Key: "", Value: false}}},
		{"string", `"short"`, "max=9", "short"},
		{"[]byte", `[]byte("few")`, "max=3", []byte("few")},
		{"Tags", `Tags{"t"}`, "max=2", list{"t"}},
		{"[]Inner", "[]Inner{inner}", "max=2", list{inner}},
		{"Status", "Open", "", "open"},
		{"*Status", "new(Open)", "", "open"},
		{"[3]Grade", "[3]Grade{Fine, Bad}", "", list{int64(127), int64(-1), int64(0)}},
		{"Hue", "200", "", uint64(200)},
		{"Sum", "Sum{5}", "", sumOf(5)},
		{"*Sum", "&Sum{-5}", "", sumOf(-5)},
		{"[]Sum", "[]Sum{{1}, {}}", "", list{sumOf(1), sumOf(0)}},
		{"parts.Money", "5", "", sumOf(5)},
		{"[]parts.Money", "[]parts.Money{1, 0}", "", list{sumOf(1), sumOf(0)}},
		{"parts.Box", `parts.Box{Mass: 2, Words: []parts.Word{"w"}}`, "", frozen.Fields{int64(2), list{"w"}}},
		{"*parts.Box", "new(parts.Box)", "", frozen.Fields{int64(0), list{}}},
		{"map[parts.Mode]parts.Word", `map[parts.Mode]parts.Word{parts.Slow: "s"}`, "sorted", frozen.Pairs{{Key: uint64(3), Value: "s"}}},
		{"parts.Mode", "parts.Fast", "", uint64(7)},
	}
}

// sumOf is a value of a type that has a codec of its own.
func sumOf(cents int64) frozen.Raw { return wire.AppendInt(nil, cents) }

// partsSource is another package, whose types payloads may have.
const partsSource = `package parts

import (
	"errors"

	"github.com/batpak-go/batpak/runtime/wire"
)

// Money is an amount with a codec of its own.
type Money int64

func (m Money) AppendWire(dst []byte) []byte { return wire.AppendInt(dst, int64(m)) }

func (m *Money) DecodeWire(d *wire.Decoder) { *m = Money(d.Int64()) }

func (m Money) IsZero() bool { return m == 0 }

// CheckWire refuses debts.
func (m Money) CheckWire() error {
	if m < 0 {
		return errors.New("a debt")
	}
	return nil
}

// Box is a part of payloads.
type Box struct {
	Mass  int64 ` + "`bat:\"mass,optional\"`" + `
	Words []Word
}

type (
	Word string
	Mode uint8
)

const (
	Still Mode = 0
	Slow  Mode = 3
	Fast  Mode = 7
)
`

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
	modes    = schema.Enum[parts.Mode]{}
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
		func(fields []uint16, steps [][]uint16, how uint16) plannedEvent {
			return plannedEvent{fields: fields, steps: steps, how: how}
		},
		func(e plannedEvent) ([]uint16, [][]uint16, uint16) { return e.fields, e.steps, e.how },
		sized(gen.SliceOf(gen.UInt16()), 12), atMost(3, gen.SliceOf(sized(gen.SliceOf(gen.UInt16()), 8))), gen.UInt16())
	return gopter.DeriveGen(
		func(events []plannedEvent, has uint8) plan { return plan{events: events, has: has} },
		func(p plan) ([]plannedEvent, uint8) { return p.events, p.has },
		sized(gen.SliceOf(event), 8), gen.UInt8())
}

// atMost generates as many elements as there may be, or fewer.
func atMost(limit int, list gopter.Gen) gopter.Gen {
	return func(p *gopter.GenParameters) *gopter.GenResult { return list(p.WithSize(limit + 1)) }
}

// sized generates values of random sizes below a limit.
func sized(g gopter.Gen, limit int) gopter.Gen {
	return func(p *gopter.GenParameters) *gopter.GenResult { return g(p.WithSize(1 + p.Rng.Intn(limit))) }
}

// String is the source of the schema, and of the one that was released before.
func (p plan) String() string { return p.before().source("before") + "\n" + p.source("schema") }

// before is the schema as it was when it was released first.
func (p plan) before() plan {
	p.earlier = true
	return p
}

// source writes the schema as the package of that name.
func (p plan) source(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n\nimport (\n\t\"errors\"\n\t\"strconv\"\n\t\"time\"\n\n\t\"example.com/random/parts\"\n\tbatpak \"github.com/batpak-go/batpak/runtime\"\n\t\"github.com/batpak-go/batpak/runtime/wire\"\n\t\"github.com/batpak-go/batpak/schema\"\n)\n", name)
	b.WriteString(declarations + stepDeclarations)
	b.WriteString("\nvar first = schema.Entity[FirstID]{Prefix: \"first\", Scope: \"all\"}\n")
	b.WriteString("\nvar second = schema.Entity[SecondID]{Prefix: \"second\"}\n")
	for i, e := range p.declared() {
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
	p.writeRetired(&b)
	return b.String()
}

// declared are the events of the schema with their numbers, after one that every
// schema has.
func (p plan) declared() iter.Seq2[int, plannedEvent] {
	return func(yield func(int, plannedEvent) bool) {
		for i, e := range append([]plannedEvent{{fields: []uint16{12}}}, p.events...) {
			last := e.how&late != 0 && len(e.steps) > 0
			switch {
			case p.earlier && last:
				e.steps = e.steps[:len(e.steps)-1]
			case !p.earlier && !last:
				e.grows = e.how&grown != 0
			}
			if !e.absent(p.earlier) && !yield(i, e) {
				return
			}
		}
	}
}

// absent reports whether an event is not in the schema, or not in the earlier one.
func (e plannedEvent) absent(earlier bool) bool {
	if e.how&young != 0 {
		return earlier
	}
	return e.how&dropped != 0 && !earlier
}

// writeRetired writes what no schema has any more, and what the earlier one had.
func (p plan) writeRetired(b *strings.Builder) {
	if p.has&retiredKinds != 0 {
		b.WriteString("\nvar gone = schema.Retired{\n\t{Category: 9, Type: 1, Name: \"Gone\"},\n\t{Category: 9, Type: 2, Name: \"Lost\"},\n}\n")
	}
	if p.earlier {
		return
	}
	for i, e := range p.events {
		if e.absent(false) {
			fmt.Fprintf(b, "\nvar gone%d = schema.Retired{{Category: 0x%x, Type: 0x%03x, Name: \"Payload%[1]d\"}}\n", i+1, 1+(i+1)%3, i+1)
		}
	}
}

// test writes a test of the package, which round-trips two values of each payload,
// and saves the states that they are folded into anywhere.
func (p plan) test(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n\nimport (\n\t\"testing\"\n\t\"time\"\n\n\t\"example.com/random/parts\"\n\t\"github.com/batpak-go/batpak/props\"\n\tbatpak \"github.com/batpak-go/batpak/runtime\"\n)\n", name)
	b.WriteString("\nvar _ parts.Word\n\nfunc TestCodecs(t *testing.T) {\n" + someValues + "\tstreams := map[string][]batpak.Event{}\n")
	for i, e := range p.declared() {
		versions := e.versions(i)
		var fields []string
		for _, f := range versions[len(versions)-1].fields {
			fields = append(fields, f.name()+": "+f.value)
		}
		fmt.Fprintf(&b, "\n\tcodec%d := props.Codec[Payload%d]{Append: Payload%d.AppendBatpak, Decode: (*Payload%d).DecodeBatpak}\n", i, i, i, i)
		fmt.Fprintf(&b, "\tfor _, v := range []Payload%d{{}, {%s}} {\n\t\tif err := codec%d.RoundTrip(v); err != nil {\n\t\t\tt.Error(err)\n\t\t}\n",
			i, strings.Join(fields, ", "), i)
		fmt.Fprintf(&b, "\t\te := batpak.Event{Meta: batpak.Meta{Kind: KindPayload%d, PayloadVersion: %d}, Payload: v.AppendBatpak(nil)}\n", i, len(versions))
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

// write writes the payload and the declaration of event i, with its history.
func (e plannedEvent) write(b *strings.Builder, i int) {
	versions := e.versions(i)
	for n, v := range versions {
		if n+1 == len(versions) && e.how&documented != 0 {
			fmt.Fprintf(b, "\n// Payload%d was generated,\n// and is \"documented\".", i)
		}
		if n+1 == len(versions) || v.typ != versions[n+1].typ {
			v.write(b, e.how&unstored != 0)
		}
	}
	chain := ""
	if len(versions) > 1 {
		var steps []string
		for n, v := range versions[1:] {
			steps = append(steps, fmt.Sprintf("schema.Step(%d, %s)", n+1, v.writeStep(b, versions[n], fmt.Sprintf("lift%dV%d", i, n+1))))
		}
		chain = ",\n\tUpcasts: schema.Chain{" + strings.Join(steps, ", ") + "}"
	}
	fmt.Fprintf(b, "\nvar event%d = schema.Event[Payload%d]{Category: 0x%x, Type: 0x%03x, Version: %d, Entity: %s%s}\n",
		i, i, 1+i%3, i, len(versions), strings.ToLower(e.entity()), chain)
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
	for i, e := range p.declared() {
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
// is saved holds the latest event of each kind, if all of that is stored.
func (p plan) writeProjection(b *strings.Builder, name, per string) {
	folds, ignores := p.projected(name)
	var handlers, fields, methods, rest strings.Builder
	saved, age := "", 2 // since it folds something else
	if p.earlier {
		age = 1
	}
	if p.has&savedStates != 0 {
		saved = " Saved: true,"
	}
	unstorable := map[int]bool{} // in a state
	for i, e := range p.declared() {
		unstorable[i] = e.how&unstored != 0
	}
	for _, i := range folds {
		fmt.Fprintf(&handlers, "\t\tschema.On(event%d, (*%sState).on%[1]d),\n", i, name)
		keep := ""
		if saved != "" && !unstorable[i] {
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
	fmt.Fprintf(b, "\nvar by%s = schema.Projection[%[1]sState]{Name: \"by-%s\", Version: %[7]d, Per: %[3]s,%[4]s\n\tFold: schema.Fold[%[1]sState]{\n%[5]s\t},\n\tIgnore: schema.Events{%[6]s},\n}\n",
		name, strings.ToLower(name), per, saved, &handlers, strings.TrimSuffix(rest.String(), ", "), age)
}

// writeReactor writes a reactor, if there are events for one. Unless it may loop, it
// emits nothing that it answers.
func (p plan) writeReactor(b *strings.Builder) {
	var reactions, emits, methods strings.Builder
	for i, e := range p.declared() {
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
