package saved_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/saved"
)

func sample() saved.State {
	return saved.State{
		Fingerprint: 0x0102030405060708, Sequence: 9, Version: 1 << 40, Hash: [32]byte{0: 1, 31: 2},
		Name: "account:a", Bytes: []byte("state"),
	}
}

// Appending to what is there adds to it, and parsing gives the same state.
func TestAppendParse(t *testing.T) {
	for _, want := range []saved.State{sample(), {Bytes: []byte{}}} {
		b := saved.Append([]byte("x"), want)
		got, err := saved.Parse(b[1:])
		if d := cmp.Diff(want, got); b[0] != 'x' || err != nil || d != "" {
			t.Errorf("Parse(Append(%v)) = %v (-want +got):\n%s", want, err, d)
		}
	}
}

// No bit and no byte can be lost or changed without notice.
func TestEveryDamageIsNoticed(t *testing.T) {
	whole := saved.Append(nil, sample())
	for i := range whole {
		if _, err := saved.Parse(whole[:i]); !errors.Is(err, saved.ErrDamaged) {
			t.Errorf("Parse(%d of %d bytes) = %v, want %v", i, len(whole), err, saved.ErrDamaged)
		}
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[i] ^= 1 << bit
			if _, err := saved.Parse(b); !errors.Is(err, saved.ErrDamaged) {
				t.Errorf("Parse with bit %d of byte %d flipped = %v, want %v", bit, i, err, saved.ErrDamaged)
			}
		}
	}
	if _, err := saved.Parse(append(whole, 0)); !errors.Is(err, saved.ErrDamaged) {
		t.Errorf("Parse with a byte more = %v, want %v", err, saved.ErrDamaged)
	}
}

// sealed is what a writer of another make might write: with a digest that is right.
func sealed(change func([]byte)) []byte {
	b := saved.Append(nil, sample())
	b = b[:len(b)-32]
	change(b)
	digest := chain.Digest(b)
	return append(b, digest[:]...)
}

// A later format is told apart from damage, and no length is trusted.
func TestOtherWriters(t *testing.T) {
	if _, err := saved.Parse(sealed(func(b []byte) { b[4] = 2 })); err == nil || errors.Is(err, saved.ErrDamaged) {
		t.Errorf("Parse(format 2) = %v, want an error about the format", err)
	}
	if _, err := saved.Parse(sealed(func(b []byte) { b[62] = 0xFF })); !errors.Is(err, saved.ErrDamaged) {
		t.Errorf("Parse(name beyond the end) = %v, want %v", err, saved.ErrDamaged)
	}
}
