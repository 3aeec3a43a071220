package scaffold

import "github.com/batpak-go/batpak/schema/lock"

// Free returns the kind and the prefix that init gives beside the files.
func Free(pkg string, files ...*lock.File) (first lock.Kind, ok bool, prefix string) {
	t := &taken{kinds: map[lock.Kind]bool{}, prefixes: map[string]bool{}}
	for _, f := range files {
		t.add(f)
	}
	first, ok = t.freeKinds()
	return first, ok, t.freePrefix("task", pkg)
}
