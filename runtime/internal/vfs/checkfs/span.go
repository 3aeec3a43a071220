package checkfs

import "slices"

// span is a range of bytes of a file.
type span struct{ from, to int64 }

// spans are sorted, and do not overlap or touch.
type spans []span

// add returns s with one more range.
func (s spans) add(from, to int64) spans {
	if from >= to {
		return s
	}
	i := 0
	for i < len(s) && s[i].to < from {
		i++
	}
	j := i
	for j < len(s) && s[j].from <= to {
		from, to = min(from, s[j].from), max(to, s[j].to)
		j++
	}
	return slices.Replace(slices.Clone(s), i, j, span{from, to})
}

// remove returns s without a range.
func (s spans) remove(from, to int64) spans {
	if from >= to {
		return s
	}
	var kept spans
	for _, r := range s {
		if r.from < from {
			kept = append(kept, span{r.from, min(r.to, from)})
		}
		if r.to > to {
			kept = append(kept, span{max(r.from, to), r.to})
		}
	}
	return kept
}

// meet reports whether a byte of the range is in s.
func (s spans) meet(from, to int64) bool {
	return slices.ContainsFunc(s, func(r span) bool { return r.from < to && from < r.to })
}
