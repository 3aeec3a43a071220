// Package props holds stores, and the code that is generated for schemas, to
// numbered laws: with generated cases, against a model, and through crashes.
//
// The laws are functions that report what is wrong with one case, and [Check] generates the
// cases, shrinks the first that breaks a law, and prints the command that repeats the run:
//
//	func TestDeposit(t *testing.T) {
//		codec := props.Codec[MoneyDeposited]{...}
//		props.Check(t, 500, deposits(), codec.RoundTrip)
//	}
//
// batpakgen emits such tests for each schema, with the generators, the package
// draw below makes values of any type, and [Scenario] is what the emitted words
// given, when and then are made of.
//
// A run is the same each time until [EnvSeed] says otherwise; [EnvEffort] makes
// it longer. Generators of payloads are best made with gopter.DeriveGen from those
// of package draw, since gopter's Map forgets how to shrink.
//
// # Laws
//
// The numbers in brackets are those of the guarantees they hold the store to.
// Those of one line with a name are functions of this package; all are tests of
// it, in files of the same number, on a disk in memory that crashes and on a real
// one, where the images of crashes are copied to.
//
//	LAW01  a payload survives its encoding, which is canonical   [Codec.RoundTrip, Codec.Canonical]
//	LAW02  decoding takes any bytes, within bounds of memory     (S13) [Codec.Total]
//	LAW03  the store is the model, reopened or not               (S1 to S7) [Model.Submit, Model.Compare]
//	LAW04  after a crash, requests are whole or absent, and      (S7, S8)
//	       what was acknowledged is there
//	LAW05  a retry with a key gives the same receipt, whatever   (S5, S6, S10, S12)
//	       it expects and whatever happened in between
//	LAW06  a flipped bit is detected or harmless, never served   (S9, S13)
//	LAW07  tampering with valid checksums is found by the hash   (S9)
//	       chain, and the stream is named; the test is beside
//	       the runtime, whose formats it forges
//	LAW08  folding in parts is folding at once, also through a   [FoldSplit, SaveSplit]
//	       state that was saved
//	LAW09  verdicts repeat, and gates leave their context alone  (S11) [GateRepeats]
//	LAW10  what is generated for a valid schema compiles,
//	       encodes as an interpreter of shapes does, and is the
//	       same each time
//	LAW11  concurrent appends take effect in one order           (S3, S5)
//	LAW12  what is visible is durable                            (S8)
//	LAW13  what was frozen of a released version is read for     [Frozen, Thaw]
//	       ever
//	LAW14  the tests that are emitted for a schema find the      [Codec.Test, Lift, Fold, Save,
//	       bugs of its user, and shrink what shows them          Gates, Fuzz]
//
// # Crashes
//
// The TestCrash tests beside the runtime play histories of a store on one goroutine, with
// many requests under way, and crash the disk between any two of its operations: the
// process dies, or the power fails and leaves whatever a seed says that it may. What is
// left is held against a model and a dozen laws, and then opened, crashed and written to
// again. A history that fails, or breaks the protocol of package checkfs, is cut down and kept
// in runtime/testdata/crash, where TestCrashCorpus plays it ever after, and so are those of
// merges and of operations that fail. Of a schedule, or a mixture of old and new files, a line
// is kept in the file cases there, which TestKeptCases runs.
//
//	go test -run TestCrash ./runtime                # 290,000 images at random, 1,350,000 in turn; 100,000 and 125,000 differ
//	go test -run Planted -tags planted ./runtime    # do they still find bugs?
//
// How much of the store is run by its tests, lines that plant bugs not left out:
//
//	go test -short -coverpkg=./runtime/... -coverprofile=c ./runtime/... ./props
//
// # Schedules
//
// How goroutines come in each other's way is drawn from a seed, too, by the TestSchedule
// tests beside the runtime. Up to six clients append, run commands, read, merge, copy, wait
// and close, in goroutines of their own, within a bubble of testing/synctest. They are held
// up at each operation of the disk and at each point where the store hands something on, and
// one of them is released at a time, so that a seed is one history. Contexts end, operations
// of the disk fail, and the process dies and is born again in the middle of it, perhaps with
// another process that reads beside it. What the calls returned must be what a store could
// have returned that does one after the other; the search for that order is porcupine's.
// Images of crashes hold what was acknowledged and what was shown, no call waits for ever,
// and nothing is left behind. Other tests of that name take one history, and end a context,
// close the store, let the process die or an operation fail at each of its steps.
//
//	go test -run TestSchedule ./runtime    # 2,000 at random, and some 5,000 by step
//	go test -run TestSchedule ./runtime -schedule.seed=7 -schedule.n=1 -schedule.log
//
// Each failure names its seed. With -short there are 200, which are those that run
// under the race detector; it sees little there, since the steps follow each other.
//
// # Damage
//
// Other tests beside the runtime harm the files of a store, and the processes that use
// it, and know what was acknowledged. What they open is refused, with the place of the
// damage, or it has every event as it was stored; or what is gone looked like a write
// that a crash cut short, is kept, and reported; or the directory is, byte for byte, what
// it was at an earlier time, which is the one loss that it cannot tell. There is no other
// outcome. The stores have files of every kind: sealed segments with close groups in
// them, a last segment that is active, closed or only begun, lost tails, a temporary
// file, files of others; and beside stores there are guards of snapshots and saved states.
//
//	TestBitFlip      one bit: in three stores at rest, and beneath an open one
//	TestOverwrite    two bits, bytes, sectors, blocks: drawn, and every block with everything
//	TestMemoryFlip   one bit of a write, between the making of its checksums and the disk
//	TestMapped       bits and pieces of real files that are mapped
//	TestSalvage      bits, pieces, ends and files of stores that are opened for what is sound
//	TestTruncation   each file at every length
//	TestFileOps      files removed, emptied, copied, renamed, exchanged, added: all, and
//	                 pairs; any two groups exchanged
//	TestRestore      older files among newer ones; copies of a live store
//	TestFuzzyCopy    copies of a store in use, each file read at another time
//	TestHostile      links, pipes, devices; sparse files of 10 TiB; 100,000 names
//	TestClock        histories with a wrong clock
//	TestTwoProcess   races of five processes
//	TestKill         kills of processes that append or recover from the kill before, or starve
//	TestReader       readers beside a writer, one that is killed, too
//	TestTwoLooks     a writer's work, or parts of it, between two looks at its files
//	TestRetry        appends of unknown outcome
//	TestFullDisk     disks with so many bytes of space, and a few more
//	TestRlimit       few open files, small files
//
//	go test ./runtime -run 'TestBitFlip|TestOverwrite' -damage.seed=7 -overwrite.n=1000000
//
// Each failure names what repeats it; -damage.seed gives the lanes another store and
// other draws. With -short they try a twentieth. What parses bytes is a fuzz target,
// with committed inputs, from records to whole directories:
//
//	go test ./runtime -run '^$' -fuzz FuzzOpen -fuzzminimizetime 20x
//
// # Sizes
//
// What a lane does at each change is a sample of what it can do. The first size is what
// go test ./... runs, the second is for a night, the third for a release. A line stands
// for the command
//
//	go test ./runtime -timeout 0 -run 'TEST' FLAG=SIZE
//
// Where 0 is a size it means everything there is, but 2,000 schedules.
//
//	FLAG                 change     night    release  TEST
//	-crash.n                800    350000    3500000  ^TestCrashAtAnyOperation$    340 images each, 120 of them new
//	-crash.n                800     28000     280000  ^TestCrashOnALyingDisk$      a history for 28
//	-compact.n                2      1000      10000  ^TestCrashInMerges$
//	-exhaustive.depth         2         3          3  ^TestCrashExhaustive$        with -exhaustive.all
//	-exhaustive.depth         2         4          4  ^TestCrashExhaustive$        with -exhaustive.all -exhaustive.core
//	-fault.n                  1         1          3  KthFault                     with -fault.all
//	-full.step                7         1          1  ^TestFullDiskExhaustive$
//	-schedule.n               0   1000000   10000000  ^TestScheduleOfEverything$
//	-schedule.n               0     50000     500000  ^TestSchedule                and -race
//	-flip.n              100000         0          0  ^TestBitFlip
//	-overwrite.n          10000   1000000   10000000  ^TestOverwrite
//	-memory.n                 1       100       1000  ^TestMemoryFlip$
//	-mapped.n               300    100000    1000000  ^TestMappedFilesDamaged$
//	-salvage.n              300    100000    1000000  ^TestSalvage$
//	-truncation.size       5120    100000     100000  ^TestTruncationAtEveryLength$
//	-fileops.n             3000         0          0  ^TestFileOpsAtRest$
//	-restore.n             4000         0          0  ^TestRestoreOfSomeFiles$
//	-copy.n                 120     10000     100000  ^TestFuzzyCopy$
//	-hostile.names       100000   1000000    1000000  ^TestHostileNumberOfNames$
//	-clock.n                 60     10000     100000  ^TestClockFaults$
//	-race.n                  60      1000      10000  ^TestTwoProcessRaceToOpen$
//	-kill.n                 200     20000     100000  ^TestKillOfAProcessThatAppends$
//	-reader.n                12      1000      10000  ^TestReaderBesideAWriter$|^TestReadOnlyChangesNothing$
//	-reader.kills             6       500       5000  ^TestReaderBesideAKilledWriter$
//	-looks.step             127         1          1  ^TestTwoLooks$
//	-retry.n              20000   1000000   10000000  ^TestRetryOfAmbiguousAppends$
//	-whole.reads          20000  10000000  100000000  ^TestBatchesAreSeenWhole$
//	-fuzztime               10s       10m         8h  each Fuzz target of runtime, by -fuzz in place of -run
//
// Crashes of honest disks, schedules and kills begin with a new seed each time, of which they
// say -crash.seed, -schedule.seed or -kill.seed. So should a long run of the lanes that have
// -compact.seed, -fault.seed, -reader.seed and -damage.seed. To see one case again there are -flip.first,
// -overwrite.at and -salvage.at, as what failed says, and -schedule.log. Histories have
// -crash.ops operations, and one in a hundred 200 to 2,000; one that fails is cut down
// and kept in the directory -crash.save. With -check=false only what a crash shows counts
// against a store, and not how it got there.
//
// Beside the laws, the tests of this package keep the house in order: who may
// import whom, how large things may grow, what the README says.
package props
