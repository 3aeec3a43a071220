// Package diag holds what is wrong with a schema, and prints it.
//
// A diagnostic has an exact position, a stable code and one sentence for people.
// The text form is that of go vet, which editors and continuous integration
// parse:
//
//	bank/schema.go:14:9: category 0xd is reserved [BP111]
//		bank/schema.go:12:2: first declared here
//
// The JSON form is that of the analysis tools of golang.org/x/tools. Codes are
// never given another meaning; [Describe] says what each stands for.
//
// The package knows no rule: it neither finds nor judges anything.
package diag
