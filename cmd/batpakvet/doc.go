// Batpakvet finds in Go packages what batpakgen would find wrong with their
// schemas.
//
// It is a tool for go vet, which runs it on each package and remembers the outcome:
//
//	go get -tool github.com/batpak-go/batpak/cmd/batpakvet
//	go vet -vettool=$(go tool -n batpakvet) ./...
//
// Codes, positions and texts are those of batpakgen -check; "batpakgen explain BP113"
// says what a code means. The lock file, the frozen payloads (BP601 to BP611) and what is
// generated (BP702, BP703) are read where they lie, beside the package; tests are compared
// if there are any, since they may not be wanted. With -batpak.no-drafts, what is not
// released is reported as well (BP612).
//
// Some things differ, because go vet shows a tool one package that compiles, and tells it
// of others only what was found out about those that are imported:
//
//   - Kinds and prefixes that two packages have (BP113, BP115, BP201) are reported in the
//     package that imports the other; if neither does, at the package clause of the first
//     one that imports both, directly or not. Packages of a module that never meet in a
//     program are not compared, as those of one run of batpakgen are.
//   - A type error that the schema reaches (BP005), and a reference to what is yet to be
//     generated (BP004), are errors of the compiler first, which go vet prints.
//   - That generated code does not compile (BP900) is a fault of batpakgen, which it finds
//     when it generates.
//
// The go command remembers what was said of a package until its Go source changes, or that
// of a package that it imports. A change of the lock file, or of frozen payloads, alone
// makes it look again only with -a, which builds all anew, or with another text for
// -batpak.again:
//
//	go vet -vettool=$(go tool -n batpakvet) -batpak.again=$(git rev-parse HEAD) ./...
//
// What is to be sure, such as a build before a release, uses batpakgen -check, which
// looks each time.
package main
