package props

import (
	"fmt"
	"reflect"
	"slices"

	batpak "github.com/batpak-go/batpak/runtime"
)

// GateRepeats holds that gates are asked in their order, up to the first that denies,
// and that they are pure: the same context gives the same verdicts and the same denial
// each time, and the gates leave it as it is. The function build makes the context; it
// is called several times and must make equal ones that share no memory.
func GateRepeats[C any](gates []batpak.Gate[C], build func() C) error {
	c := build()
	verdicts, denial := batpak.Evaluate(gates, c)
	if want := build(); !reflect.DeepEqual(c, want) {
		return fmt.Errorf("the gates made %+v out of their context %+v", c, want)
	}
	if err := inOrder(gates, verdicts, denial); err != nil {
		return err
	}
	for _, again := range []C{c, build()} {
		v, d := batpak.Evaluate(gates, again)
		if !reflect.DeepEqual(v, verdicts) || !sameDenial(d, denial) {
			return fmt.Errorf("verdicts the second time = %v, %+v, want %v, %+v", v, d, verdicts, denial)
		}
	}
	return nil
}

// inOrder holds that verdicts are those of all gates, or of the first ones if the last of
// these denied.
func inOrder[C any](gates []batpak.Gate[C], verdicts []batpak.Verdict, denial *batpak.Denial) error {
	want := make([]batpak.Verdict, 0, len(gates))
	for _, g := range gates {
		want = append(want, batpak.Verdict{Gate: g.Name})
	}
	if n := len(verdicts); denial != nil && 0 < n && n <= len(want) {
		want = want[:n]
		want[n-1].Code = denial.Code
	}
	if !slices.Equal(verdicts, want) {
		return fmt.Errorf("verdicts = %+v with denial %+v, want %+v", verdicts, denial, want)
	}
	return nil
}

// sameDenial compares denials; the message of a panic has addresses in it.
func sameDenial(a, b *batpak.Denial) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Code == b.Code && (a.Message == b.Message || a.Code == batpak.CodePanic)
}
