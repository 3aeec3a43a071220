// Package generate is the subcommand that has no name: it generates the code of
// packages, or says how what is there differs from it.
//
// What a run consists of is the business of package session; here are its flags,
// and what is printed of its outcome.
package generate
