// Package gittest makes git repositories for tests, with the git binary, in
// temporary directories. They do not depend on the machine's configuration or
// clock: the same calls make the same hashes. A test on a machine without git
// fails and says so.
package gittest
