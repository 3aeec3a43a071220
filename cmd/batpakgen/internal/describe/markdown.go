package describe

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/diagram"
	"github.com/batpak-go/batpak/schema/model"
)

// markdown writes a catalogue of events, with a diagram.
func markdown(w io.Writer, packages ...*model.Package) error {
	for i, p := range packages {
		c := newCatalogue(p)
		var b bytes.Buffer
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "# Events of package %s\n\n`%s`\n", c.Name, c.Path)
		c.markdownOverview(&b)
		b.WriteString("\n```mermaid\n")
		if err := diagram.Mermaid(&b, p); err != nil {
			return err
		}
		b.WriteString("```\n")
		for _, e := range c.Events {
			e.markdown(&b)
		}
		c.markdownTypes(&b)
		c.markdownViews(&b)
		if _, err := w.Write(b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// markdownOverview writes the tables of streams and events.
func (c *catalogue) markdownOverview(b *bytes.Buffer) {
	b.WriteString("\n| streams | scope | id |\n|---|---|---|\n")
	for _, en := range c.Entities {
		scope := "that of the journal"
		if en.Scope != "" {
			scope = code(en.Scope)
		}
		row(b, code(en.Prefix+":<"+en.ID+">"), scope, code(en.ID)+" ("+en.Basic+")")
	}
	b.WriteString("\n| kind | event | version | streams | appended by |\n|---|---|---|---|---|\n")
	for _, e := range c.Events {
		by := "anyone"
		if e.Command != "" {
			by = "command " + e.Command
		}
		row(b, code(e.Kind), "["+e.Name+"](#"+strings.ToLower(e.Name)+")", strings.TrimSuffix(fmt.Sprintf("%d %s", e.Version, e.current().State), " "), e.Entity, by)
	}
	for _, r := range c.Retired {
		row(b, code(r.Kind), r.Name, "retired", "", "nobody")
	}
}

// markdown writes all about one event.
func (e *event) markdown(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n## %s\n", e.Name)
	paragraph(b, e.PayloadDoc)
	paragraph(b, e.Doc)
	fmt.Fprintf(b, "\nKind %s, version %d", code(e.Kind), e.Version)
	if state := e.current().State; state != "" {
		fmt.Fprintf(b, ", %s", state)
	}
	b.WriteByte('.')
	for _, use := range []struct {
		what  string
		names []string
	}{
		{"Folded by", e.foldedBy},
		{"Ignored by", e.ignoredBy},
		{"Reacted to by", e.reactedTo},
		{"Emitted by", e.emittedBy},
	} {
		if len(use.names) > 0 {
			fmt.Fprintf(b, " %s %s.", use.what, strings.Join(use.names, ", "))
		}
	}
	b.WriteByte('\n')
	for i := len(e.Versions) - 1; i >= 0; i-- {
		v := e.Versions[i]
		if v.Upcast != "" {
			fmt.Fprintf(b, "\nVersion %d, %slifted by %s:\n", v.Version, v.prefix(), code(v.Upcast))
		}
		markdownFields(b, v.Fields)
	}
}

// markdownTypes writes the structs and enumerations that payloads use.
func (c *catalogue) markdownTypes(b *bytes.Buffer) {
	for _, s := range c.Structs {
		fmt.Fprintf(b, "\n## %s\n", s.Name)
		paragraph(b, s.Doc)
		markdownFields(b, s.Fields)
	}
	for _, e := range c.Enums {
		fmt.Fprintf(b, "\n## %s\n", e.Type)
		paragraph(b, e.Doc)
		if e.Open {
			paragraph(b, "Other values are kept.")
		}
		b.WriteString("\n| constant | value |\n|---|---|\n")
		for _, v := range e.Values {
			row(b, v.Name, code(v.Value))
		}
	}
}

// markdownViews writes the projections, commands and reactors.
func (c *catalogue) markdownViews(b *bytes.Buffer) {
	for _, p := range c.Projections {
		fmt.Fprintf(b, "\n## Projection %s\n", p.Name)
		paragraph(b, p.Doc)
		paragraph(b, fmt.Sprintf("Version %d: %s %s. Folds %s.", p.Version, code(p.State), p.per(), strings.Join(p.Folds, ", ")))
		if len(p.Ignores) > 0 {
			paragraph(b, "Ignores "+strings.Join(p.Ignores, ", ")+".")
		}
	}
	gates := map[string]*gate{}
	for _, g := range c.Gates {
		gates[g.Name] = g
	}
	for _, cmd := range c.Commands {
		cmd.markdown(b, gates)
	}
	for _, r := range c.Reactors {
		fmt.Fprintf(b, "\n## Reactor %s\n", r.Name)
		paragraph(b, r.Doc)
		line := "Reacts to " + strings.Join(r.On, ", ") + "."
		if len(r.Emits) > 0 {
			line += " Emits " + strings.Join(r.Emits, ", ") + "."
		}
		paragraph(b, line)
	}
}

// markdown writes all about one command.
func (cmd *command) markdown(b *bytes.Buffer, gates map[string]*gate) {
	fmt.Fprintf(b, "\n## Command %s\n", cmd.Name)
	paragraph(b, cmd.Doc)
	if len(cmd.Gates) == 0 {
		paragraph(b, "Appends "+cmd.Event+". It has no gates.")
	} else {
		paragraph(b, "Appends "+cmd.Event+" if these let it pass:")
		b.WriteByte('\n')
	}
	for i, name := range cmd.Gates {
		line := fmt.Sprintf("%d. %s", i+1, name)
		if doc := gates[name].Doc; doc != "" {
			line += ": " + strings.Join(strings.Fields(doc), " ")
		}
		if codes := gates[name].Codes; len(codes) > 0 {
			line += " Denies with " + strings.Join(codes, ", ") + "."
		}
		fmt.Fprintln(b, line)
	}
	if cmd.Bypass {
		paragraph(b, "It may be appended past the gates, with a reason that is stored.")
	}
	if len(cmd.Fill) == 0 {
		return
	}
	b.WriteString("\n| context | is |\n|---|---|\n")
	for _, f := range cmd.Fill {
		row(b, code(cmd.Context+"."+f.Field), f.origin())
	}
}

// markdownFields writes a table of fields.
func markdownFields(b *bytes.Buffer, fields []field) {
	if len(fields) == 0 {
		paragraph(b, "No fields.")
		return
	}
	b.WriteString("\n| field | type | |\n|---|---|---|\n")
	for _, f := range fields {
		row(b, code(f.Name), f.full(), f.note())
	}
}

// paragraph writes text as it is, if there is any.
func paragraph(b *bytes.Buffer, text string) {
	if text != "" {
		fmt.Fprintf(b, "\n%s\n", text)
	}
}

// row writes a row of a table.
func row(b *bytes.Buffer, cells ...string) {
	for _, cell := range cells {
		b.WriteString("| ")
		b.WriteString(strings.ReplaceAll(cell, "|", `\|`))
		if cell != "" {
			b.WriteByte(' ')
		}
	}
	b.WriteString("|\n")
}

// code writes a text as code.
func code(s string) string { return "`" + s + "`" }
