package schema

import batpak "github.com/batpak-go/batpak/runtime"

// Category is the upper 4 bits of an event kind, 0x1 to 0xF except 0xD. The
// categories 0x0 and 0xD are reserved for the store.
type Category uint8

// TypeID is the lower 12 bits of an event kind, 0x000 to 0xFFF. Category and
// type together are an event's name on disk and are never given to another
// event.
type TypeID uint16

// Entity declares what the streams of a family are named: an entity of id x has
// the stream "prefix:x". ID is a named type over a string or an integer.
type Entity[ID any] struct {
	Prefix string // [a-z][a-z0-9-]*
	Scope  string // scope of every event; empty means the journal's In method says it
}

func (Entity[ID]) entity() {}

// AnyEntity is any [Entity].
type AnyEntity interface{ entity() }

// Event declares that payload struct T is stored as events of one kind in the
// streams of one entity family.
type Event[T any] struct {
	Category Category
	Type     TypeID
	Version  uint16 // of the payload's shape, from 1
	Entity   AnyEntity
	Upcasts  Chain // from version 1 to Version, a step for each version before it
}

func (Event[T]) event() {}

// Chain lists the upcasts of an event, oldest first.
type Chain []Upcast

// Upcast lifts a payload from one version to the next; see [Step].
type Upcast struct{ _ [0]func() }

// Step says that a payload of version from, which is stored as From has it, is
// lifted to the next version by f, a declared function. f must be pure. Stored
// bytes are never rewritten: f runs whenever such an event is read.
func Step[From, To any](from uint16, f func(From) (To, error)) Upcast {
	return Upcast{}
}

// Retired lists kinds that were given once. They are never given again, because
// events of them may be in a store for ever.
type Retired []RetiredEvent

// RetiredEvent names a kind that is no longer declared, and the payload struct
// that it had.
type RetiredEvent struct {
	Category Category
	Type     TypeID
	Name     string
}

// Enum declares that the values of T, a named type over a string or an integer,
// are the constants of that type in its package. A stored value that no constant
// has is an error when it is read, or is kept if the enumeration is open.
type Enum[T any] struct{ Open bool }

// AnyEvent is any [Event].
type AnyEvent interface{ event() }

// Events lists events of any payload.
type Events []AnyEvent

// Handler folds the events of one kind into a state S; see [On].
type Handler[S any] struct{ _ [0]func(*S) }

// On says that events e are folded into the state by apply, a method expression
// such as (*Balance).deposited, or a declared function. apply must be pure: it
// depends on the state and the event alone.
func On[S, T any](e Event[T], apply func(*S, batpak.Stored[T])) Handler[S] {
	return Handler[S]{}
}

// Fold lists the handlers of a projection.
type Fold[S any] []Handler[S]

// Projection declares a state S that is folded from the stream of one entity, or
// without Per from all streams in the order of the log. Every event of the
// entity, or of any entity of which it folds an event, must be in Fold or in
// Ignore.
type Projection[S any] struct {
	Name    string    // unique, lower-case words with dashes; names the journal's method
	Version uint32    // from 1; raise it when the fold changes
	Per     AnyEntity // nil: one state, folded from the streams of all entities
	Fold    Fold[S]
	Ignore  Events
	// Saved asks for a method that resumes the state from bytes that it gave out
	// before, and folds only what came since. S has to be a struct of this package
	// with fields that a payload could have, all of them stored.
	Saved bool
}

// Gate declares a named predicate over the context C of a command. Eval must be
// pure and must not modify its context.
type Gate[C any] struct {
	Name string // lower-case words with dashes
	Eval func(C) *batpak.Denial
	// Codes are the codes that its denials may have; none means any.
	Codes Codes
}

// Codes lists denial codes.
type Codes []string

// Gates lists gates in the order of their evaluation.
type Gates[C any] []Gate[C]

// Command declares that event T is appended only after all gates let it pass.
//
// The gates see a context C, a struct whose fields are filled by their types: a
// field of the entity's id type gets the id, a field of a projection's state is
// loaded, a field of type T gets the proposed event, and fields tagged
// `bat:"caller"` become parameters of the generated method.
type Command[C, T any] struct {
	Name  string // lower-case words with dashes; names the journal's method
	Event Event[T]
	Gates Gates[C]
	// Bypass asks for a method that appends the event past the gates, for repairs
	// by hand. It takes a reason, which is stored with the event.
	Bypass bool
}

// Reaction is what a reactor R does about the events of one kind; see [React].
type Reaction[R any] struct{ _ [0]func(*R) }

// React says that reactor R answers events e with f, a method expression or a
// declared function, which adds the events it wants appended to the batch.
func React[R, T any](e Event[T], f func(*R, batpak.Stored[T], *batpak.Batch) error) Reaction[R] {
	return Reaction[R]{}
}

// Reactions lists what a reactor reacts to.
type Reactions[R any] []Reaction[R]

// Reactor declares that events of some kinds are answered by events of others.
type Reactor[R any] struct {
	Name  string // unique, lower-case words with dashes
	On    Reactions[R]
	Emits Events
	Loop  bool // it may emit what it reacts to, itself or through others
}
