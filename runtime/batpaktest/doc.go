// Package batpaktest lets tests run a store on a disk in memory that can crash,
// fail and be damaged, at a time they choose.
//
//	disk := batpaktest.NewDisk()
//	store, err := disk.Open(nil)
//	// ... append ...
//	reopened, err := disk.Cut(seed).Open(nil) // as after a power cut
//
// # The disk
//
// A [Disk] is one directory. It is never kinder than a real one: what was not
// synced may be lost, in part and in any order, and a file whose name was not
// made durable may be gone.
//
// A crash does not happen to a disk, it is an image taken of it: [Disk.Kill],
// [Disk.Cut] and [Disk.CutHard] each return another disk, as the next process
// would find it, and the store on the first one goes on. The same calls with the
// same seed give the same image. So one run can be crashed at each of its
// operations (see [Disk.OnOp]), and at each of them in many ways.
//
// # The protocol
//
// Every call that a store makes of the disk is held against the order of calls
// that keeps its promises through a crash. Should a store break it, which would be
// a bug of package batpak, the test panics with the calls that led to it.
// [OpenDir] does the same for a real directory.
//
// # The time
//
// A [Clock] gives a store its wall clock and its random bits, so that two runs
// that do the same make the same events.
//
// # What it does not do
//
// It judges nothing: what a store must still have after a crash is the test's to
// say. It knows no speed, and of size no more than [Disk.SetFree] says.
package batpaktest
