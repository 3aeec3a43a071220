package diagram

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/batpak-go/batpak/schema/model"
)

// Mermaid writes a flowchart of some packages, each of which was read without
// errors.
func Mermaid(w io.Writer, packages ...*model.Package) error {
	var b bytes.Buffer
	b.WriteString("flowchart LR\n")
	for i, p := range packages {
		d := diagram{b: &b}
		if len(packages) > 1 { // names of different packages may be equal
			d.prefix = fmt.Sprintf("p%d_", i+1)
			fmt.Fprintf(&b, "\tsubgraph %spackage[%s]\n", d.prefix, quote(p.Path))
			d.indent = "\t"
		}
		d.draw(p)
		if len(packages) > 1 {
			b.WriteString("\tend\n")
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// diagram draws one package.
type diagram struct {
	b              *bytes.Buffer
	prefix, indent string
}

// line writes one line.
func (d *diagram) line(format string, args ...any) {
	fmt.Fprintf(d.b, "%s\t"+format+"\n", append([]any{d.indent}, args...)...)
}

// node is the identifier of a node.
func (d *diagram) node(what, name string) string {
	return d.prefix + what + "_" + strings.ReplaceAll(name, "-", "_")
}

// quote writes a label.
func quote(label string) string {
	return `"` + strings.NewReplacer(`"`, "#quot;", "<", "#lt;", ">", "#gt;", "\n", " ").Replace(label) + `"`
}

// draw draws the nodes, then the lines.
func (d *diagram) draw(p *model.Package) {
	for _, en := range p.Entities {
		id := en.ID.Name
		if en.ID.PkgName != "" {
			id = en.ID.PkgName + "." + id
		}
		d.line("subgraph %s[%s]", d.node("entity", en.Var), quote(en.Prefix+":<"+id+">"))
		for _, e := range p.Events {
			if e.Entity == en {
				d.line("\t%s[%s]", d.event(e), quote(e.Payload.Name))
			}
		}
		d.line("end")
	}
	for _, pr := range p.Projections {
		d.line("%s[(%s)]", d.node("projection", pr.Name), quote(pr.Name))
	}
	for _, r := range p.Reactors {
		d.line("%s[[%s]]", d.node("reactor", r.Name), quote(r.Name))
	}
	for _, c := range p.Commands {
		d.command(c)
	}
	for _, pr := range p.Projections {
		for _, h := range pr.Fold {
			d.line("%s --> %s", d.event(h.Event), d.node("projection", pr.Name))
		}
	}
	for _, r := range p.Reactors {
		for _, h := range r.On {
			d.line("%s --> %s", d.event(h.Event), d.node("reactor", r.Name))
		}
		for _, e := range r.Emits {
			d.line("%s --> %s", d.node("reactor", r.Name), d.event(e))
		}
	}
}

// event is the identifier of an event's node.
func (d *diagram) event(e *model.Event) string { return d.node("event", e.Payload.Name) }

// command draws a command and the way through its gates.
func (d *diagram) command(c *model.Command) {
	id := d.node("command", c.Name)
	d.line("%s([%s])", id, quote(c.Name))
	from := id
	for i, g := range c.Gates {
		gate := fmt.Sprintf("%s_gate%d", id, i+1)
		d.line("%s{%s}", gate, quote(g.Name))
		d.line("%s --> %s", from, gate)
		from = gate
	}
	d.line("%s --> %s", from, d.event(c.Event))
	if c.Bypass {
		d.line("%s -. bypass .-> %s", id, d.event(c.Event))
	}
	var loaded []*model.Projection
	for _, f := range c.Fill {
		if f.From == model.FillProjection && !slices.Contains(loaded, f.Projection) {
			loaded = append(loaded, f.Projection)
			d.line("%s -.-> %s", d.node("projection", f.Projection.Name), id)
		}
	}
}
