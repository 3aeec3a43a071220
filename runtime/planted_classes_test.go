//go:build planted

package batpak_test

import (
	"slices"
	"testing"
)

// plantedClasses says of what kinds of failures there are planted bugs, and which. A kind
// of which none can be planted has a reason instead.
var plantedClasses = []struct {
	kind   string
	bugs   []string
	reason string
}{
	// The faults that the store is to bear.
	{kind: "F1 power cut", bugs: []string{"acknowledged before the sync", "name of a new segment is not synced"}},
	{kind: "F2 torn write, stale bytes", bugs: []string{"half a group is read as far as it goes", "stale group is taken for a fresh one"}},
	{kind: "F3 failed sync", bugs: []string{"acknowledged though the sync failed", "sync that failed is tried again", "unproven tail is synced but not written again"}},
	{kind: "F4 full disk", bugs: []string{"failed write is not cut off", "no room is kept for the close group"}},
	{kind: "F5 bit flips", bugs: []string{"checksum of a group body is not checked", "checksum of a record is not checked", "checksum of an index page is not checked"}},
	{kind: "F6 files missing, cut, swapped", bugs: []string{"kept tail of a missing segment says nothing", "segment that a footer tells of is not missed", "digest of the segment before is not checked"}},
	{kind: "F7 crash within a change of several files", bugs: []string{"merge is not noted", "checkpoint gets its name before it is synced", "snapshot is begun before its guard is durable"}},
	{kind: "F8 two processes", bugs: []string{"lock does not exclude", "directory is not looked for again when it is locked"}},
	{kind: "F9 clocks", bugs: []string{"ids follow the wall clock back", "ids begin anew when the store is opened"}},
	{kind: "F10 right bytes in a wrong place", bugs: []string{"group header does not know its place", "event that was read may be another"}},
	{kind: "F11 old files beside new ones", bugs: []string{"checkpoint of another history is believed", "log may be shorter than its checkpoint", "saved state of another history is resumed"}},
	{kind: "F12 hostile files", bugs: []string{"length of a field is trusted", "depth of a payload is not bounded", "room is made for what a payload declares"}},
	{kind: "F13 blocked disk, slow readers", bugs: []string{"waiters are woken by any rise", "merge does not yield to appends"}},
	{kind: "F14 contexts that end", bugs: []string{"end of the context is taken for the outcome", "cancelled request takes its group with it"}},
	{kind: "F15 misbehaving user code", bugs: []string{"turn does not end by itself"}},
	{kind: "F16 descriptors, short reads", bugs: []string{"idle files are kept when there can be no more", "early end of a file is believed", "file that is cut and written on beside a scan ends it"}},
	{kind: "F17 read-only, or gone", bugs: []string{"footer is written to a file that is shared", "reader shows what nothing proves"}},
	{kind: "F18 compaction beside readers", bugs: []string{"file that was merged is closed under its readers", "verification goes on behind a merge that came after it", "batch is shown one event after the other", "files are merged under a snapshot", "file that has gone since the list ends the log", "file that was merged while names were read is missing", "file that was merged twice is missing", "merges beside a long reading end it"}},
	{kind: "F19 keys of encryption", reason: "the store encrypts nothing yet"},
	{kind: "F20 first opening", bugs: []string{"header of a new segment is not synced", "unfinished copy is taken for a store"}},
	{kind: "F21 directory syncs that fail", bugs: []string{"sync of the directory succeeds after another has failed", "failed sync of the names of a merge does not poison"}},
	{kind: "F22 limits of counters", bugs: []string{"ids run over", "number of an opening wraps around"}},
	{kind: "F23 lying disks", bugs: []string{"segment with a damaged header is begun anew"}},
	{kind: "F24 files cut beneath an open store", bugs: []string{"fault of a mapping ends the process", "early end of the last segment is believed"}},
	{kind: "F25 memory that is shared, or fails", bugs: []string{"group is written as memory has left it", "merged segment is not read back", "memory of an append that failed is used again", "group that is assembled again keeps what it had", "bytes that were read are those of the payload"}},
	{kind: "F26 versions to come", bugs: []string{"newer format is taken for damage", "version of a record is not checked"}},
	{kind: "F27 upgrades", reason: "there is one version of the format"},
	{kind: "F28 little memory", bugs: []string{"length of a field is trusted"}},
	{kind: "F29 machines that are frozen", bugs: []string{"ids begin anew when the store is opened", "snapshot counts openings as its store does"}},
	{kind: "F30 copies of a live directory", bugs: []string{"copy of a segment is not held against its digest", "names of a snapshot are not synced"}},
	{kind: "F31 closing", bugs: []string{"closing does not wait for the groups under way", "closing does not wait for merges", "closing does not sync"}},
	{kind: "F32 other systems", reason: "their calls are the compiler's to choose, by files for each system"},
	{kind: "F33 generated code", reason: "what a generator gets wrong is found by compiling and running it, not by opening a store"},

	// Bugs that other designs were measured with.
	{kind: "no sync of the directory after a segment is made", bugs: []string{"name of a new segment is not synced"}},
	{kind: "acknowledged before the sync", bugs: []string{"acknowledged before the sync"}},
	{kind: "mark of a whole batch not checked", bugs: []string{"half a group is read as far as it goes"}},
	{kind: "checkpoint renamed before its sync", bugs: []string{"checkpoint gets its name before it is synced", "published file is renamed before it is synced"}},
	{kind: "compaction removes its inputs first", bugs: []string{"merged segment is not synced", "name of a merged segment is not synced"}},
	{kind: "torn tail not cut off", bugs: []string{"recovered tail is neither cut nor synced"}},
	{kind: "length trusted", bugs: []string{"checksum of a group header is not checked", "length of a field is trusted"}},
	{kind: "recovered tail served before its sync", bugs: []string{"recovered tail is cut but not synced"}},
	{kind: "sync tried again after it failed", bugs: []string{"sync that failed is tried again"}},
	{kind: "checksum of a frame not checked", bugs: []string{"checksum of a group body is not checked"}},
	{kind: "old segment not synced at a rotation", bugs: []string{"old segment is not synced at rotation"}},
	{kind: "note of a compaction without a sync of the directory", bugs: []string{"note of a merge is not synced"}},
	{kind: "output of a compaction without a sync of the directory", bugs: []string{"name of a merged segment is not synced"}},
	{kind: "tail synced but not written again", bugs: []string{"unproven tail is synced but not written again"}},
	{kind: "recovery acts on a note that is seen, but not durable", bugs: []string{"recovery acts on names that are not durable", "name of a merged segment is not renewed"}},

	// Bugs that NATS JetStream and etcd have had.
	{kind: "NATS: inline compaction passes over the syncs that were asked for", bugs: []string{"merged segment is not synced", "content of the note of a merge is not synced"}},
	{kind: "NATS: a sync of blocks loses writes that are pending", bugs: []string{"request for a sync is ignored", "first group of a segment is not synced"}},
	{kind: "NATS: a file of keys is not synced", reason: "the store encrypts nothing yet"},
	{kind: "NATS: a block that was purged comes back", bugs: []string{"removal of sources is not synced", "note of a merge is removed before the sources"}},
	{kind: "NATS: what cannot be parsed is deleted", bugs: []string{"segment with a damaged header is begun anew", "torn tail is not kept"}},
	{kind: "NATS: one flipped bit takes what follows it", bugs: []string{"nothing is looked for behind damage", "damage of what was durable is taken for a torn tail"}},
	{kind: "etcd 14370: acknowledged before it is on disk", bugs: []string{"acknowledged before the sync"}},
	{kind: "etcd 14098: a log that cannot be opened after a crash", bugs: []string{"old segment is not synced at rotation", "tombstone is accepted where none can be"}},
	{kind: "etcd 6368, 22340: no sync of the directory", bugs: []string{"name of a new segment is not synced", "name of a kept tail is not synced"}},
}

// Every kind of failure has a planted bug, or a reason why it has none.
func TestPlantedBugsAreOfEveryClass(t *testing.T) {
	for _, c := range plantedClasses {
		if (len(c.bugs) == 0) == (c.reason == "") {
			t.Errorf("%s: %d bugs and the reason %q, want one of both", c.kind, len(c.bugs), c.reason)
		}
		for _, name := range c.bugs {
			if !slices.ContainsFunc(plantedBugs, func(b plantedBug) bool { return b.name == name }) {
				t.Errorf("%s: no bug is named %q", c.kind, name)
			}
		}
	}
	if n := len(plantedClasses); n != 33+15+9 {
		t.Errorf("%d kinds, want the 33 faults, the 15 bugs of the measured designs, and 9 of other logs", n)
	}
}
