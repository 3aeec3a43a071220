package lock_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/schema/lock"
)

// sample is the file that the documentation shows.
const sample = `{
  "format": 1,
  "package": "example.com/app/bank",
  "entities": {
    "account": {"scope": "ledger", "id": "string"}
  },
  "events": {
    "1:002": {"name": "MoneyDeposited", "entity": "account", "versions": {
      "1": {"state": "released", "b3": "aca9d643bf7aff7c", "shape": "{amount:string}", "frozen": "97bbde42f5d3dbb9"},
      "2": {"state": "draft", "b3": "f45c457114dc55fd", "shape": "{amount:int64;source:string}"}
    }}
  },
  "retired": {
    "1:005": "AccountRenamed"
  },
  "commands": {
    "withdraw": {"state": "draft", "event": "1:003", "gates": ["not-frozen", "sufficient-funds"]}
  },
  "projections": {
    "balance": {"state": "released", "version": 1, "folds": ["1:001", "1:002"]}
  },
  "accepted": [
    {"event": "1:001", "version": 1, "was": ["{owner:string}"], "reason": "never deployed"}
  ]
}
`

func TestSampleIsCanonical(t *testing.T) {
	f, err := lock.Parse("lock", []byte(sample))
	if err != nil {
		t.Fatalf("Parse(sample) = %v, want nil", err)
	}
	if d := cmp.Diff(sample, string(lock.Print(f))); d != "" {
		t.Errorf("Print(Parse(sample)) differs (-want +got):\n%s", d)
	}
	if e := f.Event(0x1002); e == nil || !e.Released() || e.Version(2).State != lock.Draft || e.Version(3) != nil || f.Event(0x1003) != nil {
		t.Errorf("Event(0x1002) = %+v, want one with two versions, and no other event", e)
	}
}

// What is wrong with a file is named, where it stands.
func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name     string
		old, new string // replaced in the sample
		line     int
		column   int
		err      error
		detail   string
	}{
		{"not JSON", "{\n  \"format\"", "lock", 1, 1, lock.ErrSyntax, "want an object, an array, a string or a number"},
		{"cut off", "]\n}\n", "]", 24, 4, lock.ErrSyntax, "want a comma or '}'"},
		{"text behind", "]\n}\n", "]\n}\n{", 26, 1, lock.ErrSyntax, "something follows the end"},
		{"open string", `"string"}`, `"string`, 5, 42, lock.ErrSyntax, "the string does not end"},
		{"no comma", `"draft", "event"`, `"draft" "event"`, 17, 35, lock.ErrSyntax, "want a comma or '}'"},
		{"negative", `"version": 1, "folds"`, `"version": -1, "folds"`, 20, 49, lock.ErrSyntax, "want an object, an array, a string or a number"},
		{"deep", `"ledger"`, strings.Repeat("[", 9), 5, 32, lock.ErrSyntax, "nested too deep"},

		{"later format", `"format": 1`, `"format": 2`, 2, 13, lock.ErrNewer, "found 2, known 1"},
		{"later format, other names", "\"format\": 1,", "\"fields\": {},\n\"format\": 2,", 3, 11, lock.ErrNewer, "found 2, known 1"},
		{"format 0", `"format": 1`, `"format": 0`, 2, 13, lock.ErrSyntax, "want a number from 1 to 4294967295"},
		{"unknown name", `"retired"`, `"retried"`, 13, 3, lock.ErrSyntax, `unknown name "retried"`},
		{"missing name", "  \"retired\": {\n    \"1:005\": \"AccountRenamed\"\n  },\n", "", 1, 1, lock.ErrSyntax, `"retired" is missing`},
		{"name twice", `"scope": "ledger"`, `"scope": "ledger", "scope": "x"`, 5, 36, lock.ErrSyntax, `"scope" comes twice`},
		{"key twice", `"1:005": "AccountRenamed"`, `"1:005": "A", "1:005": "B"`, 14, 19, lock.ErrSyntax, `"1:005" comes twice`},
		{"list for object", `{"scope": "ledger", "id": "string"}`, `["scope"]`, 5, 16, lock.ErrSyntax, "want an object"},
		{"object for list", `["1:001", "1:002"]`, `{}`, 20, 61, lock.ErrSyntax, "want an array"},
		{"number for text", `"ledger"`, `7`, 5, 26, lock.ErrSyntax, "want a string"},
		{"bad kind", `"1:005"`, `"1:5"`, 14, 5, lock.ErrSyntax, `want a kind such as "1:002"`},
		{"bad state", `"state": "draft", "b3"`, `"state": "final", "b3"`, 10, 22, lock.ErrSyntax, `unknown state "final"`},
		{"revised command", `"state": "draft", "event"`, `"state": "revised", "event"`, 17, 27, lock.ErrSyntax, `unknown state "revised"`},
		{"bad type of ids", `"id": "string"`, `"id": "int"`, 5, 42, lock.ErrSyntax, `unknown type of ids "int"`},
		{"no type of ids", `"id": "string"`, `"id": ""`, 5, 42, lock.ErrSyntax, `unknown type of ids ""`},
		{"bad shape", `{amount:string}`, `{amount:text}`, 9, 69, lock.ErrSyntax, "shape: byte 8: want a type"},
		{"altered shape", `{amount:string}`, `{amount:int64}`, 9, 7, lock.ErrSyntax, "the shape of version 1 was altered: its fingerprint is 4fae7c177a554305, not aca9d643bf7aff7c"},
		{"version 0", `"1": {`, `"0": {`, 9, 7, lock.ErrSyntax, "want a number from 1 to 65535"},
		{"padded version", `"1": {`, `"01": {`, 9, 7, lock.ErrSyntax, `want "1"`},
		{"large version", `"1": {`, `"65536": {`, 9, 7, lock.ErrSyntax, "want a number from 1 to 65535"},
		{"revised from nothing", `"released", "b3"`, `"revised", "b3"`, 9, 7, lock.ErrSyntax, "version 1 is revised with 0 earlier shapes"},
		{"frozen draft", `source:string}"`, `source:string}", "frozen": "x"`, 10, 7, lock.ErrSyntax, "version 2 is a draft with frozen payloads"},
		{"retired event", `"1:005"`, `"1:002"`, 14, 5, lock.ErrSyntax, "1:002 is retired and an event"},
		{"no reason", `"never deployed"`, `""`, 23, 5, lock.ErrSyntax, "no reason is given"},

		{"conflict", `  "retired"`, "<<<<<<< ours\n=======\n>>>>>>> theirs\n  \"retired\"", 13, 1, lock.ErrConflict, ""},
		{"other space", `"scope": `, `"scope":  `, 5, 26, lock.ErrNotCanonical, ""},
		{"other order", `"id": "string"}`, "\"id\": \"string\"},\n    \"a\": {\"scope\": \"\"}", 5, 7, lock.ErrNotCanonical, ""},
		{"other order of names", `"scope": "ledger", "id": "string"`, `"id": "string", "scope": "ledger"`, 5, 18, lock.ErrNotCanonical, ""},
		{"other spelling", `ledger`, `l\u0065dger`, 5, 28, lock.ErrNotCanonical, ""},
		{"no line end", "]\n}\n", "]\n}", 25, 2, lock.ErrNotCanonical, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(sample, tt.old, tt.new, 1)
			_, err := lock.Parse("lock", []byte(text))
			e, ok := errors.AsType[*lock.Error](err)
			if !ok || !errors.Is(err, tt.err) || e.Pos.Line != tt.line || e.Pos.Column != tt.column || e.Detail != tt.detail {
				t.Errorf("Parse() = %v, want %v at %d:%d, detail %q", err, tt.err, tt.line, tt.column, tt.detail)
			}
		})
	}
}

// A file that is larger than any lock file is not read at all.
func TestParseIsBounded(t *testing.T) {
	for _, huge := range []string{strings.Repeat(" ", 17<<20), `{"format": [` + strings.Repeat("1,", 9<<20)} {
		if _, err := lock.Parse("lock", []byte(huge)); !errors.Is(err, lock.ErrSyntax) {
			t.Errorf("Parse(%d bytes) = %v, want ErrSyntax", len(huge), err)
		}
	}
	deep := strings.Repeat("[", 1<<20)
	if _, err := lock.Parse("lock", []byte(deep)); !errors.Is(err, lock.ErrSyntax) {
		t.Errorf("Parse(%d brackets) = %v, want ErrSyntax", len(deep), err)
	}
}

// What is not in the canonical form is put into it.
func TestRepair(t *testing.T) {
	tests := []struct{ name, old, new string }{
		{"as it is", "{", "{"},
		{"other space", `"scope": `, "\"scope\"\n:\t"},
		{"an entry twice", `"1:005": "AccountRenamed"`, `"1:005": "AccountRenamed", "1:005": "AccountRenamed"`},
		{"line ends of Windows", "\n", "\r\n"},
	}
	for _, tt := range tests {
		f, err := lock.Repair("lock", []byte(strings.ReplaceAll(sample, tt.old, tt.new)))
		if err != nil {
			t.Errorf("%s: Repair() = %v, want nil", tt.name, err)
			continue
		}
		if d := cmp.Diff(sample, string(lock.Print(f))); d != "" {
			t.Errorf("%s: Print(Repair()) differs (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestRepairRefuses(t *testing.T) {
	conflict := func(ours, theirs string) string {
		return "<<<<<<< ours\n" + ours + "=======\n" + theirs + ">>>>>>> theirs\n"
	}
	other := strings.Replace(sample, `"aca9d643bf7aff7c", "shape": "{amount:string}"`, `"4fae7c177a554305", "shape": "{amount:int64}"`, 1)
	tests := []struct {
		name, text string
		line       int
		err        error
		detail     string
	}{
		{"two promises", conflict(sample, other), 36, lock.ErrDisagree, "version 1 of 1:002 was released as {amount:string} and as {amount:int64}"},
		{"half a conflict", "<<<<<<< ours\n" + sample, 1, lock.ErrSyntax, "conflict markers that do not belong together"},
		{"conflict in a conflict", conflict("<<<<<<< more\n"+sample, sample), 2, lock.ErrSyntax, "conflict markers that do not belong together"},
		{"altered promise", strings.Replace(sample, "{amount:string}", "{amount:int64}", 1), 9, lock.ErrSyntax, "the shape of version 1 was altered: its fingerprint is 4fae7c177a554305, not aca9d643bf7aff7c"},
		{"later format", strings.Replace(sample, `"format": 1`, `"format": 2`, 1), 2, lock.ErrNewer, "found 2, known 1"},
	}
	for _, tt := range tests {
		_, err := lock.Repair("lock", []byte(tt.text))
		e, ok := errors.AsType[*lock.Error](err)
		if !ok || !errors.Is(err, tt.err) || e.Pos.Line != tt.line || e.Detail != tt.detail {
			t.Errorf("%s: Repair() = %v, want %v on line %d, detail %q", tt.name, err, tt.err, tt.line, tt.detail)
		}
	}
}

// Drafts are free, so a draft that was changed by hand is no obstacle.
func TestRepairTakesAnyDraft(t *testing.T) {
	f, err := lock.Repair("lock", []byte(strings.Replace(sample, "{amount:int64;source:string}", "{amount:int64}", 1)))
	if err != nil {
		t.Fatalf("Repair() = %v, want nil", err)
	}
	if got := f.Event(0x1002).Version(2).Shape; got != "{amount:int64}" {
		t.Errorf("shape of the draft = %s, want {amount:int64}", got)
	}
}

// Of two sides the one that knows more wins.
func TestRepairJoinsSides(t *testing.T) {
	side := func(old, new string) string { return strings.Replace(sample, old, new, 1) }
	draft := side(`"state": "released", "b3": "aca9d643bf7aff7c", "shape": "{amount:string}", "frozen": "97bbde42f5d3dbb9"`,
		`"state": "draft", "b3": "aca9d643bf7aff7c", "shape": "{amount:string}"`)
	grown := side(`"state": "released", "b3": "aca9d643bf7aff7c", "shape": "{amount:string}"`,
		`"state": "released", "b3": "74865d36c78fd1ad", "shape": "{amount:string;memo?:string}", "earlier": ["{amount:string}"]`)
	retired := side(sample[strings.Index(sample, `"events": {`):strings.Index(sample, `AccountRenamed`)],
		"\"events\": {},\n  \"retired\": {\n    \"1:002\": \"MoneyDeposited\",\n    \"1:005\": \"")
	given := strings.Replace(draft, `"accepted": [`, "\"accepted\": [\n"+
		`    {"event": "1:002", "version": 1, "was": ["{amount:string}"], "reason": "never"},`, 1)
	released := strings.ReplaceAll(strings.ReplaceAll(sample, `{"state": "draft", "event"`, `{"state": "released", "event"`),
		`{"state": "draft", "version"`, `{"state": "released", "version"`)
	back := strings.Replace(strings.Replace(strings.Replace(released, `"accepted": [`, "\"accepted\": [\n"+
		`    {"command": "withdraw", "was": GATES, "reason": "never"},`+"\n"+
		`    {"projection": "balance", "version": 1, "was": FOLDS, "reason": "never"},`, 1),
		`"withdraw": {"state": "released"`, `"withdraw": {"state": "draft"`, 1), `"balance": {"state": "released"`, `"balance": {"state": "draft"`, 1)
	for name, key := range map[string]string{"GATES": "gates", "FOLDS": "folds"} {
		back = strings.Replace(back, name, regexp.MustCompile(`"` + key + `": (\[.*\])`).FindStringSubmatch(sample)[1], 1)
	}
	fileless := func(text string) string { return strings.Replace(text, `, "frozen": "97bbde42f5d3dbb9"`, "", 1) }
	ids := func(id string) string { return side(`, "id": "string"`, id) }
	for _, tt := range []struct{ name, one, other, want string }{
		{"wider ids", ids(`, "id": "uint32"`), ids(`, "id": "int64"`), ids(`, "id": "int64"`)},
		{"ids that are known", sample, ids(""), sample},
		{"released beats draft", sample, draft, sample},
		{"grown beats released", sample, grown, grown},
		{"a file beats none", sample, fileless(sample), sample},
		{"a file of what has grown", sample, fileless(grown), grown},
		{"a file that has grown", fileless(sample), grown, grown},
		{"retired beats all", sample, retired, retired},
		{"given back beats released", sample, given, `"1": {"state": "draft", "b3": "aca9d643bf7aff7c"`},
		{"command given back", released, back, `"withdraw": {"state": "draft"`},
		{"projection given back", released, back, `"balance": {"state": "draft"`},
		{"higher version of a projection", sample, side(`"version": 1, "folds"`, `"version": 2, "folds"`), side(`"version": 1, "folds"`, `"version": 2, "folds"`)},
		{"released command", sample, side(`"state": "draft", "event"`, `"state": "released", "event"`), side(`"state": "draft", "event"`, `"state": "released", "event"`)},
	} {
		for _, text := range []string{
			"<<<<<<< a\n" + tt.one + "=======\n" + tt.other + ">>>>>>> b\n",
			"<<<<<<< b\n" + tt.other + "||||||| base\n{\n=======\n" + tt.one + ">>>>>>> a\n",
		} {
			f, err := lock.Repair("lock", []byte(text))
			if err != nil {
				t.Errorf("%s: Repair() = %v, want nil", tt.name, err)
				continue
			}
			if got := string(lock.Print(f)); !strings.Contains(got, tt.want) {
				t.Errorf("%s: Print(Repair()) = %s, want it to contain\n%s", tt.name, got, tt.want)
			}
		}
	}
}
