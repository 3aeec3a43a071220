// Package props holds stores, and the code that is generated for schemas, to
// numbered laws: with generated cases, against a model, and through crashes.
//
// The laws are functions that report what is wrong with one case, and [Check]
// generates the cases, shrinks the first that breaks a law, and prints the
// command that repeats the run:
//
//	func TestDeposit(t *testing.T) {
//		codec := props.Codec[MoneyDeposited]{...}
//		props.Check(t, 500, deposits(), codec.RoundTrip)
//	}
//
// A run is the same each time until [EnvSeed] says otherwise; [EnvEffort] makes
// it longer. Generators of payloads are best made with gopter.DeriveGen from
// basic types, since its Map forgets how to shrink.
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
//	LAW08  folding in parts is folding at once                   [FoldSplit]
//	LAW09  verdicts repeat, and gates leave their context alone  (S11) [GateRepeats]
//	LAW10  what is generated for a valid schema compiles and is
//	       the same each time
//	LAW11  concurrent appends take effect in one order           (S3, S5)
//	LAW12  what is visible is durable                            (S8)
//
// # Crashes
//
// The TestCrash tests beside the runtime play histories of a store on one
// goroutine, with many requests under way, and crash the disk between any two of
// its operations: the process dies, or the power fails and leaves whatever a seed
// says that it may. What is left is held against a model and twelve laws, and then
// opened, crashed and written to again. A history that fails is cut down to what
// matters and kept in runtime/testdata/crash, where TestCrashCorpus plays it ever
// after.
//
//	go test -run TestCrash ./runtime                                            # 100,000 images at random, 80,000 in turn
//	go test -run TestCrashAtAnyOperation ./runtime -timeout 0 -crash.n=1000000  # for a night; -crash.seed for another one
//	go test -run TestCrashExhaustive ./runtime -timeout 0 -exhaustive.depth=3   # all sequences of three operations, not two
//	go test -run Planted -tags planted ./runtime                                # do they still find bugs?
//
// # Schedules
//
// How goroutines come in each other's way is drawn from a seed, too, by the
// TestSchedule tests beside the runtime. Up to six clients append, run commands,
// read, wait and close, in goroutines of their own, within a bubble of
// testing/synctest. They are held up at each operation of the disk and at each
// point where the store hands something on, and one of them is released at a time,
// so that a seed is one history. Contexts end, operations of the disk fail, and
// the process dies and is born again in the middle of it, perhaps with another
// process that reads beside it. What the calls returned
// must be what a store could have returned that does one after the other; the
// search for that order is porcupine's. Images of crashes hold what was
// acknowledged and what was shown, no call waits for ever, and nothing is left
// behind. Other tests of that name take one history, and end a context, close the
// store, let the process die or an operation fail at each of its steps.
//
//	go test -run TestSchedule ./runtime                          # 2,000 at random, and some 5,000 by step
//	go test -run TestSchedule ./runtime -schedule.n=1000000      # as many as that
//	go test -run TestSchedule ./runtime -schedule.seed=7 -schedule.n=1 -schedule.log
//
// Each failure names its seed. With -short there are 200, which are those that run
// under the race detector; it sees little there, since the steps follow each other.
//
// Beside the laws, the tests of this package keep the house in order: who may
// import whom, how large things may grow, what the README says.
package props
