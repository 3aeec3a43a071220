package lock_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/schema/lock"
)

// A type of ids covers another one if all texts of the other one's ids are texts of
// its own: the least and the largest integers tell, and a word for strings.
func TestIDCovers(t *testing.T) {
	texts := map[lock.ID][]string{"string": {"a word", "0"}}
	reads := map[lock.ID]func(text string) error{"string": func(string) error { return nil }}
	for _, bits := range []int{8, 16, 32, 64} {
		signed, unsigned := lock.ID(fmt.Sprint("int", bits)), lock.ID(fmt.Sprint("uint", bits))
		texts[signed] = []string{fmt.Sprint(int64(math.MinInt64) >> (64 - bits)), fmt.Sprint(int64(math.MaxInt64) >> (64 - bits))}
		texts[unsigned] = []string{"0", fmt.Sprint(uint64(math.MaxUint64) >> (64 - bits))}
		reads[signed] = func(text string) error { _, err := strconv.ParseInt(text, 10, bits); return err }
		reads[unsigned] = func(text string) error { _, err := strconv.ParseUint(text, 10, bits); return err }
	}
	for to, read := range reads {
		for from := range texts {
			want := true
			for _, text := range texts[from] {
				want = want && read(text) == nil
			}
			if got := to.Covers(from); got != want {
				t.Errorf("%s.Covers(%s) = %t, want %t", to, from, got, want)
			}
		}
	}
}

// A file that does not say what ids are over is read and printed as it is.
func TestIDMayBeUnknown(t *testing.T) {
	text := strings.Replace(sample, `, "id": "string"`, "", 1)
	f, err := lock.Parse("lock", []byte(text))
	if err != nil {
		t.Fatalf("Parse() = %v, want nil", err)
	}
	if f.Entities[0].ID != "" || string(lock.Print(f)) != text {
		t.Errorf("ID = %q, and printed\n%s\nwant none", f.Entities[0].ID, lock.Print(f))
	}
}
