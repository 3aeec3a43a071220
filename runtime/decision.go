package batpak

import (
	"strings"

	"github.com/batpak-go/batpak/runtime/wire"
)

// The extensions of a record are a canonical MessagePack struct of optional
// fields, of which this version knows one. The shapes are part of the disk
// format; do not change.
var (
	extensionShape = wire.NewShape("extensions", "decision?")
	decisionShape  = wire.NewShape("decision", "command", "version", "verdicts", "bypassed?")
	verdictShape   = wire.NewShape("verdict", "gate", "code")
)

// appendExtension appends the record's extensions with decision d.
func (d *Decision) appendExtension(dst []byte) []byte {
	dst = wire.AppendStruct(dst, 1)
	dst = wire.AppendString(dst, "decision")
	dst = wire.AppendStruct(dst, 3+wire.Present(d.Bypassed != ""))
	dst = wire.AppendString(dst, "command")
	dst = appendText(dst, d.Command)
	dst = wire.AppendString(dst, "version")
	dst = wire.AppendUint(dst, d.Version)
	dst = wire.AppendString(dst, "verdicts")
	dst = appendVerdicts(dst, d.Verdicts)
	if d.Bypassed != "" {
		dst = appendText(wire.AppendString(dst, "bypassed"), d.Bypassed)
	}
	return dst
}

func appendVerdicts(dst []byte, verdicts []Verdict) []byte {
	dst = wire.AppendArray(dst, len(verdicts))
	for _, v := range verdicts {
		dst = wire.AppendStruct(dst, 2)
		dst = wire.AppendString(dst, "gate")
		dst = appendText(dst, v.Gate)
		dst = wire.AppendString(dst, "code")
		dst = appendText(dst, v.Code)
	}
	return dst
}

// appendText appends what users wrote: it is made valid UTF-8, or it could not be
// read back.
func appendText(dst []byte, s string) []byte {
	return wire.AppendString(dst, strings.ToValidUTF8(s, "\uFFFD"))
}

// parseExtensions returns the decision among a record's extensions, or nil.
func parseExtensions(src []byte) (d *Decision, err error) {
	dec := wire.NewDecoder(src)
	s := dec.Struct(extensionShape)
	for s.Next() {
		d = new(Decision)
		s := dec.Struct(decisionShape)
		for s.Next() {
			switch s.Index() {
			case 0:
				d.Command = dec.String()
			case 1:
				d.Version = dec.Uint64()
			case 2:
				d.Verdicts = decodeVerdicts(dec)
			case 3:
				d.Bypassed = dec.String()
				dec.NotZero(d.Bypassed != "")
			}
		}
	}
	if err := dec.Finish(); err != nil {
		return nil, err
	}
	return d, nil
}

func decodeVerdicts(dec *wire.Decoder) (verdicts []Verdict) {
	a := dec.Array()
	for a.Next() {
		var v Verdict
		s := dec.Struct(verdictShape)
		for s.Next() {
			switch s.Index() {
			case 0:
				v.Gate = dec.String()
			case 1:
				v.Code = dec.String()
			}
		}
		verdicts = append(verdicts, v)
	}
	return verdicts
}
