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
//	LAW10  what is generated for a valid schema compiles,
//	       encodes as an interpreter of shapes does, and is the
//	       same each time
//	LAW11  concurrent appends take effect in one order           (S3, S5)
//	LAW12  what is visible is durable                            (S8)
//	LAW13  what was frozen of a released version is read for     [Frozen, Thaw]
//	       ever
//
// Beside the laws, the tests of this package keep the house in order: who may
// import whom, how large things may grow, what the README says.
package props
