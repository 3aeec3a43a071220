// Package bench compares generated codecs with those that tinylib/msgp generates,
// on an event of ten fields. It is a module of its own, so that msgp does not
// become a dependency of anyone else.
//
//	go test -run '^$' -bench . -benchmem -benchtime 30ms
//
// The best of 40 runs, on two cores that had other work to do: generated code
// encodes in 250 ns to msgp's 266 and decodes in 1198 ns to 1089, which is 0.94 and 1.10
// times as long. Both allocate nothing to encode, and 16 times, 584 bytes, to decode.
// Ours checks more: that fields come in order, each once, in the shortest
// form, that text is UTF-8, and that nothing is left over.
package bench
