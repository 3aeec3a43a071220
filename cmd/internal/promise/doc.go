// Package promise keeps what was promised about stored events on disk: the lock
// file of a package, and the frozen payloads of its released versions.
//
// It reads them, has the schema judged by them, and says what has to become of
// them; it writes nothing. What the promises are, and what breaks them, is known
// to package schema/evolution.
package promise
