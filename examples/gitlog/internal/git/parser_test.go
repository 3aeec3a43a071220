package git_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/batpak-go/batpak/examples/gitlog/internal/git"
)

const header = "\x01abc\x00\x00Ann\x00ann@example.com\x0012\x0034\x00subject\x00\x00"

func TestParseCutsLongFields(t *testing.T) {
	long := strings.Repeat("x", 3*git.MaxField)
	src := strings.Replace(header, "subject", long, 1) + "\n1\t2\t" + long + "\x00" + header
	commits, err := git.Parse(strings.NewReader(src), false)
	if err != nil || len(commits) != 2 {
		t.Fatalf("Parse(long fields) = %d commits, %v, want 2", len(commits), err)
	}
	c := commits[0]
	if len(c.Subject) != git.MaxField || len(c.Changes) != 1 || len(c.Changes[0].Path) != git.MaxField-len("\n1\t2\t")+1 {
		t.Errorf("Parse(long fields): subject of %d bytes, %d changes, want %d bytes and one change with a cut path",
			len(c.Subject), len(c.Changes), git.MaxField)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, src := range []string{
		"x",
		"abc\x00\x00\x00\x00\x00\x00\x00\x00",
		header[:len(header)-3],
		header + "\n1\t2",
		header + "\n1\t2\tpath",
		header + "\n1\tpath\x00",
		header + "\nx\t1\tpath\x00",
		header + "\n1\t-\tpath\x00",
		header + "\n1\t1\t\x00from\x00",
	} {
		if commits, err := git.Parse(strings.NewReader(src), false); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", src, commits)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(header), false)
	f.Add([]byte(header+"\n1\t2\tpath\x00-\t-\tbin\x00"+header), false)
	f.Add([]byte(header+"\n0\t0\t\x00from\x00to\x00"), false)
	f.Add([]byte(header+"\npath\x00\x01path\x00"), true)
	f.Fuzz(func(t *testing.T, src []byte, names bool) {
		commits, _ := git.Parse(bytes.NewReader(src), names)
		for _, c := range commits {
			if c.Hash == "" || !utf8.ValidString(c.Subject) || !utf8.ValidString(c.Author.Name) {
				t.Errorf("Parse(%q) = %+v, want a hash and valid text", src, c)
			}
			if names && len(commits) > 1 {
				t.Errorf("Parse(%q) of names = %d commits, want at most 1", src, len(commits))
			}
		}
	})
}

func TestParseNames(t *testing.T) {
	commits, err := git.Parse(strings.NewReader(header+"\n\npath\x00\x01path\x00"), true)
	if err != nil || len(commits) != 1 || len(commits[0].Changes) != 2 {
		t.Fatalf("Parse of names = %+v, %v, want one commit with two changes", commits, err)
	}
	for i, want := range []string{"\npath", "\x01path"} {
		if c := commits[0].Changes[i]; string(c.Path) != want || !c.Uncounted {
			t.Errorf("change %d = %+v, want %q, uncounted", i, c, want)
		}
	}
}
