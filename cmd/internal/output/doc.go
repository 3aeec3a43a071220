// Package output brings emitted files to disk: it compares them with what is
// there, shows the difference, and writes what has to change.
//
// A comparison is made first and touches nothing; only a [Plan] in which no
// file is another's can be applied. Files are ours if they carry batpakgen's
// header above their package clause, whatever else has happened to them, a merge
// conflict for example; all others are refused, never overwritten. Applying
// replaces whole files by renaming, after all of them were written beside their
// places, and removes the files of ours that are not produced any more. A file
// whose bytes do not change is not touched.
//
// The package knows neither schemas nor Go source beyond the header, and it
// runs in the directories of the plan alone.
package output
