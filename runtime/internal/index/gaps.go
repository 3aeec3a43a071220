package index

import "slices"

// gaps say which numbers are left out of a row of rising numbers that begins
// with 1: hardly ever any.
type gaps []gap

// gap is where numbers are left out.
type gap struct {
	behind uint32 // how many numbers there are before it
	left   uint64 // how many are left out, up to here
}

// add notes that the number comes when there are n before it.
func (g *gaps) add(n uint32, number uint64) {
	if left := number - uint64(n) - 1; left != g.leftBefore(n) {
		*g = append(*g, gap{behind: n, left: left})
	}
}

// number is the one with n before it.
func (g gaps) number(n uint32) uint64 { return uint64(n) + 1 + g.leftBefore(n) }

// leftBefore is how many are left out before the number with n before it.
func (g gaps) leftBefore(n uint32) uint64 {
	if len(g) == 0 {
		return 0
	}
	i, _ := slices.BinarySearchFunc(g, n, func(a gap, n uint32) int {
		if a.behind <= n {
			return -1
		}
		return 1
	})
	if i == 0 {
		return 0
	}
	return g[i-1].left
}

// upTo counts the numbers up to one, inclusive, of so many that there are, and
// reports whether that one is among them.
func (g gaps) upTo(number uint64, count uint32) (n uint32, there bool) {
	end := uint64(count)
	left := uint64(0)
	for i := len(g) - 1; i >= 0; i-- {
		if uint64(g[i].behind)+g[i].left < number {
			left = g[i].left
			break
		}
		end = uint64(g[i].behind)
	}
	if number <= left {
		return 0, false
	}
	return uint32(min(number-left, end)), number-left <= end
}
