package props_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/props"
)

// userBugs are bugs that a user of the bank may have written, or a generator: each a
// change of one of its files, which takes effect if the environment names it. The
// emitted law has to find it, and to shrink the case to what matches.
var userBugs = []struct {
	name, file, old, new string
	law                  string // the emitted test
	shrunk               string // pattern of the smallest case
}{
	{
		"fold remembers beside its state", "account.go",
		"flagged(batpak.Stored[AccountFlagged]) { a.Flags++ }",
		"flagged(e batpak.Stored[AccountFlagged]) {\n\ta.Flags++\n\tif last.Score > 100 {\n\t\ta.Flags++\n\t}\n\tif planted(NAME) {\n\t\tlast = e.Payload\n\t}\n}\n\nvar last AccountFlagged\n",
		"TestBatpakFoldActivity", `shrunk \d+ times: events: [1-3]\n`,
	},
	{
		"fold panics at one value", "account.go",
		"{ b.Available += e.Payload.Amount }",
		"{\n\tif planted(NAME) && e.Payload.Amount < -1000 {\n\t\tpanic(\"too little\")\n\t}\n\tb.Available += e.Payload.Amount\n}",
		"TestBatpakFoldBalance", `shrunk \d+ times: events: 1\n(\s*-- cut --\n)?\s*MoneyDeposited{Amount: -1001}\n`,
	},
	{
		"saved state lacks a field", "events.batpak.go",
		"v.Frozen = d.Bool()",
		"if frozen := d.Bool(); !planted(NAME) {\n\tv.Frozen = frozen\n}",
		"TestBatpakSaveBalance", `shrunk \d+ times: events: 1\n\s*AccountFrozen{}\n\s*-- cut --\n`,
	},
	{
		"gate counts", "account.go",
		"	switch {\n	case w.Proposed.Amount <= 0:",
		"	if asked++; planted(NAME) && asked%2 == 0 && w.Limit > 500 {\n\t\treturn batpak.Deny(\"TWICE\", \"asked before\")\n\t}\n	switch {\n	case w.Proposed.Amount <= 0:",
		"TestBatpakGatesWithdraw", `shrunk \d+ times: proposed MoneyWithdrawn{(Amount: \d+)?}, by a caller who gives caller{Limit: \d+}, after\n(\s*[A-Z]\w+{.*}\n){0,4}`,
	},
	{
		"upcast panics at one value", "history.go",
		"	kind, ref, ok := strings.Cut",
		"	if planted(NAME) && v.Amount > 1000 {\n\t\tpanic(\"too much\")\n\t}\n	kind, ref, ok := strings.Cut",
		"TestBatpakUpcastsMoneyDeposited", `shrunk \d+ times: {Amount:1001 Source:}`,
	},
	{
		"decoder cuts a number", "events.batpak.go",
		"v.Score = d.Uint32()",
		"v.Score = d.Uint32()\nif planted(NAME) {\n\tv.Score &= 0xFFFF\n}",
		"TestBatpakCodecAccountFlagged", `shrunk \d+ times: {Rule: Score:65536}`,
	},
	{
		"decoder allocates", "events.batpak.go",
		"v.By = d.String()",
		"if planted(NAME) {\n\tv.Reason = string(make([]byte, 1<<20))\n}\nv.By = d.String()",
		"TestBatpakCodecAccountFrozen", `decode of \d+ bytes allocates \d+, the limit is \d+`,
	},
	{
		"decoder gives back another text", "events.batpak.go",
		"v.Rule = d.String()",
		"v.Rule = d.String()\nif planted(NAME) && len(v.Rule) > 2 {\n\tv.Rule = v.Rule[:2]\n}",
		"FuzzBatpakAccountFlagged", `decode (accepts|of the encoding) [0-9a-f]+`,
	},
}

// LAW14: the tests that are emitted for a user find the user's bugs, and shrink what
// shows them to a few events. What a scenario says is understood.
func TestLaw14EmittedTestsFindBugs(t *testing.T) {
	t.Parallel()
	dir := plantedBank(t)
	for _, bug := range userBugs {
		for seed := range props.Cases(t, 2) {
			out, err := runPlanted(t, dir, bug.name, "^"+bug.law+"$", int64(seed))
			if err == nil {
				t.Errorf("%s, seed %d: %s passes", bug.name, seed, bug.law)
			} else if !regexp.MustCompile(bug.shrunk).MatchString(out) {
				t.Errorf("%s, seed %d: %s does not shrink it to %s:\n%s", bug.name, seed, bug.law, bug.shrunk, out)
			}
			if again := fmt.Sprintf("BATPAK_SEED=%d ", seed); err != nil && strings.HasPrefix(bug.law, "Test") && !strings.Contains(out, "again: "+again) {
				t.Errorf("%s, seed %d: the test does not print how to run it again:\n%s", bug.name, seed, out)
			}
		}
	}
	if out, err := runPlanted(t, dir, "", "Batpak", 1); err != nil {
		t.Errorf("without a bug, the tests fail:\n%s", out)
	}
	testWrongScenarios(t, dir)
}

// wrongScenarios are tests that expect what the bank does not do, each with what it
// says.
var wrongScenarios = []struct{ body, says string }{
	{
		`Given(t, MoneyDeposited{Amount: 100}).WhenWithdraw(MoneyWithdrawn{Amount: 101}, 500).ThenDenied("FROZEN")`,
		"withdraw was denied by gate sufficient-funds with NSF: 101 requested, 100 available\nwant: denied with FROZEN\n",
	},
	{
		`Given(t, MoneyDeposited{Amount: 100}).WhenWithdraw(MoneyWithdrawn{Amount: 1}, 500).ThenDenied("NSF")`,
		"withdraw passed its gates and was appended\nwant: denied with NSF\n",
	},
	{
		`Given(t).WhenWithdraw(MoneyWithdrawn{Amount: 1}, 500).ThenAppended(MoneyWithdrawn{Amount: 1})`,
		"withdraw was denied by gate sufficient-funds with NSF: 1 requested, 0 available\nwant: appended:\n\taccount:1: MoneyWithdrawn{Amount: 1}\n",
	},
	{
		`Given(t, MoneyDeposited{Amount: 9}).OnAccount("a").Given(MoneyDeposited{Amount: 9}).
			WhenWithdraw(MoneyWithdrawn{Amount: 1}, 500).ThenAppended(MoneyWithdrawn{Amount: 1, Reason: "rent"}, AccountFrozen{})`,
		"withdraw appended:\n\taccount:a: MoneyWithdrawn{Amount: 1}\n" +
			"want:\n\taccount:a: MoneyWithdrawn{Amount: 1, Reason: \"rent\"}\n\taccount:a: AccountFrozen{}\n",
	},
	{
		`Given(t).WhenWithdraw(MoneyWithdrawn{Amount: 1, Reason: "\xff"}, 500).ThenError(batpak.ErrConflict)`,
		"withdraw failed: encode MoneyWithdrawn.reason: text is not valid UTF-8\nwant: the error ",
	},
	{
		`Given(t, MoneyDeposited{Amount: 100}).ThenBalance(Balance{Available: 99, Open: true})`,
		"projection balance is\n\tBalance{Available: 100}\nwant\n\tBalance{Open: true, Available: 99}\n",
	},
	{
		`Given(t).WhenWithdraw(MoneyWithdrawn{Amount: 1}, 500)`,
		"withdraw was denied by gate sufficient-funds with NSF: 1 requested, 0 available, and no Then asks for that\n",
	},
	{
		`Given(t).ThenDenied("NSF")`,
		"Then comes after When: no command was run\n",
	},
	{
		`Given(t, AccountOpened{Owner: "\xff"})`,
		"given event 1, AccountOpened{Owner: \"\\xff\"}, cannot be appended: encode AccountOpened.owner: text is not valid UTF-8\n",
	},
	{
		`Given(t, other{})`,
		"given event 1, other{}, cannot be appended: bank.other is no event of this schema\n",
	},
}

// A scenario that does not come true says what was done, and what was wanted, where
// the test asks for it.
func testWrongScenarios(t *testing.T, dir string) {
	for i, w := range wrongScenarios {
		out, err := runPlanted(t, dir, "", fmt.Sprintf("^TestWrong%d$", i), 1)
		plain := strings.ReplaceAll(out, "\n        ", "\n")
		if err == nil || !strings.Contains(plain, w.says) {
			t.Errorf("%s\nsays\n%swant\n%s", w.body, out, w.says)
		}
		if at := regexp.MustCompile(`\n    (\w+\.go):`).FindStringSubmatch(out); !strings.Contains(w.says, "no Then") && (at == nil || at[1] != "wrong_test.go") {
			t.Errorf("%s\nfails at %v, want the line in wrong_test.go:\n%s", w.body, at, out)
		}
	}
}

// wrongTests writes the tests of wrongScenarios.
func wrongTests() []byte {
	var b strings.Builder
	b.WriteString("package bank\n\nimport (\n\t\"testing\"\n\n\tbatpak \"github.com/batpak-go/batpak/runtime\"\n)\n\nvar _ = batpak.ErrConflict\n\ntype other struct{}\n\nfunc (other) AppendBatpak([]byte) []byte { return nil }\n")
	for i, w := range wrongScenarios {
		fmt.Fprintf(&b, "\nfunc TestWrong%d(t *testing.T) {\n\t%s\n}\n", i, w.body)
	}
	return []byte(b.String())
}

// plantedBank builds the emitted tests of a copy of the bank with all the bugs, and
// returns its directory.
func plantedBank(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(newModule(t), "bank")
	if err := os.CopyFS(dir, os.DirFS("../examples/bank")); err != nil {
		t.Fatal(err)
	}
	tests, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tests {
		if !strings.HasSuffix(name, "_gen_test.go") {
			err = errors.Join(err, os.Remove(name))
		}
	}
	err = errors.Join(err, os.WriteFile(filepath.Join(dir, "wrong_test.go"), wrongTests(), 0o666))
	err = errors.Join(err, os.WriteFile(filepath.Join(dir, "planted.go"), []byte(`package bank

import "os"

var asked int

func planted(bug string) bool { return os.Getenv("PLANTED") == bug }
`), 0o666))
	for _, bug := range userBugs {
		path := filepath.Join(dir, bug.file)
		source, rerr := os.ReadFile(path)
		if rerr == nil && strings.Count(string(source), bug.old) != 1 {
			rerr = fmt.Errorf("%s: %q is there %d times, want once", bug.file, bug.old, strings.Count(string(source), bug.old))
		}
		planted := strings.ReplaceAll(bug.new, "NAME", strconv.Quote(bug.name))
		err = errors.Join(err, rerr, os.WriteFile(path, []byte(strings.Replace(string(source), bug.old, planted, 1)), 0o666))
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-o", "bank.test", ".")
	cmd.Dir, cmd.Env = dir, environment()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the bank with bugs: %v\n%s", err, out)
	}
	return dir
}

// runPlanted runs tests of the bank with a bug.
func runPlanted(t *testing.T, dir, bug, tests string, seed int64) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "bank.test"), "-test.run", tests)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PLANTED="+bug, fmt.Sprintf("%s=%d", props.EnvSeed, seed), props.EnvEffort+"=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}
