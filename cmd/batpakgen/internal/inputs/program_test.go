package inputs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/inputs"
)

// A program is the one that the go command says it is: this one wherever it lies, and
// another one if it was made of anything else or came to anything else. Where the go command
// does not say it, every byte counts.
func TestProgramIsWhatTheGoCommandBuilt(t *testing.T) {
	name, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "program")
	digest := func(content []byte) inputs.Digest {
		t.Helper()
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := inputs.ProgramOf(file)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	this, err := inputs.Program()
	if err != nil || this != digest(content) || this == digest(content[1<<16:]) {
		t.Errorf("Program() = %x, %v, want that of a copy of this program, and not of a part", this, err)
	}
	id := strings.Join([]string{strings.Repeat("a", 20), strings.Repeat("_", 20), strings.Repeat("-", 20), strings.Repeat("Z", 20)}, "/")
	built := func(id string) []byte { return append([]byte("head "+id+" "), make([]byte, 1<<16)...) }
	one := digest(built(id))
	if digest(append(built(id), "signed"...)) != one {
		t.Error("a program is another one with the same build ID")
	}
	for at := range id {
		for _, flip := range []byte{1, 3} { // one of them makes another letter of a letter
			other := []byte(id)
			other[at] ^= flip
			if digest(built(string(other))) == one {
				t.Errorf("a program is the same with another build ID, %s", other)
			}
		}
	}
	for what, unnamed := range map[string][]byte{
		"no build ID":      built(""),
		"one that is set":  built("redacted"),
		"one that is late": append(make([]byte, 1<<16), id...),
		"a short file":     []byte("x"),
	} {
		other := bytes.Clone(unnamed)
		other[len(other)-1] ^= 1
		if digest(unnamed) == digest(other) {
			t.Errorf("%s: another content is the same program", what)
		}
	}
}
