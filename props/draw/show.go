package draw

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Show prints a value much as Go has it, with the name of its type, without fields
// that are zero, and with what pointers point to.
func Show(v any) string {
	if v == nil {
		return "nil"
	}
	r := reflect.ValueOf(v)
	if r.Kind() == reflect.Struct {
		return shown(r)
	}
	return name(r.Type()) + "(" + shown(r) + ")"
}

// name is a type without its package.
func name(t reflect.Type) string { return cmp.Or(t.Name(), t.String()) }

func shown(v reflect.Value) string {
	if at, ok := asTime(v); ok {
		return at.Format(time.RFC3339Nano)
	}
	switch v.Kind() {
	case reflect.String:
		return fmt.Sprintf("%q", v.String())
	case reflect.Pointer:
		if v.IsNil() {
			return "nil"
		}
		return "&" + shown(v.Elem())
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return fmt.Sprintf("%#x", v)
		}
		items := make([]string, v.Len())
		for i := range items {
			items[i] = shown(v.Index(i))
		}
		return "{" + strings.Join(items, ", ") + "}"
	case reflect.Map:
		items := make([]string, 0, v.Len())
		for key, value := range v.Seq2() {
			items = append(items, shown(key)+": "+shown(value))
		}
		slices.Sort(items)
		return "{" + strings.Join(items, ", ") + "}"
	case reflect.Struct:
		var items []string
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				items = append(items, v.Type().Field(i).Name+": "+shown(v.Field(i)))
			}
		}
		return name(v.Type()) + "{" + strings.Join(items, ", ") + "}"
	}
	return fmt.Sprintf("%v", v)
}

// asTime is the instant that a value is.
func asTime(v reflect.Value) (at time.Time, ok bool) {
	if v.Type() != reflect.TypeFor[time.Time]() || !v.CanInterface() {
		return at, false
	}
	return v.Interface().(time.Time), true
}
