package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// The timestamp extension. Part of the disk format; do not change.
const (
	extTime    = 0xff // extension type -1
	secBits    = 34   // of the 64-bit form; the other 30 hold nanoseconds
	timeSize32 = 6    // of the whole encoding
	timeSize64 = 10
	timeSize96 = 15
)

// AppendTime appends the instant t to the nanosecond; its location and its
// monotonic reading are dropped. Every time.Time can be appended.
//
//	ns = 0, 0 <= s < 2^32    d6     ff  s:4
//	0 <= s < 2^34            d7     ff  ns:30 bits  s:34 bits
//	else                     c7 0c  ff  ns:4        s:8
//
// where s counts seconds, and ns the nanoseconds within it, since 1970 UTC.
func AppendTime(dst []byte, t time.Time) []byte {
	sec, nsec := t.Unix(), uint32(t.Nanosecond())
	switch timeSize(sec, nsec) {
	case timeSize32:
		return binary.BigEndian.AppendUint32(append(dst, leadFix4, extTime), uint32(sec))
	case timeSize64:
		return binary.BigEndian.AppendUint64(append(dst, leadFix8, extTime), uint64(nsec)<<secBits|uint64(sec))
	}
	dst = binary.BigEndian.AppendUint32(append(dst, leadExt8, 12, extTime), nsec)
	return binary.BigEndian.AppendUint64(dst, uint64(sec))
}

// Time reads an instant, in UTC.
func (d *Decoder) Time() time.Time {
	at := d.off
	size := d.read(kindExt).arg
	sec, nsec, err := parseTime(d.take(size + 1))
	switch {
	case err != nil:
		d.failAt(at, err)
	case d.off-at != timeSize(sec, nsec):
		d.failAt(at, ErrNotCanonical)
	default:
		return time.Unix(sec, int64(nsec)).UTC()
	}
	return time.Time{}
}

// timeSize returns the size of the shortest encoding. No two encodings of one
// size denote the same instant, so the size alone tells the canonical one.
func timeSize(sec int64, nsec uint32) int {
	switch {
	case sec < 0 || sec >= 1<<secBits:
		return timeSize96
	case nsec != 0 || sec > math.MaxUint32:
		return timeSize64
	}
	return timeSize32
}

// parseTime reads the type byte and the body of a timestamp in any of its
// forms.
func parseTime(ext []byte) (sec int64, nsec uint32, err error) {
	if len(ext) == 0 || ext[0] != extTime {
		return 0, 0, fmt.Errorf("%w: extension is not a timestamp", ErrForm)
	}
	switch body := ext[1:]; len(body) {
	case 4:
		sec = int64(binary.BigEndian.Uint32(body))
	case 8:
		v := binary.BigEndian.Uint64(body)
		sec, nsec = int64(v&(1<<secBits-1)), uint32(v>>secBits)
	case 12:
		sec, nsec = int64(binary.BigEndian.Uint64(body[4:])), binary.BigEndian.Uint32(body)
	default:
		return 0, 0, fmt.Errorf("%w: timestamp of %d bytes", ErrForm, len(body))
	}
	if nsec >= uint32(time.Second) {
		return 0, 0, fmt.Errorf("%w: %d nanoseconds", ErrRange, nsec)
	}
	return sec, nsec, nil
}
