// Package edited makes sources for tests that read schemas: it edits Go files token by
// token, so that more of them still parse than of those that are changed byte by byte.
//
// It has no use outside of tests.
package edited
