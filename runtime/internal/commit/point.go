package commit

import "runtime"

// point lets a test hold the goroutine up.
func (p *Pipeline) point(name string) {
	if p.hook != nil {
		p.hook(name)
	}
}

// yield lets other goroutines go first.
func (p *Pipeline) yield() {
	if p.hook != nil {
		p.hook("yield")
		return
	}
	runtime.Gosched()
}
