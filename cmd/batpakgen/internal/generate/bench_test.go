package generate_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/command"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/generate"
	"github.com/batpak-go/batpak/cmd/internal/moduletest"
)

// BenchmarkRun runs the command in this process on modules of one package and of
// twenty, whose code is generated already: as it is without a cache, and as it is
// when a run has had nothing to do.
func BenchmarkRun(b *testing.B) {
	for _, packages := range []int{1, 20} {
		m := moduletest.New(b)
		for i := range packages {
			name := fmt.Sprintf("shop%d", i)
			source := strings.NewReplacer("package shop", "package "+name, `"order"`, `"`+name+`"`, "Type: 1", fmt.Sprintf("Type: %d", i)).Replace(shop)
			m.Write(name+"/schema.go", source)
			m.Write(name+"/events.go", "package "+name+"\n\nimport \"net/http\"\n\ntype OrderPlaced struct{ Item string }\n\nvar _ http.Handler\n")
		}
		run := func(b *testing.B, args ...string) {
			b.Helper()
			to := command.Streams{Out: io.Discard, Err: b.Output()}
			args = append([]string{"-C", m.Dir}, args...)
			if code := command.Exit(generate.Run(b.Context(), append(args, "./..."), to), to); code != command.OK {
				b.Fatalf("exit code %d, want 0", code)
			}
		}
		run(b) // writes
		run(b) // has nothing to do, which is remembered
		b.Run(fmt.Sprintf("packages=%d/forced", packages), func(b *testing.B) {
			for b.Loop() {
				run(b, "-force")
			}
		})
		b.Run(fmt.Sprintf("packages=%d/unchanged", packages), func(b *testing.B) {
			for b.Loop() {
				run(b)
			}
		})
	}
}
