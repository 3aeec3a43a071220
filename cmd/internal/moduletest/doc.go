// Package moduletest makes Go modules for tests, in temporary directories, that
// use this module from where it is.
//
// They need what this module needs, and no network. The package has no use
// outside of tests.
package moduletest
