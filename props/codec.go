package props

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"runtime"
)

// Codec is the generated codec of a payload, as method expressions:
//
//	props.Codec[bank.MoneyDeposited]{
//		Append: bank.MoneyDeposited.AppendBatpak,
//		Decode: (*bank.MoneyDeposited).DecodeBatpak,
//	}
type Codec[T any] struct {
	Append func(v T, dst []byte) []byte
	Decode func(v *T, src []byte) error
	// Growth is how many bytes of memory a byte of input may take, beyond the
	// first 4 KiB. 0 means what the lists in T may take, whose elements may be much
	// larger than their encodings.
	Growth int
}

// CodecOf is the generated codec of a payload.
func CodecOf[T Payload, P interface {
	*T
	DecodeBatpak(src []byte) error
}]() Codec[T] {
	return Codec[T]{Append: T.AppendBatpak, Decode: func(v *T, src []byte) error { return P(v).DecodeBatpak(src) }}
}

// RoundTrip holds that a value survives its encoding: decoding gives an equal
// value, encoding that gives the same bytes, and encoding appends. Values with a
// time must have it in UTC and without a monotonic part.
func (c Codec[T]) RoundTrip(v T) error {
	b := c.Append(v, nil)
	var got T
	if err := c.Decode(&got, b); err != nil {
		return fmt.Errorf("decode of the encoding %x of %+v: %w", b, v, err)
	}
	if !reflect.DeepEqual(got, v) && !c.unequal(b) {
		return fmt.Errorf("decode of the encoding %x = %+v, want %+v", b, got, v)
	}
	if again := c.Append(got, nil); !bytes.Equal(again, b) {
		return fmt.Errorf("encoding of the decoded value = %x, want %x", again, b)
	}
	if behind := c.Append(v, []byte("x")); !bytes.Equal(behind, append([]byte("x"), b...)) {
		return fmt.Errorf("encoding behind an x = %x, want %x after it", behind, b)
	}
	return nil
}

// unequal reports whether bytes decode to what does not equal itself: a NaN.
func (c Codec[T]) unequal(b []byte) bool {
	var one, other T
	return c.Decode(&one, b) == nil && c.Decode(&other, b) == nil && !reflect.DeepEqual(one, other)
}

// Canonical holds that what decodes is the encoding: accepted bytes that hold
// nothing but known fields are those that the decoded value encodes to. Where
// fields of a later version were skipped, the encoding is shorter.
func (c Codec[T]) Canonical(src []byte) error {
	var v T
	if c.Decode(&v, src) != nil {
		return nil
	}
	b := c.Append(v, nil)
	if len(b) > len(src) || len(b) == len(src) && !bytes.Equal(b, src) {
		return fmt.Errorf("decode accepts %x, which it encodes as %x", src, b)
	}
	return c.RoundTrip(v)
}

// decodings is over how many runs Total averages, and attempts how often it does
// so before it complains: something else may have run in the process.
const (
	decodings = 8
	attempts  = 3
)

// Total holds that decoding takes any bytes: it returns, does not modify them,
// and allocates at most 4 KiB and Growth times their length. It measures the
// whole process, so nothing else may run beside it.
func (c Codec[T]) Total(src []byte) error {
	given := bytes.Clone(src)
	limit := 4096 + uint64(cmp.Or(c.Growth, growth(reflect.TypeFor[T]()))*len(src))
	spent := c.spend(src)
	for i := 1; i < attempts && spent > limit; i++ {
		spent = min(spent, c.spend(src))
	}
	if spent > limit {
		return fmt.Errorf("decode of %d bytes allocates %d, the limit is %d: %x", len(src), spent, limit, src)
	}
	if !bytes.Equal(src, given) {
		return fmt.Errorf("decode made %x out of its input %x", src, given)
	}
	return nil
}

// spend is how many bytes of memory a decoding allocates.
func (c Codec[T]) spend(src []byte) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range decodings {
		var v T
		_ = c.Decode(&v, src) // accepted or not
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / decodings
}

// growth is how many bytes of memory a byte of input may take in a value of a type.
// A byte may be an element of a list, which grows by doubling, or half an entry of a
// map, which has room for eight at least.
func growth(t reflect.Type) int {
	switch t.Kind() {
	case reflect.Slice:
		return max(4*int(t.Elem().Size()), growth(t.Elem()))
	case reflect.Map:
		return max(16*int(t.Key().Size()+t.Elem().Size()), growth(t.Key()), growth(t.Elem()))
	case reflect.Pointer:
		return max(2*int(t.Elem().Size()), growth(t.Elem()))
	case reflect.Array:
		return growth(t.Elem())
	case reflect.Struct:
		most := 4
		for f := range t.Fields() {
			most = max(most, growth(f.Type))
		}
		return most
	}
	return 4
}
