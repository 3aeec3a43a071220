package batpak

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/wire"
)

// KindDenial is the kind of the store's records of denied commands; see
// [RecordDenial].
const KindDenial Kind = 0x0001

var denialShape = wire.NewShape("denial", "command", "code", "message", "verdicts")

// DenialCoordinate is where the denials of commands at c are recorded: a stream
// beside the entity's own, which a denial must not move.
func DenialCoordinate(c Coordinate) Coordinate {
	return Coordinate{Entity: "denied:" + c.Entity, Scope: c.Scope}
}

// DecodeDenial reads the record of a denied command.
func DecodeDenial(e Event) (Stored[DeniedError], error) {
	if e.Kind != KindDenial {
		return Stored[DeniedError]{}, &ArgumentError{What: fmt.Sprintf("event %d", e.Sequence), Reason: fmt.Sprintf("is of kind %v, not a denial", e.Kind)}
	}
	var d DeniedError
	err := d.decode(e.Payload)
	return Decoded(e, 1, d, err)
}

// denied records a denial if that was asked for, and returns err with what may
// have gone wrong in doing so.
func (s *Store) denied(ctx context.Context, wish *draft, err error) error {
	d, ok := errors.AsType[*DeniedError](err)
	if !ok || !wish.keepDenial {
		return err
	}
	record := draft{
		Draft: Draft{
			Coordinate: DenialCoordinate(wish.Coordinate), Kind: KindDenial, PayloadVersion: 1,
			Payload: d.encode(nil),
		},
		correlation: wish.correlation, causation: wish.causation, system: true,
	}
	if _, rerr := s.appendOne(ctx, s.one(record)); rerr != nil {
		sometimes.Reached("denial could not be recorded")
		return errors.Join(err, fmt.Errorf("record the denial: %w", rerr))
	}
	return err
}

func (e *DeniedError) encode(dst []byte) []byte {
	message := e.Message
	if e.Code == CodePanic {
		message, _, _ = strings.Cut(message, "\n") // the stack is for the caller, not for ever
	}
	dst = wire.AppendStruct(dst, 4)
	dst = wire.AppendString(dst, "command")
	dst = appendText(dst, e.Command)
	dst = wire.AppendString(dst, "code")
	dst = appendText(dst, e.Code)
	dst = wire.AppendString(dst, "message")
	dst = appendText(dst, message)
	dst = wire.AppendString(dst, "verdicts")
	return appendVerdicts(dst, e.Verdicts)
}

func (e *DeniedError) decode(src []byte) error {
	dec := wire.NewDecoder(src)
	s := dec.Struct(denialShape)
	for s.Next() {
		switch s.Index() {
		case 0:
			e.Command = dec.String()
		case 1:
			e.Code = dec.String()
		case 2:
			e.Message = dec.String()
		case 3:
			e.Verdicts = decodeVerdicts(dec)
		}
	}
	if n := len(e.Verdicts); n > 0 {
		e.Gate = e.Verdicts[n-1].Gate
	}
	return dec.Finish()
}
