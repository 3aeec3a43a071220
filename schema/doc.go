// Package schema is the language in which a package declares its events,
// entities, projections, gates and commands.
//
// A schema is a set of package-level variables, each with an initialiser of its
// own, that batpakgen reads and never runs:
//
//	const ledger schema.Category = 0x1
//
//	var account = schema.Entity[AccountID]{Prefix: "account", Scope: "ledger"}
//
//	var opened = schema.Event[AccountOpened]{Category: ledger, Type: 0x001, Version: 1, Entity: account}
//
// An initialiser may use constants, composite literals of this package's types,
// the names of other declarations, declared functions, method expressions such
// as (*Balance).opened, and calls of [On] and [Step]. Everything else, function
// literals, other calls, control flow, and assignments elsewhere, is a
// diagnostic.
// The Go compiler checks the types: that a handler takes the event it is listed
// under, that a gate fits its command's context.
//
// # Payloads
//
// A payload is a struct of the schema's package. Its exported fields are stored in
// source order, each under a name, "opened_at" for OpenedAt unless its tag says
// another. A field is of one of these types, or of a named type over one:
//
//   - bool, string, integers of a fixed size, time.Time
//   - []byte, slices, arrays, such as [16]byte for an id
//   - structs with a name, embedded ones only if the tag names the field
//   - a pointer to one of these, which is left out when it is nil
//   - float32 and float64, where the tag has the option float
//   - maps from text or integers, where it has the option sorted
//   - types with a codec of their own, of any package: a method
//     AppendWire(dst []byte) []byte of the value, which appends one value in
//     canonical form, and DecodeWire(d *wire.Decoder) of a pointer, which reads
//     one. A method CheckWire() error says what keeps a value from being stored.
//
// A tag is `bat:"name,options"`, or `bat:"-"` for a field that is not stored:
//
//	optional    left out when it is zero; not for a type that cannot tell
//	max=N       at most N bytes of text or bytes, N elements of a slice or map
//	float       numbers in it may be floats: -0 is stored as 0, and there is one NaN
//	sorted      maps in it are stored by ascending keys
//
// What breaks a rule is refused when it is appended, and when it is read.
//
// # Enumerations
//
// The values of a named type over text or an integer may be said to be its
// constants:
//
//	var status = schema.Enum[Status]{}
//
// Another value is then refused when it is appended, and when it is read; with
// Open, both are as if there were no declaration.
//
// # Versions
//
// The payload struct of an event is its shape of today. When events of it may be
// stored, the shape changes by a new version only: the struct of yesterday stays,
// under a name of its own, and a pure function makes the new from the old.
//
//	var deposited = schema.Event[MoneyDeposited]{
//		Category: ledger, Type: 0x002, Version: 3, Entity: account,
//		Upcasts: schema.Chain{
//			schema.Step(1, depositedV1toV2),
//			schema.Step(2, depositedV2toV3),
//		},
//	}
//
// Whoever reads an event gets a MoneyDeposited, whatever was stored. Stored bytes
// are never rewritten.
package schema
