// Batpakvet finds in Go packages what batpakgen would find wrong with their
// schemas.
//
// It is a tool for go vet, which runs it on each package and remembers the outcome:
//
//	go get -tool github.com/batpak-go/batpak/cmd/batpakvet
//	go vet -vettool=$(go tool -n batpakvet) ./...
//
// Codes, positions and texts are those of batpakgen; "batpakgen explain BP113" says
// what a code means. Three kinds of findings are left to batpakgen -check, because
// go vet shows a tool one package that compiles, and nothing else: type errors that
// the schema reaches (BP005), which go vet reports itself; kinds and prefixes that
// two packages have taken (BP113, BP201); and everything about files that are no Go
// source of the package or would have to be written: the lock file and the frozen
// payloads (BP600 to BP699), and generated files that are out of date (BP702,
// BP703).
package main
