package recovery

import (
	"fmt"
	"slices"
	"strings"

	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// inventory is what the directory holds.
type inventory struct {
	last    uint64   // segments; they are numbered from 1 without a gap
	temps   []string // of segments, left by a crash
	lost    []string // sorted, so the oldest first: the log only grows
	foreign []string
}

// list sorts the names in the directory by what they are.
func list(dir vfs.FS) (*inventory, error) {
	entries, err := dir.List()
	if err != nil {
		return nil, fmt.Errorf("list the directory: %w", err)
	}
	var v inventory
	var numbers []uint64
	for _, e := range entries {
		name, temp := strings.CutSuffix(e.Name, vfs.TempSuffix)
		number, ours := segment.ParseName(name)
		switch {
		case ours && !e.Regular:
			return nil, &segment.DamageError{Segment: number, Reason: fmt.Sprintf("the name %s belongs to what is not a regular file", e.Name)}
		case ours && temp:
			v.temps = append(v.temps, e.Name)
		case ours:
			numbers = append(numbers, number)
		case e.Regular && isLostName(e.Name):
			v.lost = append(v.lost, e.Name)
		default:
			v.foreign = append(v.foreign, e.Name)
		}
	}
	slices.Sort(numbers)
	for _, number := range numbers {
		if v.last++; number != v.last {
			sometimes.Reached("segment was missing from the directory")
			return nil, &segment.DamageError{Segment: v.last, Reason: fmt.Sprintf("the file is missing, but that of segment %d is there", number)}
		}
	}
	return &v, nil
}
