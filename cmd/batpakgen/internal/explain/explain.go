package explain

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/command"
	"github.com/batpak-go/batpak/schema/diag"
)

// Entry explains one code.
type Entry struct {
	Code         string // "BP113"
	Text         string // ends in a newline
	Wrong, Right []File // none for a code that no schema can cause
}

// File is a file of an example.
type File struct {
	Name string // slash-separated, without "wrong/"
	Text string
}

//go:embed codes/*.txtar
var codes embed.FS

// Lookup returns the entry of a code.
func Lookup(code string) (Entry, error) {
	if _, ok := diag.Describe(code); !ok {
		return Entry{}, fmt.Errorf("there is no code %s; batpakgen explain lists all", code)
	}
	source, err := codes.ReadFile("codes/" + code + ".txtar")
	if err != nil {
		return Entry{}, fmt.Errorf("code %s is not explained: %w", code, err)
	}
	return parse(code, source)
}

// parse reads the archive of a code.
func parse(code string, source []byte) (Entry, error) {
	a := txtar.Parse(source)
	e := Entry{Code: code, Text: string(a.Comment)}
	for _, f := range a.Files {
		side, name, _ := strings.Cut(f.Name, "/")
		file := File{Name: name, Text: string(f.Data)}
		switch side {
		case "wrong":
			e.Wrong = append(e.Wrong, file)
		case "right":
			e.Right = append(e.Right, file)
		default:
			return Entry{}, fmt.Errorf("code %s: file %s is neither wrong nor right", code, f.Name)
		}
	}
	return e, nil
}

// Run explains the codes that it is given, or lists all. It is a [command.Func].
func Run(_ context.Context, args []string, to command.Streams) error {
	flags := command.Flags("batpakgen explain [code ...]", to)
	if err := command.Parse(flags, args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return list(to.Out)
	}
	for i, code := range flags.Args() {
		e, err := Lookup(strings.ToUpper(code))
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprintln(to.Out)
		}
		if err := e.print(to.Out); err != nil {
			return err
		}
	}
	return nil
}

// list writes all codes, one a line.
func list(w io.Writer) error {
	for _, code := range diag.Codes() {
		line, _ := diag.Describe(code)
		if _, err := fmt.Fprintf(w, "%s  %s\n", code, line); err != nil {
			return err
		}
	}
	return nil
}

// print writes an entry for people.
func (e Entry) print(w io.Writer) error {
	var b bytes.Buffer
	line, _ := diag.Describe(e.Code)
	fmt.Fprintf(&b, "%s: %s\n\n%s", e.Code, line, e.Text)
	example(&b, "Wrong", e.Wrong)
	example(&b, "Right", e.Right)
	_, err := w.Write(b.Bytes())
	return err
}

// example writes the files of an example, indented. A single file goes without
// its name if it is the usual one.
func example(b *bytes.Buffer, title string, files []File) {
	if len(files) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n", title)
	usual := len(files) == 1 && slices.Contains([]string{"schema.go", "bank/schema.go"}, files[0].Name)
	for _, f := range files {
		b.WriteByte('\n')
		if !usual {
			fmt.Fprintf(b, "\t// %s\n\n", f.Name)
		}
		for line := range strings.Lines(f.Text) {
			if line != "\n" {
				b.WriteByte('\t')
			}
			b.WriteString(line)
		}
	}
}
