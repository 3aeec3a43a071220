package draw

import (
	"fmt"
	"math/rand"
	"reflect"
	"testing/quick"
	"time"

	"github.com/leanovate/gopter"

	"github.com/batpak-go/batpak/runtime/wire"
)

// Foreign generates values of a type that has a codec of its own, methods
// AppendWire and DecodeWire. It tries what the type might encode as: numbers, text,
// bytes, instants, pairs of these. A type for which that is not enough
// implements [quick.Generator]; without it, there is the zero value alone. They
// shrink to the zero value, if that can be stored.
func Foreign[T any]() gopter.Gen {
	if _, ok := any(*new(T)).(quick.Generator); ok {
		return Any[T]()
	}
	return func(p *gopter.GenParameters) *gopter.GenResult {
		p = p.WithSize(max(p.MaxSize, 8)) // an empty text may be none that the type takes
		v, ok := *new(T), false
		for tries := 0; tries < 500 && !ok; tries++ {
			v, ok = readWire[T](anyWire(p))
		}
		return made(v, func(v T) gopter.Shrink {
			zero, ok := readWire[T](appendWire(new(T)))
			if !ok || reflect.DeepEqual(v, zero) {
				return gopter.NoShrink
			}
			return first(zero)
		})
	}
}

// appendWire encodes what v points to.
func appendWire(v any) []byte {
	c, ok := v.(interface{ AppendWire(dst []byte) []byte })
	if !ok {
		panic(fmt.Sprintf("%T has no method AppendWire", v))
	}
	return c.AppendWire(nil)
}

// readWire decodes a value, if it is one that may be stored.
func readWire[T any](src []byte) (v T, ok bool) {
	c, ok := any(&v).(interface{ DecodeWire(d *wire.Decoder) })
	if !ok {
		panic(fmt.Sprintf("%T has no method DecodeWire", &v))
	}
	d := wire.NewDecoder(src)
	c.DecodeWire(d)
	if d.Finish() != nil || string(appendWire(&v)) != string(src) {
		return *new(T), false
	}
	if checked, has := any(&v).(interface{ CheckWire() error }); has && checked.CheckWire() != nil {
		return *new(T), false
	}
	return v, true
}

// anyWire is an encoding of something.
func anyWire(p *gopter.GenParameters) []byte {
	switch p.Rng.Intn(10) {
	case 0:
		return wire.AppendUint(nil, anyInt[uint64](p.Rng))
	case 1:
		return wire.AppendBool(nil, p.Rng.Intn(2) == 0)
	case 2:
		return wire.AppendFloat64(nil, Floats[float64]()(p).Result.(float64))
	case 3:
		return wire.AppendString(nil, Texts[string](0)(p).Result.(string))
	case 4:
		b := make([]byte, []int{p.Rng.Intn(p.MaxSize + 1), 4, 12, 16, 20, 32, 64}[p.Rng.Intn(7)])
		p.Rng.Read(b)
		return wire.AppendBytes(nil, b)
	case 5:
		return wire.AppendTime(nil, Times()(p).Result.(time.Time))
	case 6:
		dst := wire.AppendArray(nil, 2)
		return wire.AppendInt(wire.AppendInt(dst, anyInt[int64](p.Rng)), anyInt[int64](p.Rng))
	case 7:
		dst := wire.AppendInt(wire.AppendArray(nil, 2), anyInt[int64](p.Rng))
		return wire.AppendString(dst, Texts[string](0)(p).Result.(string))
	default:
		return wire.AppendInt(nil, anyInt[int64](p.Rng))
	}
}

// Any generates values of any type by what it is made of: what a command takes from
// its caller. Fields that are not exported, functions and interfaces stay zero; a
// type that implements [quick.Generator] makes its own. They shrink to the zero
// value.
func Any[T any]() gopter.Gen {
	return func(p *gopter.GenParameters) *gopter.GenResult {
		var v T
		fill(p.Rng, reflect.ValueOf(&v).Elem(), p.MaxSize)
		return made(v, func(v T) gopter.Shrink {
			if reflect.ValueOf(&v).Elem().IsZero() {
				return gopter.NoShrink
			}
			return first(*new(T))
		})
	}
}

// fill sets a value to one of its type; lists have fewer elements than size.
func fill(rng *rand.Rand, v reflect.Value, size int) {
	if g, ok := v.Interface().(quick.Generator); ok && (v.Kind() != reflect.Pointer || !v.IsNil()) {
		v.Set(g.Generate(rng, size))
		return
	}
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(Times()(&gopter.GenParameters{Rng: rng}).Result))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(rng.Intn(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		bits := v.Type().Bits()
		v.SetInt(anyInt[int64](rng) << (64 - bits) >> (64 - bits))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		bits := v.Type().Bits()
		v.SetUint(anyInt[uint64](rng) << (64 - bits) >> (64 - bits))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(anyInt[int32](rng)) / 4)
	case reflect.String:
		v.SetString(Texts[string](0)(&gopter.GenParameters{Rng: rng, MaxSize: size}).Result.(string))
	case reflect.Pointer:
		if size > 0 && rng.Intn(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(rng, v.Elem(), size/2)
		}
	case reflect.Slice:
		if n := rng.Intn(size + 1); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			fillAll(rng, v, size/3)
		}
	case reflect.Array:
		fillAll(rng, v, size/3)
	case reflect.Map:
		if n := rng.Intn(size + 1); n > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n {
				key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				fill(rng, key, size/3)
				fill(rng, value, size/3)
				v.SetMapIndex(key, value)
			}
		}
	case reflect.Struct:
		for _, f := range v.Fields() {
			if f.CanSet() {
				fill(rng, f, size)
			}
		}
	}
}

// fillAll fills the elements of a list.
func fillAll(rng *rand.Rand, v reflect.Value, size int) {
	for i := range v.Len() {
		fill(rng, v.Index(i), size)
	}
}

// Clone copies a value with all that it points to. What lies in fields that are not
// exported is shared.
func Clone[T any](v T) T {
	copied := v
	cloneInto(reflect.ValueOf(&copied).Elem())
	return copied
}

// cloneInto gives a value that was copied memory of its own.
func cloneInto(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			own := reflect.New(v.Type().Elem())
			own.Elem().Set(v.Elem())
			v.Set(own)
			cloneInto(own.Elem())
		}
	case reflect.Slice:
		if !v.IsNil() {
			own := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(own, v)
			v.Set(own)
		}
		for i := range v.Len() {
			cloneInto(v.Index(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			cloneInto(v.Index(i))
		}
	case reflect.Map:
		if !v.IsNil() {
			own := reflect.MakeMap(v.Type())
			for key, value := range v.Seq2() {
				copied := reflect.New(v.Type().Elem()).Elem()
				copied.Set(value)
				cloneInto(copied)
				own.SetMapIndex(key, copied)
			}
			v.Set(own)
		}
	case reflect.Struct:
		for _, f := range v.Fields() {
			if f.CanSet() {
				cloneInto(f)
			}
		}
	}
}
