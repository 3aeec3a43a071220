package report

import (
	"context"
	"fmt"

	batpak "github.com/batpak-go/batpak/runtime"

	"github.com/batpak-go/batpak/examples/gitlog/history"
)

// How much of each kind is reported.
const (
	topAuthors     = 10
	topDirectories = 10
	latestChanges  = 8
	maxEffects     = 1 << 20
)

// Collect reads the log for what it has in a scope, and has it verified. head is
// the commit that is checked out, or "". The caller fills in what only it knows.
func Collect(ctx context.Context, j *history.Journal, scope, head string, verify ...batpak.VerifyOption) (*Report, error) {
	s := j.Store()
	r := &Report{Scope: scope, Events: s.Frontier().Visible}
	t := newTally()
	for e, err := range s.Events(batpak.Query{Scope: scope}) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = t.add(e)
		}
		if err != nil {
			return nil, fmt.Errorf("read the log: %w", err)
		}
	}
	t.finish()
	r.Counts = t.counts
	r.Authors = t.topAuthors(topAuthors)
	r.Directories = t.topDirectories(topDirectories)
	var err error
	if r.File, err = fileHistory(ctx, j, scope, t.mostChanged()); err != nil {
		return nil, fmt.Errorf("history of a file: %w", err)
	}
	if r.Lineage, err = lineage(ctx, s, scope, head); err != nil {
		return nil, fmt.Errorf("lineage of %s: %w", head, err)
	}
	return r, r.verify(ctx, s, verify)
}

// verify has the store verify itself.
func (r *Report) verify(ctx context.Context, s *batpak.Store, opts []batpak.VerifyOption) error {
	v, err := s.Verify(ctx, opts...)
	if err != nil {
		return fmt.Errorf("verify the log: %w", err)
	}
	r.Verified = len(v.Damages) == 0
	r.Verification = Verification{
		Events: v.Events, Streams: v.Streams, Segments: v.Segments,
		Bytes: v.Bytes, Seconds: v.Took.Seconds(), MBPerSecond: per(float64(v.Bytes)/1e6, v.Took.Seconds()),
	}
	for _, d := range v.Damages {
		r.Verification.Damages = append(r.Verification.Damages, d.String())
	}
	return nil
}

// per is n / of, or 0 where that is not a number.
func per(n, of float64) float64 {
	if of == 0 {
		return 0
	}
	return n / of
}
