// Package tiers plans which files of a log are to be merged: those that lie side by side
// and are of like size, within a bound.
//
// It knows nothing but sizes, and does nothing: a plan is a function of them. Who carries
// it out asks again afterwards, with the sizes that there are by then.
//
// # The rules
//
//	T1  A run is of two files at least that lie side by side, and no larger than the bound.
//	T2  It is twice as large as the largest of its files, at least.
//	T3  It is of as many files as the policy wants at once, or larger than half the bound.
//
// # Why this is enough
//
// By T2 a byte lies in a file twice as large, or more, after each time that it was written
// anew: it is written anew log2(bound/size) times at most, whatever its history, where size
// is that of the file into which it was written first. Files of one size, which come one by
// one, are merged by T3 as many at a time as the policy wants, so that the base of the
// logarithm is nearly that number.
//
// A file that is larger than half the bound is never touched again, as no run with it can
// obey both T1 and T2. What is left besides is few: of any neighbours that obey T1 and T2
// there are fewer than the policy wants at once.
//
// Of the runs that begin with a file the longest is planned. If what comes of it could be
// merged again at once, be it with the run behind, all of these together would obey the
// rules too, and be longer. So nothing is written only to be read again, and a plan that was
// carried out leaves nothing to be planned: asked again when nothing was added, the answer
// is nothing. Where files turn out smaller than planned, as where something was taken away,
// there may be another; each makes fewer files of more, so it comes to an end.
//
// # Where this comes from
//
// Trees of sorted files that are written once, LSM trees, merge files of like size so that
// each byte is written anew a logarithmic number of times: the size-tiered strategy of
// Cassandra, the universal compaction of RocksDB, and before these the logarithmic method
// of Bentley and Saxe for structures that cannot be added to. As in universal compaction,
// only neighbours in time are merged, since what they hold must stay in order. The leveled
// strategy of LevelDB and Pebble pays more writing for fewer files that may hold a key; here
// the files of a log never overlap, so there is nothing to be had for that price. The bound
// is that of time series stores, which merge blocks up to a longest one: a log is never to
// be written anew as a whole. The logs of consensus protocols, such as etcd's, do without
// merges: they are cut off at a snapshot, which a history cannot be.
package tiers
