package lock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/batpak-go/batpak/schema/shape"
)

// Print writes a lock file in its canonical form. It relies on the order of the
// slices.
func Print(f *File) []byte {
	p := new(printer)
	p.line(0, `{`)
	p.line(1, `"format": %d,`, Format)
	p.line(1, `"package": %s,`, quote(f.Package))
	section(p, "entities", f.Entities, "{}", ",", func(e *Entity) {
		id := ""
		if e.ID != "" {
			id = `, "id": ` + quote(string(e.ID))
		}
		p.line(2, `%s: {"scope": %s%s}`, quote(e.Prefix), quote(e.Scope), id)
	})
	section(p, "events", f.Events, "{}", ",", p.event)
	section(p, "retired", f.Retired, "{}", ",", func(r *Retired) {
		p.line(2, `"%v": %s`, r.Kind, quote(r.Name))
	})
	section(p, "commands", f.Commands, "{}", ",", func(c *Command) {
		p.line(2, `%s: {"state": "%s", "event": "%v", "gates": %s}`, quote(c.Name), c.State, c.Event, list(c.Gates))
	})
	section(p, "projections", f.Projections, "{}", ",", func(v *Projection) {
		folds := make([]string, len(v.Folds))
		for i, k := range v.Folds {
			folds[i] = k.String()
		}
		p.line(2, `%s: {"state": "%s", "version": %d, "folds": %s}`, quote(v.Name), v.State, v.Version, list(folds))
	})
	section(p, "accepted", f.Accepted, "[]", "", func(a *Acceptance) {
		version := ""
		if a.Version > 0 {
			version = fmt.Sprintf(`"version": %d, `, a.Version)
		}
		p.line(2, `{"%s": %s, %s"was": %s, "reason": %s}`, a.Of, quote(a.Name), version, list(a.Was), quote(a.Reason))
	})
	p.line(0, `}`)
	return p.out.Bytes()
}

// printer writes lines. What stands between the items of a list goes behind the
// line that is already there, when the next one comes.
type printer struct{ out bytes.Buffer }

// line writes a line at a depth.
func (p *printer) line(depth int, format string, args ...any) {
	for range depth {
		p.out.WriteString("  ")
	}
	fmt.Fprintf(&p.out, format, args...)
	p.out.WriteByte('\n')
}

// comma puts a comma behind the line that was written last.
func (p *printer) comma() {
	p.out.Truncate(p.out.Len() - len("\n"))
	p.out.WriteString(",\n")
}

// section writes a member of the file: its brackets and its items, or the
// brackets alone if it has none. After is what stands behind it.
func section[T any](p *printer, name string, items []T, brackets, after string, item func(*T)) {
	if len(items) == 0 {
		p.line(1, `"%s": %s%s`, name, brackets, after)
		return
	}
	p.line(1, `"%s": %s`, name, brackets[:1])
	for i := range items {
		if i > 0 {
			p.comma()
		}
		item(&items[i])
	}
	p.line(1, `%s%s`, brackets[1:], after)
}

// event writes an event, with a line for each version.
func (p *printer) event(e *Event) {
	p.line(2, `"%v": {"name": %s, "entity": %s, "versions": {`, e.Kind, quote(e.Name), quote(e.Entity))
	for i := range e.Versions {
		if i > 0 {
			p.comma()
		}
		p.version(&e.Versions[i])
	}
	p.line(2, `}}`)
}

// version writes a version.
func (p *printer) version(v *Version) {
	more := ""
	if len(v.Earlier) > 0 {
		more += `, "earlier": ` + list(v.Earlier)
	}
	if v.Frozen != "" {
		more += `, "frozen": ` + quote(v.Frozen)
	}
	p.line(3, `"%d": {"state": "%s", "b3": "%s", "shape": %s%s}`, v.Number, v.State, shape.Fingerprint(v.Shape), quote(v.Shape), more)
}

// list writes texts on one line.
func list(texts []string) string {
	b := []byte{'['}
	for i, t := range texts {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, quote(t)...)
	}
	return string(append(b, ']'))
}

// quote writes a text as JSON does, but leaves "<", ">" and "&" as they are.
func quote(text string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(text) != nil {
		return strconv.Quote(text) // never: a string can be encoded
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}
