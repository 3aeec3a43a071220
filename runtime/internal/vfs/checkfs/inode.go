package checkfs

import (
	"bytes"

	"github.com/batpak-go/batpak/runtime/internal/format"
)

// inode is what is known of a file apart from who has it open.
type inode struct {
	name    string // the one it has; empty = none any more
	named   bool   // the name is durable
	made    bool   // in this opening
	renamed bool   // in this opening
	synced  bool   // since it was made
	segment uint64 // number; 0 = not a segment's file
	sealed  bool   // the next segment was begun
	shared  bool   // with another directory
	merged  int64  // end of the groups of a merged segment that is opened to get its footer; 0 = it is none

	size     int64
	safe     int64 // what a power cut leaves of the size, at least
	unsynced spans // written since the last sync began
	syncing  spans // written before that
	ghosts   spans // seen, perhaps, but not durable, and no sync alone will change that

	torn    int64 // where a write that failed has left something; -1 = nowhere
	tornEnd int64
	cut     bool // since the last sync began
	cutting bool // before that, and the sync has not returned
	dead    bool // a sync or cut failed

	// Of a segment's file, or of one that is to become a segment's.
	end    int64 // of the last group, or of the header
	store  [16]byte
	sound  int64  // of what was found: the end of the last group
	proof  int64  // of what was found: groups say that it is durable up to here
	found  []byte // what was found
	groups bool   // there is one at least
}

// clean reports whether a power cut would leave the range as it is.
func (n *inode) clean(from, to int64) bool {
	return !n.unsynced.meet(from, to) && !n.syncing.meet(from, to) && !n.ghosts.meet(from, to) && to <= n.safe
}

// settled reports whether a power cut would leave the file as it is, whatever its
// name.
func (n *inode) settled() bool {
	return n.clean(0, n.size) && n.torn < 0 && !n.cut && !n.cutting && !n.dead
}

// wrote takes in a write that succeeded.
func (n *inode) wrote(from, to int64) {
	n.unsynced = n.unsynced.add(from, to)
	n.ghosts = n.ghosts.remove(from, to)
	n.size = max(n.size, to)
	if n.torn >= from {
		n.mend(to)
	}
}

// tear takes in that a write failed.
func (n *inode) tear(from, to int64) {
	n.unsynced = n.unsynced.add(from, to)
	n.size = max(n.size, to)
	if n.torn < 0 || from < n.torn {
		n.torn = from
	}
	n.tornEnd = max(n.tornEnd, to)
}

// mend takes in that zeros were written over what a write that failed has left,
// up to this offset.
func (n *inode) mend(to int64) {
	if n.torn = to; to >= n.tornEnd {
		n.torn, n.tornEnd = -1, 0
	}
}

// resize takes in a truncation that succeeded.
func (n *inode) resize(size int64) {
	if size < n.size {
		n.unsynced = n.unsynced.remove(size, n.size)
		n.syncing = n.syncing.remove(size, n.size)
		n.ghosts = n.ghosts.remove(size, n.size)
	} else {
		n.unsynced = n.unsynced.add(n.size, size)
	}
	n.size, n.safe, n.cut = size, min(n.safe, size), true
	if n.tornEnd = min(n.tornEnd, size); n.torn >= size || n.segment == 0 { // a part of a copy is a copy
		n.torn, n.tornEnd = -1, 0
	}
}

// beginSync says what the sync that begins now is to make durable.
func (n *inode) beginSync() (size int64) {
	for _, r := range n.unsynced {
		n.syncing = n.syncing.add(r.from, r.to)
	}
	n.unsynced = nil
	n.cut, n.cutting = false, n.cut || n.cutting
	return n.size
}

// endSync takes in how the sync went that began when the file had this size.
func (n *inode) endSync(size int64, err error) {
	if err != nil {
		for _, r := range n.syncing {
			n.ghosts = n.ghosts.add(r.from, r.to)
		}
		n.syncing, n.dead = nil, true
		return
	}
	n.syncing, n.cutting = nil, false
	n.safe = min(size, n.size)
	n.synced = true
}

// group is a group whose events were not promised yet.
type group struct {
	file        *inode
	from, to    int64
	first, last uint64 // sequences
}

// survey reads what was found in the file of the last segment: groups up to the
// first thing that is none, as recovery does, without judging what follows. The
// groups that nothing proves durable are returned.
func (n *inode) survey(b []byte) (unproven []group, last uint64) {
	n.found, n.size = b, int64(len(b))
	n.ghosts = spans(nil).add(0, n.size)
	h, err := format.ParseSegmentHeader(b)
	if err != nil || h.Segment != n.segment {
		return nil, 0
	}
	n.store, n.end = h.Store, format.SegmentHeaderSize
	return n.surveyOn(h.FirstSequence-1, 0)
}

// surveyOn goes on with the survey from the end so far, which is that of an event.
func (n *inode) surveyOn(before uint64, incarnation uint32) (unproven []group, last uint64) {
	b := n.found
	last = before
	for {
		g, to, ok := n.groupAt(b, n.end)
		if !ok || g.Incarnation < incarnation {
			break
		}
		proof := int64(g.Durable)
		if g.Type == format.GroupClose {
			proof = n.end
		}
		if g.Count > 0 {
			last = g.FirstSequence + uint64(g.Count) - 1
			unproven = append(unproven, group{n, n.end, to, g.FirstSequence, last})
		}
		n.proof, n.end, n.groups = max(n.proof, proof), to, true
		incarnation = g.Incarnation
	}
	n.sound, n.safe, n.named = n.end, n.proof, n.groups
	n.ghosts = n.ghosts.remove(0, n.proof)
	for len(unproven) > 0 && unproven[0].to <= n.proof {
		unproven = unproven[1:]
	}
	return unproven, last
}

// groupAt parses the group that begins at this offset of b and reports where it
// ends.
func (n *inode) groupAt(b []byte, at int64) (h format.GroupHeader, end int64, ok bool) {
	return n.parseGroup(b[min(at, int64(len(b))):], at)
}

// parseGroup parses the group that b begins with, which stands at this offset.
func (n *inode) parseGroup(b []byte, at int64) (h format.GroupHeader, end int64, ok bool) {
	h, err := format.ParseGroupHeader(b, format.Place{Store: n.store, Segment: n.segment, Offset: at})
	length := format.GroupHeaderSize + int64(h.BodyLength)
	if err != nil || length > int64(len(b)) || h.CheckBody(b[format.GroupHeaderSize:length]) != nil {
		return format.GroupHeader{}, 0, false
	}
	return h, at + length, true
}

func zero(b []byte) bool {
	return len(b) == 0 || b[0] == 0 && bytes.Equal(b[1:], b[:len(b)-1])
}
