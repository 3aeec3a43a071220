// Package salvage reads what is still sound of a damaged log: every group whose
// checksums hold in its own place and that fits between those around it, and it
// names what lies between.
//
// It writes nothing, decides nothing about a crash, and repairs nothing. It takes
// in whole groups only, in rising order of sequences, ids and incarnations, and only
// events that follow from the one before them in their stream, unless that one is
// lost. What it cannot tell: whether a sound group of an older history lies in the
// place of a younger one, if no later event of its streams says otherwise; whether
// a group is one, or was forged for its place within the payload of a group whose
// header is damaged; and whether events are gone from the end of the log without a trace.
package salvage
