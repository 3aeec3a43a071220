// Package report says what a log knows of a repository: who wrote it, what
// changes most, how one file came to be, where its newest commit comes from,
// and whether all of that is as it was recorded.
//
// [Collect] reads the log, once from front to back with the generated folds and
// a few times along the causal graph, and has the store verify itself. The
// report is plain data; [Report.WriteJSON] and [Report.WriteText] print it.
//
// The package appends nothing and reads no repository.
package report
