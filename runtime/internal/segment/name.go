package segment

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const (
	suffix      = ".seg"
	digits      = 16
	roundDigits = 8
	hexDigits   = "0123456789abcdef"
)

// Name is the name of the file that holds the segment with this number as it was
// written.
func Name(number uint64) string {
	name := []byte("0000000000000000" + suffix)
	for i := digits - 1; number > 0; i, number = i-1, number>>4 {
		name[i] = hexDigits[number&0xf]
	}
	return string(name)
}

// ParseName reads the number back from a name. It reports false for every name
// that [Name] does not give to a segment from 1 on.
func ParseName(name string) (number uint64, ok bool) {
	hex, ok := strings.CutSuffix(name, suffix)
	if !ok {
		return 0, false
	}
	return parseHex(hex, digits)
}

// Span is a file of the log: the segments for which it stands.
type Span struct {
	First, Last uint64 // numbers
	Round       uint32 // of the compaction that made it; 0 = it is a segment as it was written
}

// Plain is the span of a segment as it was written.
func Plain(number uint64) Span { return Span{First: number, Last: number} }

// Name is the name of the file.
func (s Span) Name() string {
	if s.Round == 0 {
		return Name(s.First)
	}
	return fmt.Sprintf("%0*x-%0*x-%0*x%s", digits, s.First, digits, s.Last, roundDigits, s.Round, suffix)
}

// ParseSpan reads the span back from a name. It reports false for every name that
// [Span.Name] does not give to segments from 1 on.
func ParseSpan(name string) (s Span, ok bool) {
	if number, plain := ParseName(name); plain {
		return Plain(number), true
	}
	hex, ok := strings.CutSuffix(name, suffix)
	if !ok || strings.Count(hex, "-") != 2 {
		return Span{}, false
	}
	parts := strings.Split(hex, "-")
	first, ok1 := parseHex(parts[0], digits)
	last, ok2 := parseHex(parts[1], digits)
	round, ok3 := parseHex(parts[2], roundDigits)
	if !ok1 || !ok2 || !ok3 || last < first {
		return Span{}, false
	}
	return Span{First: first, Last: last, Round: uint32(round)}, true
}

// Covers reports whether s stands for all segments that o stands for, and was made
// after it.
func (s Span) Covers(o Span) bool { return s.First <= o.First && o.Last <= s.Last && s.Round > o.Round }

// parseHex reads a number from 1 on that is written in so many lower-case digits, 16 at
// most.
func parseHex(hex string, digits int) (number uint64, ok bool) {
	for i := range len(hex) {
		digit, letter := hex[i]-'0', hex[i]-'a'
		switch {
		case len(hex) != digits || digit > 9 && letter > 5:
			return 0, false
		case digit > 9:
			digit = letter + 10
		}
		number = number<<4 | uint64(digit)
	}
	return number, number > 0
}

// Resolve tells the files that are the log from those that a compaction has made
// superfluous and has not removed yet, each in the order of the log. It fails with a
// [*DamageError] if a segment is in two files neither of which was made of the other.
func Resolve(files []Span) (log, superseded []Span, err error) {
	files, log = slices.Clone(files), make([]Span, 0, len(files))
	slices.SortFunc(files, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(b.Last, a.Last), cmp.Compare(b.Round, a.Round))
	})
	for _, s := range files {
		if slices.ContainsFunc(files, func(o Span) bool { return o.Covers(s) }) {
			superseded = append(superseded, s)
			continue
		}
		if n := len(log); n > 0 && s.First <= log[n-1].Last {
			return nil, nil, &DamageError{Segment: s.First, Reason: fmt.Sprintf("the segment is in %s and in %s", log[n-1].Name(), s.Name())}
		}
		log = append(log, s)
	}
	return log, superseded, nil
}
