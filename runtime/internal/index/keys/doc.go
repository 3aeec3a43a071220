// Package keys finds what was added under a fingerprint: the table of idempotency keys of
// an index, which has nothing of a key but that.
package keys
