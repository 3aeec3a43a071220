package replay

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

const lostPrefix = "lost-"

// Unfinished is the name of the file that says that the directory is to be a copy of
// a log and is not yet one. Whatever else is there, it is no log.
const Unfinished = "unfinished"

// ErrUnfinished says that there is such a file.
var ErrUnfinished = errors.New("the directory holds an unfinished copy")

// Inventory is what the directory holds.
type Inventory struct {
	Files       []segment.Span // that have their names
	Log         []segment.Span // those of them that are the log, if no merge is under way
	Last        uint64         // segments; they are numbered from 1 without a gap
	Temps       []string       // of segments, notes and checkpoints, left by a crash
	Lost        []string       // sorted, so the oldest first: the log only grows
	Checkpoints []string
	Merging     bool // there is the note of a merge
	Foreign     []string
}

// List sorts the names in the directory by what they are. It fails with a
// [*segment.DamageError] if a segment is missing or is not a file, and with
// [ErrUnfinished].
//
// Others may be merging segments. What looks at names takes more than a moment: it may see
// neither a file that is removed meanwhile nor the one that took its place. So a file that
// is missing is looked for again.
func List(dir vfs.FS) (v *Inventory, err error) {
	for range attempts {
		v, err = list(dir)
		if _, missing := errors.AsType[*segment.DamageError](err); !missing || planted.Bug("file that was merged while names were read is missing") {
			break
		}
		sometimes.Reached("file that was missing was looked for again")
	}
	return v, err
}

func list(dir vfs.FS) (*Inventory, error) {
	entries, err := dir.List()
	if err != nil {
		return nil, fmt.Errorf("list the directory: %w", err)
	}
	var v Inventory
	for _, e := range entries {
		name, temp := strings.CutSuffix(e.Name, vfs.TempSuffix)
		span, ours := segment.ParseSpan(name)
		switch {
		case e.Name == Unfinished && !planted.Bug("unfinished copy is taken for a store"):
			sometimes.Reached("directory held an unfinished copy")
			return nil, ErrUnfinished
		case ours && !e.Regular:
			return nil, &segment.DamageError{Segment: span.First, Reason: fmt.Sprintf("the name %s belongs to what is not a regular file", e.Name)}
		case (ours || (name == compact.Note || checkpoint.IsName(name)) && e.Regular) && temp:
			v.Temps = append(v.Temps, e.Name)
		case checkpoint.IsName(name) && e.Regular:
			v.Checkpoints = append(v.Checkpoints, e.Name)
		case ours:
			v.Files = append(v.Files, span)
		case name == compact.Note && e.Regular:
			v.Merging = true
		default:
			if _, lost := ParseLostName(e.Name); lost && e.Regular {
				v.Lost = append(v.Lost, e.Name)
			} else {
				v.Foreign = append(v.Foreign, e.Name)
			}
		}
	}
	if v.Log, _, err = segment.Resolve(v.Files); err != nil {
		return nil, err
	}
	for _, s := range v.Log {
		if s.First != v.Last+1 {
			sometimes.Reached("segment was missing from the directory")
			return nil, &segment.DamageError{Segment: v.Last + 1, Reason: fmt.Sprintf("the file is missing, but that of segment %d is there", s.First)}
		}
		v.Last = s.Last
	}
	if n := len(v.Log); n > 0 && v.Log[n-1].Round > 0 {
		sometimes.Reached("segment behind a merged one was missing")
		return nil, &segment.DamageError{Segment: v.Last + 1, Reason: fmt.Sprintf("the file is missing, but segment %d was merged, which the last one never is", v.Last)}
	}
	return &v, v.checkLost()
}

// checkLost looks for a segment that is gone from the end of the log: one that a
// tail was cut off was there, durably, before the tail was kept.
func (v *Inventory) checkLost() error {
	if len(v.Lost) == 0 {
		return nil
	}
	newest := v.Lost[len(v.Lost)-1]
	number, _ := ParseLostName(newest)
	if number <= v.Last || planted.Bug("kept tail of a missing segment says nothing") {
		return nil
	}
	sometimes.Reached("kept tail told of a missing segment")
	return &segment.DamageError{Segment: v.Last + 1, Reason: fmt.Sprintf("the file is missing, but %s was cut off segment %d", newest, number)}
}

// LostName is the name of the file that keeps what was cut off a segment from
// this offset on.
func LostName(number uint64, offset int64) string {
	return fmt.Sprintf("%s%016x-%08x", lostPrefix, number, offset)
}

// ParseLostName reads the number of the segment back from a name. It reports false
// for every name that [LostName] does not give.
func ParseLostName(name string) (number uint64, ok bool) {
	hex, ok := strings.CutPrefix(name, lostPrefix)
	if !ok || len(hex) != len("0123456789abcdef-01234567") || hex[16] != '-' {
		return 0, false
	}
	number, err := strconv.ParseUint(hex[:16], 16, 64)
	if err != nil {
		return 0, false
	}
	offset, err := strconv.ParseInt(hex[17:], 16, 64)
	return number, err == nil && name == LostName(number, offset)
}
