package props

import (
	"fmt"
	"hash/fnv"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/prop"
)

// The environment variables that steer a run.
const (
	// EnvSeed names a seed, a decimal number, for all laws of the run. Without
	// it each test has a seed of its own that is the same in every run.
	EnvSeed = "BATPAK_SEED"
	// EnvEffort names a factor, 1 by default, for the number of cases that each
	// law tries. From [Thorough] on, laws that sample try everything.
	EnvEffort = "BATPAK_EFFORT"
)

// Thorough is the effort from which on laws that sample try everything.
const Thorough = 100

// maxSize is the length that generated slices and strings stay below. They grow
// from nothing to this in the course of a check.
const maxSize = 40

// Parameters returns gopter's parameters for a law that is to hold in about the
// given number of cases, see [Cases], and logs the seed.
func Parameters(t testing.TB, cases int) *gopter.TestParameters {
	t.Helper()
	p := gopter.DefaultTestParametersWithSeed(Seed(t))
	p.MinSuccessfulTests = Cases(t, cases)
	p.MaxSize = maxSize
	return p
}

// Seed returns the seed of a test and logs it: the one in [EnvSeed], or one that
// follows from the test's name.
func Seed(t testing.TB) int64 {
	t.Helper()
	seed := int64(0)
	if s := os.Getenv(EnvSeed); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			t.Fatalf("%s is not a seed: %v", EnvSeed, err)
		}
		seed = n
	} else {
		h := fnv.New32a()
		h.Write([]byte(t.Name())) // never fails
		seed = int64(h.Sum32())
	}
	t.Logf("%s=%d", EnvSeed, seed)
	return seed
}

// Effort returns the factor in [EnvEffort].
func Effort(t testing.TB) int {
	t.Helper()
	s := os.Getenv(EnvEffort)
	if s == "" {
		return 1
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("%s = %q, want a number from 1 on", EnvEffort, s)
	}
	return n
}

// Cases returns how many cases to try where usually it is n: n times the effort,
// and a quarter of that in a run with -short.
func Cases(t testing.TB, n int) int {
	t.Helper()
	n *= Effort(t)
	if testing.Short() {
		n /= 4
	}
	return max(1, n)
}

// Check holds a law against about the given number of generated cases, see
// [Cases]. A law says what is wrong with a case, or returns nil; a panic counts as
// a fault. The first case that breaks it is shrunk, as far as the generator can,
// and fails the test with the command that repeats the run.
func Check[T any](t *testing.T, cases int, values gopter.Gen, law func(T) error) {
	t.Helper()
	p := Parameters(t, cases)
	condition := func(v T) string {
		if err := law(v); err != nil {
			return err.Error()
		}
		return ""
	}
	r := prop.ForAll(condition, values).Check(p)
	if r.Passed() {
		return
	}
	t.Errorf("%s\nagain: %s", report(r), again(t, p.Seed()))
}

// report describes a check that failed.
func report(r *gopter.TestResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s after %d cases that passed", strings.ToLower(r.Status.String()), r.Succeeded)
	for _, l := range r.Labels {
		fmt.Fprintf(&b, "\n%s", l)
	}
	if r.Error != nil {
		fmt.Fprintf(&b, "\n%v\n%s", r.Error, r.ErrorStack)
	}
	for _, a := range r.Args {
		fmt.Fprintf(&b, "\ncase, shrunk %d times: %s", a.Shrinks, a.ArgFormatted)
		if a.Shrinks > 0 {
			fmt.Fprintf(&b, "\nat first: %.2000s", a.OrigArgFormatted)
		}
	}
	return b.String()
}

// again is the command that repeats a test, to be run in its package. Cases grow
// with their number, so it is part of the command how many there are.
func again(t testing.TB, seed int64) string {
	short := ""
	if testing.Short() {
		short = " -short"
	}
	pattern := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	return fmt.Sprintf("%s=%d %s=%d go test -count=1%s -run '%s'", EnvSeed, seed, EnvEffort, Effort(t), short, pattern)
}
