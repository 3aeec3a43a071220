package batpak

import "fmt"

// Binding is what a generated journal tells the store about its schema.
type Binding struct {
	Schema string // import path of the schema's package
	Kinds  []BoundKind
}

// BoundKind is one event kind of a schema.
type BoundKind struct {
	Kind Kind
	Name string // of the payload type
}

// BindError says that two schemas claim the same kind of one store.
type BindError struct {
	Kind   Kind
	Schema string // the one that came second
	Holder string // the one that has it
}

func (e *BindError) Error() string {
	return fmt.Sprintf("batpak: bind %s: kind %v belongs to %s already", e.Schema, e.Kind, e.Holder)
}

// Is matches [ErrInvalid].
func (e *BindError) Is(target error) bool { return target == ErrInvalid }

// Code returns "kind-taken".
func (e *BindError) Code() string { return "kind-taken" }

// Bind claims the kinds of a schema for as long as the store is open. Binding a
// schema again changes nothing. A kind that another schema claimed is a
// [*BindError], and then none of the kinds is claimed. Generated code calls it.
func (s *Store) Bind(b Binding) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range b.Kinds {
		if k.Kind.Reserved() {
			return &ArgumentError{What: fmt.Sprintf("kind %v of %s", k.Kind, k.Name), Reason: "is of a reserved category"}
		}
		if holder, ok := s.bound[k.Kind]; ok && holder != b.Schema {
			return &BindError{Kind: k.Kind, Schema: b.Schema, Holder: holder}
		}
	}
	for _, k := range b.Kinds {
		s.bound[k.Kind] = b.Schema
	}
	return nil
}
