package simfs

import "math/rand/v2"

// CutWhole is Cut without tears, noise and copies: every piece of the image is
// one version of itself.
func (d *Disk) CutWhole(seed uint64) *Disk {
	r := rand.New(rand.NewPCG(seed, 0))
	p := drawPlan(r)
	p.tear, p.hole = whole, zeros
	return d.cut(r, p)
}
