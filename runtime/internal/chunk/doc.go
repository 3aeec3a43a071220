// Package chunk holds lists that grow by millions of elements: each element stays where it
// was put. An array that grows is copied again and again, each time to memory that is
// touched for the first time.
package chunk
