package wire

// Skip reads one value of any kind and drops it. The value must be well-formed
// but not canonical, as nobody here will encode it again.
func (d *Decoder) Skip() {
	var unread [MaxDepth + 1]int // values, by depth
	base := d.depth
	unread[base] = 1
	for d.err == nil {
		switch {
		case unread[d.depth] > 0:
			unread[d.depth]--
			at := d.off
			if n := d.skipHead(); n > 0 && d.enter(at, n) {
				unread[d.depth] = int(n)
			}
		case d.depth == base:
			return
		default:
			d.depth--
		}
	}
}

// skipHead skips a scalar, or the head of a container and returns the number
// of values in it.
func (d *Decoder) skipHead() (values uint64) {
	h := d.head()
	switch h.kind {
	case kindText, kindBin, kindFloat:
		d.take(h.arg)
	case kindExt:
		d.take(h.arg + 1)
	case kindArray:
		return h.arg
	case kindMap:
		return 2 * h.arg
	}
	return 0
}
