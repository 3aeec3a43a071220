// Package node reads the JSON that lock files are made of, and keeps where each
// value stands, so that diagnostics can point at it.
//
// It takes objects, arrays, strings, and numbers that are not negative and have no
// fraction. The size and the depth of a file are bounded. Which names there are,
// and what they mean, is for package lock to say.
package node
