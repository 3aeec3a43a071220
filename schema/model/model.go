package model

import "go/token"

// Package is the schema of one Go package, in source order.
type Package struct {
	Path  string   // import path
	Name  string   // package name
	Dir   string   // directory of the files, absolute
	Files []string // base names of the files that hold declarations, sorted

	Entities    []*Entity
	Events      []*Event
	Projections []*Projection
	Gates       []*Gate
	Commands    []*Command
	Reactors    []*Reactor
	Enums       []*Enum
	Retired     []Retired

	// Structs are the structs of payloads and of states that are saved, and the
	// structs nested in them, each once, a struct after those it holds.
	Structs []*Struct

	// Taken are the package-level identifiers that the user declared, outside of
	// generated files, or imported with a dot, and the methods of payload types as "Type.Method".
	Taken map[string]token.Position
}

// Decl is what every declaration has.
type Decl struct {
	Var string         // name of the declaring variable
	Doc string         // its doc comment as plain text, without the final newline
	Pos token.Position // of the variable's name
	// Given are the values that the declaration gives, by field name, and where
	// they are written. A field that is not among them has its zero value.
	Given map[string]token.Position
	// Broken says that an error was reported while the declaration was read, so
	// that it may be incomplete. Nothing is generated for a package that has one.
	Broken bool
}

// Entity is a declared entity family.
type Entity struct {
	Decl
	Prefix string
	Scope  string    // empty = given by the journal
	ID     NamedType // the id's type, over a string or an integer
}

// NamedType refers to a named Go type with a basic underlying type.
type NamedType struct {
	Name    string // without package
	Path    string // import path of the package; empty for the schema's own
	PkgName string // package name that goes with Path
	Basic   Basic
}

// Event is a declared event kind.
type Event struct {
	Decl
	Category uint8
	Type     uint16
	Version  uint16
	Entity   *Entity
	Payload  *Struct  // the shape of Version
	Upcasts  []Upcast // in the order they are written
	Command  *Command // the command that guards it; nil = appendable freely
}

// Upcast lifts the payload of one version of an event to the next.
type Upcast struct {
	From   uint16  // the version it takes
	Source *Struct // the shape of version From
	Target *Struct // what it returns: the shape of version From+1
	Func   string  // the declared function, or a method expression such as "moneyDepositedV1.lift"
	Pos    token.Position
	// FuncPos is where the function is named.
	FuncPos token.Position
}

// Retired is a kind that was an event's once and is never given again.
type Retired struct {
	Var      string // of the list it is in
	Category uint8
	Type     uint16
	Name     string // of the payload struct it had
	Pos      token.Position
}

// Kind is the number on disk.
func (r *Retired) Kind() uint16 { return uint16(r.Category)<<12 | r.Type }

// Enum is a named type whose values are its declared constants.
type Enum struct {
	Decl
	Type   NamedType
	Open   bool // values that no constant has are kept
	Values []EnumValue
}

// EnumValue is a constant of an enumeration.
type EnumValue struct {
	Name    string // of the first constant that has the value, in source order
	Literal string // the value as an unqualified Go literal
	Pos     token.Position
}

// Kind is the number on disk.
func (e *Event) Kind() uint16 { return uint16(e.Category)<<12 | e.Type }

// Struct is a Go struct whose fields are stored.
type Struct struct {
	Name    string
	Path    string // import path; empty for the schema's own package
	PkgName string
	Doc     string
	Pos     token.Position
	// Receiver is what the user's methods call their receiver, most of them; "" for a
	// type of another package, or without such methods.
	Receiver string
	Fields   []Field   // stored fields in source order; the order on the wire
	Skipped  []Skipped // fields tagged `bat:"-"`
}

// Field is a stored field.
type Field struct {
	Name     string // in Go
	Wire     string // on disk
	Type     *Type
	Embedded bool  // Name is that of its type
	Optional bool  // `bat:",optional"` or a pointer: left out when zero
	Max      int64 // `bat:",max=N"`: most bytes of text or bytes, most elements of a slice or map; 0 = as many as a payload holds
	Pos      token.Position
}

// Skipped is a field that is not stored; the shape pin needs its type.
type Skipped struct {
	Name    string
	Type    string   // Go source, qualified by package name; empty in a struct of another package
	Imports []Import // packages the source refers to
	Index   int      // position among all fields of the Go struct
}

// Import is a package that an emitted type expression refers to.
type Import struct{ Path, Name string }

// Class says how a type is stored.
type Class int

// The classes.
const (
	ClassBasic   Class = iota + 1 // bool, string, sized integer; Basic says which
	ClassBytes                    // []byte, or a named type over it
	ClassFixed                    // [N]byte
	ClassTime                     // time.Time
	ClassSlice                    // []Elem
	ClassArray                    // [Len]Elem
	ClassPointer                  // *Elem
	ClassStruct                   // Struct
	ClassMap                      // map[Key]Elem, opted in with `bat:",sorted"`
	ClassForeign                  // Named has a codec of its own: methods AppendWire and DecodeWire
)

// Basic is a basic Go type that can be stored; floats only with `bat:",float"`.
type Basic string // "bool", "string", "int8" ... "uint64", "float32", "float64"

// Type is the type of a stored field, or of its elements.
type Type struct {
	Class  Class
	Basic  Basic     // ClassBasic: the underlying basic type
	Named  *NamedRef // the named type, if the type has a name of its own; nil for unnamed types
	Enum   *Enum     // ClassBasic: the enumeration that the named type is declared to be
	Key    *Type     // ClassMap: ClassBasic, of a string or an integer
	Elem   *Type
	Len    int64
	Struct *Struct // ClassStruct
	Checks bool    // ClassForeign: has a method CheckWire
	Zeroes bool    // ClassForeign: has a method IsZero
}

// NamedRef is a reference to a named type.
type NamedRef struct {
	Name    string
	Path    string // empty for the schema's own package
	PkgName string
}

// Projection is a declared projection.
type Projection struct {
	Decl
	Name    string
	Version uint32
	Per     *Entity  // nil = folded from the events of all streams, in sequence
	State   NamedRef // the state's type
	Fold    []Handler
	Ignore  []*Event
	// IgnorePos are where the events are named in Ignore, one for each.
	IgnorePos []token.Position
	Saved     *Struct // the shape of State, if it may be saved; otherwise nil
}

// Handler folds one event kind into the state.
type Handler struct {
	Event *Event
	// Func is what is called with the state's address and the stored event:
	// a method of the state ("Balance", "opened") or a function ("", "applyOpened").
	Recv string
	Func string
	Pos  token.Position
}

// Gate is a declared gate.
type Gate struct {
	Decl
	Name    string
	Context NamedRef
	Func    string // the declared function that Eval names, or a method expression such as "Withdrawal.denyFrozen"
	Codes   []Code // of its denials; none = any
}

// Code is a declared denial code.
type Code struct {
	Value string
	Pos   token.Position
}

// Reactor is a declared reactor.
type Reactor struct {
	Decl
	Name  string
	Type  NamedRef  // of the reactor's value
	On    []Handler // each called with the value's address, the stored event and the batch
	Emits []*Event
	// EmitsPos are where the events are named in Emits, one for each.
	EmitsPos []token.Position
	Loop     bool // it may emit what it reacts to
}

// Command is a declared command.
type Command struct {
	Decl
	Name    string
	Event   *Event
	Gates   []*Gate
	Context NamedRef
	Fill    []Fill // the context's fields in source order, those tagged `bat:"-"` left out
	Bypass  bool   // an append past the gates, with a reason, is emitted
}

// FillFrom says where a field of a gate context comes from.
type FillFrom int

// The sources of a context field.
const (
	FillID         FillFrom = iota + 1 // the entity's id
	FillEvent                          // the proposed event
	FillProjection                     // a loaded state
	FillCaller                         // a parameter of the generated method
)

// Fill is one field of a gate context.
type Fill struct {
	Field      string
	From       FillFrom
	Projection *Projection // FillProjection
	Type       string      // FillCaller: Go source of the type, as seen from the schema's package, qualified by package name
	Imports    []Import    // FillCaller: packages the source refers to
	Pos        token.Position
}
