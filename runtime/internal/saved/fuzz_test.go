package saved_test

import (
	"bytes"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/saved"
)

// FuzzParse: bytes are a state or are refused, as they are, and with a digest that is
// right, as somebody can make it who knows the format. What is a state is written as it
// was.
func FuzzParse(f *testing.F) {
	f.Add([]byte{})
	f.Add(saved.Append(nil, sample()))
	f.Add(saved.Append(nil, saved.State{}))
	f.Fuzz(func(t *testing.T, src []byte) {
		digest := chain.Digest(src)
		for _, b := range [][]byte{src, append(bytes.Clone(src), digest[:]...)} {
			before := bytes.Clone(b)
			s, err := saved.Parse(b)
			switch {
			case !bytes.Equal(b, before):
				t.Fatalf("Parse has changed %q to %q", before, b)
			case err != nil && (s.Name != "" || s.Bytes != nil || s.Sequence != 0):
				t.Fatalf("Parse(%q) = %+v, %v, want no state", b, s, err)
			case err == nil && !bytes.Equal(saved.Append(nil, s), b):
				t.Fatalf("Parse(%q) = %+v, which is written as %q", b, s, saved.Append(nil, s))
			}
		}
	})
}
