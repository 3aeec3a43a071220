module github.com/batpak-go/batpak/runtime/bench

go 1.26.0

require (
	github.com/batpak-go/batpak v0.0.0
	github.com/zeebo/blake3 v0.2.4
	golang.org/x/sys v0.49.0
)

require github.com/klauspost/cpuid/v2 v2.0.12 // indirect

replace github.com/batpak-go/batpak => ../..
