package replay

import (
	"fmt"
	"slices"
	"strings"

	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// Inventory is what the directory holds.
type Inventory struct {
	Last    uint64   // segments; they are numbered from 1 without a gap
	Temps   []string // of segments, left by a crash
	Lost    []string // sorted, so the oldest first: the log only grows
	Foreign []string
}

// List sorts the names in the directory by what they are. It fails with a
// [*segment.DamageError] if a segment is missing or is not a file.
func List(dir vfs.FS) (*Inventory, error) {
	entries, err := dir.List()
	if err != nil {
		return nil, fmt.Errorf("list the directory: %w", err)
	}
	var v Inventory
	var numbers []uint64
	for _, e := range entries {
		name, temp := strings.CutSuffix(e.Name, vfs.TempSuffix)
		number, ours := segment.ParseName(name)
		switch {
		case ours && !e.Regular:
			return nil, &segment.DamageError{Segment: number, Reason: fmt.Sprintf("the name %s belongs to what is not a regular file", e.Name)}
		case ours && temp:
			v.Temps = append(v.Temps, e.Name)
		case ours:
			numbers = append(numbers, number)
		case e.Regular && isLostName(e.Name):
			v.Lost = append(v.Lost, e.Name)
		default:
			v.Foreign = append(v.Foreign, e.Name)
		}
	}
	slices.Sort(numbers)
	for _, number := range numbers {
		if v.Last++; number != v.Last {
			sometimes.Reached("segment was missing from the directory")
			return nil, &segment.DamageError{Segment: v.Last, Reason: fmt.Sprintf("the file is missing, but that of segment %d is there", number)}
		}
	}
	return &v, nil
}

// LostName is the name of the file that keeps what was cut off a segment from
// this offset on.
func LostName(number uint64, offset int64) string {
	return fmt.Sprintf("lost-%016x-%08x", number, offset)
}

func isLostName(name string) bool {
	var number uint64
	var offset int64
	n, err := fmt.Sscanf(name, "lost-%16x-%8x", &number, &offset)
	return n == 2 && err == nil && name == LostName(number, offset)
}
