package batpak

import (
	"context"
	"time"
)

// A VerifyOption is one wish for [Store.Verify]: [AtMost], [OnProgress].
type VerifyOption interface{ applyVerify(*verifier) }

type verifyOption func(*verifier)

func (f verifyOption) applyVerify(v *verifier) { f(v) }

// AtMost lets a verification read so many bytes a second at most, averaged over a
// second or so, and leaves the rest of the disk to others. It reads a group, or some
// hundreds of events, at once and waits afterwards. A limit that is not positive is
// none.
func AtMost(bytesPerSecond int64) VerifyOption {
	return verifyOption(func(v *verifier) { v.pace.limit = bytesPerSecond })
}

// OnProgress lets a verification report how far it has come: when it begins, at
// each hundredth of the way or so, and when it is through. The calls come one at a
// time, on the goroutine that verifies, which waits for them.
func OnProgress(report func(VerifyProgress)) VerifyOption {
	return verifyOption(func(v *verifier) { v.pace.report = report })
}

// VerifyProgress is how far a verification has come. Each byte is read twice: with
// its segment and with its event.
type VerifyProgress struct {
	Done, Of int64 // bytes, all of them when it is through
	Segment  uint64
	Events   uint64 // whose link holds
	Damages  int    // so far
}

// pace is how fast a verification may go, and how far it has come.
type pace struct {
	limit  int64 // bytes a second, 0 = none
	report func(VerifyProgress)

	of, done, told int64     // bytes
	since          time.Time // the bytes in due began to be read
	due            int64

	read chan<- int64 // of a helper: who is told how many bytes it has read
	anew bool         // the bytes were read before
}

// slice is how long a pace is kept by what was read in it: what a stop longer than
// that has left unread is not made up for.
const slice = time.Second

// advance notes that n bytes were read. It waits until they were due.
func (v *verifier) advance(ctx context.Context, n int64) error {
	p := &v.pace
	if p.read != nil {
		select {
		case p.read <- n:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	if p.anew {
		n = 0
	}
	if p.done += n; p.done-p.told >= p.of/100 {
		v.tell()
	}
	if p.limit <= 0 {
		return ctx.Err()
	}
	now := time.Now()
	if p.due == 0 || now.Sub(p.since) > slice+p.takes(p.due) {
		p.since, p.due = now, 0
	}
	p.due += n
	wait := p.takes(p.due) - now.Sub(p.since)
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// takes is how long it takes to read so many bytes.
func (p *pace) takes(bytes int64) time.Duration {
	return time.Duration(float64(bytes) / float64(p.limit) * float64(time.Second))
}

func (v *verifier) tell() {
	p := &v.pace
	if p.told = p.done; p.report != nil {
		p.report(VerifyProgress{Done: p.done, Of: max(p.of, p.done), Segment: v.at, Events: v.count.events, Damages: len(v.report.Damages)})
	}
}
