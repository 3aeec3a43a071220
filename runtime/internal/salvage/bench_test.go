package salvage_test

import (
	"fmt"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/salvage"
	"github.com/batpak-go/batpak/runtime/internal/segment"
)

// BenchmarkRead salvages a log of four segments, sound and with one event of each damaged.
func BenchmarkRead(b *testing.B) {
	s := newScript()
	s.payload = make([]byte, 128)
	var size int64
	var damage []func()
	for n := range uint64(4) {
		for i := range 200 {
			at := s.group(fmt.Sprint("stream ", i%20))
			if i == 100 {
				damage = append(damage, func() { s.flip(n+1, at+100) })
			}
		}
		size += int64(len(s.bytes))
		if n < 3 {
			s.rotate()
		}
	}
	read := func(b *testing.B, gaps int) {
		b.SetBytes(size)
		for b.Loop() {
			r := segment.NewReader(s.disk.FS())
			log, err := salvage.Read(s.disk.FS(), r, index.New(1))
			if err != nil || len(log.Gaps) != gaps {
				b.Fatalf("Read() = %v, %v, want %d gaps", log, err, gaps)
			}
			if err := r.Close(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("sound", func(b *testing.B) { read(b, 0) })
	for _, flip := range damage {
		flip()
	}
	b.Run("damaged", func(b *testing.B) { read(b, len(damage)) })
}
