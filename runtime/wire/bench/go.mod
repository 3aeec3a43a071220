module github.com/batpak-go/batpak/runtime/wire/bench

go 1.26.0

tool (
	github.com/batpak-go/batpak/cmd/batpakgen
	github.com/tinylib/msgp
)

require (
	github.com/batpak-go/batpak v0.0.0
	github.com/tinylib/msgp v1.6.5
)

require (
	github.com/dave/jennifer v1.7.1 // indirect
	github.com/klauspost/cpuid/v2 v2.0.12 // indirect
	github.com/philhofer/fwd v1.2.0 // indirect
	github.com/rogpeppe/go-internal v1.16.0 // indirect
	github.com/zeebo/blake3 v0.2.4 // indirect
	golang.org/x/mod v0.42.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/tools v0.52.0 // indirect
)

replace github.com/batpak-go/batpak => ../../..
