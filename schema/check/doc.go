// Package check judges what a schema says: one function for each code.
//
// It works on the model alone. What needs syntax or types, such as the shape of
// a payload or the purity of a fold, has been judged by the time there is a model.
// Rules that need the whole of a declaration pass over one that is marked as
// broken, so that one mistake gives one diagnostic.
package check
