package props_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/api.txt and the README's code and table of rooms anew")

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// compareREADME compares the README with what it should be, or makes it that.
func compareREADME(t *testing.T, want string) {
	t.Helper()
	got := readme(t)
	if diff := cmp.Diff(want, got); diff != "" && !*update {
		t.Errorf("README.md differs (-want +got); go test ./props -run README -update accepts it:\n%s", diff)
	} else if diff != "" {
		if err := os.WriteFile(filepath.Join("..", "README.md"), []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// The README's table of rooms has each of them, with what its doc.go says.
func TestREADMEListsTheRooms(t *testing.T) {
	const head = "\n## The house\n"
	said := synopses(t)
	table := []string{"| room | duty |\n|---|---|\n"}
	for _, dir := range slices.Sorted(maps.Keys(rooms)) {
		_, does, _ := strings.Cut(strings.TrimPrefix(said[dir], "Package "), " ")
		table = append(table, fmt.Sprintf("| `%s` | %s |\n", dir, strings.TrimSuffix(does, ".")))
	}
	text := readme(t)
	before, after, ok := strings.Cut(text, head)
	old := regexp.MustCompile(`(?m)(^\|.*\n)+`).FindString(after)
	if !ok || old == "" {
		t.Fatalf("README.md has no table in a section %q", strings.TrimSpace(head))
	}
	compareREADME(t, before+head+strings.Replace(after, old, strings.Join(table, ""), 1))
}

// The README's Go code is compiled: above each block, a comment
//
//	<!-- example: examples/bank/example_test.go#name -->
//
// names a file of the module in which it stands, without its indentation, between
// "// region: name" and "// endregion".
func TestREADMECodeIsCompiled(t *testing.T) {
	block := regexp.MustCompile("(?ms)^([^\n]*)\n```go\n(.*?)^```$")
	origin := regexp.MustCompile(`^<!-- example: (\S+\.go)#(\w+) -->$`)
	files := map[string]string{}
	for _, f := range mustSources(t) {
		if !strings.Contains(f.text, "\n//go:build") {
			files[f.path] = f.text
		}
	}
	blocks := 0
	want := block.ReplaceAllStringFunc(readme(t), func(old string) string {
		blocks++
		above := block.FindStringSubmatch(old)[1]
		from := origin.FindStringSubmatch(above)
		if from == nil {
			t.Errorf("README.md: the line above Go code is %q, want a comment that says where it is compiled", above)
			return old
		}
		code, ok := region(files[from[1]], from[2])
		if !ok {
			t.Errorf("README.md: there is no region %s in a compiled file %s", from[2], from[1])
			return old
		}
		return above + "\n```go\n" + code + "```"
	})
	if blocks == 0 {
		t.Error("README.md has no Go code")
	}
	compareREADME(t, want)
}

// region cuts a region out of a file and takes off the indentation of its mark.
func region(text, name string) (code string, ok bool) {
	mark := regexp.MustCompile(`(?ms)^(\t*)// region: ` + name + `\n(.*?)^\t*// endregion$`)
	m := mark.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	code = regexp.MustCompile("(?m)^"+m[1]).ReplaceAllLiteralString(m[2], "")
	return strings.Trim(code, "\n") + "\n", true
}

// .ci/run takes the commands it proves from the README: the lines of its shell
// blocks that begin with "go run" and "go test", of which there is one each.
func TestREADMEHasTwoCommands(t *testing.T) {
	for _, command := range []string{"go run", "go test"} {
		found := regexp.MustCompile("(?m)^"+command+" .*$").FindAllString(readme(t), -1)
		if len(found) != 1 {
			t.Errorf("README.md has %d lines that begin with %q, want 1: %q", len(found), command, found)
		}
	}
}

// The tests that the README names for its guarantees exist.
func TestREADMENamesTests(t *testing.T) {
	named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(readme(t), -1)
	if len(named) == 0 {
		t.Fatal("README.md names no tests")
	}
	for _, name := range named {
		if !slices.ContainsFunc(mustSources(t), func(f *sourceFile) bool { return strings.Contains(f.text, "\nfunc "+name[1]+"(") }) {
			t.Errorf("README.md names %s, which does not exist", name[1])
		}
	}
}
