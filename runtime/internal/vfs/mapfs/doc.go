// Package mapfs reads files through mappings of them into memory, which spares a call
// of the system for each read of what is in memory already.
//
// It stands before a directory and changes nothing of its promises. Files are mapped only
// for reading, and only once they are read often; they are written to as ever, which a
// mapping shows as a read of the file does. Much at once is read without. Where a mapping
// does not reach, cannot be made, or fails, the file itself is read and says what is the
// matter: so a file that is cut off, or a disk that gives up, is an error as it is without
// a mapping, and never the end of the process. There is one difference: what was cut off
// within the last page that is left reads as zeros, which the checks of the log refuse.
//
// What is read is copied before anybody looks at it, so that what was checked cannot
// change any more.
//
// # Why it is the default
//
// The careful thing is to read by calls of the system alone, and to map what one is told
// to: a fault of a mapping ends a process, and bytes may change after they were checked.
// Both are ruled out here, as said above, and tried with files that are cut off, damaged and
// exchanged beneath their mappings, so that nothing is left but what it costs; and a get of
// what is in memory takes half the time.
//
// # What it costs
//
// A goroutine that waits for the system lets another one have its processor. One that
// touches a page of a mapping which is not in memory keeps it until the disk has
// answered. Where that is worse than the calls, the store can be told to do without.
package mapfs
