// Package planted keeps the tests honest: it lets a test switch on one of the
// named bugs that are planted in the code of the store, to see that the lanes
// find it.
//
// A bug is a line where it would be made,
//
//	if planted.Bug("sync reported before it is done") {
//		return nil
//	}
//
// and is there only with the build tag planted. Without it [Bug] is false at
// compile time, and neither the line nor the name is in the program.
//
// The package does not know which bugs there are; the table is beside the test
// that looks for them, in package runtime, and is held against the code.
package planted
