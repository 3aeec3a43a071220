// Package bench compares generated codecs with those that tinylib/msgp generates,
// on an event of ten fields. It is a module of its own, so that msgp does not
// become a dependency of anyone else.
//
//	go test -run '^$' -bench . -count 6
package bench
