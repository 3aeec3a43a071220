package history_test

import (
	"strings"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"

	"github.com/batpak-go/batpak/examples/gitlog/history"
)

func TestFileOf(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{"README.md", "repo:README.md"},
		{"cmd/tool/main.go", "repo:cmd:tool:main.go"},
		{"docs/a=b..c%.txt", "repo:docs:a%3Db.%2Ec%25.txt"},
		{"a:b|c", "repo:a%3Ab%7Cc"},
		{"latin\xe9", "repo:latin%E9"},
		{"ünïcode", "repo:ünïcode"},
		{"\u0085\x7f\n", "repo:%C2%85%7F%0A"},
	} {
		if got := string(history.FileOf("repo", []byte(c.path))); got != c.want {
			t.Errorf("FileOf(%q) = %q, want %q", c.path, got, c.want)
		}
	}
}

func TestLongNames(t *testing.T) {
	long := strings.Repeat("ü/", 4000)
	a, b := history.FileOf("repo", []byte(long+"a")), history.FileOf("repo", []byte(long+"b"))
	if a == b {
		t.Errorf("two long paths have the same id %q", a)
	}
	for _, id := range []history.FileID{a, b} {
		if err := (batpak.Coordinate{Entity: "file:" + string(id), Scope: "repo"}).Validate(); err != nil {
			t.Errorf("id of a long path: %v", err)
		}
	}
}

func TestAuthorOf(t *testing.T) {
	for _, c := range []struct {
		mail, name string
		want       history.AuthorID
	}{
		{"ann@example.com", "Ann", "ann@example.com"},
		{"", "Ann", "Ann"},
		{"a=b@c", "", "a%3Db@c"},
		{"", "", history.Anonymous},
		{"%anonymous", "", "%25anonymous"},
	} {
		if got := history.AuthorOf(c.mail, c.name); got != c.want {
			t.Errorf("AuthorOf(%q, %q) = %q, want %q", c.mail, c.name, got, c.want)
		}
	}
}

func TestTopDirectory(t *testing.T) {
	for path, want := range map[string]string{"a/b/c": "a", "a": ".", "a/b": "a"} {
		if got := string(history.TopDirectory([]byte(path))); got != want {
			t.Errorf("TopDirectory(%q) = %q, want %q", path, got, want)
		}
	}
}

// Every name is one that the store accepts, and different names stay different.
func FuzzNames(f *testing.F) {
	f.Add("a/b", "a:b")
	f.Add("..", ".%2E")
	f.Add("%", "%25")
	f.Add("\xff", "\ufffd")
	f.Add(strings.Repeat("x", 900), strings.Repeat("x", 901))
	f.Add(strings.Repeat("..", 500), strings.Repeat("..", 501))
	f.Fuzz(func(t *testing.T, a, b string) {
		scope := history.ScopeOf(a)
		names := func(s string) []string {
			return []string{
				"file:" + string(history.FileOf(scope, []byte(s))), "tag:" + string(history.TagOf(scope, []byte(s))),
				"author:" + string(history.AuthorOf(s, "name")),
			}
		}
		if a == "" || b == "" || strings.HasSuffix(a, "/") || strings.HasSuffix(b, "/") {
			t.Skip("git has no such path")
		}
		of := names(b)
		for i, name := range names(a) {
			if err := (batpak.Coordinate{Entity: name, Scope: scope}).Validate(); err != nil {
				t.Errorf("name of %q: %v", a, err)
			}
			if (name == of[i]) != (a == b) {
				t.Errorf("names of %q and %q are %q and %q", a, b, name, of[i])
			}
		}
	})
}
