//go:build !unix

package batpak_test

// runChild has no role to play.
func runChild() {}
