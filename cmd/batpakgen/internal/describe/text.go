package describe

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/batpak-go/batpak/schema/model"
)

// text writes for a terminal.
func text(w io.Writer, packages ...*model.Package) error {
	for i, p := range packages {
		c := newCatalogue(p)
		var b bytes.Buffer
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "package %s\n", c.Path)
		c.textEvents(&b)
		c.textViews(&b)
		c.textCommands(&b)
		if _, err := w.Write(b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// textEvents writes what is stored.
func (c *catalogue) textEvents(b *bytes.Buffer) {
	for _, en := range c.Entities {
		fmt.Fprintf(b, "\nentity %s: streams %s, %s\n", en.Var, en.streams(), en.scope())
		fmt.Fprintf(b, "\tid %s (%s)\n", en.ID, en.Basic)
	}
	for _, e := range c.Events {
		fmt.Fprintf(b, "\nevent %s %s version %d of %s", e.Name, e.Kind, e.Version, e.Entity)
		if state := e.current().State; state != "" {
			fmt.Fprintf(b, ", %s", state)
		}
		if e.Command != "" {
			fmt.Fprintf(b, ", through command %s", e.Command)
		}
		b.WriteByte('\n')
		for i, v := range e.Versions {
			if i < len(e.Versions)-1 {
				fmt.Fprintf(b, "\tversion %d, %slifted by %s:\n", v.Version, v.prefix(), v.Upcast)
				textFields(b, "\t\t", v.Fields)
			} else {
				textFields(b, "\t", v.Fields)
			}
		}
	}
	for _, s := range c.Structs {
		fmt.Fprintf(b, "\nstruct %s\n", s.Name)
		textFields(b, "\t", s.Fields)
	}
	for _, e := range c.Enums {
		fmt.Fprintf(b, "\nenum %s (%s)%s\n", e.Type, e.Basic, e.openness())
		for _, v := range e.Values {
			fmt.Fprintf(b, "\t%s = %s\n", v.Name, v.Value)
		}
	}
	for _, r := range c.Retired {
		fmt.Fprintf(b, "\nretired %s %s\n", r.Name, r.Kind)
	}
}

// prefix is the state of a version before more is said.
func (v version) prefix() string {
	if v.State == "" {
		return ""
	}
	return v.State + ", "
}

// textFields writes fields in columns.
func textFields(b *bytes.Buffer, indent string, fields []field) {
	var lines bytes.Buffer
	columns := tabwriter.NewWriter(&lines, 0, 0, 2, ' ', 0)
	for _, f := range fields {
		line := f.Name + "\t" + f.full()
		if note := f.note(); note != "" {
			line += "\t" + note
		}
		fmt.Fprintln(columns, line)
	}
	_ = columns.Flush() // a buffer does not fail
	for line := range strings.Lines(lines.String()) {
		b.WriteString(indent + line)
	}
}

// textViews writes what is made of the events.
func (c *catalogue) textViews(b *bytes.Buffer) {
	for _, p := range c.Projections {
		fmt.Fprintf(b, "\nprojection %s version %d: %s %s\n", p.Name, p.Version, p.State, p.per())
		fmt.Fprintf(b, "\tfolds %s\n", strings.Join(p.Folds, ", "))
		if len(p.Ignores) > 0 {
			fmt.Fprintf(b, "\tignores %s\n", strings.Join(p.Ignores, ", "))
		}
	}
	for _, r := range c.Reactors {
		fmt.Fprintf(b, "\nreactor %s: %s\n", r.Name, r.Type)
		fmt.Fprintf(b, "\treacts to %s\n", strings.Join(r.On, ", "))
		if len(r.Emits) > 0 {
			fmt.Fprintf(b, "\temits %s\n", strings.Join(r.Emits, ", "))
		}
	}
}

// textCommands writes what guards the events.
func (c *catalogue) textCommands(b *bytes.Buffer) {
	for _, cmd := range c.Commands {
		fmt.Fprintf(b, "\ncommand %s appends %s\n", cmd.Name, cmd.Event)
		for i, g := range cmd.Gates {
			fmt.Fprintf(b, "\tgate %d: %s\n", i+1, g)
		}
		if cmd.Bypass {
			b.WriteString("\tor past the gates, with a reason\n")
		}
		for _, f := range cmd.Fill {
			fmt.Fprintf(b, "\t%s.%s is %s\n", cmd.Context, f.Field, f.origin())
		}
	}
	for _, g := range c.Gates {
		fmt.Fprintf(b, "\ngate %s: %s(%s)\n", g.Name, g.Func, g.Context)
		if len(g.Codes) > 0 {
			fmt.Fprintf(b, "\tdenies with %s\n", strings.Join(g.Codes, ", "))
		}
	}
}

// streams says what the streams of an entity are called.
func (en *entity) streams() string { return `"` + en.Prefix + ":<" + en.ID + `>"` }

// scope says where they are.
func (en *entity) scope() string {
	if en.Scope == "" {
		return "in the scope of the journal"
	}
	return fmt.Sprintf("in scope %q", en.Scope)
}

// openness says what becomes of values that no constant has.
func (e *enum) openness() string {
	if e.Open {
		return ", open"
	}
	return ""
}

// per says what a projection is of, and whether it is saved.
func (p *projection) per() string {
	of := "per " + p.Per
	if p.Per == "" {
		of = "over all streams"
	}
	if p.Saved {
		of += ", saved"
	}
	return of
}

// origin says where a field of a context comes from.
func (f fill) origin() string {
	switch f.From {
	case "projection":
		return "projection " + f.Projection
	case "caller":
		return f.Type + " from the caller"
	}
	return "the " + f.From
}
