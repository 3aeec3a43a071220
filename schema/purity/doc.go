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
// comes from a field, an element, an interface or a channel is of unknown origin: it may
// not be called, given on or returned, nor may a variable that ever held one.
//
// Of the methods that the standard library calls through interfaces, those are followed
// that a type of the same package has where a value of it, or one that it holds, is
// given to a function: Less of what is sorted, String of what is formatted.
//
// A function that is called for the entries of a map in random order, by maps.DeleteFunc,
// has to be seen to change nothing but its own variables, and not to look at the map.
//
// The package judges only; it loads nothing.
package purity
