package props_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/batpak-go/batpak/schema/frozen"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/shape"
)

// lifts lists payloads of each version of each event, those that are frozen first,
// with what the steps make of them, a line for each: the kind, the version, the
// payload and what is to come of it, or "refused". The payloads of the earlier schema
// are among them; those that are frozen must be.
func (p plan) lifts(before, pkg *model.Package, is *release, rng *rand.Rand) (string, error) {
	var b strings.Builder
	for i, planned := range p.declared() {
		e := eventNamed(pkg, i)
		versions := planned.versions(i)
		structs := structsOf(e)
		if len(structs) != len(versions) {
			return "", fmt.Errorf("event%d has %d versions, want %d", i, len(structs), len(versions))
		}
		for n, s := range structs {
			all, err := payloadsOf(s, rng)
			if was := eventNamed(before, i); was != nil && planned.grows && n == len(structs)-1 {
				old, oldErr := payloadsOf(was.Payload, rng)
				err = errors.Join(err, oldErr)
				for _, fields := range old {
					all = append(all, append(fields[:len(fields):len(fields)], zeroValue(s.Fields[len(fields)].Type)))
				}
			}
			if err != nil {
				return "", err
			}
			made := map[string]bool{}
			for _, fields := range all {
				payload := hex.EncodeToString(frozen.Append(nil, s, fields))
				made[payload] = true
				want := "refused"
				if v, ok := lifted(versions, structs, n+1, fields); ok {
					want = hex.EncodeToString(frozen.Append(nil, e.Payload, v))
				}
				fmt.Fprintf(&b, "%#04x %d %s %s\n", e.Kind(), n+1, payload, want)
			}
			for line := range strings.Lines(string(is.frozen[frozen.Path(e.Kind(), uint16(n+1))])) {
				if columns := strings.Fields(line); columns[0] != "#" && !made[columns[2]] {
					return "", fmt.Errorf("%s is frozen of %s, but is none of its samples", columns[2], s.Name)
				}
			}
		}
	}
	return b.String(), nil
}

// payloadsOf are payloads of a struct: those that are frozen of what the lock file
// says of it, in which enumerations have another order, and random ones.
func payloadsOf(s *model.Struct, rng *rand.Rand) ([]frozen.Fields, error) {
	locked, err := shape.Parse(shape.Text(s))
	if err != nil {
		return nil, err
	}
	var all []frozen.Fields
	for _, sample := range frozen.Samples(locked) {
		all = append(all, sample.Fields)
	}
	for range 10 {
		all = append(all, randomFields(rng, s, 0))
	}
	return all, nil
}

// eventNamed is the event of a planned one, or nil.
func eventNamed(pkg *model.Package, i int) *model.Event {
	for _, e := range pkg.Events {
		if e.Var == fmt.Sprintf("event%d", i) {
			return e
		}
	}
	return nil
}

// structsOf are the shapes of an event, from version 1.
func structsOf(e *model.Event) []*model.Struct {
	var all []*model.Struct
	for _, u := range e.Upcasts {
		all = append(all, u.Source)
	}
	return append(all, e.Payload)
}

// liftTest writes a test of the package, which lifts what is in testdata/lifts.
func (p plan) liftTest(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n", name)
	b.WriteString(`
import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
)

func TestLifts(t *testing.T) {
	text, err := os.ReadFile("testdata/lifts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var e batpak.Event
		var payload, want string
		_, err := fmt.Sscan(line, &e.Kind, &e.PayloadVersion, &payload, &want)
		if err == nil {
			e.Payload, err = hex.DecodeString(payload)
		}
		if err != nil {
			t.Fatal(err)
		}
		v, err := lift[e.Kind](e)
		switch _, refused := errors.AsType[*batpak.UpcastError](err); {
		case want == "refused" && refused && errors.Is(err, errRefused):
		case want == "refused" || err != nil:
			t.Errorf("payload of %v: %v\n%s", e.Kind, err, line)
		case hex.EncodeToString(v.AppendBatpak(nil)) != want:
			t.Errorf("payload of %v is lifted to %x\n%s", e.Kind, v.AppendBatpak(nil), line)
		}
	}
}

func lifts[T payload](decode func(batpak.Event) (batpak.Stored[T], error)) func(batpak.Event) (payload, error) {
	return func(e batpak.Event) (payload, error) {
		s, err := decode(e)
		return s.Payload, err
	}
}

var lift = map[batpak.Kind]func(batpak.Event) (payload, error){
`)
	for i := range p.declared() {
		fmt.Fprintf(&b, "\tKindPayload%d: lifts(DecodePayload%d),\n", i, i)
	}
	b.WriteString("}\n")
	return b.String()
}
