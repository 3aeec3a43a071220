package replay

import "github.com/batpak-go/batpak/runtime/internal/chain"

// hashed is how many bytes are digested together.
const hashed = 128 << 10

// hasher digests the bytes of a segment on a goroutine of its own: that takes about as
// long as all else that is done with them. What is written to it is copied, so that the
// digest is of what was checked, whatever the disk says when it is asked again.
type hasher struct {
	buf        []byte
	free, full chan []byte
	done       chan struct{} // nil = there is no goroutine
}

// write adds bytes to a digest that is written by nobody else until wait has returned.
func (h *hasher) write(to *chain.Segment, p []byte) {
	for len(p) > 0 {
		n := min(len(p), hashed-len(h.buf)) // of most files no more than a header is read, so the buffer grows
		h.buf, p = append(h.buf, p[:n]...), p[n:]
		if len(h.buf) == hashed {
			h.hand(to)
		}
	}
}

// hand passes on what is in the buffer.
func (h *hasher) hand(to *chain.Segment) {
	if h.done == nil {
		if h.free == nil {
			h.free = make(chan []byte, 3)
			for range cap(h.free) {
				h.free <- nil
			}
		}
		full, done := make(chan []byte, cap(h.free)), make(chan struct{})
		h.full, h.done = full, done
		go func() {
			defer close(done)
			for b := range full {
				to.Write(b)
				h.free <- b[:0]
			}
		}()
	}
	h.full <- h.buf
	h.buf = <-h.free
}

// wait returns when all that was written is digested, and keeps no goroutine and no memory.
func (h *hasher) wait(to *chain.Segment) {
	if h.done != nil {
		close(h.full)
		<-h.done
	}
	to.Write(h.buf)
	*h = hasher{}
}
