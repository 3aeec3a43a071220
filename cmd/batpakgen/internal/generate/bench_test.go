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
// twenty, whose code is generated already: as it is without a cache, as it is when a run
// has had nothing to do, and as it is when a payload in every package has changed since,
// or a comment.
func BenchmarkRun(b *testing.B) {
	for _, packages := range []int{1, 20} {
		m := moduletest.New(b)
		for i := range packages {
			name := fmt.Sprintf("shop%d", i)
			source := strings.NewReplacer("package shop", "package "+name, `"order"`, `"`+name+`"`, "Type: 1", fmt.Sprintf("Type: %d", i)).Replace(shop)
			m.Write(name+"/schema.go", source)
			m.Write(name+"/events.go", events(i, "Item string"))
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
		edits := 0
		b.Run(fmt.Sprintf("packages=%d/changed", packages), func(b *testing.B) {
			for ; b.Loop(); edits++ {
				for i := range packages {
					m.Write(fmt.Sprintf("shop%d/events.go", i), events(i, fmt.Sprintf("Item%d string", edits)))
				}
				run(b)
			}
		})
		b.Run(fmt.Sprintf("packages=%d/commented", packages), func(b *testing.B) {
			for ; b.Loop(); edits++ {
				for i := range packages {
					m.Write(fmt.Sprintf("shop%d/more.go", i), fmt.Sprintf("package shop%d\n\n// Edit %d.\n", i, edits))
				}
				run(b)
			}
		})
	}
}

// events is the file of a package with its payload, and an import that takes long to
// load.
func events(i int, field string) string {
	return fmt.Sprintf("package shop%d\n\nimport \"net/http\"\n\ntype OrderPlaced struct{ %s }\n\nvar _ http.Handler\n", i, field)
}
