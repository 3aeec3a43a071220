package checkfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// protocol is what one opening of a store has done so far. Its methods come in
// pairs: one says why a call is forbidden, nil if it is not, the other takes in
// how the call went.
type protocol struct {
	files   map[string]*inode // by name
	blind   bool              // the directory was listed before it was synced
	synced  bool              // the directory was, once at least
	ended   error             // why nothing may be changed any more
	lost    bool              // a sync of the directory has failed
	lock    bool              // there is or was one
	locked  bool              // it is held
	mode    vfs.LockMode
	written uint64   // sequence of the last event that was written or found
	told    uint64   // sequence up to which all was promised
	groups  []group  // not yet known to be durable, or not yet promised
	open    int      // files
	full    bool     // the disk had no space, once at least
	leaving []string // segments whose names were taken away, perhaps not durably
	reached uint64   // the last segment with a group that is known to be durable
	merging bool     // a note of a merge was found, beside which no checkpoint is believed
	ending  bool     // the note of a merge was taken away, and the directory not synced since
	copying copying
}

// own are the names of the store.
var own = regexp.MustCompile(`^([0-9a-f]{16}(-[0-9a-f]{16}-[0-9a-f]{8})?\.seg(\.tmp)?|(compaction|checkpoint-[ab])(\.tmp)?|lost-[0-9a-f]{16}-[0-9a-f]{8}|unfinished)$`)

func because(format string, args ...any) error { return fmt.Errorf(format, args...) }

// change says why a file must not be changed now.
func (p *protocol) change(name string) error {
	switch {
	case p.ended != nil && !ofMerge(name):
		return because("nothing may be changed after %w", p.ended)
	case p.copying.over:
		return because("the snapshot may be finished")
	case p.blind:
		return because("the directory was listed before it was synced, so a name may be there that a power cut takes away, or the other way round")
	}
	return p.checkLock()
}

func (p *protocol) checkLock() error {
	if p.lock && (!p.locked || p.mode != vfs.Exclusive) {
		return because("the directory's exclusive lock is not held")
	}
	return nil
}

// outputs says what was made in this opening, apart from one file, and is not
// durable.
func (p *protocol) outputs(but *inode) error {
	for name, n := range p.files {
		switch {
		case n == but || !n.made && len(n.unsynced) == 0 && len(n.syncing) == 0:
		case checkpoint.IsName(strings.TrimSuffix(name, vfs.TempSuffix)): // nothing rests on it
		case !n.settled():
			return because("%s is not durable", name)
		case !n.named:
			return because("the name %s is not durable", name)
		}
	}
	return nil
}

// create says why a file must not be made.
func (p *protocol) create(name string) error {
	if err := p.change(name); err != nil {
		return err
	}
	if !own.MatchString(name) {
		return because("that is no name of the store's")
	}
	if p.copying.under || name == replay.Unfinished {
		return p.guards(name)
	}
	return p.begins(name)
}

// begins says why a file must not get the name of a segment.
func (p *protocol) begins(name string) error {
	number, ok := segment.ParseName(name)
	if !ok {
		return nil
	}
	before := p.files[segment.Name(number-1)]
	switch {
	case before == nil:
	case !before.settled():
		return because("segment %d is not durable", number-1)
	case before.size != before.end:
		return because("segment %d has %d bytes, its groups end at %d", number-1, before.size, before.end)
	}
	return nil
}

// begun takes in that this was tried. From now on nobody knows whether the segment
// before is the last.
func (p *protocol) begun(name string) {
	if number, ok := segment.ParseName(name); ok {
		if before := p.files[segment.Name(number-1)]; before != nil {
			before.sealed = true
		}
	}
}

// created takes in how it went.
func (p *protocol) created(name string, err error) *inode {
	p.begun(name)
	p.full = p.full || vfs.Full(err)
	p.copying.under = p.copying.under || name == replay.Unfinished
	if err != nil {
		return nil
	}
	n := &inode{name: name, made: true, segment: segmentOf(name), torn: -1}
	if p.copying.under {
		n.segment = 0
	}
	p.files[name] = n
	return n
}

// find is the file of a name. One that the protocol does not know was there
// before, with this content, which matters only for a segment.
func (p *protocol) find(name string, content []byte) *inode {
	n := p.files[name]
	if n != nil {
		return n
	}
	n = &inode{name: name, torn: -1}
	p.files[name] = n
	number, ok := segment.ParseName(name)
	if !ok {
		return n
	}
	n.segment = number
	unproven, last := n.survey(content)
	if p.groups = append(p.groups, unproven...); n.proof > format.SegmentHeaderSize {
		p.reached = max(p.reached, number)
	}
	p.written = max(p.written, last)
	return n
}

// follows takes in the header of the segment after the one in this file, which says
// where its groups end.
func (n *inode) follows(header []byte) {
	if !n.sealed || header == nil {
		return
	}
	if h, err := parseHeader(header); err == nil && h.Segment == n.segment+1 {
		n.end = min(n.end, int64(h.PrevLength))
	}
}

// unknown reports whether a name is that of a segment which the protocol does not
// know.
func (p *protocol) unknown(name string) bool {
	_, ok := segment.ParseName(name)
	return ok && p.files[name] == nil
}

// listed takes in the names that the opening found. All segments but the last,
// whose content is given, were durable before the next was made.
func (p *protocol) listed(entries []vfs.Entry, last string, content []byte) {
	p.blind = p.blind || !p.synced
	for _, e := range entries {
		number, ok := segment.ParseName(e.Name)
		switch {
		case !e.Regular || p.files[e.Name] != nil:
		case ok && e.Name != last:
			p.reached = max(p.reached, number)
			p.files[e.Name] = &inode{
				name: e.Name, named: true, segment: number, sealed: true, size: e.Size, safe: e.Size, torn: -1, end: e.Size, groups: true,
			}
		default:
			p.find(e.Name, content)
		}
	}
	p.foundMerged(entries)
	p.merging = p.merging || slices.ContainsFunc(entries, func(e vfs.Entry) bool { return e.Name == note })
	for _, e := range entries {
		if number, lost := replay.ParseLostName(e.Name); lost && p.files[segment.Name(number)] != nil {
			p.files[segment.Name(number)].named = true // it was before a tail of it was kept
		}
	}
	if n := p.files[last]; n != nil {
		h, err := format.ParseSegmentHeader(content)
		before := p.files[segment.Name(n.segment-1)]
		n.named = n.named || err == nil && before != nil && before.size > int64(h.PrevLength) // which got its footer after that
	}
}

// lastSegment is the highest of them, empty if there is none.
func lastSegment(entries []vfs.Entry) (name string) {
	for _, e := range entries {
		if _, ok := segment.ParseName(e.Name); ok && e.Regular {
			name = e.Name
		}
	}
	return name
}

// rename says why a file must not get another name.
func (p *protocol) rename(from, to string, content []byte) error {
	if err := p.change(to); err != nil {
		return err
	}
	if checkpoint.IsName(to) {
		if err := p.covers(checkpoint.Parse(content)); err != nil {
			return err
		}
	}
	n, old := p.files[from], p.files[to]
	switch {
	case !own.MatchString(to):
		return because("that is no name of the store's")
	case n != nil && n.groups:
		return because("that would take its name from a segment with events")
	case n != nil && p.leave(from) != nil:
		return p.leave(from)
	case p.noted(from, to) != nil:
		return p.noted(from, to)
	case n != nil && n.made && (!n.settled() || !n.synced):
		return because("the file is not durable")
	case old != nil && old.groups:
		return because("that would take away a segment with events")
	}
	return p.begins(to)
}

func (p *protocol) renamed(from, to string, err error) {
	p.begun(to)
	n := p.files[from]
	if err != nil || n == nil {
		return
	}
	if old := p.files[to]; old != nil {
		old.name = ""
	}
	delete(p.files, from)
	p.files[to], n.name, n.named, n.renamed = n, to, false, true
}

// remove says why a name must not be taken away.
func (p *protocol) remove(name string) error {
	if err := p.checkLock(); err != nil {
		return err
	}
	n := p.files[name]
	switch {
	case !own.MatchString(name):
		return because("that is no name of the store's")
	case p.copying.under:
		return p.removeCopied(name)
	case p.blind && p.ended == nil:
		return p.change(name)
	case p.leave(name) != nil:
		return p.leave(name)
	case p.superfluous(name):
		return nil
	case (n == nil || n.made) && (p.ended != nil || p.lost) || strings.HasSuffix(name, vfs.TempSuffix) || checkpoint.IsName(name):
		return nil // it is of no use any more, or never was
	}
	return p.outputs(n)
}

func (p *protocol) removed(name string, err error) {
	if p.copying.under {
		p.removedCopied(name, err)
	}
	if n := p.files[name]; n != nil && (err == nil || errors.Is(err, fs.ErrNotExist)) {
		p.left(name)
		n.name = ""
		delete(p.files, name)
	}
}

// syncDir says why the directory must not be synced.
func (p *protocol) syncDir() error {
	switch {
	case p.lost:
		return because("a sync proves nothing after a failed sync of the directory")
	case p.ended != nil && !p.merges():
		return because("a sync proves nothing after %w", p.ended)
	}
	return p.checkLock()
}

// unnamed are the names that a sync of the directory, which begins now, is to
// make durable.
func (p *protocol) unnamed() map[*inode]string {
	names := map[*inode]string{}
	for name, n := range p.files {
		if !n.named {
			names[n] = name
		}
	}
	return names
}

func (p *protocol) syncedDir(names map[*inode]string, err error) {
	if err != nil {
		if p.lost = true; !p.merges() { // or the log has not heard of it yet, and gives no name that lasts
			p.ended = errors.New("a failed sync of the directory")
		}
		return
	}
	p.synced, p.leaving, p.copying.taken, p.ending = true, nil, false, false
	for n, name := range names {
		// A name that was found is durable only if its file proves it: an earlier
		// sync may have failed.
		n.named = n.named || (n.made || n.renamed) && n.name == name
	}
}

// write says why bytes must not be written there.
func (p *protocol) write(n *inode, b []byte, off int64) error {
	if err := p.change(n.name); err != nil {
		return err
	}
	switch {
	case n.shared:
		return because("the file is shared with another directory")
	case n.dead:
		return because("a sync or cut of the file has failed")
	case n.sealed || n.merged > 0:
		return p.footer(n, off)
	case n.torn >= 0 && (off > n.torn || !zero(b)):
		return because("what a failed write left at %d was neither cut off nor written over with zeros", n.torn)
	case n.cut || n.cutting:
		return because("the cut before it was not synced")
	case n.segment == 0 || len(b) == 0:
		return nil
	case off < n.end:
		return n.again(b, off)
	case zero(b):
		return nil
	case off > n.end:
		return because("a gap would be left behind the last group, which ends at %d", n.end)
	case n.end == 0:
		return n.header(b)
	}
	return n.group(b)
}

// again says why bytes must not be written before the end.
func (n *inode) again(b []byte, off int64) error {
	to := off + int64(len(b))
	if off < n.proof || to > n.sound {
		return because("bytes before the end, which is at %d, would be written again, and that is for what was found unproven only, from %d to %d", n.end, n.proof, n.sound)
	}
	if !bytes.Equal(b, n.found[off:to]) {
		return because("the bytes that are written again differ from those that were found")
	}
	return nil
}

// header says why b is not the first write to a segment.
func (n *inode) header(b []byte) error {
	h, err := format.ParseSegmentHeader(b)
	if err != nil || len(b) != format.SegmentHeaderSize || h.Segment != n.segment {
		return because("a segment begins with its header: %+v, %w", h, err)
	}
	return nil
}

// group says why b is not a group that may be written at the end.
func (n *inode) group(b []byte) error {
	h, end, ok := n.parseGroup(b, n.end)
	switch {
	case !ok || end != n.end+int64(len(b)):
		return because("that is neither a group in its place nor zeros")
	case n.name == "" || segmentOf(n.name) == 0 || strings.HasSuffix(n.name, vfs.TempSuffix):
		return because("the file is not a segment")
	case !n.named:
		return because("the segment's name is not durable")
	case !n.clean(0, format.SegmentHeaderSize):
		return because("the segment's header is not durable")
	case !n.clean(0, int64(h.Durable)):
		return because("the group says that the segment is durable up to %d, which it is not", h.Durable)
	case h.Type == format.GroupClose && !n.clean(0, n.end):
		return because("a close group says that all before it is durable, which it is not")
	}
	return nil
}

func (p *protocol) wrote(n *inode, b []byte, off int64, err error) {
	to := off + int64(len(b))
	if err != nil {
		p.full = p.full || vfs.Full(err)
		switch torn := n.torn; {
		case n.segment > 0 && off < n.end:
			// A part of what was written again changes nothing,
		case n.segment > 0 && zero(b):
			n.wrote(off, to) // nor does one of zeros, but for the size,
			n.torn = torn    // and it mends nothing.
		default:
			n.tear(off, to)
		}
		return
	}
	n.wrote(off, to)
	if n.segment == 0 || n.sealed || off != n.end || zero(b) {
		return
	}
	if n.end == 0 {
		h, _ := format.ParseSegmentHeader(b)
		n.store, n.end = h.Store, to
		p.written = max(p.written, h.FirstSequence-1)
		return
	}
	h, _, _ := n.parseGroup(b, off)
	n.end, n.groups = to, true
	if h.Count > 0 {
		p.written = h.FirstSequence + uint64(h.Count) - 1
		p.groups = append(p.groups, group{n, off, to, h.FirstSequence, p.written})
	}
}

// truncate says why the file must not get this size.
func (p *protocol) truncate(n *inode, size int64) error {
	if err := p.change(n.name); err != nil {
		return err
	}
	switch {
	case n.shared:
		return because("the file is shared with another directory")
	case n.dead:
		return because("a sync or cut of the file has failed")
	case n.merged > 0:
		return p.footer(n, size)
	case n.segment == 0:
		return nil
	case n.sealed:
		return p.footer(n, size)
	case size < n.end:
		return because("that would cut off a group")
	case size >= int64(len(n.found)) || zero(n.found[size:]) || n.torn >= 0 || n.cut:
		return nil
	}
	kept := p.files[fmt.Sprintf("lost-%016x-%08x", n.segment, size)]
	if p.full {
		return p.outputs(n) // as much is kept as there was room for
	}
	if kept == nil || !kept.made {
		return because("the bytes cut off are in no lost file")
	}
	return p.outputs(n)
}

func (p *protocol) truncated(n *inode, size int64, err error) {
	if err != nil {
		n.dead = true
		p.end(n, "cut")
		return
	}
	n.resize(size)
	n.found = n.found[:min(size, int64(len(n.found)))]
}

// sync says why the file must not be synced.
func (p *protocol) sync(n *inode) error {
	if p.ended != nil && !ofMerge(n.name) || n.dead {
		return because("a sync proves nothing after one that has failed")
	}
	return p.checkLock()
}

func (p *protocol) syncedFile(n *inode, size int64, err error) {
	n.endSync(size, err)
	if err != nil {
		p.end(n, "sync")
	}
}

// end ends all changes if it was to the log that this happened.
func (p *protocol) end(n *inode, what string) {
	if n.segment > 0 && !n.sealed {
		p.ended = fmt.Errorf("a failed %s of segment %d", what, n.segment)
	}
}
