package batpak_test

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// jury judges what crashes leave, or faults, as many beside each other as there are
// processors, and says what it would say if it judged one after the other: it is for cases
// of which none has to do with another.
type jury struct {
	seats    chan struct{}
	sits     sync.WaitGroup
	verdicts []*error // in the order of the cases
	broken   atomic.Bool
}

func newJury() *jury { return &jury{seats: make(chan struct{}, runtime.GOMAXPROCS(0))} }

// judge has somebody call law, which returns an error if it is broken. It waits for a seat.
// When one is broken there is no use in more.
func (j *jury) judge(law func() error) {
	if j.objects() {
		return
	}
	v := new(error)
	j.verdicts = append(j.verdicts, v)
	j.seats <- struct{}{}
	j.sits.Go(func() {
		defer func() { <-j.seats }()
		if *v = law(); *v != nil {
			j.broken.Store(true)
		}
	})
}

// objects reports whether a law is broken.
func (j *jury) objects() bool { return j.broken.Load() }

// verdict waits until all is judged, and returns the first error, and how many were judged
// up to it: so both depend on the cases alone.
func (j *jury) verdict() (judged int, err error) {
	j.sits.Wait()
	for i, v := range j.verdicts {
		if *v != nil {
			return i + 1, *v
		}
	}
	return len(j.verdicts), nil
}
