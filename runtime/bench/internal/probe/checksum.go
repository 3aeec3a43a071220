package probe

import (
	"hash/crc32"
	"time"
)

// Checksum is how many nanoseconds the CRC-32C of size bytes takes, measured for
// so long: nothing that verifies what it reads can be faster.
func Checksum(size int, window time.Duration) (nanos float64) {
	const turn = 4096
	table, bytes, sum, n := crc32.MakeTable(crc32.Castagnoli), make([]byte, size), uint32(0), 0
	began := time.Now()
	for time.Since(began) < window {
		for range turn {
			sum = crc32.Update(sum, table, bytes)
		}
		n += turn
	}
	if sum == 1 { // keeps the compiler from leaving it all out
		n++
	}
	return float64(time.Since(began).Nanoseconds()) / float64(n)
}
