// Package address tells where package fmt writes the address of something in place of
// its value.
//
// A pointer is followed only as an argument itself, and only to a struct, a slice, an
// array or a map. In any of these it is written as an address, and so is a pointer to
// something else, a channel and a function. A type with a method that formats it is
// left to that method, unless it is reached through an unexported field.
package address
