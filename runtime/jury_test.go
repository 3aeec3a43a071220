package batpak_test

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// jury judges images beside each other, as many as there are processors, and says what it
// would say if it judged one after the other. None of them may have to do with another.
type jury struct {
	seats    chan struct{}
	sits     sync.WaitGroup
	verdicts []*error // in the order of the images
	broken   atomic.Bool
}

func newJury() *jury { return &jury{seats: make(chan struct{}, runtime.GOMAXPROCS(0))} }

// judge has somebody call law, who returns an error if it is broken. It waits for a seat.
func (j *jury) judge(law func() error) {
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

// objects reports whether a law is broken, so that there is no use in more images.
func (j *jury) objects() bool { return j.broken.Load() }

// verdict waits until all is judged, and returns the first error, and how many were judged
// up to it: so both depend on the images alone.
func (j *jury) verdict() (judged int, err error) {
	j.sits.Wait()
	for i, v := range j.verdicts {
		if *v != nil {
			return i + 1, *v
		}
	}
	return len(j.verdicts), nil
}
