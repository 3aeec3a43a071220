// Package static evaluates schema declarations without running them.
//
// A schema declaration is a package-level variable of a type of package schema
// with an initialiser of its own. The initialiser is one of
//
//   - a constant expression,
//   - a composite literal of a struct or slice of package schema,
//   - the name of another schema declaration of the package,
//   - a declared function or method expression of the package,
//   - a call of schema.On, schema.Step or schema.React.
//
// Everything else is a diagnostic, and so is an assignment to a declaration.
// The Go compiler has checked the types by then; where it found errors, they
// are passed on if the schema reaches them and ignored if not.
//
// The package fills the model and does not judge it: that a kind is free or a
// projection complete is for package check to say. It reads syntax and types in
// memory only; how these were loaded is not its business.
package static
