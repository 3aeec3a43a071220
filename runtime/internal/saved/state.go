package saved

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/planted"
)

// Part of the format; do not change.
const (
	magic      = "BPSV"
	formatOne  = 1
	headSize   = 4 + 1 + 8 + 8 + 8 + 32 + 2
	digestSize = 32
)

// ErrDamaged says that bytes are not what [Append] wrote.
var ErrDamaged = errors.New("the bytes are damaged")

// State is a state, encoded, and where it was folded to.
type State struct {
	Fingerprint uint64   // of whatever the state depends on
	Sequence    uint64   // of the last event
	Version     uint64   // of the last event in its stream, or 0 for a state of all streams
	Hash        [32]byte // of the last event
	Name        string   // of what the state is of, at most 65535 bytes
	Bytes       []byte
}

// Append appends a state to dst. Numbers are little endian:
//
//	"BPSV" 4, format 1, fingerprint 8, sequence 8, version 8, hash 32,
//	length of name 2, name, state, BLAKE3 of all of these 32
func Append(dst []byte, s State) []byte {
	start := len(dst)
	dst = append(dst, magic...)
	dst = append(dst, formatOne)
	dst = binary.LittleEndian.AppendUint64(dst, s.Fingerprint)
	dst = binary.LittleEndian.AppendUint64(dst, s.Sequence)
	dst = binary.LittleEndian.AppendUint64(dst, s.Version)
	dst = append(dst, s.Hash[:]...)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(s.Name)))
	dst = append(dst, s.Name...)
	dst = append(dst, s.Bytes...)
	digest := chain.Digest(dst[start:])
	return append(dst, digest[:]...)
}

// Parse reads what [Append] wrote. The result shares memory with src.
func Parse(src []byte) (State, error) {
	if len(src) < headSize+digestSize || string(src[:len(magic)]) != magic {
		return State{}, ErrDamaged
	}
	body, digest := src[:len(src)-digestSize], src[len(src)-digestSize:]
	if want := chain.Digest(body); [digestSize]byte(digest) != want && !planted.Bug("digest of a saved state is not compared") {
		return State{}, ErrDamaged
	}
	if format := body[len(magic)]; format != formatOne {
		return State{}, fmt.Errorf("the bytes have format %d, known is %d", format, formatOne)
	}
	rest := body[len(magic)+1:]
	s := State{
		Fingerprint: binary.LittleEndian.Uint64(rest),
		Sequence:    binary.LittleEndian.Uint64(rest[8:]),
		Version:     binary.LittleEndian.Uint64(rest[16:]),
		Hash:        [32]byte(rest[24:]),
	}
	name := int(binary.LittleEndian.Uint16(rest[56:]))
	if rest = rest[58:]; name > len(rest) {
		return State{}, ErrDamaged
	}
	s.Name, s.Bytes = string(rest[:name]), rest[name:]
	return s, nil
}
