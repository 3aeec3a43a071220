// Package frontier keeps the store's watermarks and lets callers wait for them.
//
// A mark says up to which sequence, inclusive, something is true: written is
// at or beyond durable, and visible is what readers may see. Marks only rise.
// The package does not know what makes them rise.
package frontier
