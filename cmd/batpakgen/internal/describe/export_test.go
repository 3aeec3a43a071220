package describe

import (
	"io"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/diagram"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/jsonschema"
	"github.com/batpak-go/batpak/schema/model"
)

// Views returns the views by the names of their flags.
func Views() map[string]func(w io.Writer, packages ...*model.Package) error {
	return map[string]func(w io.Writer, packages ...*model.Package) error{
		"text": text, "json": asJSON, "md": markdown, "mermaid": diagram.Mermaid, "jsonschema": jsonschema.Write,
	}
}
