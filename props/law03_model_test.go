package props_test

import (
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"

	"github.com/batpak-go/batpak/props"
)

// LAW03: whatever is appended in whatever order, refused, retried, synced and
// reopened, over however many segments, the store is the model.
func TestLaw03StoreIsTheModel(t *testing.T) {
	t.Parallel()
	for name, durability := range map[string]batpak.Durability{"synced": batpak.Synced, "relaxed": batpak.Relaxed} {
		t.Run(name, func(t *testing.T) {
			onDisks(t, 300, 12, func(t *testing.T, cases int, fresh func(func(opener) error) error) {
				histories := histories(appendOne, appendOne, appendOne, appendBatch, appendBatch, appendIfNone, retry, retryOther, syncAll, reopen)
				props.Check(t, cases, histories, func(ops []op) error {
					return fresh(func(open opener) error {
						w := world{open: open, options: batpak.Options{Durability: durability}}
						if err := w.run(t.Context(), ops); err != nil {
							return err
						}
						return w.finish(t.Context())
					})
				})
			})
		})
	}
}
