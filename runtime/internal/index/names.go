package index

import (
	"cmp"
	"slices"
	"strings"

	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// names are streams in the order of their names: runs, each sorted and more than
// twice as long as the next. So there are few of them, and a stream is moved about
// as often as there are runs.
type names struct {
	runs  [][]uint32
	count int // of streams in all runs
}

// sortNames takes the streams that were added since the last time into the names.
func (x *Index) sortNames() {
	x.mu.RLock()
	sorted := x.names.count == len(x.streams) || x.names.count > 0 && planted.Bug("names are sorted once")
	x.mu.RUnlock()
	if sorted {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	run := make([]uint32, 0, len(x.streams)-x.names.count)
	for i := x.names.count; i < len(x.streams); i++ {
		run = append(run, uint32(i))
	}
	slices.SortFunc(run, x.compareNames)
	runs := x.names.runs
	for len(runs) > 0 && len(runs[len(runs)-1]) <= 2*len(run) {
		sometimes.Reached("runs of names were merged")
		run = x.mergeNames(runs[len(runs)-1], run)
		runs = runs[:len(runs)-1]
	}
	x.names = names{runs: append(runs, run), count: len(x.streams)}
}

func (x *Index) compareNames(a, b uint32) int {
	return cmp.Compare(x.streams[a].name, x.streams[b].name)
}

func (x *Index) mergeNames(a, b []uint32) []uint32 {
	merged := make([]uint32, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if x.compareNames(a[0], b[0]) < 0 {
			merged, a = append(merged, a[0]), a[1:]
		} else {
			merged, b = append(merged, b[0]), b[1:]
		}
	}
	return append(append(merged, a...), b...)
}

// prefixLocked finds the streams whose names begin with prefix: a part of each run.
func (x *Index) prefixLocked(prefix string) (parts [][]uint32, count int) {
	for _, run := range x.names.runs {
		from, _ := slices.BinarySearchFunc(run, prefix, func(s uint32, p string) int {
			return cmp.Compare(x.streams[s].name, p)
		})
		n, _ := slices.BinarySearchFunc(run[from:], prefix, func(s uint32, p string) int {
			if strings.HasPrefix(x.streams[s].name, p) {
				return -1
			}
			return 1
		})
		if n > 0 {
			parts, count = append(parts, run[from:from+n]), count+n
		}
	}
	return parts, count
}
