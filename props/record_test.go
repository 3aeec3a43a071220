package props_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTrackRecordIsSeen: for each bug of the track record there is a command with tests
// that exist, and when these were seen to fail on the code with the bug, with what was put
// back for that; or else why they were not.
func TestTrackRecordIsSeen(t *testing.T) {
	text, err := os.ReadFile("TRACK_RECORD.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, f := range mustSources(t) {
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(f.text, -1) {
			tests[m[1]] = true
		}
	}
	columns := []struct{ name, form string }{
		{"bug", `^\S`},
		{"since", `^\S`},
		{"found by", `^\S`},
		{"shown by", `^.go test -run (\S+|'[^']+')( \./\S+)+( -[a-z.]+(=\d+)?)*.$`}, // what is no flag of go test stands last
		{"fixed by", "^(—|`[0-9a-f]{7,9}`)$"},
		{"seen on the old code", "^(\\d{4}-\\d\\d-\\d\\d: (all\\b|`\\S+`|in `|at `|planted, `)|not seen: )"},
	}
	_, table, ok := strings.Cut(string(text), "\n| bug | since | found by | shown by | fixed by | seen on the old code |\n|---|---|---|---|---|---|\n")
	rows := strings.Split(strings.TrimSpace(table), "\n")
	if !ok || len(rows) < 80 {
		t.Fatalf("the table has %d rows, want 80 at least below its head", len(rows))
	}
	for _, row := range rows {
		cells := strings.Split(strings.ReplaceAll(row, `\|`, "\x00"), "|")
		if len(cells) != len(columns)+2 {
			t.Errorf("%.60s…: has %d cells, want %d", row, len(cells)-2, len(columns))
			continue
		}
		for i, c := range columns {
			if cell := strings.TrimSpace(cells[i+1]); !regexp.MustCompile(c.form).MatchString(cell) {
				t.Errorf("%.60s…: %s is %q, want the form %s", row, c.name, cell, c.form)
			}
		}
		named := regexp.MustCompile(`\b(?:Test|Fuzz)\w+`).FindAllString(cells[4], -1)
		if missing := func(name string) bool { return !tests[name] }; len(named) == 0 || slices.ContainsFunc(named, missing) {
			t.Errorf("%.60s…: names the tests %q, of which each is to exist", row, named)
		}
	}
}
