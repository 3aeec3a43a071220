package chunk

import "iter"

const (
	size  = 1 << 12 // elements that a chunk has room for
	first = 8       // that the first one has room for at first
)

// List is elements in the order in which they were added. The first chunk grows with what is
// in it, so that a short list is small; the others are made at once. The zero List is empty.
type List[T any] struct{ chunks [][]T }

// Add adds an element behind the others.
func (l *List[T]) Add(e T) {
	last := len(l.chunks) - 1
	switch {
	case last < 0:
		l.chunks = append(l.chunks, make([]T, 0, first))
		last++
	case len(l.chunks[last]) == size:
		l.chunks = append(l.chunks, make([]T, 0, size))
		last++
	}
	l.chunks[last] = append(l.chunks[last], e)
}

// Len is how many elements there are.
func (l *List[T]) Len() int {
	last := len(l.chunks) - 1
	if last < 0 {
		return 0
	}
	return last*size + len(l.chunks[last])
}

// At is element i, counted from 0.
func (l *List[T]) At(i uint32) *T { return &l.chunks[i/size][i%size] }

// All are the elements in order.
func (l *List[T]) All() iter.Seq2[int, *T] {
	return func(yield func(int, *T) bool) {
		for n, chunk := range l.chunks {
			for i := range chunk {
				if !yield(n*size+i, &chunk[i]) {
					return
				}
			}
		}
	}
}
