package payload

// What the tests of names see.
const MaxWire = maxWire

// SnakeCase is the default wire name of a field.
func SnakeCase(field string) string { return snakeCase(field) }

// ValidWire reports whether a wire name is well-formed.
func ValidWire(name string) bool { return validWire(name) }

// StoredAs returns the wire name of a field with a tag, or whether the field is
// skipped.
func StoredAs(field, tag string) (wire string, skip bool, err error) {
	s, err := storedAs(field, tag)
	return s.wire, s.skip, err
}

// Importable makes importable visible to tests.
func Importable(path, from string) bool { return importable(path, from) }
