// Package purity finds what makes a fold, a gate or an upcast depend on more than its
// arguments: the clock, chance, other goroutines, package variables, the order
// of a map.
//
// It walks a function and every function of the same package that it mentions.
// Outside of the package only functions that are known to be pure may be used: a
// list of packages of the standard library, and the values of the runtime. A
// function of any other package is refused, since its body is not read.
//
// Functions are judged where they are mentioned, called or not, so a function
// value that a pure function makes or is given is pure as well. A value that
// comes from a field, an element or a call is of unknown origin and may not be
// called. What the standard library calls through interfaces, such as the String
// method of a value that is formatted, is not followed.
//
// The package judges only; it loads nothing.
package purity
