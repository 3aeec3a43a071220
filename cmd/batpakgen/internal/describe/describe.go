package describe

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	frame "github.com/batpak-go/batpak/cmd/batpakgen/internal/command"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/diagram"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/jsonschema"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/session"
	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
)

// view writes what some packages say, which were read without errors.
type view func(w io.Writer, packages ...*model.Package) error

// Run describes packages. It is a [frame.Func].
func Run(ctx context.Context, args []string, to frame.Streams) error {
	o := session.Options{Trace: io.Discard}
	flags := frame.Flags("batpakgen describe [flags] [packages]", to)
	o.Flags(flags)
	views := []struct {
		name, usage string
		view        view
		chosen      bool
	}{
		{name: "json", usage: "print JSON, for other programs", view: asJSON},
		{name: "md", usage: "print a catalogue of the events in Markdown", view: markdown},
		{name: "mermaid", usage: "print a diagram of streams, commands, gates, projections and reactors for Mermaid", view: diagram.Mermaid},
		{name: "jsonschema", usage: "print a JSON Schema for each version of each payload", view: jsonschema.Write},
	}
	for i := range views {
		flags.BoolVar(&views[i].chosen, views[i].name, false, views[i].usage)
	}
	if err := frame.Parse(flags, args); err != nil {
		return err
	}
	if err := o.Packages(flags.Args()); err != nil {
		return err
	}
	chosen := view(nil)
	for _, v := range views {
		if v.chosen && chosen != nil {
			return errors.New("describe: one of -json, -md, -mermaid and -jsonschema at a time")
		}
		if v.chosen {
			chosen = v.view
		}
	}
	if chosen == nil {
		chosen = text
	}
	return describe(ctx, o, to, chosen)
}

// describe reads the packages and prints a view of them.
func describe(ctx context.Context, o session.Options, to frame.Streams, chosen view) error {
	s := session.New(o)
	results, err := s.Load(ctx)
	if err != nil {
		return err
	}
	s.Check(results)
	if err := diag.Print(to.Err, o.Dir, s.All()); err != nil {
		return err
	}
	if diag.HasErrors(s.All()) {
		return frame.ErrFindings
	}
	var packages []*model.Package
	for _, r := range results {
		if len(r.Package.Files) > 0 { // it declares something
			packages = append(packages, r.Package)
		}
	}
	return chosen(to.Out, packages...)
}

// asJSON writes the catalogues as they are.
func asJSON(w io.Writer, packages ...*model.Package) error {
	cats := []*catalogue{}
	for _, p := range packages {
		cats = append(cats, newCatalogue(p))
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "\t")
	return enc.Encode(cats)
}
