//go:build planted

package batpak_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// protocolBugs are the planted bugs that break the protocol, each with a test of
// package batpak in which that happens: sorted by name. No crash is needed, and no
// luck.
var protocolBugs = []plantedBug{
	{name: "acknowledged before the sync", test: "TestReopenedStoreHasTheSameEvents"},
	{name: "acknowledged though the sync failed", test: "TestFailedSyncPoisonsTheWriterAndReadsGoOn"},
	{name: "close group is written before the sync", room: "commit", test: "TestRotationRaisesTheMarks"},
	{name: "copied segment is not synced", test: "TestSnapshotOfNothing"},
	{name: "cut after a failed write is not synced", test: "TestFullDiskFailsTheAppendAndNothingElse"},
	{name: "failed write is not cut off", test: "TestFullDiskFailsTheAppendAndNothingElse"},
	{name: "guard of a snapshot goes before the rest", test: "TestSnapshotRefusesForgery"},
	{name: "header of a new segment is not synced", test: "TestReopenedStoreHasTheSameEvents"},
	{name: "kept tail is not synced", room: "recovery", test: "TestLostFiles"},
	{name: "last segment of a snapshot is shared", test: "TestSnapshotOfNothing"},
	{name: "log goes on in a segment that was ended", room: "commit", test: "TestFailedRotation"},
	{name: "name of a kept tail is not synced", room: "recovery", test: "TestLostFiles"},
	{name: "name of a new segment is not synced", test: "TestReopenedStoreHasTheSameEvents"},
	{name: "names of a snapshot are not synced", test: "TestSnapshotOfNothing"},
	{name: "old segment is not synced at rotation", test: "TestReopenedStoreHasTheSameEvents"},
	{name: "recovered tail is neither cut nor synced", test: "TestFailedSyncPoisonsTheWriterAndReadsGoOn"},
	{name: "recovery acts on names that are not durable", test: "TestReopenedStoreHasTheSameEvents"},
	{name: "relaxed counts as durable", test: "TestRelaxedStore"},
	{name: "shown before it is durable", test: "TestReopenedStoreHasTheSameEvents"},
	{name: "snapshot is begun before its guard is durable", test: "TestSnapshotOfNothing"},
	{name: "sync that failed is tried again", test: "TestFailedSyncPoisonsTheWriterAndReadsGoOn"},
	{name: "torn tail is not kept", room: "recovery", test: "TestLostFiles"},
	{name: "unproven tail is synced but not written again", test: "TestReopenedStoreHasTheSameEvents"},
	{name: "what is written counts as durable", test: "TestReopenedStoreHasTheSameEvents"},
}

// TestPlantedBugsBreakTheProtocol switches each bug on that orders the calls of the
// disk wrongly, and wants the first plain test that gets there to tell the call
// that was wrong. Whether a crash would have shown it is another question, which
// TestPlantedBugsAreFound asks.
func TestPlantedBugsBreakTheProtocol(t *testing.T) {
	binaries := plantedBinaries(t)
	for _, b := range protocolBugs {
		t.Run(strings.ReplaceAll(b.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			out, err := b.run(t.Context(), binaries[b.room])
			if _, failed := errors.AsType[*exec.ExitError](err); !failed || !strings.Contains(string(out), "; before that:\n") {
				t.Errorf("%s in %s reports no breach: %v\n%s", b.test, roomOf(b.room), err, out)
			}
		})
	}
}
