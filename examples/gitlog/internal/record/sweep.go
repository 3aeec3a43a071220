package record

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/batpak-go/batpak/examples/gitlog/history"
	"github.com/batpak-go/batpak/examples/gitlog/internal/git"
)

// The rows of a sweep. Directories beyond them, and those with long names, share
// a row without a name.
const (
	maxRows      = 100
	maxDirectory = 255 // bytes
)

// sumOf adds changes up.
func sumOf(changes []git.Change) history.FilesSwept {
	var sum history.FilesSwept
	for i := range changes {
		sum.Files++
		sum.Added += changes[i].Added
		sum.Deleted += changes[i].Deleted
	}
	return sum
}

// tooMany reports whether changes are too many for an event each.
func tooMany(changes []git.Change) bool {
	size := 0
	for i := range changes {
		size += len(changes[i].Path) + len(changes[i].From)
	}
	return len(changes) > maxFiles || size > maxPaths
}

// directories adds changes up by top-level directory, the one with the most
// changed files first.
func directories(changes []git.Change) []history.DirectorySwept {
	rows := map[string]*history.DirectorySwept{}
	for i := range changes {
		name := history.TopDirectory(changes[i].Path)
		if len(name) > maxDirectory {
			name = nil
		}
		row := rows[string(name)]
		if row == nil {
			row = &history.DirectorySwept{Directory: name}
			rows[string(name)] = row
		}
		row.Files++
		row.Added += changes[i].Added
		row.Deleted += changes[i].Deleted
	}
	sorted := make([]history.DirectorySwept, 0, len(rows))
	for _, row := range rows {
		sorted = append(sorted, *row)
	}
	slices.SortFunc(sorted, func(a, b history.DirectorySwept) int {
		return cmp.Or(cmp.Compare(b.Files, a.Files), bytes.Compare(a.Directory, b.Directory))
	})
	if len(sorted) <= maxRows {
		return sorted
	}
	rest := history.DirectorySwept{}
	for _, row := range sorted[maxRows:] {
		rest.Files += row.Files
		rest.Added += row.Added
		rest.Deleted += row.Deleted
	}
	return append(sorted[:maxRows:maxRows], rest)
}
