package vfs_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

func FuzzValidName(f *testing.F) {
	for _, name := range []string{
		"a", "0", "seg-000001.bat", "a..", "a-", "", ".", "..", "-a", ".a", "A", "a b", "a/b", "a\\b", "a_b", "a\x00", "é",
		strings.Repeat("x", 64), strings.Repeat("x", 65), "a\n",
	} {
		f.Add(name)
	}
	valid := regexp.MustCompile(`\A[a-z0-9][a-z0-9.-]{0,63}\z`)
	f.Fuzz(func(t *testing.T, name string) {
		if got, want := vfs.ValidName(name), valid.MatchString(name); got != want {
			t.Errorf("ValidName(%q) = %v, want %v", name, got, want)
		}
	})
}
